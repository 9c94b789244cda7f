"""The PyMC models: the statistics of the project in one place."""
