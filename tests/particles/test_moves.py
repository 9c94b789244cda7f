"""Every move of a curve leaves its target as it is: without values, the prior; with them, the joint law."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from bayesscale.models.assembly import Assembly
from bayesscale.particles.collapsed import collapsed_likelihood, draw_modes, draw_weights
from bayesscale.particles.difference import step_by_difference
from bayesscale.particles.glide import glide
from bayesscale.particles.guide import PARTS, Guide, fit_parts, log_cloud, no_guide
from bayesscale.particles.local import log_prior, pair_likelihood
from bayesscale.particles.moves import (
    BREAK,
    JUMP,
    LAW,
    SINGLE,
    WALK,
    move,
)
from bayesscale.particles.places import LOCAL, MODE, NOISE, TAU
from bayesscale.particles.state import LocalPrior, Pool, empty_pool
from bayesscale.particles.steps import first_steps
from bayesscale.particles.structs import Struct
from bayesscale.particles.sweep import move_pair, seed_all
from bayesscale.particles.temper import draw_prior
from tests.particles.clouds import Cloud
from tests.particles.simulated import mean_and_scale
from tests.particles.small import assert_prior, draw, small_data, small_prior, without_values

FloatArray = NDArray[np.float64]
DRAWS, TURNS = 4000, 6
NAMES = {"walk": (WALK,), "single": (SINGLE,), "law": (LAW,), "break": (BREAK,), "jump": (JUMP, JUMP, WALK)}
ROUND = (LAW, BREAK, JUMP, WALK)
UNKNOWN = 3
"""A part of the posterior that guides do not know."""


@pytest.fixture(scope="module")
def data() -> Assembly:
    return without_values(small_data())


@pytest.fixture(scope="module")
def prior(data: Assembly) -> LocalPrior:
    return small_prior(data)


def wrong_guide(data: Assembly, width: float) -> Guide:
    """Return a guide that knows a wrong covariance of every part: moves have to be exact all the same."""
    guide = no_guide(data)
    guide.known[:] = True
    rng = np.random.default_rng(3)
    guide.factor[:] = width * np.tril(np.eye(LOCAL) + 0.2 * rng.standard_normal((LOCAL, LOCAL)))
    return guide


def rough_guide(data: Assembly, prior: LocalPrior) -> Guide:
    """Return a guide that is a little off of draws of the first curve, and knows all parts but one."""
    guide, rng = no_guide(data), np.random.default_rng(3)
    law, broken, x = Cloud.of(prior, data, 0, 0, 4000, rng)
    fit_parts(x, law, broken, Struct(prior), Struct(guide), Struct(data), 0, 0)
    guide.centre[:] += 0.1 * rng.standard_normal(guide.centre.shape)
    guide.factor[:] *= np.tril(1.0 + 0.2 * rng.standard_normal((LOCAL, LOCAL)))
    guide.known[:, :, UNKNOWN] = False
    assert guide.known[0, 0].sum() == PARTS - 3  # nor those of the law of losses
    return guide


def test_the_prior_that_particles_begin_with(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, found, x = Struct(prior), Struct(data), [], np.zeros((DRAWS, LOCAL))
    seed_all(1)
    scales = np.random.default_rng(1).gamma(0.5 * prior.degrees[0, 0], 2.0 / prior.rest[0, 0], DRAWS)
    for i in range(DRAWS):
        found.append(draw_prior(x[i], scales[i], own, compiled, 0, 0))
    law, broken = np.array(found).T
    assert_prior(x, law, broken, prior, data, 0)


@pytest.mark.parametrize(
    ("name", "guided", "collapsed"),
    [
        ("walk", True, False), ("walk", False, False), ("walk", True, True), ("walk", False, True),
        ("single", False, False), ("law", False, False), ("break", False, False), ("jump", True, False),
        ("jump", True, True),
    ],
)  # fmt: skip
def test_a_move_keeps_the_prior(
    data: Assembly, prior: LocalPrior, name: str, guided: bool, collapsed: bool
) -> None:
    own, compiled = Struct(prior), Struct(data)
    known = rough_guide(data, prior) if name == "jump" else wrong_guide(data, 0.3)
    guide = Struct(known if guided else no_guide(data))
    rng, out, taken = np.random.default_rng(12), np.empty(data.u.shape[2]), 0
    weights = np.ones(data.u.shape[2]) if collapsed else np.empty(0)
    states, found = np.zeros((DRAWS, LOCAL)), []
    seed_all(2)
    for i in range(DRAWS):
        law, broken, x = draw(prior, data, 0, rng)
        now, start = log_prior(law, broken, x, own, compiled, 0, 0), x.copy()
        for kind in NAMES[name] * TURNS:
            law, broken, now, likelihood = move(
                kind, 1.0, law, broken, x, now, 0.0, weights, own, guide, compiled, 0, 0, out
            )
            assert likelihood == 0.0
        assert now == pytest.approx(log_prior(law, broken, x, own, compiled, 0, 0))
        taken += bool((x != start).any())
        if collapsed:
            np.testing.assert_array_equal(x[MODE : MODE + 2], start[MODE : MODE + 2])
        states[i] = x
        found.append((law, broken))
    assert taken > 0.3 * DRAWS
    law_of, broken_of = np.array(found).T
    assert_prior(states, law_of, broken_of, prior, data, 0)


def test_jumps_are_between_all_parts_that_are_known(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, known = Struct(prior), Struct(data), rough_guide(data, prior)
    guide, rng = Struct(known), np.random.default_rng(6)
    out, nothing, gone = np.empty(data.u.shape[2]), np.empty(0), set()
    seed_all(7)
    for _ in range(2000):
        law, broken, x = draw(prior, data, 0, rng)
        now, before, start = log_prior(law, broken, x, own, compiled, 0, 0), 2 * law + broken, x.copy()
        law, broken, _, _ = move(
            JUMP, 1.0, law, broken, x, now, 0.0, nothing, own, guide, compiled, 0, 0, out
        )
        if (x != start).any():
            gone.add((before, 2 * law + broken))
    parts = np.flatnonzero(known.known[0, 0]).tolist()
    assert gone == set(itertools.product(parts, parts))


@pytest.mark.parametrize("collapsed", [False, True], ids=["with modes", "collapsed"])
def test_what_jumps_draw_from_is_student_t(data: Assembly, prior: LocalPrior, collapsed: bool) -> None:
    known, rng, off = rough_guide(data, prior), np.random.default_rng(4), []
    guide, weights = Struct(known), np.ones(2 if collapsed else 0)
    for part in np.flatnonzero(known.known[0, 0]).tolist():
        free = known.free[part % 2]
        count = int((free >= 0).sum()) - 2 * collapsed
        factor = known.factor[0, 0, part, :count, :count]
        cloud = stats.multivariate_t(known.centre[0, 0, part, :count], factor @ factor.T, df=6)
        for _ in range(5):
            x = rng.standard_normal(LOCAL)
            off.append(log_cloud(part, x, weights, guide, 0, 0) - cloud.logpdf(x[free[:count]]))
    np.testing.assert_allclose(off, off[0], rtol=1e-7)


def test_trajectories_keep_the_prior(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, guide = Struct(prior), Struct(data), Struct(wrong_guide(data, 0.3))
    rng, room, steps = np.random.default_rng(4), np.empty((4, data.u.shape[2])), np.zeros(data.count.shape)
    states, found, taken, weights = np.zeros((DRAWS, LOCAL)), [], 0, np.ones(data.u.shape[2])
    seed_all(3)
    for i in range(DRAWS):
        law, broken, x = draw(prior, data, 0, rng)
        now, start = log_prior(law, broken, x, own, compiled, 0, 0), x.copy()
        for _ in range(TURNS):
            now, _ = glide(law, broken, x, now, 0.0, weights, own, guide, compiled, 0, 0, steps, 0.0, room)
        taken += bool((x != start).any())
        np.testing.assert_array_equal(x[MODE : MODE + 2], start[MODE : MODE + 2])
        states[i] = x
        found.append((law, broken))
    assert taken > 0.5 * DRAWS
    law_of, broken_of = np.array(found).T
    assert_prior(states, law_of, broken_of, prior, data, 0)


def cloud_of_prior(data: Assembly, prior: LocalPrior, particles: int = 200) -> Pool:
    """Return clouds of which that of the first curve and metric are draws from the prior."""
    pool = empty_pool(data, particles)
    cloud = Cloud.of(prior, data, 0, 0, particles, np.random.default_rng(3))
    pool.law[0, 0], pool.broken[0, 0], pool.x[0, 0] = cloud
    return pool


class Measured:
    """The first curve with values of which it is drawn again and again; they tell a little of everything."""

    def __init__(self) -> None:
        self.data = small_data()
        prior = small_prior(self.data)
        # More noise, and a curve that strays more.
        for kind, more in ((0, 1.5), (1, 1.0)):
            prior.pooled_mean[kind] += more
        self.prior, self.guide = prior, rough_guide(self.data, prior)
        self.own: Any = Struct(prior)
        self.known: Any = Struct(self.guide)
        self.compiled: Any = Struct(self.data)
        size = self.data.u.shape[2]
        self.weights, self.room, self.nothing = np.empty(size), np.empty((4, size)), np.empty(0)
        self.steps = first_steps(self.data)
        # The guide is as wide as the prior.
        self.steps.glide[:] = np.log(0.08)
        self.sizes: Any = Struct(self.steps)
        self.law, self.broken, self.x = 0, 0, np.zeros(LOCAL)
        self.cloud = cloud_of_prior(self.data, prior)
        self.pool: Any = Struct(self.cloud)

    def draw(self, rng: np.random.Generator) -> None:
        """Draw the curve from the prior, and its values given the curve."""
        self.law, self.broken, self.x = draw(self.prior, self.data, 0, rng)
        mean, scale = mean_and_scale(self.x, self.law, bool(self.broken), self.data, 0, 0)
        noise = rng.standard_t(self.data.degrees, len(mean))
        # In place: compiled code shares the array.
        self.data.value[0, 0, : len(mean)] = mean + scale * noise

    def residuals(self) -> FloatArray:
        """Return the ranks of the values."""
        mean, scale = mean_and_scale(self.x, self.law, bool(self.broken), self.data, 0, 0)
        off = (self.data.value[0, 0, : len(mean)] - mean) / scale
        return np.asarray(stats.t.cdf(off, self.data.degrees))

    def densities(self) -> tuple[float, float]:
        """Return log prior and log likelihood."""
        at = self.law, self.broken, self.x
        return (
            log_prior(*at, self.own, self.compiled, 0, 0),
            pair_likelihood(*at, self.compiled, 0, 0, self.room[0]),
        )

    def move(self, kinds: tuple[int, ...], likelihood: float, weights: FloatArray) -> float:
        """Take moves of some kinds; return the likelihood."""
        now = log_prior(self.law, self.broken, self.x, self.own, self.compiled, 0, 0)
        for kind in kinds:
            self.law, self.broken, now, likelihood = move(
                kind, 1.0, self.law, self.broken, self.x, now, likelihood, weights, self.own, self.known,
                self.compiled, 0, 0, self.room[0],
            )  # fmt: skip
        return likelihood

    def plain(self) -> None:
        """Take moves of all kinds, modes among what moves."""
        found = self.move((*ROUND, SINGLE), self.densities()[1], self.nothing)
        assert found == pytest.approx(self.densities()[1])

    def collapsed(self, gliding: bool = False) -> None:
        """Take moves, or a trajectory, with the modes integrated out, and draw these."""
        at, room = (self.compiled, 0, 0), self.room
        draw_weights(self.law, self.broken, self.x, *at, room[0], self.weights)
        begun = collapsed_likelihood(self.law, self.broken, self.x, self.weights, *at, room[0])
        if gliding:
            now, found = log_prior(self.law, self.broken, self.x, self.own, *at), begun
            for _ in range(TURNS):
                now, found = glide(
                    self.law, self.broken, self.x, now, found, self.weights, self.own, self.known, *at,
                    self.steps.glide, 0.0, room,
                )  # fmt: skip
            assert now == pytest.approx(log_prior(self.law, self.broken, self.x, self.own, *at))
        else:
            found = self.move(ROUND, begun, self.weights)
        again = collapsed_likelihood(self.law, self.broken, self.x, self.weights, *at, room[0])
        assert found == pytest.approx(again)
        draw_modes(self.law, self.broken, self.x, self.weights, *at, room[0])

    def difference(self) -> None:
        """Take steps by differences of particles, with the modes among what moves and without."""
        likelihood = self.densities()[1]
        for _ in range(2):
            now = log_prior(self.law, self.broken, self.x, self.own, self.compiled, 0, 0)
            self.law, self.broken, now, likelihood = step_by_difference(
                self.law, self.broken, self.x, now, likelihood, self.nothing, self.own, self.known,
                self.pool, self.compiled, 0, 0, self.room[0],
            )  # fmt: skip
            assert (now, likelihood) == pytest.approx(self.densities())

    def pair(self) -> None:
        """Do all that a sweep does with a curve and metric."""
        self.law, self.broken, now, likelihood = move_pair(
            self.law, self.broken, self.x, True, True, self.own, self.known, self.pool, self.compiled, 0,
            0, self.sizes, 0.0, self.room, self.weights,
        )  # fmt: skip
        assert (now, likelihood) == pytest.approx(self.densities())


@pytest.mark.parametrize("name", ["plain", "collapsed", "gliding", "difference", "pair"])
def test_moves_keep_the_joint_distribution_of_a_curve_and_its_values(name: str) -> None:
    measured, rng = Measured(), np.random.default_rng(12)
    states, found, ranks, taken, other = np.zeros((DRAWS, LOCAL)), [], [], 0, 0
    seed_all(4)
    for i in range(DRAWS):
        measured.draw(rng)
        start, part = measured.x.copy(), (measured.law, measured.broken)
        for _ in range({"gliding": 1, "difference": 10}.get(name, 2)):
            if name == "gliding":
                measured.collapsed(gliding=True)
            else:
                getattr(measured, name)()
        taken += bool((measured.x != start)[:MODE].any())
        other += part != (measured.law, measured.broken)
        ranks.append(measured.residuals())
        states[i] = measured.x
        found.append((measured.law, measured.broken))
    assert taken > 0.5 * DRAWS
    assert other > 0.1 * DRAWS or name in ("gliding", "difference")
    law, broken = np.array(found).T
    assert_prior(states, law, broken, measured.prior, measured.data, 0)
    assert min(stats.kstest(each, "uniform").pvalue for each in np.array(ranks).T) > 1e-3


def test_a_break_stays_within_the_data(data: Assembly, prior: LocalPrior) -> None:
    own, compiled, guide = Struct(prior), Struct(data), Struct(wrong_guide(data, 2.0))
    _, _, x = draw(prior, data, 0, np.random.default_rng(0))
    out, nothing, law, broken = np.empty(data.u.shape[2]), np.empty(0), 0, 0
    now = log_prior(law, broken, x, own, compiled, 0, 0)
    seen = set()
    seed_all(5)
    for turn in range(400):
        kind = (BREAK, WALK)[turn % 2]
        law, broken, now, _ = move(
            kind, 1.0, law, broken, x, now, 0.0, nothing, own, guide, compiled, 0, 0, out
        )
        seen.add(broken)
        if broken:
            assert data.first[0, 0] < x[TAU] < data.last[0, 0]
    assert seen == {0, 1}


def test_what_is_not_estimated_does_not_move(prior: LocalPrior) -> None:
    data = without_values(small_data(se=None))
    assert not data.pooled_free[3]
    held: Any = small_prior(data)
    own, compiled, guide = Struct(held), Struct(data), Struct(no_guide(data))
    law, broken, x = draw(held, data, 0, np.random.default_rng(0))
    now, out = log_prior(law, broken, x, own, compiled, 0, 0), np.empty(data.u.shape[2])
    nothing = np.empty(0)
    seed_all(6)
    for turn in range(200):
        kind = (WALK, SINGLE, LAW, BREAK)[turn % 4]
        law, broken, now, _ = move(
            kind, 1.0, law, broken, x, now, 0.0, nothing, own, guide, compiled, 0, 0, out
        )
    assert x[NOISE + 3] == 0.0
