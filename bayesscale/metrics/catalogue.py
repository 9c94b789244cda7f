"""The metrics that bayesscale knows: direction, law, range, unit and what to expect of their values."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class MetricSpec:
    """What is known of a metric before any of its values is seen.

    Parameters
    ----------
    name : str
        The name in tables, such as `bleu`.
    improves : str
        'up' when larger values are better, 'down' otherwise.
    law : str
        Name of the law in `bayesscale.laws.LAWS` that the metric follows.
    low, high : float
        Closed range of valid values; `high` may be infinite.
    unit : str
        Unit of the values, for axes and tables.
    typical : float
        Prior median of the value at the largest size.
    noise : float
        Prior median of the standard deviation of one run around the law, in the metric's unit.
    aliases : tuple of str
        Other names under which people store the metric.
    """

    name: str
    improves: str
    law: str
    low: float
    high: float
    unit: str
    typical: float
    noise: float
    aliases: tuple[str, ...] = ()


def _score(
    name: str, high: float, unit: str, typical: float, noise: float, aliases: tuple[str, ...] = ()
) -> MetricSpec:
    """Return a score from 0 to `high` that rises with more data."""
    return MetricSpec(name, "up", "log-law", 0.0, high, unit, typical, noise, aliases)


def _loss(
    name: str,
    low: float,
    high: float,
    unit: str,
    typical: float,
    noise: float,
    aliases: tuple[str, ...] = (),
) -> MetricSpec:
    """Return a loss that falls with more data."""
    return MetricSpec(name, "down", "power-law", low, high, unit, typical, noise, aliases)


_SPECS = (
    _score("bleu", 100, "BLEU points", 25, 0.5, ("sacrebleu",)),
    _score("spbleu", 100, "spBLEU points", 25, 0.5, ("sp_bleu",)),
    _score("chrf", 100, "chrF points", 50, 0.5, ("chrf2",)),
    _score("chrfpp", 100, "chrF++ points", 47, 0.5, ("chrf++", "chrf2++")),
    _score("rouge1", 100, "ROUGE points", 40, 0.4, ("rouge_1",)),
    _score("rouge2", 100, "ROUGE points", 18, 0.4, ("rouge_2",)),
    _score("rougel", 100, "ROUGE points", 35, 0.4, ("rouge_l",)),
    _score("comet", 1, "COMET, 0 to 1", 0.8, 0.005, ("comet22", "comet_22")),
    _score("accuracy", 1, "fraction", 0.7, 0.01, ("acc",)),
    _score("exact_match", 1, "fraction", 0.5, 0.01, ("em",)),
    _score("f1", 1, "fraction", 0.7, 0.01, ("f1_score",)),
    _loss("cross_entropy", 0, math.inf, "nats per token", 1.5, 0.01, ("ce", "loss", "log_perplexity", "nll")),
    _loss("bits_per_byte", 0, math.inf, "bits per byte", 0.8, 0.005, ("bpb",)),
    _loss("perplexity", 1, math.inf, "perplexity", 5, 0.05, ("ppl",)),
    _loss("error_rate", 0, 1, "fraction", 0.3, 0.01),
    _loss("ter", 0, math.inf, "TER points", 60, 1.0),
)

CATALOGUE: dict[str, MetricSpec] = {spec.name: spec for spec in _SPECS}
"""All metrics by name."""

_BY_ANY_NAME = {name: spec for spec in _SPECS for name in (spec.name, *spec.aliases)}


def find_metric(name: str) -> MetricSpec | None:
    """Return the metric of a name or alias; None if there is none.

    Case does not matter, and neither does the sign between words: `Cross-Entropy` is `cross_entropy`.
    """
    return _BY_ANY_NAME.get(re.sub(r"[\s-]+", "_", name.strip().lower()))
