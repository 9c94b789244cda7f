"""Placeholder docstring, replaced by the package that is being built here."""
