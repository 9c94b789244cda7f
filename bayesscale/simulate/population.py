"""The population that laws are drawn from: how tasks, mixtures, D_f and alignment move each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Effect:
    """Population of one anchored parameter of one metric.

    A curve's parameter is mean + task + mixture + per_decade * log10(D_f / enough) + per_alignment *
    (alignment - 1) + residual: `mean` belongs to an aligned mixture at the D_f where pretraining hardly
    matters. `shared` is the correlation of the residual with the one that all metrics have in common.
    """

    mean: float
    per_decade: float = 0.0
    per_alignment: float = 0.0
    task_sd: float = 0.0
    mixture_sd: float = 0.0
    residual_sd: float = 0.0
    shared: float = 0.0


@dataclass(frozen=True)
class MetricPopulation:
    """Populations of the three parameters of a metric's law, of its noise and of its baseline.

    `noise` is the median standard deviation of one run around the law, in the metric's unit, which is
    reported with so many decimals. `baseline_gap` is the logarithm of the non-pretrained model's value over
    that of the first checkpoint at D_f = enough, and `baseline_per_decade` its change per decade of D_f.
    """

    level: Effect
    gain: Effect
    shape: Effect
    noise: float
    decimals: int
    baseline_gap: float
    baseline_per_decade: float

    @property
    def effects(self) -> tuple[Effect, Effect, Effect]:
        """Level, gain and shape, in the order of the laws' arguments."""
        return self.level, self.gain, self.shape


# Logarithms throughout: a level of log 36 is 36 BLEU, a gain of 0.35 is 36 instead of 25.
_BLEU = MetricPopulation(
    level=Effect(3.54, 0.08, 0.15, task_sd=0.06, mixture_sd=0.02, residual_sd=0.02, shared=0.8),
    gain=Effect(0.03, -0.12, 0.04, task_sd=0.015, mixture_sd=0.008, residual_sd=0.012, shared=0.7),
    shape=Effect(0.0, task_sd=0.15, mixture_sd=0.1, residual_sd=0.3, shared=0.4),
    noise=0.5,
    decimals=2,
    baseline_gap=-0.01,
    baseline_per_decade=0.45,
)
_CHRF = MetricPopulation(
    level=Effect(4.11, 0.05, 0.10, task_sd=0.05, mixture_sd=0.015, residual_sd=0.015, shared=0.8),
    gain=Effect(0.02, -0.07, 0.03, task_sd=0.01, mixture_sd=0.005, residual_sd=0.008, shared=0.7),
    shape=Effect(0.0, task_sd=0.15, mixture_sd=0.1, residual_sd=0.3, shared=0.4),
    noise=0.4,
    decimals=2,
    baseline_gap=-0.01,
    baseline_per_decade=0.25,
)
_COMET = MetricPopulation(
    level=Effect(-0.16, 0.03, 0.05, task_sd=0.02, mixture_sd=0.008, residual_sd=0.008, shared=0.8),
    gain=Effect(0.012, -0.04, 0.015, task_sd=0.005, mixture_sd=0.003, residual_sd=0.004, shared=0.7),
    shape=Effect(0.0, task_sd=0.15, mixture_sd=0.1, residual_sd=0.3, shared=0.4),
    noise=0.004,
    decimals=4,
    baseline_gap=-0.01,
    baseline_per_decade=0.15,
)
# Better translations go with a lower loss: the level's residual has the opposite sign.
_CROSS_ENTROPY = MetricPopulation(
    level=Effect(0.22, -0.12, -0.12, task_sd=0.06, mixture_sd=0.02, residual_sd=0.02, shared=-0.8),
    gain=Effect(0.075, -0.09, 0.05, task_sd=0.005, mixture_sd=0.005, residual_sd=0.006, shared=0.7),
    shape=Effect(0.3, task_sd=0.15, mixture_sd=0.1, residual_sd=0.3, shared=0.3),
    noise=0.01,
    decimals=4,
    baseline_gap=0.02,
    baseline_per_decade=-0.25,
)

POPULATION: Mapping[str, MetricPopulation] = MappingProxyType(
    {"bleu": _BLEU, "cross_entropy": _CROSS_ENTROPY, "chrf": _CHRF, "comet": _COMET}
)
"""Populations by metric, chosen to look like the paper's figures (arXiv 2402.04177)."""

LEVEL_GAIN_CORRELATION = 0.4
"""Correlation of the residuals that all metrics share in level and in gain."""
NOISE_SPREAD = 0.15
"""Standard deviation, over curves, of the logarithm of the noise."""
BASELINE_SPREAD = 0.02
"""Standard deviation, over tasks and D_f, of the logarithm of the non-pretrained model's value."""
ERROR_RATIO = 0.6
"""Median standard error of a test-set score, as a multiple of the median noise."""
