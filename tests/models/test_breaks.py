"""Where curves may break, and the closed forms of the states and slopes of a break."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import integrate, stats

from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import (
    BreakPlaces,
    break_places,
    breakable,
    log_ratio,
    log_states,
    sign_of,
    with_break,
)
from tests.models.tables import SIZES, curves_of, table
from tests.models.variants import VARIANTS

FloatArray = NDArray[np.float64]


def _one(sizes: tuple[float, ...], cuts: int | None = None) -> tuple[Curves, BreakPlaces]:
    """Return one curve of one score and where it may break."""
    curves = curves_of(table(("en-fr",), ("en",), (6e6,), ("bleu",), sizes=sizes, baseline=False))
    return curves, break_places(curves, ("bleu",), cuts)


@pytest.mark.parametrize(
    ("count", "cuts", "expected"), [(2, None, 2), (11, None, 20), (12, None, 11), (8, 4, 28), (2, 1, 1)]
)
def test_gaps_are_cut_into_equal_stretches(count: int, cuts: int | None, expected: int) -> None:
    sizes = np.cumsum(np.linspace(1e9, 5e9, count))  # gaps of unequal length
    curves, places = _one(tuple(sizes), cuts)
    assert places.real.tolist() == [[True] * expected]
    each = expected // (count - 1)
    gaps = np.repeat(np.diff(np.log(sizes)), each) / each
    assert (places.stop - places.start)[0] == pytest.approx(gaps)
    # The stretches follow one another from the first size to the last.
    assert places.start[0] == pytest.approx(np.concatenate([[0.0], np.cumsum(gaps)[:-1]]), abs=1e-12)
    assert places.stop[0, -1] == pytest.approx(places.length[0])
    middle = sizes[0] * np.exp((places.start + places.stop)[0] / 2)
    assert places.position[0] == pytest.approx(curves.axis.u(middle))


def _ramps(places: BreakPlaces) -> FloatArray:
    """Return how far behind every break every observation is, (observations, stretches)."""
    dense = np.zeros((len(places.owner), places.real.size))
    dense[places.pair_row, places.pair_place] = places.ramp
    assert (places.ramp > 0).all()
    whole = dense.reshape(len(places.owner), *places.real.shape)
    other = np.arange(len(places.curve)) != places.owner[:, None]
    assert (whole[other] == 0).all()  # breaks of other curves do not count
    return np.asarray(whole[~other])


@pytest.mark.parametrize("name", ["unequal lengths", "metric missing", "many metrics", "two sizes"])
@pytest.mark.parametrize("breaks", ["scores", "all"])
def test_each_value_is_behind_the_breaks_of_its_own_curve_and_metric(name: str, breaks: str) -> None:
    curves = VARIANTS[name]()
    places = break_places(curves, breakable(curves, breaks))
    blocks = [curves.scores, curves.losses] if breaks == "all" else [curves.scores]
    unit, size = (np.concatenate([getattr(rows, what) for rows in blocks]) for what in ("unit", "size"))
    metric = np.concatenate([rows.metric + curves.names.index(rows.metrics[0]) for rows in blocks])
    assert places.curve[places.owner].tolist() == unit.tolist()
    assert places.metric[places.owner].tolist() == metric.tolist()
    # One pair for each curve and metric that was measured together, none for others.
    assert len(places.curve) == len(set(zip(unit, metric, strict=True)))
    behind = np.maximum(curves.axis.u(size)[:, None] - places.position[places.owner], 0.0)
    assert _ramps(places) == pytest.approx(np.where(places.real[places.owner], behind, 0.0), abs=1e-12)
    for pair in range(len(places.curve)):
        own = size[places.owner == pair]
        assert (places.first[pair], places.last[pair]) == (own.min(), own.max())
        gaps = len(own) - 1
        assert places.real[pair].sum() == (2 * gaps if gaps <= 10 else gaps)
        assert places.stop[pair][places.real[pair]].max() == pytest.approx(np.log(own.max() / own.min()))


def test_repeated_sizes_leave_no_empty_gap() -> None:
    frame = table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False)
    curves = curves_of(pd.concat([frame.assign(seed=0), frame.assign(seed=1)], ignore_index=True))
    places = break_places(curves, ("bleu",))
    assert places.real.sum() == 2 * (len(SIZES) - 1)
    assert ((places.stop - places.start) > 0).all()
    assert len(places.owner) == 2 * len(SIZES)


def test_what_may_break() -> None:
    curves = VARIANTS["many metrics"]()
    assert breakable(curves, "none") == ()
    assert breakable(curves, "scores") == ("bleu", "chrf", "comet")
    assert breakable(curves, "all") == ("bleu", "chrf", "comet", "cross_entropy")
    assert breakable(VARIANTS["loss alone"](), "scores") == ()


def test_worse_is_up_for_losses() -> None:
    curves = curves_of(table())
    places = break_places(curves, ("bleu", "cross_entropy"))
    expected = {0: 1.0, 1: -1.0}
    assert places.sign.tolist() == [expected[metric] for metric in places.metric.tolist()]
    assert (sign_of("bleu"), sign_of("cross_entropy")) == (1.0, -1.0)


@pytest.mark.parametrize("log_hazard", [-12.0, -3.0, 1.0])
def test_a_break_comes_somewhere_or_not_by_the_last_size(log_hazard: float) -> None:
    curves = VARIANTS["unequal lengths"]()
    places = break_places(curves, ("bleu",))
    hazard = np.full((3, len(places.curve)), log_hazard)
    inside, none = log_states(hazard, places.start, places.stop, places.length)
    assert inside.shape == (3, *places.real.shape)
    total = np.where(places.real, np.exp(inside), 0.0).sum(axis=-1) + np.exp(none)
    assert total == pytest.approx(np.ones(hazard.shape), rel=1e-12)
    first = stats.expon(scale=np.exp(-log_hazard)).cdf(places.stop[:, 0])
    assert np.exp(inside[0, :, 0]) == pytest.approx(first, rel=1e-10)


# Residuals of the unbroken law, effect of a unit slope, noise sd; slope mean and sd.
SLOPES = {
    "fall": ([0.2, -0.1, -3.0, -6.2], [0.0, 0.0, 8.0, 16.0], [0.4, 0.6, 0.4, 0.9], -0.4, 0.24),
    "nothing": ([0.2, -0.1, 0.3, -0.2], [0.0, 1.0, 8.0, 16.0], [0.4, 0.6, 0.4, 0.9], -0.4, 0.24),
    "rise": ([0.2, -0.1, 3.0, 6.2], [0.0, 0.0, 8.0, 16.0], [0.4, 0.6, 0.4, 0.9], -0.4, 0.24),
    "loss": ([0.02, 0.1, 0.3], [0.0, -0.3, -1.0], [0.02, 0.02, 0.03], -0.1, 0.3),
    "one value": ([-1.0], [5.0], [0.5], -1.0, 2.0),
}


@pytest.mark.parametrize("name", SLOPES)
def test_the_slope_is_integrated_out(name: str) -> None:
    *arrays, mean, sd = SLOPES[name]
    residual, effect, noise = map(np.array, arrays)
    first, second = (residual * effect / noise**2).sum(), (effect**2 / noise**2).sum()
    found = float(log_ratio(first, second, mean, sd))
    unbroken = stats.norm.logpdf(residual, 0.0, noise).sum()

    marginal = stats.multivariate_normal(mean * effect, np.diag(noise**2) + sd**2 * np.outer(effect, effect))
    assert found == pytest.approx(marginal.logpdf(residual) - unbroken, rel=1e-9, abs=1e-9)

    def integrand(slope: float) -> float:
        likelihood = stats.norm.logpdf(residual, slope * effect, noise).sum()
        return float(np.exp(likelihood - unbroken - found) * stats.norm.pdf(slope, mean, sd))

    precision = second + sd**-2
    peak, width = (first + mean / sd**2) / precision, precision**-0.5
    area = integrate.quad(integrand, peak - 12 * width, peak + 12 * width, epsabs=1e-10)[0]
    assert area == pytest.approx(1.0, rel=1e-7)


def test_values_before_a_break_say_nothing_of_it() -> None:
    assert log_ratio(0.0, 0.0, -0.4, 0.24) == pytest.approx(0.0, abs=1e-12)


def test_a_broken_score_falls_below_its_law_and_a_broken_loss_rises_above() -> None:
    u = np.linspace(0, 2, 9)
    law, level, slope, at = 20 + 5 * u, np.log(25.0), -0.4, 0.75
    expected = np.where(u > at, -0.4 * 25 * (u - at), 0.0)
    assert with_break(law, "bleu", level, slope, u - at) - law == pytest.approx(expected)
    assert with_break(law, "cross_entropy", level, slope, u - at) - law == pytest.approx(-expected)
    assert (with_break(law, "bleu", level, slope, u - np.inf) == law).all()
