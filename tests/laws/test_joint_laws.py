"""Properties of the laws in D_p and D_f."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bayesscale.laws import LogAxis
from bayesscale.laws.additive import ADDITIVE_LAW
from bayesscale.laws.joint import JointLaw
from bayesscale.laws.multiplicative import MULTIPLICATIVE_LAW
from bayesscale.laws.zoo import JOINT_LAWS

PRETRAIN, FINETUNE = LogAxis(1e9, 1e11), LogAxis(1e4, 1e6)
every_law = pytest.mark.parametrize("law", JOINT_LAWS.values(), ids=JOINT_LAWS.keys())
numbers = st.tuples(
    st.floats(-1.0, 2.0),
    st.floats(0.02, 1.0),
    st.floats(0.02, 1.0),
    st.floats(-2.0, 2.0),
    st.floats(-2.0, 2.0),
)
places = st.floats(-0.5, 2.0)


def named(law: JointLaw, drawn: tuple[float, ...]) -> dict[str, Any]:
    """Return parameters by name."""
    return dict(zip(law.parameter_names, drawn, strict=False))


@every_law
@given(drawn=numbers)
def test_level_and_gains_are_what_they_say(law: JointLaw, drawn: tuple[float, ...]) -> None:
    parameters = named(law, drawn)
    found = np.log(law.value(np.array([1.0, 0.0, 1.0]), np.array([1.0, 1.0, 0.0]), parameters))
    level, gain_p, gain_f = drawn[:3]
    np.testing.assert_allclose(found, [level, level + gain_p, level + gain_f], rtol=1e-10, atol=1e-10)


@every_law
@given(drawn=numbers, u=places, v=places)
def test_coefficients_give_the_same_surface_and_turn_back(
    law: JointLaw, drawn: tuple[float, ...], u: float, v: float
) -> None:
    parameters = named(law, drawn)
    coefficients = law.coefficients(parameters, PRETRAIN, FINETUNE)
    assert tuple(coefficients) == law.coefficient_names
    found = law.at_size(PRETRAIN.size(u), FINETUNE.size(v), coefficients)
    np.testing.assert_allclose(found, law.value(u, v, parameters), rtol=1e-9)
    back = law.anchored(coefficients, PRETRAIN, FINETUNE)
    assert {name: float(value) for name, value in back.items()} == pytest.approx(parameters, abs=1e-7)


@every_law
@given(drawn=numbers, u=places, v=places)
def test_inverse_undoes_value_in_both_directions(
    law: JointLaw, drawn: tuple[float, ...], u: float, v: float
) -> None:
    parameters = named(law, drawn)
    value = law.value(u, v, parameters)
    for moved in (law.value(u + 1e-3, v, parameters), law.value(u, v + 1e-3, parameters)):
        assume(value - moved > 1e-8 * value)
    assert law.inverse(value, v, parameters) == pytest.approx(u, abs=1e-5)
    assert law.inverse(value, u, law.swapped(parameters)) == pytest.approx(v, abs=1e-5)


@every_law
def test_more_of_either_never_hurts_and_there_is_a_floor(law: JointLaw) -> None:
    parameters = named(law, (0.5, 0.4, 0.2, 0.3, -0.5))
    grid = np.linspace(-0.5, 40.0, 82)
    surface = law.value(grid[:, None], grid[None], parameters)
    assert np.all(np.diff(surface, axis=0) <= 0)
    assert np.all(np.diff(surface, axis=1) <= 0)
    floor = law.coefficients(parameters, PRETRAIN, FINETUNE)["E"]
    assert surface[-1, -1] == pytest.approx(floor, rel=1e-3)
    assert law.inverse(floor * 0.99, 1.0, parameters) == np.inf


def test_what_is_worth_what() -> None:
    # A gain in D_p is the same at every D_f: as a difference, or as a ratio of what is above the floor.
    v = np.linspace(-0.5, 2.0, 6)
    for law in (ADDITIVE_LAW, MULTIPLICATIVE_LAW):
        parameters = named(law, (0.5, 0.4, 0.2, 0.3, -0.5))
        floor = law.coefficients(parameters, PRETRAIN, FINETUNE)["E"]
        little, much = (law.value(u, v, parameters) - floor for u in (0.0, 1.0))
        worth = little - much if law is ADDITIVE_LAW else little / much
        np.testing.assert_allclose(worth, worth[0], rtol=1e-10)


def test_joint_laws_worked_by_hand() -> None:
    # 8 / D_p + 6 / D_f + 1 at (2, 3): 4 + 2 + 1; 24 / (D_p D_f) + 1 at (2, 3): 5.
    added = {"E": 1.0, "log_A": np.log(8.0), "a": 1.0, "log_B": np.log(6.0), "b": 1.0}
    assert ADDITIVE_LAW.at_size(2.0, 3.0, added) == pytest.approx(7.0)
    multiplied = {"E": 1.0, "log_A": np.log(24.0), "a": 1.0, "b": 1.0}
    assert MULTIPLICATIVE_LAW.at_size(2.0, 3.0, multiplied) == pytest.approx(5.0)
    axes = LogAxis(1.0, 2.0), LogAxis(1.0, 3.0)
    # L(1, 3) = 11 and L(2, 1) = 11 for the sum; 9 and 13 for the product.
    found = ADDITIVE_LAW.anchored(added, *axes)
    assert (found["gain_p"], found["gain_f"]) == pytest.approx((np.log(11 / 7), np.log(11 / 7)))
    found = MULTIPLICATIVE_LAW.anchored(multiplied, *axes)
    assert (found["gain_p"], found["gain_f"]) == pytest.approx((np.log(9 / 5), np.log(13 / 5)))


@every_law
def test_without_gain_in_pretraining_it_makes_no_difference(law: JointLaw) -> None:
    parameters = named(law, (0.5, 0.0, 0.2, 0.3, -0.5))
    values = law.value(np.linspace(-1, 3, 9), 0.7, parameters)
    np.testing.assert_allclose(np.diff(values), 0.0, atol=1e-12)
    now = law.value(0.0, 0.7, parameters)
    assert law.inverse(now * 1.01, 0.7, parameters) == -np.inf
    assert law.inverse(now * 0.99, 0.7, parameters) == np.inf
