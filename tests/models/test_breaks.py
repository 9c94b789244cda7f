"""Where curves may break, and the closed forms of the states and slopes of a break."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor import function  # type: ignore[attr-defined]
from scipy import integrate, stats

from bayesscale.metrics.curves import Curves
from bayesscale.models.breaks import (
    BreakPlaces,
    break_places,
    breakable,
    log_states,
    ramp_sums,
    sign_of,
    sums_behind,
    with_break,
)
from bayesscale.models.gaussian import log_ratio
from bayesscale.models.layout import Layout, lay_out
from tests.models.evaluate import quiet
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


def _repeated() -> Curves:
    """Return one curve that was measured twice at each size."""
    frame = table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False)
    return curves_of(pd.concat([frame.assign(seed=0), frame.assign(seed=1)], ignore_index=True))


CURVES = {
    **{name: VARIANTS[name] for name in ("unequal lengths", "metric missing", "many metrics", "two sizes")},
    "repeated sizes": _repeated,
}


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("breaks", ["scores", "all"])
def test_each_curve_and_metric_breaks_between_its_own_sizes(name: str, breaks: str) -> None:
    curves = CURVES[name]()
    places, layout = break_places(curves, breakable(curves, breaks)), lay_out(curves)
    # One pair for each curve and metric that was measured together: the first ones of the layout.
    count = int((layout.metric < len(places.metrics)).sum())
    assert count == (len(layout.metric) if breaks == "all" else layout.scores)
    assert places.curve.tolist() == layout.curve[:count].tolist()
    assert places.metric.tolist() == layout.metric[:count].tolist()
    for pair in range(count):
        own = layout.sizes(pair)
        assert (places.first[pair], places.last[pair]) == (own.min(), own.max())
        gaps = len(set(own)) - 1
        assert places.real[pair].sum() == (2 * gaps if gaps <= 10 else gaps)
        assert places.stop[pair][places.real[pair]].max() == pytest.approx(np.log(own.max() / own.min()))
        u, position = curves.axis.u(own), places.position[pair][places.real[pair]]
        behind = [int(np.flatnonzero(u > each)[0]) for each in position]
        assert places.behind[pair][places.real[pair]].tolist() == behind
    # Where there is no stretch, numbers that no formula stumbles over.
    nothing = {"position": 0.0, "behind": 0, "start": 0.0, "stop": 1.0}
    for field, expected in nothing.items():
        assert (getattr(places, field)[~places.real] == expected).all()


def test_repeated_sizes_leave_no_empty_gap() -> None:
    places = break_places(_repeated(), ("bleu",))
    assert places.real.sum() == 2 * (len(SIZES) - 1)
    assert ((places.stop - places.start) > 0).all()
    assert places.behind.tolist() == [[2, 2, 4, 4, 6, 6]]


def _values(layout: Layout, count: int, shape: tuple[int, ...] = (), seed: int = 0) -> FloatArray:
    """Return random numbers for each value of the first pairs, 0 where there is none."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(*shape, *layout.real[:count].shape)) * layout.real[:count]


@pytest.mark.parametrize("name", CURVES)
@pytest.mark.parametrize("breaks", ["scores", "all"])
@pytest.mark.parametrize("draws", [(), (2, 3)], ids=["a point", "draws"])
def test_sums_count_the_values_behind_a_break_of_their_own_curve(
    name: str, breaks: str, draws: tuple[int, ...]
) -> None:
    curves = CURVES[name]()
    places, layout = break_places(curves, breakable(curves, breaks)), lay_out(curves)
    count = len(places.curve)
    # (pair, stretch, value): how far behind the break the value is.
    u = np.where(layout.real, layout.u, -np.inf)[:count, None]
    ramp = np.maximum(u - places.position[:, :, None], 0.0)
    first, second, third = (_values(layout, count, draws, seed) for seed in range(3))
    real = places.real

    def expected(values: FloatArray, weight: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("...tn,tjn->...tj", values, weight)[..., real])

    for found, values in zip(sums_behind([first, second], places.behind), (first, second), strict=True):
        assert found.shape == (*draws, *real.shape)
        assert found[..., real] == pytest.approx(expected(values, np.sign(ramp)), abs=1e-9)
    linear, square = ramp_sums([first, second], third, layout.u[:count], places.behind, places.position)
    assert [each[..., real] for each in linear] == [
        pytest.approx(expected(values, ramp), abs=1e-9) for values in (first, second)
    ]
    assert square[..., real] == pytest.approx(expected(third, ramp**2), abs=1e-9)


def test_sums_of_tensors_are_those_of_arrays() -> None:
    curves = VARIANTS["unequal lengths"]()
    places, layout = break_places(curves, breakable(curves, "all")), lay_out(curves)
    values, u = _values(layout, len(places.curve)), layout.u
    linear, square = ramp_sums([values, values**2], values, u, places.behind, places.position)
    tensor, behind, position = (pt.as_tensor(v) for v in (values, places.behind, places.position))
    with quiet():
        symbolic, last = ramp_sums([tensor, tensor**2], tensor, pt.as_tensor(u), behind, position, xp=pt)
        evaluated = function([], [*symbolic, last], mode="FAST_COMPILE")()
    for found, expected in zip(evaluated, (*linear, square), strict=True):
        assert found == pytest.approx(expected, rel=1e-12, abs=1e-12)


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
