from __future__ import annotations

import numpy as np
import pytest

from bayesscale.laws import LOG_LAW, POWER_LAW
from bayesscale.questions.advise.reach import HORIZON, Trajectory, first_size
from bayesscale.questions.select import Selection, drawn_curves
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp


def way(made_up: MadeUp, target: float, budget: float = 1e12, metric: int = 0, **breaks: float) -> Trajectory:
    """Return the way of the first curve."""
    fit = breaking(made_up.fit(), **breaks) if breaks else made_up.fit()
    drawn, _ = drawn_curves(fit, Selection(), None)
    return Trajectory(drawn, 0, metric, target, budget)


@pytest.mark.parametrize(("metric", "target"), [(0, 20.0), (0, 26.0), (0, 30.0), (1, 1.6), (1, 1.3)])
def test_without_a_break_the_size_is_the_inverse_of_the_law(metric: int, target: float) -> None:
    found = way(MadeUp(draws=400, width=0.02), target, metric=metric)
    level, gain, shape = (found.drawn.draws[name][:, 0, metric] for name in ("level", "gain", "shape"))
    printed = (LOG_LAW, POWER_LAW)[metric].coefficients(level, gain, shape, found.drawn.curves.axis)
    with np.errstate(invalid="ignore"):
        if metric == 0:
            log_size = (target ** (1 / printed["beta"]) - printed["log_A"]) / printed["alpha"]
        else:
            log_size = (printed["log_A"] - np.log(target - printed["E"])) / printed["alpha"]
    # A floor above the target is never passed.
    expected = np.maximum(np.exp(np.nan_to_num(log_size, nan=np.inf)), 1e9)
    inside = expected <= found.horizon
    assert inside.mean() > 0.5
    np.testing.assert_allclose(np.log(found.needed[inside]), np.log(expected[inside]), atol=1e-3)
    assert np.isinf(found.needed[~inside]).all()


def test_after_a_break_the_size_is_where_the_bent_law_is_the_target() -> None:
    found = way(MadeUp(draws=20), 25.0, at=3e10, slope=-0.05)
    plain = way(MadeUp(draws=20), 25.0)
    assert found.needed[0] > plain.needed[0] > 1e11
    np.testing.assert_allclose(found.value_at(found.needed[:1])[0], 25.0, rtol=1e-5)


def test_a_law_that_falls_after_its_break_never_reaches_what_lies_above() -> None:
    found = way(MadeUp(draws=20), 25.0, at=3e10, slope=-2.0)
    assert np.isinf(found.needed).all()
    best = found.value_at(np.array([3e10]))[0]
    # The peak lies between two sizes of the grid; the law falls by 10 BLEU points an e-fold behind it.
    assert (found.best <= best).all()
    assert (best - found.best < 0.1).all()
    assert (found.at_budget < best).all()


def test_first_size_takes_the_first_of_several_crossings() -> None:
    sizes = np.array([1.0, np.e, np.e**2, np.e**3])
    values = np.array([[0.0, 1.0, 0.0, 3.0], [2.0, 1.0, 0.0, 0.0]]).T
    found = first_size(sizes, np.column_stack([values, np.zeros(4)]), 0.5)
    np.testing.assert_allclose(found, [np.exp(0.5), 1.0, np.inf])


def test_the_horizon_is_never_before_the_budget() -> None:
    assert way(MadeUp(draws=4), 30.0).horizon == HORIZON * 1e11
    assert way(MadeUp(draws=4), 30.0, budget=1e15).horizon == 1e15


def test_a_budget_within_the_data_leaves_what_was_measured() -> None:
    found = way(MadeUp(draws=4), 20.0, budget=2e9)
    assert found.end == found.last == 1e11
    assert (found.at_budget < found.best).all()
