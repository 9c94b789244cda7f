"""Properties that every scaling law has, on grids and on drawn parameters."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bayesscale.laws import LAWS, LOG_LAW, POWER_LAW, SATURATING_LAW, Law, LogAxis, PowerLaw, SaturatingLaw

AXIS = LogAxis(1e9, 1.3e11)
LEVELS = np.array([-3.0, 0.0, 3.5])
GAINS = np.array([-10.0, -1.0, -1e-3, 0.0, 1e-3, 0.3, 1.0, 10.0])
SHAPES = np.linspace(-5.0, 5.0, 11)
GRID = np.meshgrid(LEVELS, GAINS, SHAPES, indexing="ij")

levels = st.floats(-4.0, 5.0)
gains = st.floats(0.01, 3.0)
shapes = st.floats(-3.0, 3.0)
inside = st.floats(0.0, 1.0)

EVERY = {**LAWS, "sharper power-law": PowerLaw(3.0), "blunter saturating-law": SaturatingLaw(0.7)}
every_law = pytest.mark.parametrize("law", EVERY.values(), ids=EVERY.keys())


def better(law: Law) -> float:
    """Return +1 where larger values are better and -1 otherwise."""
    return 1.0 if law.improves == "up" else -1.0


def test_laws_are_found_by_the_name_they_bear() -> None:
    assert {name: law.name for name, law in LAWS.items()} == {name: name for name in LAWS}
    assert set(LAWS) == {"log-law", "power-law", "saturating-law"}


@every_law
def test_anchors_hold_whatever_the_parameters(law: Law) -> None:
    level, gain, shape = GRID
    np.testing.assert_allclose(np.log(law.value(1.0, level, gain, shape)), level, rtol=1e-12, atol=1e-12)
    # Beyond, the gain of the log-law reaches below the lower anchor, to where the score is zero.
    # A sharp mirrored curve comes so close to zero that its start is a difference of rounding errors.
    whole = (gain <= np.exp(shape)) if law is LOG_LAW else getattr(law, "sharpness", 1.0) * gain > -12
    start = np.log(law.value(0.0, level, gain, shape))
    expected = level - better(law) * gain
    np.testing.assert_allclose(start[whole], expected[whole], rtol=1e-12, atol=1e-12)
    assert np.all(whole | (start < level))


@every_law
def test_no_gain_is_a_constant(law: Law) -> None:
    u = np.linspace(-1.0, 5.0, 61)
    for shape in SHAPES:
        np.testing.assert_allclose(law.value(u, 2.0, 0.0, shape), np.exp(2.0), rtol=1e-12)


@every_law
def test_values_change_with_size_in_the_direction_of_the_gain(law: Law) -> None:
    u = np.linspace(0.0, 1.0, 41)
    for gain in GAINS:
        for shape in SHAPES:
            steps = np.diff(law.value(u, 1.0, gain, shape)) * np.sign(gain) * better(law)
            assert np.all(steps >= -1e-12), (gain, shape)
            # Where the curve is not saturated it has to move.
            if 1e-3 <= abs(gain) <= 1 and abs(shape) <= 1:
                assert np.all(steps > 0), (gain, shape)


@every_law
def test_extreme_parameters_never_give_a_nan(law: Law) -> None:
    u = np.linspace(-1.0, 5.0, 61)[:, None, None, None]
    values = law.value(u, *GRID)
    assert np.all(np.isfinite(values))
    inverse = law.inverse(np.exp(np.linspace(-15.0, 15.0, 31))[:, None, None, None], *GRID)
    assert not np.any(np.isnan(inverse))
    assert not any(
        np.any(np.isnan(value)) for value in law.coefficients(GRID[0], GRID[1], GRID[2], AXIS).values()
    )


@every_law
@given(level=levels, gain=gains, shape=shapes, u=st.floats(0.0, 3.0))
def test_inverse_finds_the_size_of_a_value(
    law: Law, level: float, gain: float, shape: float, u: float
) -> None:
    value = law.value(u, level, gain, shape)
    assume(np.exp(shape) * max(u, 1.0) < 25)  # else the movement is lost in rounding
    found = law.inverse(value, level, gain, shape)
    np.testing.assert_allclose(law.value(found, level, gain, shape), value, rtol=1e-10)


@every_law
@given(level=levels, gain=st.floats(0.05, 2.0), shape=st.floats(-1.0, 1.0), u=inside)
def test_inverse_undoes_value(law: Law, level: float, gain: float, shape: float, u: float) -> None:
    value = law.value(u, level, gain, shape)
    assert law.inverse(value, level, gain, shape) == pytest.approx(u, abs=1e-10)


@every_law
@given(level=levels, gain=gains, shape=shapes, u=inside)
def test_papers_coefficients_give_the_same_curve(
    law: Law, level: float, gain: float, shape: float, u: float
) -> None:
    assume(gain / np.exp(shape) < 8)  # else log A + alpha log D is a small difference of large numbers
    coefficients = law.coefficients(level, gain, shape, AXIS)
    assert tuple(coefficients) == law.coefficient_names
    at_size = law.at_size(AXIS.size(u), coefficients)
    # Where the logarithm is near zero the log-law goes to zero smoothly, see the tests below.
    assume(law is not LOG_LAW or at_size > np.exp(level + np.exp(shape) * np.log(0.051)))
    np.testing.assert_allclose(at_size, law.value(u, level, gain, shape), rtol=1e-9)


@every_law
@given(level=levels, gain=st.floats(0.05, 2.0), shape=st.floats(-1.0, 1.0))
def test_coefficients_turn_back_into_anchored_parameters(
    law: Law, level: float, gain: float, shape: float
) -> None:
    back = law.anchored(law.coefficients(level, gain, shape, AXIS), AXIS)
    np.testing.assert_allclose(back, (level, gain, shape), rtol=1e-8, atol=1e-8)


@every_law
def test_anchors_can_be_moved_without_changing_the_curve(law: Law) -> None:
    moved = LogAxis(5e9, 7e11)
    coefficients = law.coefficients(1.0, 0.4, 0.2, AXIS)
    parameters = law.anchored(coefficients, moved)
    sizes = np.geomspace(1e9, 1e13, 9)
    np.testing.assert_allclose(
        law.value(moved.u(sizes), *parameters), law.value(AXIS.u(sizes), 1.0, 0.4, 0.2), rtol=1e-10
    )


@every_law
def test_gradient_is_continuous_where_the_gain_changes_sign(law: Law) -> None:
    u, step = np.linspace(0.0, 1.5, 16), 1e-6
    for shape in (-2.0, 0.0, 2.0):
        zero = law.value(u, 1.0, 0.0, shape)
        right = (law.value(u, 1.0, step, shape) - zero) / step
        left = (zero - law.value(u, 1.0, -step, shape)) / step
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
    assert LOG_LAW.inverse(1.0, np.log(20.0), np.log(2.0), 0.0) == pytest.approx(-0.9)
    assert LOG_LAW.inverse(0.0, np.log(20.0), np.log(2.0), 0.0) == -np.inf  # it always has more
    assert LOG_LAW.inverse(-3.0, np.log(20.0), np.log(2.0), 0.0) == -np.inf


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
    law: Law, level: float, improvement: float, shape: float
) -> None:
    gain = law.gain_of(improvement, shape)
    found = np.log(law.value(np.array([0.0, 1.0]), level, gain, shape))
    assert better(law) * (found[1] - found[0]) == pytest.approx(improvement, rel=1e-9, abs=1e-9)


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


@pytest.mark.parametrize(
    ("law", "target", "gain", "expected"),
    [
        (POWER_LAW, 0.5, 0.3, np.inf),  # below the floor
        (POWER_LAW, 0.0, 0.3, np.inf),
        (POWER_LAW, 2.0, 0.0, -np.inf),  # flat at 1: a loss of 2 always holds
        (POWER_LAW, 0.9, 0.0, np.inf),
        (POWER_LAW, 0.9, -0.3, np.inf),  # the loss rises with size
        (LOG_LAW, 2.0, 0.0, np.inf),  # flat at 1: a score of 2 is never reached
        (LOG_LAW, 0.9, 0.0, -np.inf),
        (LOG_LAW, 2.0, -0.3, np.inf),  # the score falls with size
    ],
)
def test_inverse_says_never_and_always_with_infinities(
    law: Law, target: float, gain: float, expected: float
) -> None:
    assert law.inverse(target, 0.0, gain, 1.0) == expected


def test_power_law_inverse_reaches_everything_above_the_floor() -> None:
    floor = POWER_LAW.coefficients(0.0, 0.3, 0.0, AXIS)["E"]
    assert np.isfinite(POWER_LAW.inverse(floor * 1.001, 0.0, 0.3, 0.0))
    assert POWER_LAW.inverse(floor * 0.999, 0.0, 0.3, 0.0) == np.inf


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 4.0])
def test_a_score_that_saturates_is_the_reciprocal_of_a_loss(sharpness: float) -> None:
    u, (level, gain, shape) = np.linspace(0.0, 2.0, 9)[:, None, None, None], GRID
    score = SaturatingLaw(sharpness).value(u, level, gain, shape)
    np.testing.assert_allclose(score * PowerLaw(sharpness).value(u, -level, gain, shape), 1.0, rtol=1e-12)


def test_saturating_law_worked_by_hand() -> None:
    # Half of the ceiling 40 at D0 = 4 with alpha = 1; p = 2 is closer to both of its straight lines.
    coefficients = {"ceiling": 40.0, "log_D0": np.log(4.0), "rate": 1.0}
    np.testing.assert_allclose(SATURATING_LAW.at_size(np.array([1, 4, 12]), coefficients), [8, 20, 30])
    np.testing.assert_allclose(
        SaturatingLaw(2.0).at_size(np.array([4.0, 3.0]), coefficients), [40 / np.sqrt(2), 24.0]
    )


def test_a_sharper_power_law_is_the_larger_of_slope_and_floor() -> None:
    sizes, coefficients = np.geomspace(1.0, 1e4, 9), {"E": 2.0, "log_A": np.log(30.0), "alpha": 0.5}
    straight = np.maximum(2.0, 30.0 / np.sqrt(sizes))
    previous = POWER_LAW.at_size(sizes, coefficients) - straight
    for sharpness in (2.0, 4.0, 16.0, 64.0):
        above = PowerLaw(sharpness).at_size(sizes, coefficients) - straight
        assert np.all((above >= -1e-12) & (above <= previous + 1e-12))
        previous = above
    assert previous.max() < 0.05


@pytest.mark.parametrize("law", [PowerLaw, SaturatingLaw])
def test_sharpness_bends_a_curve_between_three_points_that_stay(law: type[PowerLaw]) -> None:
    u = np.array([0.0, 0.25, 0.5, 0.75, 1.0])[:, None]
    gain, shape = np.array([0.1, 0.5, 2.0]), np.array([-1.0, 0.0, 1.0])
    plain, sharp = (law(power).value(u, 1.0, gain, shape) for power in (1.0, 4.0))
    np.testing.assert_allclose(sharp[::2], plain[::2], rtol=1e-10)
    assert np.all(np.abs(sharp[1::2] / plain[1::2] - 1) > 1e-6)
