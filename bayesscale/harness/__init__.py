"""The training harness: mixtures in, a table of checkpoint metrics out."""
