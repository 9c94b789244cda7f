"""What the population of curves is like: means, slopes, spreads, correlations and noise, in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.design import PAIR
from bayesscale.models.effects import Effects, joint_effects
from bayesscale.models.forms import SHARPNESS
from bayesscale.models.surface import PART, RATE, joined, other_size

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
Row = tuple[str, str, str, str, FloatArray]
"""Metric, effect, quantity, meaning and draws."""
STATISTICS = ("median", "lower", "upper")
_EFFECTS = {
    "level": "log value at the upper anchor",
    "gain": "log improvement between the anchors",
    "shape": "curvature",
}
_FIELDS = {
    SHARPNESS: "how abruptly a law turns into its floor or ceiling; 1: the papers' power law",
    "shift": "what a model knows already, in smallest sizes, in the shifted power law",
    "ratio": "slope behind the break of the smoothly broken power law, before it 1",
    "tau": "place of that break, 0 at the smallest size and 1 at the largest",
    "width": "length of its bend, as a share of the axis",
    "bend": "how a loss leaves that of guessing in M4; 1: logistic in log D",
}
"""Parameters of laws beyond level, gain and shape; see `bayesscale.models.forms`."""
_JOINT = {
    RATE: "exponent of {other} in the joint law",
    PART: "share of the floor that more {other} would remove, at a typical one",
}
"""Parameters of joint laws; see `bayesscale.models.surface`."""
_GROUPS = {"task": "tasks", "mixture": "mixtures", PAIR: "pairs of task and mixture"}


def interval(draws: FloatArray, prob: float) -> FloatArray:
    """Return median and equal-tailed interval of draws of shape (draws, ...), shape (..., 3)."""
    tail = (1 - prob) / 2
    # Nearest draws, not interpolated ones: coefficients may be infinite, and inf - inf is no number.
    return np.moveaxis(np.quantile(draws, np.array([0.5, tail, 1 - tail]), axis=0, method="nearest"), 0, -1)


def population_table(fit: Fit, prob: float) -> pd.DataFrame:
    """Return a row for each quantity of the population.

    Parameters
    ----------
    fit : Fit
        The draws.
    prob : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    pandas.DataFrame
        Columns metric, effect, quantity, meaning, median, lower, upper.
    """
    effects = joint_effects(fit.curves.scores.metrics, fit.curves.losses.metrics, fit.priors)
    rows = [
        *_of_effects(fit, effects),
        *_correlations(fit, effects),
        *_of_noise(fit),
        *_of_fields(fit),
        *_of_joint_laws(fit),
    ]
    table = pd.DataFrame([row[:4] for row in rows], columns=["metric", "effect", "quantity", "meaning"])
    table[list(STATISTICS)] = np.array([interval(row[4], prob) for row in rows])
    return table


def _effects_of(fit: Fit, effects: Effects) -> Iterator[tuple[int, str, str | None, str, str, int]]:
    """Yield place and name of a metric, the group of draws (None: all), an effect, its name and its column.

    The shapes of different laws have nothing in common, so each has rows of its own.
    """
    for place, metric in enumerate(fit.curves.names):
        score = metric in fit.curves.scores.metrics
        laws = {group: fit.followed(group).of(score).law.name for group in fit.groups}
        several = len(set(laws.values())) > 1
        for effect, column in zip(_EFFECTS, effects.columns(place), strict=True):
            if effect != "shape" or not (several or score):
                yield place, metric, None, effect, effect, column
                continue
            for group, law in list(laws.items())[: None if several else 1]:
                yield place, metric, group if several else None, effect, f"{effect} of the {law}", column


def _of_effects(fit: Fit, effects: Effects) -> Iterator[Row]:
    """Yield mean, slopes and spreads of every effect, metric by metric."""
    for place, metric, group, effect, name, column in _effects_of(fit, effects):
        what = f"{_EFFECTS[effect]}{name.removeprefix(effect)}"
        rows = [("mean", f"{what}, of a typical curve", fit.draws("mean", group)[:, column])]
        for number, covariate in enumerate(fit.curves.covariates):
            change = f"change of {name} {_per(covariate.name, covariate.log10)}"
            rows.append((f"slope of {covariate.name}", change, fit.draws("slope", group)[:, number, column]))
        for factor in fit.curves.factors:
            spread = fit.draws(f"{factor.name}_sd", group)[:, column]
            meaning = f"spread of {name} between {_GROUPS[factor.name]}"
            rows.append((f"{factor.name}_sd", meaning, spread))
        own = (
            fit.draws("shape_sd", group)[:, place]
            if effect == "shape"
            else fit.draws("curve_sd", group)[:, column]
        )
        rows.append(("curve_sd", f"spread of {name} between curves that nothing else explains", own))
        yield from ((metric, name, *row) for row in rows)


def _per(covariate: str, log10: bool) -> str:
    """Return the unit of a slope in words."""
    return f"per factor of ten of {covariate}" if log10 else f"from {covariate} 0 to {covariate} 1"


def _correlations(fit: Fit, effects: Effects) -> Iterator[Row]:
    """Yield the correlations of the curves' residuals between effects."""
    names = effects.names[: effects.correlated]
    draws = fit.draws("curve_correlation")
    for first in range(len(names)):
        for second in range(first + 1, len(names)):
            pair = f"{names[first]} and {names[second]}"
            yield (
                "",
                "",
                f"correlation of {pair}",
                f"correlation of {pair} between curves",
                draws[:, first, second],
            )


def _of_noise(fit: Fit) -> Iterator[Row]:
    """Yield what is known of the noise of each metric and of its baseline."""
    for place, metric in enumerate(fit.curves.names):
        unit = CATALOGUE[metric].unit
        meanings = {
            "noise_sd": f"scale of one run around its law ({unit})",
            "noise_spread": "spread of the log of that scale between curves",
            "noise_tails": "degrees of freedom of the Student-t noise beyond 2; small: outliers",
            "se_independent": "share of se^2 that is independent between checkpoints",
            "baseline_mean": "log value without pretraining, of a typical task",
            "baseline_slope": "change of that log value per factor of ten of the other size",
            "baseline_sd": "spread of that log value between tasks and sizes around the line",
        }
        for name, meaning in meanings.items():
            if fit.has(name):
                effect = "baseline" if name.startswith("baseline") else "noise"
                yield metric, effect, name, meaning, fit.draws(name)[:, place]


def _of_fields(fit: Fit) -> Iterator[Row]:
    """Yield what is known of the parameters that only some laws have, from the draws of these laws."""
    scores = len(fit.curves.scores.metrics)
    for place, metric in enumerate(fit.curves.names):
        for name, meaning in _FIELDS.items():
            forms = {group: fit.followed(group).of(place < scores) for group in fit.groups}
            own = [group for group, form in forms.items() if name in form.drawn and fit.has(name)]
            if own:
                # Under other laws its draws are those of the prior.
                draws = np.concatenate([fit.draws(name, group) for group in own])
                yield metric, "law", name, meaning, draws[:, place - (0 if name == SHARPNESS else scores)]


def _of_joint_laws(fit: Fit) -> Iterator[Row]:
    """Yield the parameters of joint laws of both sizes, from the draws of laws that follow one."""
    scores, losses = len(fit.curves.scores.metrics), len(fit.curves.losses.metrics)
    other = other_size(fit.curves)
    for name, meaning in _JOINT.items():
        if other is None or not fit.has(name):
            continue
        for place, metric in enumerate(fit.curves.names):
            own = [group for group in fit.groups if joined(fit.followed(group), scores, losses)[place]]
            if own:
                draws = np.concatenate([fit.draws(name, group) for group in own])[:, place]
                yield metric, "law", name, meaning.format(other=other.name), draws
