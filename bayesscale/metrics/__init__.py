"""The metrics table: the catalogue of metrics, reading and validating files of scores."""
