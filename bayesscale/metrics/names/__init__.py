"""What names of columns and labels say: of scores, sizes, settings, runs."""
