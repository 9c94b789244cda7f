"""Places in the vectors of parameters: of one curve and metric, and of the population of a metric."""

from bayesscale.laws import LAWS

LEVEL, GAIN, SHAPE, NOISE, STRAY, SHARP, SHARE, MODE, _, TAU, SLOPE = range(11)
"""Noise to share are those of `bayesscale.models.assembly.POOLED`; the modes of the discrepancy are two."""
LOCAL = 11
EFFECTS = 3
"""Level, gain and shape: what sets a curve apart in all of them is one Student-t vector."""

LAW_COUNT = len(LAWS)
MEAN, SPREAD = 0, 6
"""Level, gain and the four of `POOLED`: their means, and the logarithms of their spreads."""
SHAPE_MEAN, SHAPE_SPREAD, SHARE_OF_LAW = (12 + i * LAW_COUNT for i in range(3))
"""By law; shares as logarithms of gamma variables that are in proportion to them."""
HAZARD, ALIGNMENT, FALL = (12 + 3 * LAW_COUNT + i for i in range(3))
MIXED = 15 + 3 * LAW_COUNT
"""Parameters of the population of a metric that move together."""
