"""From bytes to cells: files and data frames as text cells, with the line that each comes from."""
