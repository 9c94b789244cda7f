"""A joint law with one size held is a power law in the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from pytensor import function  # type: ignore[attr-defined]
from pytensor.gradient import grad

from bayesscale.laws import PowerLaw
from bayesscale.laws.axis import LogAxis
from bayesscale.laws.slices import additive_slice, multiplicative_slice
from bayesscale.laws.zoo import JOINT_LAWS

PRETRAIN, FINETUNE = LogAxis(1e9, 6.4e10), LogAxis(1e6, 3e8)
SIZES = np.geomspace(2e8, 1e12, 25)
LEVELS, GAINS, SHAPES, REACH = (
    each.ravel()
    for each in np.meshgrid(
        [-1.0, 2.0], [0.01, 0.3, 1.5], [-3.0, -0.5, 1.0, 2.5], [-1.5, -0.2, 0.0, 0.4, 2.0], indexing="ij"
    )
)
EFFECTS = (LEVELS, GAINS, SHAPES)


@pytest.mark.parametrize("name", JOINT_LAWS)
@pytest.mark.parametrize("size", [3e5, 1e6, 2e7, 3e9])
def test_slices_are_those_of_the_joint_law(name: str, size: float) -> None:
    law, first, b = JOINT_LAWS[name], 1e8, 0.21
    coefficients = {"E": 0.7, "log_A": 3.0 if name == "additive" else 7.0, "a": 0.17, "b": b, "log_B": 2.5}

    def values(finetune: float) -> Any:
        return law.at_size(SIZES, finetune, coefficients)

    # The power law in D_p at the first D_f: its floor is all that does not depend on D_p.
    low, high = (law.at_size(at, first, coefficients) for at in (PRETRAIN.lo, PRETRAIN.hi))
    gain, c = np.log(low / high), coefficients["a"] * PRETRAIN.span
    effects = (np.log(high), gain, np.log(c - gain))
    u = PRETRAIN.u(SIZES)
    np.testing.assert_allclose(PowerLaw(1.0).value(u, *effects), values(first), rtol=1e-10)
    reach = b * np.log(first / size)
    if name == "additive":
        lacking = np.exp(coefficients["log_B"]) * first**-b
        moved = additive_slice(effects, reach, lacking / (coefficients["E"] + lacking))
    else:
        moved = multiplicative_slice(effects, reach)
    np.testing.assert_allclose(PowerLaw(1.0).value(u, *moved), values(size), rtol=1e-9)


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_sharp_laws_are_joint_in_their_powers(sharpness: float) -> None:
    u, law = np.linspace(-0.5, 3.0, 15)[:, None], PowerLaw(sharpness)
    before = law.value(u, *EFFECTS) ** sharpness
    floor = law.value(1e9, *EFFECTS) ** sharpness
    after = law.value(u, *multiplicative_slice(EFFECTS, REACH, sharpness)) ** sharpness
    np.testing.assert_allclose(after, floor + (before - floor) * np.exp(sharpness * REACH), rtol=1e-6)
    part = 0.6
    added = law.value(u, *additive_slice(EFFECTS, REACH, part, sharpness)) ** sharpness
    np.testing.assert_allclose(added, before + part * floor * np.expm1(sharpness * REACH), rtol=1e-6)


def _slices(xp: Any) -> list[Any]:
    """Return both slices as functions of level, gain, shape, reach, part and sharpness."""
    return [
        lambda level, gain, shape, reach, part, p: multiplicative_slice((level, gain, shape), reach, p, xp),
        lambda level, gain, shape, reach, part, p: additive_slice((level, gain, shape), reach, part, p, xp),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_no_distance_changes_nothing(which: int) -> None:
    gains = np.concatenate([GAINS, -GAINS, np.zeros_like(GAINS)])
    level, shape = np.tile(LEVELS, 3), np.tile(SHAPES, 3)
    found = _slices(np)[which](level, gains, shape, 0.0, 0.5, 1.7)
    for moved, before in zip(found, (level, gains, shape), strict=True):
        np.testing.assert_allclose(moved, before, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("which", [0, 1])
def test_where_pretraining_does_not_help_gain_and_shape_stay(which: int) -> None:
    _, gain, shape = _slices(np)[which](LEVELS, -GAINS, SHAPES, REACH, 0.5, 1.0)
    assert (gain == -GAINS).all()
    assert (shape == SHAPES).all()


@pytest.mark.parametrize("which", [0, 1])
def test_numpy_and_pytensor_agree_in_values_and_slopes(which: int) -> None:
    arguments = [*EFFECTS, REACH, np.full_like(LEVELS, 0.4), np.full_like(LEVELS, 1.3)]
    variables = [pt.dvector() for _ in arguments]
    total = sum(each.sum() for each in _slices(pt)[which](*variables))
    slopes: Any = grad(total, variables, disconnected_inputs="ignore")
    outputs = [*_slices(pt)[which](*variables), *slopes]
    found = function(variables, outputs, mode="FAST_COMPILE", on_unused_input="ignore")(*arguments)
    own = _slices(np)[which]
    for value, expected in zip(found[:3], own(*arguments), strict=True):
        np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)
    for place, slope in enumerate(found[3:]):
        above, below = (
            sum(own(*(a + sign * 1e-6 * (number == place) for number, a in enumerate(arguments))))
            for sign in (1, -1)
        )
        np.testing.assert_allclose(slope, (above - below) / 2e-6, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("which", [0, 1])
def test_gradients_are_numbers_everywhere(which: int) -> None:
    gains = np.array([-2.0, -1e-9, 0.0, 1e-9, 3.0, 0.2, 0.2])
    shapes = np.array([8.0, -20.0, 0.0, -20.0, 7.0, 0.0, 0.0])
    arguments = [
        np.zeros(7),
        gains,
        shapes,
        np.array([2.0, -2.0, 1.0, 3.0, 5.0, -9.0, 30.0]),
        np.full(7, 0.9),
        np.ones(7),
    ]
    variables = [pt.dvector() for _ in arguments]
    total = sum(each.sum() for each in _slices(pt)[which](*variables))
    slopes: Any = grad(total, variables[:5], disconnected_inputs="ignore")
    found = function(variables, [total, *slopes], mode="FAST_COMPILE", on_unused_input="ignore")(*arguments)
    assert all(np.isfinite(each).all() for each in found)
