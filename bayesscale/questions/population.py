"""What the population of curves is like: means, slopes, standard deviations, laws and noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.design import PAIR
from bayesscale.questions.answer import STATISTICS, interval

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
Row = tuple[str, str, str, str, FloatArray]
"""Metric, effect, quantity, meaning and draws."""
_EFFECTS = {
    "level": "log value at the upper anchor, for scores near zero in proportion to it",
    "gain": "improvement between the anchors on that scale",
}
_GROUPS = {"task": "tasks", "mixture": "mixtures", PAIR: "pairs of task and mixture"}
_POOLED = {
    "noise": "log of the scale of one run around its curve ({unit})",
    "discrepancy": "log of how much curves deviate from their laws, as a share of their improvement",
    "sharpness": "log of how abruptly a law turns into its floor or ceiling; 0: the papers' power law",
    "se_share": "logit of the share of se^2 that is independent between checkpoints",
}
"""What every curve has for itself, normal between curves: `<name>_mean` and `<name>_spread` in the draws."""
_BASELINE = {
    "baseline_mean": "the same scale's value without pretraining, of a typical task",
    "baseline_slope": "change of that value per factor of ten of the other size",
    "baseline_sd": "standard deviation of that value around the line, between tasks and sizes",
}


def population_table(fit: Fit, prob: float) -> pd.DataFrame:
    """Return metric, effect, quantity, meaning, median, lower, upper of each quantity of the population."""
    rows = population_rows(fit)
    table = pd.DataFrame([row[:4] for row in rows], columns=["metric", "effect", "quantity", "meaning"])
    table[list(STATISTICS)] = np.array([interval(row[4], prob) for row in rows])
    return table


def population_rows(fit: Fit) -> list[Row]:
    """Return metric, effect, name, meaning and draws of each quantity of the population."""
    return [*_of_effects(fit), *_of_laws(fit), *_residuals(fit), *_of_noise(fit)]


def _of_effects(fit: Fit) -> Iterator[Row]:
    """Yield mean, slopes and standard deviations of level and gain, metric by metric."""
    names = [(metric, effect) for metric in fit.curves.names for effect in _EFFECTS]
    for column, (metric, name) in enumerate(names):
        rows = [("mean", f"{_EFFECTS[name]}, of a typical curve", fit.draws("mean")[:, column])]
        for number, covariate in enumerate(fit.curves.covariates):
            change = f"change of {name} {_per(covariate.name, covariate.log10)}"
            rows.append((f"slope of {covariate.name}", change, fit.draws("slope")[:, number, column]))
        for factor in fit.curves.factors:
            spread = fit.draws(f"{factor.name}_sd")[:, column]
            groups = _GROUPS.get(factor.name, f"values of {factor.name}, around their line")
            meaning = f"standard deviation of {name} between {groups}"
            rows.append((f"{factor.name}_sd", meaning, spread))
        meaning = f"standard deviation of {name} between curves that nothing else explains"
        rows.append(("curve_sd", meaning, fit.draws("curve_sd")[:, column]))
        yield from ((metric, name, *row) for row in rows)


def _per(covariate: str, log10: bool) -> str:
    """Return the unit of a slope in words."""
    return f"per factor of ten of {covariate}" if log10 else f"from {covariate} 0 to {covariate} 1"


def _of_laws(fit: Fit) -> Iterator[Row]:
    """Yield the share of the curves that follow each law, and the law's shape."""
    for place, metric in enumerate(fit.curves.names):
        laws = fit.allowed(metric)
        for law in laws:
            own = (slice(None), place, fit.laws.index(law))
            if len(laws) > 1:
                share = fit.draws("law_share")[own]
                yield metric, "law", f"share of the {law}", f"share of curves that follow the {law}", share
            what, curvature = f"shape of the {law}", f"curvature under the {law}, of a typical curve"
            yield metric, what, "mean", curvature, fit.draws("shape_mean")[own]
            spread = f"standard deviation of the {what} between curves"
            yield metric, what, "curve_sd", spread, fit.draws("shape_sd")[own]


def _residuals(fit: Fit) -> Iterator[Row]:
    """Yield the correlations of the curves' residuals between effects."""
    names = [f"{metric}.{effect}" for metric in fit.curves.names for effect in _EFFECTS]
    draws = fit.draws("curve_correlation")
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            what = f"correlation of {names[first]} and {names[second]}"
            yield "", "", what, f"{what} between curves", draws[:, first, second]


def _of_noise(fit: Fit) -> Iterator[Row]:
    """Yield what is known of noise, discrepancy and sharpness of each metric, and of its baseline."""
    for place, metric in enumerate(fit.curves.names):
        for name, meaning in _POOLED.items():
            if fit.has(f"{name}_mean"):
                what = meaning.format(unit=CATALOGUE[metric].unit)
                yield metric, name, f"{name}_mean", what, fit.draws(f"{name}_mean")[:, place]
                what = f"standard deviation of {what.split(';')[0]} between curves"
                yield metric, name, f"{name}_spread", what, fit.draws(f"{name}_spread")[:, place]
        for name, meaning in _BASELINE.items():
            if fit.has(name):
                yield metric, "baseline", name, meaning, fit.draws(name)[:, place]
