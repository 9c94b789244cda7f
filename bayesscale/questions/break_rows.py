"""What is said of the break of one curve and metric."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import sign_of
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import Local, measured
from bayesscale.posterior.noise import within
from bayesscale.questions.describe import probability_text
from bayesscale.questions.population import interval
from bayesscale.questions.targets import answer_columns
from bayesscale.units import format_tokens

FloatArray = NDArray[np.float64]
_SURE, _LIKELY, _UNLIKELY = 0.9, 0.5, 0.1
_ONE_KIND = 0.8
# With fewer sizes a break and a law that bends can hardly be told apart.
_FEW_SIZES = 5
# What the draws of a less probable law say of a break is not told.
_COUNTS = 0.05
_NO_INTERVAL = np.full(3, np.nan)


def break_row(draws: Draws, curve: int, metric: int, prob: float, at: float | None) -> dict[str, Any]:
    """Return a row of `Breaks.frame`.

    Parameters
    ----------
    draws : Draws
        The draws.
    curve, metric : int
        Positions of a measured curve, and of a metric that may break.
    prob : float
        Probability of the equal-tailed intervals.
    at : float or None
        Size at which the cost of the break is stated; None for the curve's last.
    """
    curves, name = draws.curves, draws.curves.names[metric]
    own = np.unique(_sizes(curves, curve, name))
    last = float(own[-1])
    position = draws["break_at"][:, curve, metric]
    broken = position <= last
    where = interval(position[broken], prob) if broken.any() else _NO_INTERVAL
    size = last if at is None else at
    local = measured(draws, metric, np.array([curve]))
    lost = interval(sign_of(name) * (_unbroken(local, curves, size) - _value(local, curves, size)), prob)
    since = np.minimum(position, last)
    falls = sign_of(name) * (_value(local, curves, last) - _unbroken(local, curves, since)) < 0
    p_broken, by_law = float(broken.mean()), _by_law(local, broken)
    p_fall = float(falls[broken].mean()) if broken.any() else np.nan
    return {
        **{name: curves.table[name].iloc[curve] for name in answer_columns(curves)},
        "metric": name,
        "sizes": len(own),
        "last": last,
        "p_broken": p_broken,
        "p_broken_least": min(by_law.values()),
        **dict(zip(("break_median", "break_lower", "break_upper"), where.tolist(), strict=True)),
        "p_fall": p_fall,
        "at": size,
        **dict(zip(("lost_median", "lost_lower", "lost_upper"), lost.tolist(), strict=True)),
        "evidence": evidence(p_broken, by_law, p_fall, len(own), where[0], name),
    }


def _by_law(local: Local, broken: NDArray[np.bool_]) -> dict[str, float]:
    """Return the probability of a break given each law that is not improbable."""
    follows = {name: local.law[0] == number for number, name in enumerate(local.laws)}
    return {name: float(broken[own].mean()) for name, own in follows.items() if own.mean() >= _COUNTS}


def evidence(
    p_broken: float, by_law: dict[str, float], p_fall: float, sizes: int, position: float, metric: str
) -> str:
    """Return what the numbers say, in words.

    Parameters
    ----------
    p_broken : float
        Probability of a break.
    by_law : dict of float
        The same given each law that is not improbable: a score that levels off breaks the log-law and needs
        no break under a law with a ceiling.
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


def _unbroken(local: Local, curves: Curves, size: float | FloatArray) -> FloatArray:
    """Return draws of one curve's law at a size, or at one of each draw, as if it never broke."""
    u = np.atleast_1d(curves.axis.u(np.asarray(size, dtype=float)))[None, None]
    return np.asarray(np.minimum(local.unbroken(u)[0, 0], CATALOGUE[local.metric].high))


def _value(local: Local, curves: Curves, size: float) -> FloatArray:
    """Return draws of one curve's law at a size, with its break."""
    return within(local.value(curves.axis.u(np.array([[size]])))[0, 0], local.metric)


def _sizes(curves: Curves, curve: int, metric: str) -> FloatArray:
    """Return the sizes at which a metric was measured on a curve."""
    (rows,) = (rows for rows in (curves.scores, curves.losses) if metric in rows.metrics)
    return np.asarray(rows.size[(rows.unit == curve) & (rows.metric == rows.metrics.index(metric))])
