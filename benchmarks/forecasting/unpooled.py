"""Our laws without pooling: each curve by itself, Bayesian, with the joint model's priors as they are.

    value ~ StudentT(5, law(level, gain, shape), sd)      sd^2 = noise^2 + (0.05 typical noise)^2 + se^2 / 2

Level, gain, shape and noise of every curve have the priors that the joint model gives to a population's mean,
widened by the spread between curves. There is no discrepancy and no break. Scores follow the log-law and
losses the power law. Sampled by the affine-invariant stretch move (Goodman and Weare 2010), all curves side
by side, in four independent ensembles, whose between-ensemble R-hat is reported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW, POWER_LAW, Law, LogAxis
from bayesscale.models.law_priors import EffectPrior, KindPrior, PooledPrior
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.priors import Priors
from benchmarks.forecasting.curves import Curve
from benchmarks.forecasting.least_squares import minimise

Array = NDArray[np.float64]

ENSEMBLES, WALKERS, STEPS, THIN = 4, 24, 6000, 100
_STRETCH = 2.0
_TAILS = Priors().degrees
_SHARE = 0.5
_GOOD_RHAT = 1.02
# Walkers start so many prior standard deviations around the mode.
_SPREAD = 0.05
_LOW, _HIGH = np.array([-20.0, -20.0, -8.0]), np.array([20.0, 20.0, 8.0])


@dataclass(frozen=True)
class _Group:
    """Curves of one law, padded to the same number of points."""

    law: Law
    u: Array
    value: Array
    known: NDArray[np.bool_]
    variance: Array
    mean: Array
    sd: Array

    def log_density(self, place: Array) -> Array:
        """Return the log posterior, shape (curves, walkers), of places (curves, walkers, 4)."""
        level, gain, shape, log_noise = (part[..., None] for part in np.moveaxis(place, -1, 0))
        law = self.law.value(self.u[:, None], level, gain, shape)
        spread = np.exp(2.0 * log_noise) + self.variance[:, None]
        squares = (self.value[:, None] - law) ** 2 / spread
        density = -0.5 * ((_TAILS + 1.0) * np.log1p(squares / _TAILS) + np.log(spread))
        prior = -0.5 * np.sum(((place - self.mean[:, None]) / self.sd[:, None]) ** 2, axis=-1)
        total = np.where(self.known[:, None], density, 0.0).sum(axis=-1) + prior
        return np.asarray(np.where(np.isfinite(total), total, -np.inf))


def forecasts(curves: Sequence[Curve], axis: LogAxis, seed: int) -> tuple[list[Array | None], dict[str, Any]]:
    """Return draws of new measurements on each curve, and what is to be said of the sampler.

    Parameters
    ----------
    curves : sequence of Curve
        What is fitted.
    axis : LogAxis
        Where the laws are anchored: the smallest and largest size of the fitted table, as in the joint model.
    seed : int
        Of the sampler and of the measurements.
    """
    rng, found, worst = np.random.default_rng(seed), {}, []
    for law, improves in ((LOG_LAW, "up"), (POWER_LAW, "down")):
        chosen = [place for place, curve in enumerate(curves) if curve.spec.improves == improves]
        if not chosen:
            continue
        own = [curves[place] for place in chosen]
        prior = Priors().score if improves == "up" else Priors().loss
        group = _group(own, law, prior, axis)
        draws = _sample(group, rng)
        worst.append(_rhat(draws))
        for place, curve, posterior in zip(chosen, own, draws, strict=True):
            found[place] = _measured(curve, law, axis, posterior.reshape(-1, 4), rng)
    rhat = np.concatenate(worst)
    status = "converged" if np.quantile(rhat, 0.99) < _GOOD_RHAT else "not converged"
    record = {
        "status": status,
        "rhat": float(rhat.max()),
        "draws": ENSEMBLES * WALKERS * (STEPS // 2 // THIN),
    }
    return [found[place] for place in range(len(curves))], record


def _group(curves: Sequence[Curve], law: Law, prior: KindPrior, axis: LogAxis) -> _Group:
    """Return the curves of one law, with the priors of each."""
    points = max(len(curve.size) for curve in curves)
    shape, noise = getattr(Priors().shape, law.option), Priors().noise_scale
    offset = np.log(axis.span) if law.rated else 0.0
    middle = [prior.level.mean.mean, prior.gain.mean.mean, shape.mean.mean + offset, noise.mean.mean]
    sd = [np.hypot(_own_sd(p), p.task_sd.median) for p in (prior.level, prior.gain)]
    own = [np.log([curve.spec.typical, 1.0, 1.0, curve.spec.noise]) for curve in curves]

    def padded(arrays: Sequence[Array], fill: float) -> Array:
        return np.stack([np.pad(a, (0, points - len(a)), constant_values=fill) for a in arrays])

    return _Group(
        law,
        padded([np.asarray(axis.u(curve.size)) for curve in curves], 0.5),
        padded([curve.value for curve in curves], 1.0),
        padded([np.ones(len(curve.size)) for curve in curves], 0.0) > 0,
        padded([_variance(curve, curve.se) for curve in curves], 1.0),
        np.array(own) + middle,
        np.tile([*sd, _own_sd(shape), _own_sd(noise)], (len(curves), 1)),
    )


def _own_sd(prior: EffectPrior | PooledPrior) -> float:
    """Return the spread of one curve's parameter: that of the mean, and that between curves."""
    return float(np.hypot(prior.mean.sd, prior.curve_sd.median))


def _variance(curve: Curve, se: Array) -> Array:
    """Return what is added to the variance of the noise."""
    return np.asarray((RESOLUTION * curve.spec.noise) ** 2 + _SHARE * np.nan_to_num(se) ** 2)


def _sample(group: _Group, rng: np.random.Generator) -> Array:
    """Return draws, shape (curves, ensembles, draws, 4)."""
    curves, half = len(group.u), WALKERS // 2
    # Every ensemble is a set of further curves.
    parts = (group.u, group.value, group.known, group.variance, group.mean, group.sd)
    many = _Group(group.law, *(np.repeat(part, ENSEMBLES, axis=0) for part in parts))  # type: ignore[arg-type]
    spread = _SPREAD * many.sd[:, None] * rng.normal(size=(curves * ENSEMBLES, WALKERS, 4))
    place = np.repeat(_start(group), ENSEMBLES, axis=0)[:, None] + spread
    density, kept = many.log_density(place), []
    for step in range(STEPS):
        for moved, others in ((slice(0, half), slice(half, None)), (slice(half, None), slice(0, half))):
            _stretch(many, place, density, moved, others, rng)
        if step >= STEPS // 2 and step % THIN == 0:
            kept.append(place.copy())
    draws = np.stack(kept, axis=1).reshape(curves, ENSEMBLES, -1, 4)
    return np.asarray(draws)


def _start(group: _Group) -> Array:
    """Return level, gain, shape and log noise near each curve's mode: the best of fits from five shapes."""
    weight = np.where(group.known, 1.0, 0.0) / np.exp(group.mean[:, 3:])
    fits, losses = [], []

    def residuals(place: Array) -> Array:
        level, gain, shape = (column[:, None] for column in place.T)
        rest = (group.law.value(group.u, level, gain, shape) - group.value) * weight
        prior = (place - group.mean[:, :3]) / group.sd[:, :3]
        return np.asarray(np.concatenate([np.nan_to_num(rest, nan=1e6, posinf=1e6), prior], axis=1))

    last = np.log(np.maximum(group.value[np.arange(len(group.u)), group.known.sum(axis=1) - 1], 1e-3))
    for shape in (-2.0, -1.0, 0.0, 1.0, 2.0):
        first = np.column_stack([last, group.mean[:, 1], np.full_like(last, shape)])
        place, loss = minimise(residuals, first, low=_LOW, high=_HIGH, turns=200)
        fits.append(place)
        losses.append(loss)
    best = np.stack(fits)[np.argmin(losses, axis=0), np.arange(len(group.u))]
    rest = residuals(best)[:, : group.u.shape[1]] / np.where(weight > 0, weight, 1.0)
    noise = np.sqrt((rest**2).sum(axis=1) / group.known.sum(axis=1) + np.exp(2 * group.mean[:, 3] - 4.0))
    return np.column_stack([best, np.log(noise)])


def _stretch(
    group: _Group, place: Array, density: Array, moved: slice, others: slice, rng: np.random.Generator
) -> None:
    """Move one half of the walkers along lines through walkers of the other half, in place."""
    now, partners = place[:, moved], place[:, others]
    partner = np.take_along_axis(partners, rng.integers(partners.shape[1], size=now.shape[:2])[..., None], 1)
    factor = ((_STRETCH - 1.0) * rng.uniform(size=now.shape[:2]) + 1.0) ** 2 / _STRETCH
    proposed = partner + factor[..., None] * (now - partner)
    reached = group.log_density(proposed)
    log_ratio = (now.shape[-1] - 1) * np.log(factor) + reached - density[:, moved]
    accepted = np.log(rng.uniform(size=log_ratio.shape)) < log_ratio
    place[:, moved] = np.where(accepted[..., None], proposed, now)
    density[:, moved] = np.where(accepted, reached, density[:, moved])


def _rhat(draws: Array) -> Array:
    """Return R-hat between ensembles for each curve, the largest of its parameters."""
    count = draws.shape[2]
    within = draws.var(axis=2, ddof=1).mean(axis=1)
    between = draws.mean(axis=2).var(axis=1, ddof=1)
    return np.asarray(np.sqrt((count - 1) / count + between / within).max(axis=-1))


def _measured(curve: Curve, law: Law, axis: LogAxis, posterior: Array, rng: np.random.Generator) -> Array:
    """Return draws of new measurements, shape (forecasts, draws)."""
    level, gain, shape, log_noise = (part[:, None] for part in posterior.T)
    # How exact the new measurement will be is not known; it is taken to be as exact as the others.
    typical = np.full(1, np.sqrt(np.mean(np.nan_to_num(curve.se) ** 2)))
    spread = np.sqrt(np.exp(2.0 * log_noise) + _variance(curve, typical))
    values = law.value(axis.u(curve.ahead), level, gain, shape)
    return np.asarray((values + spread * rng.standard_t(_TAILS, size=values.shape)).T)
