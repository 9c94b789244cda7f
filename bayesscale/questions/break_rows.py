"""What is said of the break of one curve and metric."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.breaks import BreakPlaces, sign_of, with_break
from bayesscale.models.effects import joint_effects
from bayesscale.questions.describe import probability_text
from bayesscale.questions.laws import DrawnLaw
from bayesscale.questions.population import interval
from bayesscale.questions.targets import answer_columns
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
_SURE, _LIKELY, _UNLIKELY = 0.9, 0.5, 0.1
_ONE_KIND = 0.8
# With fewer sizes a break and a law that bends can hardly be told apart.
_FEW_SIZES = 5
_NO_INTERVAL = np.full(3, np.nan)


def break_row(fit: Fit, places: BreakPlaces, pair: int, prob: float, at: float | None) -> dict[str, Any]:
    """Return a row of `Breaks.frame`.

    Parameters
    ----------
    fit : Fit
        The draws.
    places : BreakPlaces
        The curves and metrics that may break.
    pair : int
        Which of them.
    prob : float
        Probability of the equal-tailed intervals.
    at : float or None
        Size at which the cost of the break is stated; None for the curve's last.
    """
    curve, metric = int(places.curve[pair]), int(places.metric[pair])
    name, last = places.metrics[metric], float(places.last[pair])
    position = fit.draws("break_at")[:, curve, metric]
    broken = position <= last
    where = interval(position[broken], prob) if broken.any() else _NO_INTERVAL
    size = last if at is None else at
    law = _Law(fit, curve, metric)
    lost = interval(sign_of(name) * (law.unbroken(size) - law.value(size)), prob)
    falls = sign_of(name) * (law.value(last) - law.unbroken(np.minimum(position, last))) < 0
    probability = fit.draws("break_probability")[:, curve, metric]
    p_broken, by_law = float(probability.mean()), _by_law(fit, probability, metric)
    p_fall = float(falls[broken].mean()) if broken.any() else np.nan
    sizes = len({float(x) for x in _sizes(fit, curve, name)})
    return {
        **{name: fit.curves.table[name].iloc[curve] for name in answer_columns(fit.curves)},
        "metric": name,
        "sizes": sizes,
        "last": last,
        "p_broken": p_broken,
        "p_broken_least": min(by_law.values()),
        **dict(zip(("break_median", "break_lower", "break_upper"), where.tolist(), strict=True)),
        "p_fall": p_fall,
        "at": size,
        **dict(zip(("lost_median", "lost_lower", "lost_upper"), lost.tolist(), strict=True)),
        "evidence": evidence(p_broken, by_law, p_fall, sizes, where[0], name),
    }


def _by_law(fit: Fit, probability: FloatArray, metric: int) -> dict[str, float]:
    """Return the mean probability of a break under each law of the metric."""
    counts, score = fit.counts(), metric < len(fit.curves.scores.metrics)
    laws = [fit.followed(group).of(score).law.name for group in counts]
    if len(set(laws)) == 1:
        return {laws[0]: float(probability.mean())}
    parts = np.split(probability, np.cumsum(list(counts.values()))[:-1])
    return {law: float(part.mean()) for law, part in zip(laws, parts, strict=True)}


def evidence(
    p_broken: float, by_law: dict[str, float], p_fall: float, sizes: int, position: float, metric: str
) -> str:
    """Return what the numbers say, in words.

    Parameters
    ----------
    p_broken : float
        Probability of a break.
    by_law : dict of float
        The same under each law of the metric: a score that levels off breaks the log-law and needs no break
        under a law with a ceiling.
    p_fall : float
        Probability that the score fell since the break, if there is one.
    sizes : int
        How many sizes were measured.
    position : float
        Median position of the break, in tokens.
    metric : str
        Name of the metric.
    """
    if p_broken < _UNLIKELY:
        return "no sign of a break"
    if p_broken < _SURE and sizes < _FEW_SIZES:
        return f"undecided: {sizes} sizes are too few to tell"
    if p_broken < _LIKELY:
        return "undecided: a break is possible"
    if min(by_law.values()) < _LIKELY:
        told = " and ".join(f"{probability_text(p)} under the {law}" for law, p in by_law.items())
        kind = "scores" if CATALOGUE[metric].improves == "up" else "losses"
        return f"undecided: the laws of {kind} disagree, P(broken) is {told}"
    worse = "fell" if CATALOGUE[metric].improves == "up" else "rose"
    if p_fall >= _ONE_KIND:
        what = f"{worse} after about {format_tokens(position)}"
    elif p_fall <= 1 - _ONE_KIND:
        what = f"stalled after about {format_tokens(position)}, the weaker kind of break"
    else:
        what = f"stalled or {worse} after about {format_tokens(position)}"
    return f"{'broken' if p_broken >= _SURE else 'probably broken'}: {what}"


class _Law:
    """Draws of one curve's law, with and without its break."""

    def __init__(self, fit: Fit, curve: int, metric: int) -> None:
        order = joint_effects(fit.curves.scores.metrics, fit.curves.losses.metrics, fit.priors)
        effects = fit.draws("curve_effect")[:, curve]
        self._level, self._gain, self._shape = (effects[:, column] for column in order.columns(metric))
        self._slope = fit.draws("break_slope")[:, curve, metric]
        self._axis, self._name = fit.curves.axis, fit.curves.names[metric]
        self._law = DrawnLaw(fit, metric)
        self._position = self._axis.u(fit.draws("break_at")[:, curve, metric])

    def unbroken(self, size: float | FloatArray) -> FloatArray:
        """Return the law as if it never broke."""
        u = self._axis.u(np.asarray(size, dtype=float))
        value = self._law.value(u, self._level, self._gain, self._shape)
        return np.asarray(np.minimum(value, CATALOGUE[self._name].high))

    def value(self, size: float) -> FloatArray:
        """Return the law with its break."""
        spec, u = CATALOGUE[self._name], self._axis.u(np.asarray(size))
        beyond = u - self._position
        bent = with_break(self.unbroken(size), self._name, self._level, self._slope, beyond)
        return np.asarray(np.clip(bent, spec.low, spec.high))


def _sizes(fit: Fit, curve: int, metric: str) -> FloatArray:
    """Return the sizes at which a metric was measured on a curve."""
    for rows in (fit.curves.scores, fit.curves.losses):
        if metric in rows.metrics:
            return np.asarray(rows.size[(rows.unit == curve) & (rows.metric == rows.metrics.index(metric))])
    raise KeyError(metric)
