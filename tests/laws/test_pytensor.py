"""The one formula of each law gives the same numbers, and usable gradients, under PyTensor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
import pytest
from numpy.typing import NDArray
from pytensor import function  # type: ignore[attr-defined]
from pytensor.gradient import grad

from bayesscale.laws import LAWS, POWER_LAW, SATURATING_LAW, Law

GRID = np.stack(
    [
        axis.ravel()
        for axis in np.meshgrid(
            [-1.0, 0.0, 0.3, 1.0, 2.0, 5.0],  # u
            [-2.0, 3.5],  # level
            [-10.0, -0.4, 0.0, 1e-3, 0.4, 10.0],  # gain
            [-5.0, -1.0, 0.0, 1.0, 5.0],  # shape
            indexing="ij",
        )
    ]
)
INSIDE = (GRID[0] >= 0) & (GRID[0] <= 1)


def compiled(law: Law, sharpness: float) -> Any:
    """Return a function that gives the values and their slopes in level, gain and shape."""
    u, level, gain, shape = (pt.dvector(name) for name in ("u", "level", "gain", "shape"))
    value = law.value(u, level, gain, shape, sharpness, xp=pt)
    slopes: Any = grad(value.sum(), [level, gain, shape])
    # Few rewrites and no C compiler: for one call, compiling would be most of the time.
    return function([u, level, gain, shape], [value, *slopes], mode="FAST_COMPILE")


def numeric_slopes(law: Law, sharpness: float, step: float = 1e-6) -> NDArray[np.float64]:
    """Return central differences in level, gain and shape."""
    rows = []
    for position in (1, 2, 3):
        shift = np.zeros((4, 1))
        shift[position] = step
        above, below = (law.value(u, a, b, c, sharpness) for u, a, b, c in (GRID + shift, GRID - shift))
        rows.append((above - below) / (2 * step))
    return np.stack(rows)


@pytest.mark.parametrize(
    ("law", "sharpness"),
    [*((law, 1.0) for law in LAWS.values()), (POWER_LAW, 3.0), (SATURATING_LAW, 3.0)],
    ids=[*LAWS, "sharp power", "sharp saturating"],
)
def test_numpy_and_pytensor_agree(law: Law, sharpness: float) -> None:
    value, *slopes = compiled(law, sharpness)(*GRID)
    u, level, gain, shape = GRID
    np.testing.assert_allclose(value, law.value(u, level, gain, shape, sharpness), rtol=1e-12, atol=1e-12)
    assert np.all(np.isfinite(np.stack(slopes)[:, INSIDE]))
    smooth = INSIDE & (np.abs(gain) < 1) & (gain != 0) & (np.abs(shape) < 2)
    np.testing.assert_allclose(
        np.stack(slopes)[:, smooth], numeric_slopes(law, sharpness)[:, smooth], rtol=1e-5, atol=1e-6
    )
