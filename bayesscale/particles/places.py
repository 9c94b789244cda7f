"""Places in the vector of local parameters of one curve and metric."""

LEVEL, GAIN, SHAPE, NOISE, STRAY, SHARP, SHARE, MODE, _, TAU, SLOPE = range(11)
"""Noise to share are those of `bayesscale.models.assembly.POOLED`; the modes of the discrepancy are two."""
LOCAL = 11
