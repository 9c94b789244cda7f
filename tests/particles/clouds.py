"""Clouds of particles made in plain NumPy: drawn from a population, and weighed by the likelihood."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayesscale.laws import LAWS
from bayesscale.models.assembly import Assembly
from bayesscale.particles import places
from bayesscale.particles.state import LocalPrior, Pool
from tests.models.near_zero import anchored, away, discrepancy_unit, sharpness_of

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Cloud(NamedTuple):
    """Laws, breaks and parameters of particles of one curve and metric."""

    law: IntArray
    broken: IntArray
    x: FloatArray

    @classmethod
    def of(
        cls, prior: LocalPrior, data: Assembly, c: int, m: int, count: int, rng: np.random.Generator
    ) -> Cloud:
        """Return draws from a population."""
        x, z = np.zeros((count, places.LOCAL)), rng.standard_normal
        one, both, two = prior.precision[c, m]
        factor = np.linalg.cholesky(np.linalg.inv([[one, both], [both, two]]))
        spread = rng.gamma(0.5 * prior.degrees[c, m], 2.0 / prior.rest[c, m], count) ** -0.5
        x[:, [places.LEVEL, places.GAIN]] = prior.mean[c, m] + spread[:, None] * z((count, 2)) @ factor.T
        law = rng.choice(len(LAWS), size=count, p=np.exp(prior.log_share[c, m]))
        x[:, places.SHAPE] = prior.shape_mean[m, law] + prior.shape_sd[m, law] * spread * z(count)
        for kind in np.flatnonzero(data.pooled_free):
            x[:, places.NOISE + kind] = prior.pooled_mean[kind, m] + prior.pooled_sd[kind, m] * z(count)
        x[:, places.MODE : places.MODE + 2] = z((count, 2))
        broken = np.zeros(count, dtype=np.int64)
        if data.may_break[m]:
            x[:, places.TAU] = data.first[c, m] + rng.standard_exponential(count) / prior.hazard[c, m]
            x[:, places.SLOPE] = prior.fall[m] * (data.break_spread * z(count) - 1.0)
            broken[x[:, places.TAU] < data.last[c, m]] = 1
        return cls(law, broken, x)

    def likelihood(self, data: Assembly, c: int, m: int) -> FloatArray:
        """Return the log likelihood of every particle, without the constant that compiled code leaves out."""
        count, x = int(data.count[c, m]), self.x[..., None]
        u, value = data.u[c, m, :count], np.empty((len(self.law), count))
        level, gain = anchored(x[:, places.LEVEL], x[:, places.GAIN], data.log_near[m])
        for number in np.unique(self.law):
            own, law = self.law == number, list(LAWS.values())[number]
            parts = level[own], gain[own], x[own, places.SHAPE], sharpness_of(x[own, places.SHARP])
            with np.errstate(all="ignore"):
                value[own] = law.value(u, *parts)
        ramp = np.maximum(u - x[:, places.TAU], 0.0) * self.broken[:, None]
        value += data.sign[m] * np.exp(level) * x[:, places.SLOPE] * ramp
        part = away(value, data.log_near[m])
        unit = discrepancy_unit(level, gain) * np.exp(x[:, places.STRAY])
        value += part * unit * (self.x[:, places.MODE : places.MODE + 2] @ data.modes[c, m, :count].T)
        square = part * np.exp(2.0 * x[:, places.NOISE]) + data.floor[m] ** 2
        square = square + special.expit(x[:, places.SHARE]) * data.variance[c, m, :count]
        off = (data.value[c, m, :count] - value) ** 2 / (data.degrees * square)
        return np.asarray((-0.5 * np.log(square) - 0.5 * (data.degrees + 1) * np.log1p(off)).sum(axis=1))

    def log_prior(self, prior: LocalPrior, data: Assembly, c: int, m: int) -> FloatArray:
        """Return the log density of every particle under a population, up to a constant of the metric."""
        off = self.x[:, [places.LEVEL, places.GAIN]] - prior.mean[c, m]
        one, both, two = prior.precision[c, m]
        square = one * off[:, 0] ** 2 + 2.0 * both * off[:, 0] * off[:, 1] + two * off[:, 1] ** 2
        sd = prior.shape_sd[m, self.law]
        square += ((self.x[:, places.SHAPE] - prior.shape_mean[m, self.law]) / sd) ** 2
        total = prior.log_share[c, m, self.law] - np.log(sd)
        total -= 0.5 * (prior.degrees[c, m] + 3) * np.log1p(square / prior.rest[c, m])
        for kind in np.flatnonzero(data.pooled_free):
            off = (self.x[:, places.NOISE + kind] - prior.pooled_mean[kind, m]) / prior.pooled_sd[kind, m]
            total -= 0.5 * off**2
        total -= 0.5 * (self.x[:, places.MODE : places.MODE + 2] ** 2).sum(axis=1)
        if data.may_break[m]:
            rate, spread = prior.hazard[c, m], data.break_spread * prior.fall[m]
            slope = (self.x[:, places.SLOPE] + prior.fall[m]) / spread
            broken = (
                np.log(rate / spread) - rate * (self.x[:, places.TAU] - data.first[c, m]) - 0.5 * slope**2
            )
            broken -= 0.5 * np.log(2.0 * np.pi)
            total += np.where(self.broken > 0, broken, -rate * (data.last[c, m] - data.first[c, m]))
        return np.asarray(total)


def fill_pool(
    pool: Pool, prior: LocalPrior, data: Assembly, candidates: int, rng: np.random.Generator
) -> float:
    """Write particles of all pairs, drawn with their likelihood as weight; return the fewest that count.

    Not adaptive, so that they are draws from the posterior up to one part in how many candidates count.
    """
    fewest = float(candidates)
    for c, m in np.argwhere(data.count).tolist():
        cloud = Cloud.of(prior, data, c, m, candidates, rng)
        likelihood = cloud.likelihood(data, c, m)
        weight = special.softmax(likelihood)
        fewest = min(fewest, 1.0 / float((weight**2).sum()))
        chosen = rng.choice(candidates, size=pool.law.shape[2], p=weight)
        pool.law[c, m], pool.broken[c, m], pool.x[c, m] = (part[chosen] for part in cloud)
        pool.likelihood[c, m] = likelihood[chosen]
        pool.prior[c, m] = cloud.log_prior(prior, data, c, m)[chosen]
    return fewest
