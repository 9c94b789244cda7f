"""Properties that every scaling law has, on grids and on drawn parameters."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bayesscale.laws import LAWS, LOG_LAW, POWER_LAW, RISING_POWER_LAW, SATURATING_LAW, Law, LogAxis

AXIS = LogAxis(1e9, 1.3e11)
LEVELS = np.array([-3.0, 0.0, 3.5])
GAINS = np.array([-10.0, -1.0, -1e-3, 0.0, 1e-3, 0.3, 1.0, 10.0])
SHAPES = np.linspace(-5.0, 5.0, 11)
GRID = np.meshgrid(LEVELS, GAINS, SHAPES, indexing="ij")

levels = st.floats(-4.0, 5.0)
gains = st.floats(0.01, 3.0)
shapes = st.floats(-3.0, 3.0)
inside = st.floats(0.0, 1.0)


class Case(NamedTuple):
    """A law with a sharpness."""

    law: Law
    sharpness: float = 1.0

    def value(self, u: Any, level: Any, gain: Any, shape: Any) -> Any:
        return self.law.value(u, level, gain, shape, self.sharpness)

    def coefficients(self, level: Any, gain: Any, shape: Any, axis: LogAxis = AXIS) -> dict[str, Any]:
        return self.law.coefficients(level, gain, shape, axis, self.sharpness)

    def anchored(self, coefficients: dict[str, Any], axis: LogAxis = AXIS) -> tuple[Any, Any, Any]:
        return self.law.anchored(coefficients, axis, self.sharpness)

    def at_size(self, size: Any, coefficients: dict[str, Any]) -> Any:
        return self.law.at_size(size, coefficients, self.sharpness)

    @property
    def better(self) -> float:
        """+1 where larger values are better and -1 otherwise."""
        return 1.0 if self.law.improves == "up" else -1.0


EVERY = {name: Case(law) for name, law in LAWS.items()}
EVERY |= {"sharper power-law": Case(POWER_LAW, 3.0), "blunter saturating-law": Case(SATURATING_LAW, 0.7)}
every_law = pytest.mark.parametrize("case", EVERY.values(), ids=EVERY.keys())


def test_laws_are_found_by_the_name_they_bear() -> None:
    assert {name: law.name for name, law in LAWS.items()} == {name: name for name in LAWS}
    # Their order is that of their numbers in stored draws.
    assert list(LAWS) == ["log-law", "saturating-law", "rising-power-law", "power-law"]
    assert [law.improves for law in LAWS.values()] == ["up", "up", "up", "down"]


@every_law
def test_anchors_hold_whatever_the_parameters(case: Case) -> None:
    level, gain, shape = GRID
    np.testing.assert_allclose(np.log(case.value(1.0, level, gain, shape)), level, rtol=1e-12, atol=1e-12)
    # Beyond, the gain of the log-law reaches below the lower anchor, to where the score is zero.
    # A sharp mirrored curve comes so close to zero that its start is a difference of rounding errors.
    whole = (gain <= np.exp(shape)) if case.law is LOG_LAW else case.sharpness * gain > -12
    start = np.log(case.value(0.0, level, gain, shape))
    expected = level - case.better * gain
    # What the rising law lacks is subtracted: of a score e^10 times smaller at its start few digits are left.
    close = 1e-9 if case.law is LAWS["rising-power-law"] else 1e-12
    np.testing.assert_allclose(start[whole], expected[whole], rtol=close, atol=close)
    assert np.all(whole | (start < level))


@every_law
def test_no_gain_is_a_constant(case: Case) -> None:
    u = np.linspace(-1.0, 5.0, 61)
    for shape in SHAPES:
        np.testing.assert_allclose(case.value(u, 2.0, 0.0, shape), np.exp(2.0), rtol=1e-12)


@every_law
def test_values_change_with_size_in_the_direction_of_the_gain(case: Case) -> None:
    u = np.linspace(0.0, 1.0, 41)
    for gain in GAINS:
        for shape in SHAPES:
            steps = np.diff(case.value(u, 1.0, gain, shape)) * np.sign(gain) * case.better
            assert np.all(steps >= -1e-12), (gain, shape)
            # Where the curve is not saturated it has to move.
            if 1e-3 <= abs(gain) <= 1 and abs(shape) <= 1:
                assert np.all(steps > 0), (gain, shape)


@every_law
def test_extreme_parameters_never_give_a_nan(case: Case) -> None:
    u = np.linspace(-1.0, 5.0, 61)[:, None, None, None]
    values = case.value(u, *GRID)
    assert np.all(np.isfinite(values))
    assert not any(np.any(np.isnan(value)) for value in case.coefficients(GRID[0], GRID[1], GRID[2]).values())


@every_law
@given(level=levels, gain=gains, shape=shapes, u=inside)
def test_papers_coefficients_give_the_same_curve(
    case: Case, level: float, gain: float, shape: float, u: float
) -> None:
    assume(gain / np.exp(shape) < 8)  # else log A + alpha log D is a small difference of large numbers
    coefficients = case.coefficients(level, gain, shape)
    assert tuple(coefficients) == case.law.coefficient_names
    at_size = case.at_size(AXIS.size(u), coefficients)
    # Where the logarithm is near zero the log-law goes to zero smoothly, see the tests below.
    assume(case.law is not LOG_LAW or at_size > np.exp(level + np.exp(shape) * np.log(0.051)))
    np.testing.assert_allclose(at_size, case.value(u, level, gain, shape), rtol=1e-9)


@every_law
@given(level=levels, gain=st.floats(0.05, 2.0), shape=st.floats(-1.0, 1.0))
def test_coefficients_turn_back_into_anchored_parameters(
    case: Case, level: float, gain: float, shape: float
) -> None:
    back = case.anchored(case.coefficients(level, gain, shape))
    np.testing.assert_allclose(back, (level, gain, shape), rtol=1e-8, atol=1e-8)


@every_law
def test_anchors_can_be_moved_without_changing_the_curve(case: Case) -> None:
    moved = LogAxis(5e9, 7e11)
    coefficients = case.coefficients(1.0, 0.4, 0.2)
    parameters = case.anchored(coefficients, moved)
    sizes = np.geomspace(1e9, 1e13, 9)
    np.testing.assert_allclose(
        case.value(moved.u(sizes), *parameters), case.value(AXIS.u(sizes), 1.0, 0.4, 0.2), rtol=1e-10
    )


@every_law
def test_gradient_is_continuous_where_the_gain_changes_sign(case: Case) -> None:
    u, step = np.linspace(0.0, 1.5, 16), 1e-6
    for shape in (-2.0, 0.0, 2.0):
        zero = case.value(u, 1.0, 0.0, shape)
        right = (case.value(u, 1.0, step, shape) - zero) / step
        left = (zero - case.value(u, 1.0, -step, shape)) / step
        np.testing.assert_allclose(left, right, atol=1e-3)


def test_log_law_worked_by_hand() -> None:
    # beta = 2: sqrt(f) runs linearly in log D from sqrt(4) = 2 to sqrt(16) = 4.
    level, gain, shape = np.log(16.0), np.log(4.0), np.log(2.0)
    np.testing.assert_allclose(
        LOG_LAW.value(np.array([0.0, 0.5, 1.0, 1.5]), level, gain, shape), [4, 9, 16, 25]
    )
    coefficients = LOG_LAW.coefficients(level, gain, shape, LogAxis(1.0, np.e))
    assert coefficients == {
        "alpha": pytest.approx(2.0),
        "log_A": pytest.approx(2.0),
        "beta": pytest.approx(2.0),
    }


def test_log_law_with_beta_one_is_linear_in_log_size() -> None:
    u = np.linspace(0.0, 4.0, 41)
    np.testing.assert_allclose(np.diff(LOG_LAW.value(u, 3.0, 0.5, 0.0), n=2), 0.0, atol=1e-12)


def test_log_law_tends_to_a_power_of_size_as_beta_grows() -> None:
    u = np.linspace(0.0, 2.0, 21)
    np.testing.assert_allclose(LOG_LAW.value(u, 3.0, 0.5, 12.0), np.exp(3.0 - 0.5 * (1.0 - u)), rtol=1e-5)


def test_log_law_goes_to_zero_where_its_logarithm_would_be_negative() -> None:
    # beta = 1, from 10 to 20: the line meets zero at u = -1, and above 0.05 * 20 it is the line itself.
    values = LOG_LAW.value(np.array([-0.5, -0.9, -1.0, -1.5, -4.0]), np.log(20.0), np.log(2.0), 0.0)
    expected = [5.0, 1.0, 1.0 / np.e, np.exp(-6.0), np.exp(-31.0)]
    np.testing.assert_allclose(values, expected, rtol=1e-9)


@given(gain=st.floats(2.1, 8.0), shape=st.floats(-1.0, 0.7))
def test_large_gains_of_the_log_law_put_its_zero_between_the_anchors(gain: float, shape: float) -> None:
    beta = np.exp(shape)
    assume(gain > 2.05 * beta)
    coefficients = LOG_LAW.coefficients(3.0, gain, shape, AXIS)
    zero = AXIS.u(np.exp(-coefficients["log_A"] / coefficients["alpha"]))
    assert 0 < zero < 1
    low, high = LOG_LAW.value(np.array([zero - 0.2, 0.5 * (zero + 1)]), 3.0, gain, shape)
    assert low < 0.3**beta * np.exp(3.0)
    assert high == pytest.approx(LOG_LAW.at_size(AXIS.size(0.5 * (zero + 1)), coefficients))


@every_law
@given(level=levels, improvement=st.floats(-3.0, 12.0), shape=st.floats(-1.5, 1.5))
def test_the_gain_of_an_improvement_gives_it(
    case: Case, level: float, improvement: float, shape: float
) -> None:
    gain = case.law.gain_of(improvement, shape)
    found = np.log(case.value(np.array([0.0, 1.0]), level, gain, shape))
    assert case.better * (found[1] - found[0]) == pytest.approx(improvement, rel=1e-9, abs=1e-9)


def test_log_law_and_its_slope_are_continuous_in_all_parameters() -> None:
    # At gain = beta the start goes over to its tangent, at a base of 0.05 the logarithm does.
    step = 1e-6
    for u, gain in ((0.0, 1.0), (0.3, 1.0), (0.0, 2.0 - 0.05 * np.e)):
        left, middle, right = (float(LOG_LAW.value(u, 1.0, gain + d, 0.0)) for d in (-step, 0.0, step))
        assert (middle - left) / step == pytest.approx((right - middle) / step, rel=1e-4)


def test_power_law_worked_by_hand() -> None:
    # E = 1, A = 8, alpha = 1 on sizes 1 to 8: L = 9, 5, 3, 2.
    axis = LogAxis(1.0, 8.0)
    parameters = POWER_LAW.anchored({"E": 1.0, "log_A": np.log(8.0), "alpha": 1.0}, axis)
    np.testing.assert_allclose(parameters[:2], (np.log(2.0), np.log(4.5)))
    np.testing.assert_allclose(
        POWER_LAW.value(axis.u(np.array([1.0, 2.0, 4.0, 8.0])), *parameters), [9, 5, 3, 2]
    )


def test_power_law_never_has_a_negative_floor() -> None:
    floor = POWER_LAW.coefficients(GRID[0], GRID[1], GRID[2], AXIS)["E"]
    assert np.all(floor >= -1e-12 * np.exp(GRID[0] + np.abs(GRID[1])))


def test_power_law_loses_its_floor_as_the_shape_falls() -> None:
    floors = [POWER_LAW.coefficients(0.0, 0.5, shape, AXIS)["E"] for shape in (0.0, -3.0, -6.0, -12.0)]
    assert all(later < earlier for earlier, later in pairwise(floors))
    assert floors[-1] == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_a_score_that_saturates_is_the_reciprocal_of_a_loss(sharpness: float) -> None:
    u, (level, gain, shape) = np.linspace(0.0, 2.0, 9)[:, None, None, None], GRID
    score = SATURATING_LAW.value(u, level, gain, shape, sharpness)
    np.testing.assert_allclose(score * POWER_LAW.value(u, -level, gain, shape, sharpness), 1.0, rtol=1e-12)


def test_saturating_law_worked_by_hand() -> None:
    # Half of the ceiling 40 at D0 = 4 with alpha = 1; p = 2 is closer to both of its straight lines.
    coefficients = {"ceiling": 40.0, "log_D0": np.log(4.0), "rate": 1.0}
    np.testing.assert_allclose(SATURATING_LAW.at_size(np.array([1, 4, 12]), coefficients), [8, 20, 30])
    np.testing.assert_allclose(
        SATURATING_LAW.at_size(np.array([4.0, 3.0]), coefficients, 2.0), [40 / np.sqrt(2), 24.0]
    )


def test_a_sharper_power_law_is_the_larger_of_slope_and_floor() -> None:
    sizes, coefficients = np.geomspace(1.0, 1e4, 9), {"E": 2.0, "log_A": np.log(30.0), "alpha": 0.5}
    straight = np.maximum(2.0, 30.0 / np.sqrt(sizes))
    previous = POWER_LAW.at_size(sizes, coefficients) - straight
    for sharpness in (2.0, 4.0, 16.0, 64.0):
        above = POWER_LAW.at_size(sizes, coefficients, sharpness) - straight
        assert np.all((above >= -1e-12) & (above <= previous + 1e-12))
        previous = above
    assert previous.max() < 0.05


@pytest.mark.parametrize("law", [POWER_LAW, SATURATING_LAW])
def test_sharpness_bends_a_curve_between_three_points_that_stay(law: Law) -> None:
    u = np.array([0.0, 0.25, 0.5, 0.75, 1.0])[:, None]
    gain, shape = np.array([0.1, 0.5, 2.0]), np.array([-1.0, 0.0, 1.0])
    plain, sharp = (law.value(u, 1.0, gain, shape, power) for power in (1.0, 4.0))
    np.testing.assert_allclose(sharp[::2], plain[::2], rtol=1e-10)
    assert np.all(np.abs(sharp[1::2] / plain[1::2] - 1) > 1e-6)


@pytest.mark.parametrize("law", [LOG_LAW, RISING_POWER_LAW])
def test_laws_without_a_floor_that_could_be_sharp_ignore_the_sharpness(law: Law) -> None:
    u = np.linspace(-0.5, 2.0, 11)[:, None, None, None]
    level, gain, shape = GRID
    np.testing.assert_array_equal(law.value(u, level, gain, shape, 7.0), law.value(u, level, gain, shape))


def test_rising_power_law_worked_by_hand() -> None:
    # C = 10, A = 8, alpha = 1 on sizes 1 to 8: 2, 6, 8, 9; and zero where 8 / D is above 10.
    axis = LogAxis(1.0, 8.0)
    parameters = RISING_POWER_LAW.anchored({"C": 10.0, "log_A": np.log(8.0), "alpha": 1.0}, axis)
    np.testing.assert_allclose(parameters, (np.log(9.0), np.log(4.5), np.log(axis.span)))
    sizes = np.array([1.0, 2.0, 4.0, 8.0, 16.0, 0.8, 0.5])
    values = RISING_POWER_LAW.value(axis.u(sizes), *parameters)
    np.testing.assert_allclose(values, [2, 6, 8, 9, 9.5, 0, 0], atol=1e-12)


def test_rising_power_law_is_linear_in_log_size_as_its_rate_goes_to_zero() -> None:
    u = np.linspace(0.0, 2.0, 21)
    values = RISING_POWER_LAW.value(u, np.log(20.0), np.log(2.0), -25.0)
    np.testing.assert_allclose(values, 10.0 + 10.0 * u, rtol=1e-6)


@pytest.mark.parametrize("law", [SATURATING_LAW, RISING_POWER_LAW])
def test_scores_that_level_off_stay_below_their_ceiling_and_come_close_to_it(law: Law) -> None:
    name = "ceiling" if law is SATURATING_LAW else "C"
    for gain in (0.05, 0.5, 2.0):
        ceiling = law.coefficients(3.0, gain, 1.0, AXIS)[name]
        values = law.value(np.linspace(0.0, 40.0, 81), 3.0, gain, 1.0)
        assert np.all(values <= ceiling * (1 + 1e-12))
        assert values[-1] == pytest.approx(ceiling, rel=1e-6)


def test_the_log_law_rises_for_ever_and_those_with_a_ceiling_do_not() -> None:
    far = [float(law.value(30.0, 3.0, 0.4, 0.0)) for law in (LOG_LAW, SATURATING_LAW, RISING_POWER_LAW)]
    assert far[0] > 5 * np.exp(3.0)
    assert max(far[1:]) < 2 * np.exp(3.0)


@every_law
def test_values_are_the_parts_of_the_formula_put_together(case: Case) -> None:
    u = np.linspace(-0.5, 2.0, 26)[:, None, None, None]
    parts = case.law.terms(*GRID, case.sharpness)
    np.testing.assert_array_equal(case.law.at(u, parts), case.value(u, *GRID))


@every_law
@pytest.mark.parametrize("gain", [-0.4, 0.2, 1.2])
@pytest.mark.parametrize("shape", [-1.5, 0.0, 1.0])
def test_slopes_are_those_of_the_value_by_each_part(case: Case, gain: float, shape: float) -> None:
    u, step = np.linspace(0.0, 1.5, 16), 1e-6
    parts = tuple(float(part) for part in case.law.terms(1.0, gain, shape, case.sharpness))
    value, *slopes = case.law.slopes(u, parts)
    assert len(slopes) == len(parts)
    np.testing.assert_allclose(value, case.law.at(u, parts), rtol=1e-12)
    for place, slope in enumerate(slopes):
        above, below = ([*parts] for _ in range(2))
        above[place] += step
        below[place] -= step
        expected = (case.law.at(u, tuple(above)) - case.law.at(u, tuple(below))) / (2 * step)
        np.testing.assert_allclose(slope + 0.0 * u, expected, rtol=1e-5, atol=1e-7)
