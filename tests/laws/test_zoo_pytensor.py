"""The laws of the zoo give the same numbers, and usable gradients in everything, under PyTensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor import function  # type: ignore[attr-defined]
from pytensor.gradient import grad

from bayesscale.laws import Law
from bayesscale.laws.chance import ChanceLaw
from bayesscale.laws.exponential import EXPONENTIAL_LAW
from bayesscale.laws.joint import JointLaw
from bayesscale.laws.m4 import M4Law
from bayesscale.laws.rising import RISING_POWER_LAW
from bayesscale.laws.shifted import ShiftedPowerLaw
from bayesscale.laws.smooth_break import SmoothBreakLaw
from bayesscale.laws.zoo import JOINT_LAWS

Array = NDArray[np.float64]

# Each makes a law of its fields, so that those are variables of the graph too; beside it, their values.
MAKERS: dict[str, tuple[Callable[..., Law], tuple[float, ...]]] = {
    "shifted": (lambda shift: ShiftedPowerLaw(shift, 5.0), (2.0,)),
    "smooth break": (SmoothBreakLaw, (0.4, 0.4, 0.1)),
    "m4": (lambda bend: M4Law(400.0, bend), (0.7,)),
    "chance": (ChanceLaw, (0.25,)),
    "exponential": (lambda: EXPONENTIAL_LAW, ()),
    "rising": (lambda: RISING_POWER_LAW, ()),
}
GRID = np.stack(
    [
        axis.ravel()
        for axis in np.meshgrid(
            [0.0, 0.3, 1.0, 2.0],  # u
            [-1.0, 2.0],  # level
            [-0.4, 1e-3, 0.4, 1.5],  # gain
            [-3.0, -1.0, 0.2, 1.5, 3.0],  # shape
            indexing="ij",
        )
    ]
)


def evaluated(formula: Callable[..., Any], arguments: list[Array]) -> tuple[Array, Array]:
    """Return PyTensor's values and their slopes in all arguments."""
    variables = [pt.dvector() for _ in arguments]
    value = formula(*variables)
    slopes: Any = grad(value.sum(), variables)
    found = function(variables, [value, *slopes], mode="FAST_COMPILE")(*arguments)
    return found[0], np.stack(found[1:])


def numeric_slopes(formula: Callable[..., Any], arguments: list[Array], step: float = 1e-6) -> Array:
    """Return central differences in all arguments."""
    rows = []
    for place in range(len(arguments)):
        above, below = (
            formula(*(a + sign * step * (number == place) for number, a in enumerate(arguments)))
            for sign in (1, -1)
        )
        rows.append((above - below) / (2 * step))
    return np.stack(rows)


@pytest.mark.parametrize("name", MAKERS)
def test_numpy_and_pytensor_agree_in_values_and_slopes(name: str) -> None:
    make, fields = MAKERS[name]
    arguments = [*GRID, *(np.full(GRID.shape[1], field) for field in fields)]
    value, slopes = evaluated(
        lambda u, level, gain, shape, *own: make(*own).value(u, level, gain, shape, xp=pt), arguments
    )

    def formula(u: Array, level: Array, gain: Array, shape: Array, *own: Array) -> Any:
        return make(*own).value(u, level, gain, shape)

    np.testing.assert_allclose(value, formula(*arguments), rtol=1e-10)
    assert np.all(np.isfinite(slopes))
    np.testing.assert_allclose(slopes, numeric_slopes(formula, arguments), rtol=2e-4, atol=2e-4)


@pytest.mark.parametrize("law", [ShiftedPowerLaw(2.0, 5.0), SmoothBreakLaw(0.5, 0.5, 0.25)])
def test_fields_that_are_numbers_are_as_exact_as_variables(law: Law) -> None:
    u = pt.dvector()
    value = function([u], law.value(u, 1.0, 0.4, 0.2, xp=pt), mode="FAST_COMPILE")(GRID[0])
    np.testing.assert_allclose(value, law.value(GRID[0], 1.0, 0.4, 0.2), rtol=1e-7)
    warped = function([u], law.warp(u, pt), mode="FAST_COMPILE")(GRID[0])  # type: ignore[attr-defined]
    np.testing.assert_allclose(warped, law.warp(GRID[0]), rtol=1e-12)  # type: ignore[attr-defined]


@pytest.mark.parametrize("law", JOINT_LAWS.values(), ids=JOINT_LAWS.keys())
def test_joint_laws_agree_in_values_and_slopes(law: JointLaw) -> None:
    rng = np.random.default_rng(0)
    ranges = {"level": (-1, 2), "gain_p": (0.02, 1), "gain_f": (0.02, 1)}
    drawn = [rng.uniform(*ranges.get(name, (-2, 2)), size=50) for name in law.parameter_names]
    arguments = [rng.uniform(-0.5, 2.0, size=50), rng.uniform(-0.5, 2.0, size=50), *drawn]

    def formula(u: Any, v: Any, *own: Any, xp: Any = np) -> Any:
        return law.value(u, v, dict(zip(law.parameter_names, own, strict=True)), xp)

    value, slopes = evaluated(lambda *given: formula(*given, xp=pt), arguments)
    np.testing.assert_allclose(value, formula(*arguments), rtol=1e-12)
    np.testing.assert_allclose(slopes, numeric_slopes(formula, arguments), rtol=1e-5, atol=1e-6)
