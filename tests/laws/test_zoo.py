"""Properties of the laws that models are compared with, on grids and on drawn parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bayesscale.laws import LOG_LAW, POWER_LAW, Law, LogAxis
from bayesscale.laws.chance import ChanceLaw
from bayesscale.laws.exponential import EXPONENTIAL_LAW
from bayesscale.laws.m4 import M4Law
from bayesscale.laws.rising import RISING_POWER_LAW
from bayesscale.laws.saturating import SaturatingLaw
from bayesscale.laws.shifted import ShiftedPowerLaw
from bayesscale.laws.smooth_break import SmoothBreakLaw
from bayesscale.laws.zoo import ZOO

AXIS = LogAxis(1e3, 2e5)
SPAN = AXIS.span
HIGH = 1e6
LAWS: dict[str, Law] = {
    "shifted": ShiftedPowerLaw(5.0, SPAN),
    "hardly shifted": ShiftedPowerLaw(1e-6, SPAN),
    "flattens": SmoothBreakLaw(0.3, 0.4, 0.1),
    "gets steeper": SmoothBreakLaw(2.5, 0.8, 0.02),
    "m4, bend 0.3": M4Law(HIGH, 0.3),
    "m4, bend 1": M4Law(HIGH, 1.0),
    "m4, bend 2": M4Law(HIGH, 2.0),
    "logistic": ChanceLaw(),
    "exponential": EXPONENTIAL_LAW,
    "rising": RISING_POWER_LAW,
}
LEVELS = np.array([-3.0, 0.0, 3.5])
GAINS = np.array([-3.0, -0.3, -1e-3, 0.0, 1e-3, 0.3, 1.0, 3.0])
SHAPES = np.linspace(-4.0, 4.0, 9)
GRID = np.meshgrid(LEVELS, GAINS, SHAPES, indexing="ij")

every_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS.keys())
levels, gains, shapes = st.floats(-2.0, 4.0), st.floats(0.05, 2.0), st.floats(-1.5, 1.5)


def better(law: Law) -> float:
    """Return +1 where larger values are better and -1 otherwise."""
    return 1.0 if law.improves == "up" else -1.0


def test_the_zoo_has_every_law_by_its_name() -> None:
    assert {name: law.name for name, law in ZOO.items()} == {name: name for name in ZOO}
    assert {type(law) for law in LAWS.values()} == {type(law) for law in ZOO.values()} - {
        type(LOG_LAW),
        type(POWER_LAW),
        SaturatingLaw,
    }


@every_law
def test_anchors_hold_whatever_the_parameters(law: Law) -> None:
    level, gain, _ = GRID
    np.testing.assert_allclose(np.log(law.value(1.0, *GRID)), level, rtol=1e-7, atol=1e-7)
    start = np.log(law.value(0.0, *GRID))
    np.testing.assert_allclose(start, level - better(law) * gain, rtol=1e-7, atol=1e-7)


@every_law
def test_no_gain_is_a_constant(law: Law) -> None:
    u = np.linspace(-1.0, 5.0, 61)
    for shape in SHAPES:
        np.testing.assert_allclose(law.value(u, 2.0, 0.0, shape), np.exp(2.0), rtol=1e-6)


@every_law
def test_values_change_with_size_in_the_direction_of_the_gain(law: Law) -> None:
    u = np.linspace(-0.5, 2.0, 101)
    for gain in GAINS:
        for shape in SHAPES:
            values = law.value(u, 1.0, gain, shape)
            steps = np.diff(values) * np.sign(gain) * better(law)
            assert np.all(steps >= -1e-9 * np.abs(values[1:])), (gain, shape)


@every_law
def test_extreme_parameters_never_give_a_nan(law: Law) -> None:
    u = np.linspace(-1.0, 5.0, 31)[:, None, None, None]
    assert np.all(np.isfinite(law.value(u, *GRID)))
    inverse = law.inverse(np.exp(np.linspace(-15.0, 13.0, 29))[:, None, None, None], *GRID)
    assert not np.any(np.isnan(inverse))
    coefficients = law.coefficients(GRID[0], GRID[1], GRID[2], AXIS)
    assert not any(np.any(np.isnan(value)) for value in coefficients.values())


@every_law
@given(level=levels, gain=gains, shape=shapes, u=st.floats(0.0, 1.5))
def test_inverse_undoes_value(law: Law, level: float, gain: float, shape: float, u: float) -> None:
    value = law.value(u, level, gain, shape)
    moved = law.value(u + 1e-3, level, gain, shape)
    assume(abs(moved - value) > 1e-7 * value)  # else the movement is lost in rounding
    assert law.inverse(value, level, gain, shape) == pytest.approx(u, abs=1e-5)


@every_law
@given(level=levels, gain=gains, shape=shapes, u=st.floats(0.0, 1.0))
def test_papers_coefficients_give_the_same_curve(
    law: Law, level: float, gain: float, shape: float, u: float
) -> None:
    coefficients = law.coefficients(level, gain, shape, AXIS)
    assert tuple(coefficients) == law.coefficient_names
    np.testing.assert_allclose(
        law.at_size(AXIS.size(u), coefficients), law.value(u, level, gain, shape), rtol=1e-7
    )


@every_law
@given(level=levels, gain=gains, shape=shapes)
def test_coefficients_turn_back_into_anchored_parameters(
    law: Law, level: float, gain: float, shape: float
) -> None:
    back = law.anchored(law.coefficients(level, gain, shape, AXIS), AXIS)
    np.testing.assert_allclose(back, (level, gain, shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("law", [ShiftedPowerLaw(5.0, SPAN), SmoothBreakLaw(0.3, 0.4, 0.1)])
def test_fields_move_with_the_anchors(law: ShiftedPowerLaw | SmoothBreakLaw) -> None:
    coefficients, other = law.coefficients(1.0, 0.7, 0.2, AXIS), LogAxis(3e3, 4e6)
    moved = law.of(coefficients, other)
    sizes = np.geomspace(1e2, 1e8, 13)
    values = moved.value(other.u(sizes), *moved.anchored(coefficients, other))
    np.testing.assert_allclose(values, law.value(AXIS.u(sizes), 1.0, 0.7, 0.2), rtol=1e-9)


@pytest.mark.parametrize("law", [ShiftedPowerLaw(0.0, SPAN), SmoothBreakLaw(1.0, 0.5, 0.1)])
def test_power_law_is_the_limit_without_shift_and_without_break(law: Law) -> None:
    u = np.linspace(-0.5, 3.0, 36)
    np.testing.assert_allclose(law.value(u, 1.0, 0.7, 0.2), POWER_LAW.value(u, 1.0, 0.7, 0.2), rtol=1e-12)


def test_m4_with_a_small_bend_is_a_power_law() -> None:
    u = np.linspace(0.0, 2.0, 21)
    values = M4Law(1e3, 1e-5).value(u, 1.0, 0.7, 0.2)
    np.testing.assert_allclose(values, POWER_LAW.value(u, 1.0, 0.7, 0.2), rtol=1e-4)


def test_m4_with_bend_one_is_logistic_in_log_size() -> None:
    law, u = M4Law(1.0, 1.0), np.linspace(-2.0, 3.0, 51)
    floor, *_ = law.terms(np.log(0.2), 0.9, 0.3)
    share = (law.value(u, np.log(0.2), 0.9, 0.3) - floor) / (1.0 - floor)
    np.testing.assert_allclose(np.diff(np.log(share / (1 - share)), n=2), 0.0, atol=1e-9)


@pytest.mark.parametrize("bend", [0.05, 0.3, 1.0, 4.0])
def test_m4_solves_its_equation(bend: float) -> None:
    # Sizes over 24 decades: from guessing down to the floor.
    coefficients = {"E": 0.1, "log_b": 3.0, "c": 0.4, "guess": 1.0, "bend": bend}
    sizes = np.geomspace(1e-10, 1e14, 49)
    error = M4Law().at_size(sizes, coefficients)
    assert np.all((error > 0.1) & (error <= 1.0))
    inside = (error > 0.1 + 1e-6) & (error < 1 - 1e-6)
    assert inside.sum() > 5
    left = np.log(error[inside] - 0.1) - bend * np.log(1.0 - error[inside])
    np.testing.assert_allclose(left, 3.0 - 0.4 * np.log(sizes[inside]), rtol=1e-6, atol=1e-6)


def test_m4_keeps_curves_below_guessing() -> None:
    values = M4Law(1.0, 0.5).value(np.linspace(-5.0, 1.0, 25), np.log(0.9), 0.5, 0.0)
    assert np.all(values <= 1.0)
    assert values[0] > 0.999


def test_shifted_law_worked_by_hand() -> None:
    # E = 1, A = 8, alpha = 1, s = 2 on sizes 2 to 6: L = 3, 2; L(0) = 5, L(14) = 1.5.
    axis, coefficients = LogAxis(2.0, 6.0), {"E": 1.0, "log_A": np.log(8.0), "alpha": 1.0, "s": 2.0}
    law = ShiftedPowerLaw.of(coefficients, axis)
    parameters = law.anchored(coefficients, axis)
    np.testing.assert_allclose(parameters[:2], (np.log(2.0), np.log(1.5)))
    np.testing.assert_allclose(
        law.value(axis.u(np.array([1e-9, 2.0, 6.0, 14.0])), *parameters), [5, 3, 2, 1.5]
    )
    assert law.inverse(6.0, *parameters) == -np.inf  # it is never so bad
    assert law.inverse(1.5, *parameters) == pytest.approx(axis.u(14.0))


def test_smooth_break_has_the_two_slopes_of_the_paper() -> None:
    coefficients = {"E": 0.0, "log_A": 1.0, "c0": 0.5, "c1": -0.3, "log_d": np.log(1e4), "f": 0.3}
    law = SmoothBreakLaw()
    log_loss = np.log(law.at_size(np.array([1.0, 10.0, 1e9, 1e10]), coefficients))
    assert (log_loss[0] - log_loss[1]) / np.log(10) == pytest.approx(0.5, abs=1e-6)
    assert (log_loss[2] - log_loss[3]) / np.log(10) == pytest.approx(0.2, abs=1e-6)
    # At the break itself, by hand: b d^(-c0) 2^(-c1 f).
    assert law.at_size(1e4, coefficients) == pytest.approx(np.e * 1e4**-0.5 * 2.0 ** (0.3 * 0.3))


def test_chance_law_worked_by_hand() -> None:
    # Chance 1/4, C = 3/4, alpha = 1, D0 = 3 on sizes 1 to 9: f = 3/8, 1/2, 5/8.
    axis, law = LogAxis(1.0, 9.0), ChanceLaw(0.25)
    coefficients = {"C": 0.75, "log_D0": np.log(3.0), "alpha": 1.0, "chance": 0.25}
    parameters = law.anchored(coefficients, axis)
    np.testing.assert_allclose(law.value(axis.u(np.array([1.0, 3.0, 9.0])), *parameters), [0.375, 0.5, 0.625])
    assert law.value(-60.0, *parameters) == pytest.approx(0.25)
    assert law.value(60.0, *parameters) == pytest.approx(0.75)
    assert law.inverse(0.8, *parameters) == np.inf
    assert law.inverse(0.2, *parameters) == -np.inf
    assert law.inverse(0.5, *parameters) == pytest.approx(0.5)


def test_exponential_law_worked_by_hand() -> None:
    # C = 40, alpha = 1, D0 = 2: 40 exp(-2), 40 exp(-1), 40 exp(-1/2) at 1, 2, 4.
    axis, coefficients = LogAxis(1.0, 4.0), {"log_C": np.log(40.0), "log_D0": np.log(2.0), "alpha": 1.0}
    parameters = EXPONENTIAL_LAW.anchored(coefficients, axis)
    values = EXPONENTIAL_LAW.value(np.array([0.0, 0.5, 1.0, 60.0]), *parameters)
    np.testing.assert_allclose(values, 40 * np.exp([-2.0, -1.0, -0.5, 0.0]))
    assert EXPONENTIAL_LAW.inverse(40.1, *parameters) == np.inf


def test_exponential_law_is_the_exponential_of_a_power_law() -> None:
    u = np.linspace(-0.5, 2.0, 26)
    loss = POWER_LAW.value(u, 0.5, 0.6, 0.1)
    score = 55.0 * np.exp(-1.7 * loss)
    law = EXPONENTIAL_LAW
    c = 0.6 + np.exp(0.1)
    ends = np.interp([0.0, 1.0], u, np.log(score))
    np.testing.assert_allclose(law.value(u, ends[1], ends[1] - ends[0], np.log(c)), score, rtol=1e-9)


def test_rising_power_law_worked_by_hand() -> None:
    # C = 10, A = 8, alpha = 1 on sizes 1 to 8: f = 2, 6, 8, 9; at 1/2 it would be negative.
    axis, coefficients = LogAxis(1.0, 8.0), {"C": 10.0, "log_A": np.log(8.0), "alpha": 1.0}
    parameters = RISING_POWER_LAW.anchored(coefficients, axis)
    u = axis.u(np.array([0.5, 1.0, 2.0, 4.0, 8.0]))
    np.testing.assert_allclose(RISING_POWER_LAW.value(u, *parameters), [0, 2, 6, 8, 9], atol=1e-12)
    assert RISING_POWER_LAW.inverse(10.5, *parameters) == np.inf
    assert RISING_POWER_LAW.inverse(0.0, *parameters) == -np.inf


def test_rising_power_law_tends_to_a_line_in_log_size() -> None:
    u = np.linspace(0.0, 2.0, 21)
    np.testing.assert_allclose(np.diff(RISING_POWER_LAW.value(u, 3.0, 0.5, -12.0), n=2), 0.0, atol=1e-4)
