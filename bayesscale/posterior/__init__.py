"""The one room that evaluates curves under draws: values, breaks, discrepancy, noise, baseline, new ones."""
