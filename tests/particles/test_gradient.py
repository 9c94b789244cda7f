"""The gradient that trajectories follow is that of the density they are accepted by."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.laws import LAWS
from bayesscale.models.assembly import Assembly
from bayesscale.particles.collapsed import collapsed_likelihood
from bayesscale.particles.gradient import add_prior_gradient, pair_gradient
from bayesscale.particles.guide import free_places
from bayesscale.particles.local import log_prior
from bayesscale.particles.places import LOCAL, MODE, SHAPE, TAU
from bayesscale.particles.structs import Struct
from tests.particles.small import draw, small_data, small_prior

FloatArray = NDArray[np.float64]
STEP = 1e-5


@pytest.fixture(scope="module")
def data() -> Assembly:
    return small_data()


@pytest.mark.parametrize("broken", [0, 1], ids=["unbroken", "broken"])
@pytest.mark.parametrize("law", range(len(LAWS)), ids=list(LAWS))
def test_it_is_that_of_collapsed_likelihood_and_prior(data: Assembly, law: int, broken: int) -> None:
    prior, m = small_prior(data), int(list(LAWS.values())[law].improves == "down")
    compiled, own = Struct(data), Struct(prior)
    rng, room, gradient = np.random.default_rng(law), np.empty((4, data.u.shape[2])), np.empty(LOCAL)
    free = free_places(data)[broken]
    moved = free[(free >= 0) & (free != MODE) & (free != MODE + 1)]
    assert len(moved) == 7 + 2 * broken

    def likelihood(x: FloatArray) -> float:
        return float(collapsed_likelihood(law, broken, x, weights, compiled, 0, m, room[0]))

    def both(x: FloatArray) -> float:
        return likelihood(x) + float(log_prior(law, broken, x, own, compiled, 0, m))

    for _ in range(20):
        _, _, x = draw(prior, data, m, rng)
        weights = rng.gamma(0.5 * data.degrees, 2.0 / data.degrees, data.u.shape[2])
        x[SHAPE] = prior.shape_mean[m, law] + prior.shape_sd[m, law] * rng.standard_normal()
        # Between two sizes: at a size itself the ramp has a kink.
        x[TAU] = data.first[0, m] + (0.1 + 0.2 * rng.integers(4)) * (data.last[0, m] - data.first[0, m])
        found = pair_gradient(law, broken, x, weights, compiled, 0, m, room, gradient)
        assert found == pytest.approx(likelihood(x))
        add_prior_gradient(law, broken, x, own, compiled, 0, m, gradient)
        steps = STEP * np.eye(LOCAL)[moved]
        expected = np.array([(both(x + step) - both(x - step)) / (2 * STEP) for step in steps])
        scale = np.abs(expected).max()
        np.testing.assert_allclose(gradient[moved], expected, rtol=2e-3, atol=1e-4 * scale)
        assert not np.delete(gradient, moved).any()
