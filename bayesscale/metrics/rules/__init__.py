"""From rows to problems and notes: what a metrics table must keep, and what looks odd in it."""
