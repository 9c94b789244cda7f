"""From cells to rows: which column plays which role, one row a score, text as numbers."""
