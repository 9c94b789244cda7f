"""Every move of a curve leaves its target as it is: without values, the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.glide import glide
from bayesscale.particles.local import log_prior
from bayesscale.particles.moves import BREAK, LAW, SINGLE, WALK, Guide, move, no_guide
from bayesscale.particles.places import LOCAL, NOISE, TAU
from bayesscale.particles.state import LocalPrior
from bayesscale.particles.structs import data_struct, guide_struct, prior_struct
from bayesscale.particles.sweep import seed_all
from bayesscale.particles.temper import draw_prior
from tests.particles.small import assert_prior, draw, small_data, small_prior, without_values

FloatArray = NDArray[np.float64]
DRAWS, TURNS = 3000, 6
NAMES = {"walk": (WALK,), "single": (SINGLE,), "law": (LAW,), "break": (BREAK,)}


@pytest.fixture(scope="module")
def data() -> Assembly:
    return without_values(small_data())


@pytest.fixture(scope="module")
def prior(data: Assembly) -> LocalPrior:
    return small_prior(data)


def known_guide(data: Assembly, width: float) -> Guide:
    """Return a guide that knows a wrong covariance of every part: moves have to be exact all the same."""
    guide = no_guide(data)
    guide.known[:] = True
    rng = np.random.default_rng(3)
    guide.factor[:] = width * np.tril(np.eye(LOCAL) + 0.2 * rng.standard_normal((LOCAL, LOCAL)))
    return guide


def test_the_prior_that_particles_begin_with(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, found, x = prior_struct(prior), data_struct(data), [], np.zeros((DRAWS, LOCAL))
    seed_all(1)
    for i in range(DRAWS):
        found.append(draw_prior(x[i], own, compiled, 0, 0))
    law, broken = np.array(found).T
    assert_prior(x, law, broken, prior, data, 0)


@pytest.mark.parametrize("guided", [True, False], ids=["with a cloud", "without"])
@pytest.mark.parametrize("name", NAMES)
def test_a_move_keeps_the_prior(data: Assembly, prior: LocalPrior, name: str, guided: bool) -> None:
    own, compiled = prior_struct(prior), data_struct(data)
    guide = guide_struct(known_guide(data, 0.3) if guided else no_guide(data))
    rng, out, taken = np.random.default_rng(1), np.empty(data.u.shape[2]), 0
    states, found = np.zeros((DRAWS, LOCAL)), []
    seed_all(2)
    for i in range(DRAWS):
        law, broken, x = draw(prior, data, 0, rng)
        now, start = log_prior(law, broken, x, own, compiled, 0, 0), x.copy()
        for kind in NAMES[name] * TURNS:
            law, broken, now, likelihood = move(
                kind, 1.0, law, broken, x, now, 0.0, own, guide, compiled, 0, 0, out
            )
            assert likelihood == 0.0
        assert now == pytest.approx(log_prior(law, broken, x, own, compiled, 0, 0))
        taken += bool((x != start).any())
        states[i] = x
        found.append((law, broken))
    assert taken > 0.3 * DRAWS
    law_of, broken_of = np.array(found).T
    assert_prior(states, law_of, broken_of, prior, data, 0)


def test_trajectories_keep_the_prior(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, guide = prior_struct(prior), data_struct(data), guide_struct(known_guide(data, 0.3))
    rng, room, steps = np.random.default_rng(4), np.empty((4, data.u.shape[2])), np.zeros(data.count.shape)
    states, found, taken = np.zeros((DRAWS, LOCAL)), [], 0
    seed_all(3)
    for i in range(DRAWS):
        law, broken, x = draw(prior, data, 0, rng)
        now, start = log_prior(law, broken, x, own, compiled, 0, 0), x.copy()
        for _ in range(TURNS):
            now, _ = glide(law, broken, x, now, 0.0, own, guide, compiled, 0, 0, steps, 0.0, room)
        taken += bool((x != start).any())
        states[i] = x
        found.append((law, broken))
    assert taken > 0.5 * DRAWS
    law_of, broken_of = np.array(found).T
    assert_prior(states, law_of, broken_of, prior, data, 0)


def test_a_break_stays_within_the_data(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, guide = prior_struct(prior), data_struct(data), guide_struct(known_guide(data, 2.0))
    _, _, x = draw(prior, data, 0, np.random.default_rng(0))
    out, law, broken = np.empty(data.u.shape[2]), 0, 0
    now = log_prior(law, broken, x, own, compiled, 0, 0)
    seen = set()
    seed_all(5)
    for turn in range(400):
        kind = (BREAK, WALK)[turn % 2]
        law, broken, now, _ = move(kind, 1.0, law, broken, x, now, 0.0, own, guide, compiled, 0, 0, out)
        seen.add(broken)
        if broken:
            assert data.first[0, 0] < x[TAU] < data.last[0, 0]
    assert seen == {0, 1}


def test_what_is_not_estimated_does_not_move(prior: LocalPrior) -> None:
    data = without_values(small_data(se=None))
    assert not data.pooled_free[3]
    held: Any = small_prior(data)
    own, compiled, guide = prior_struct(held), data_struct(data), guide_struct(no_guide(data))
    law, broken, x = draw(held, data, 0, np.random.default_rng(0))
    now, out = log_prior(law, broken, x, own, compiled, 0, 0), np.empty(data.u.shape[2])
    seed_all(6)
    for turn in range(200):
        kind = (WALK, SINGLE, LAW, BREAK)[turn % 4]
        law, broken, now, _ = move(kind, 1.0, law, broken, x, now, 0.0, own, guide, compiled, 0, 0, out)
    assert x[NOISE + 3] == 0.0
