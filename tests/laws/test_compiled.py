"""The sampler compiles the same formulas: numbers and order are those of `bayesscale.laws.LAWS`."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bayesscale.laws import LAWS
from bayesscale.particles.local import law_values
from bayesscale.particles.places import LOCAL, SHAPE, SHARP
from tests.models.near_zero import sharpness_of

U = np.array([-1.0, -0.1, 0.0, 0.3, 0.5, 1.0, 2.0, 5.0])
GRID = list(
    product(
        [-2.0, 3.5],  # level
        [-10.0, -0.4, 0.0, 1e-8, 1e-3, 0.4, 3.0, 10.0],  # gain
        [-5.0, -1.0, 0.0, 1.0, 5.0],  # shape
        [-0.5, 0.0, 1.2],  # log sharpness
    )
)


@pytest.mark.parametrize("number", range(len(LAWS)), ids=list(LAWS))
def test_numpy_and_compiled_code_agree(number: int) -> None:
    law, x, out = list(LAWS.values())[number], np.zeros(LOCAL), np.empty(len(U) + 1)
    for values in GRID:
        level, gain, shape, sharp = values
        x[[SHAPE, SHARP]] = shape, sharp
        out[-1] = 7.0
        law_values(number, level, gain, x, U, len(U), out)
        with np.errstate(all="ignore"):
            expected = law.value(U, level, gain, shape, sharpness_of(sharp))
        np.testing.assert_allclose(out[:-1], expected, rtol=1e-11, atol=1e-100, err_msg=str(values))
        assert out[-1] == 7.0  # beyond the count nothing is written
