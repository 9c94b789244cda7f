"""What a chain holds: the population, the curves, the baseline; and a population as one curve sees it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.models.scale import place_of
from bayesscale.particles.places import LOCAL

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Population(NamedTuple):
    """One draw of the population's parameters; shapes as in `bayesscale.models.assembly.Assembly`.

    Parameters
    ----------
    coef : array, shape (Q, E)
        Coefficients of the regression of levels and gains.
    group_sd : array, shape (F, E)
        Spread of the levels of each factor.
    sd : array, shape (E,)
        Spread of curves around the regression.
    partial : array, shape (E (E - 1) / 2,)
        Partial correlations, row by row below the diagonal.
    pooled_mean, pooled_sd : array, shape (4, M)
        Of each of `POOLED`.
    shape_mean, shape_sd, share : array, shape (M, K)
        Of the shape under each law; share of each law.
    log_hazard, hazard_alignment, fall : array, shape (M,)
        Log of the breaks per e-fold, its change with alignment; typical fall of the slope.
    line : array, shape (2, M)
        Of the baseline in log10 D_f.
    cell_sd : array, shape (M,)
        Spread of the baseline's cells around the line.
    """

    coef: FloatArray
    group_sd: FloatArray
    sd: FloatArray
    partial: FloatArray
    pooled_mean: FloatArray
    pooled_sd: FloatArray
    shape_mean: FloatArray
    shape_sd: FloatArray
    share: FloatArray
    log_hazard: FloatArray
    hazard_alignment: FloatArray
    fall: FloatArray
    line: FloatArray
    cell_sd: FloatArray


class Local(NamedTuple):
    """The curves' and the baseline's own parameters.

    Parameters
    ----------
    x : array, shape (C, M, LOCAL)
        Local parameters, see `bayesscale.particles.local`.
    law : array of int, shape (C, M)
        Number of the law.
    broken : array of int, shape (C, M)
        1 where the law breaks within the data; only then the place and slope of the break count.
    likelihood : array, shape (C, M)
        Log likelihood of the pair's values; 0 where there are none.
    cell : array, shape (B, M, 3)
        Log value, log noise and logit of the share of the squared s.e. of each cell of the baseline.
    cell_likelihood : array, shape (B, M)
        Log likelihood of its values.
    """

    x: FloatArray
    law: IntArray
    broken: IntArray
    likelihood: FloatArray
    cell: FloatArray
    cell_likelihood: FloatArray


class Pool(NamedTuple):
    """Clouds of particles, all under one proposal population.

    Parameters
    ----------
    x : array, shape (C, M, particles, LOCAL)
        Local parameters.
    law, broken : array of int, shape (C, M, particles)
        As in `Local`.
    prior, likelihood : array, shape (C, M, particles)
        Log density under the proposal, and log likelihood.
    """

    x: FloatArray
    law: IntArray
    broken: IntArray
    prior: FloatArray
    likelihood: FloatArray


class LocalPrior(NamedTuple):
    """A population as curves see it.

    Parameters
    ----------
    mean : array, shape (C, M, 2)
        Expected level and gain.
    precision : array, shape (C, M, 3)
        Their precision: level, both, gain.
    degrees, rest : array, shape (C, M)
        Of the Student-t density of level, gain and shape: degrees of freedom, and how far off the curve is in
        its other metrics, plus the population's degrees of freedom.
    pooled_mean, pooled_sd, shape_mean, shape_sd : array
        As in `Population`.
    log_share : array, shape (C, M, K)
        Log share of each law; -inf where a metric cannot follow it.
    hazard : array, shape (C, M)
        Breaks per unit of u.
    fall : array, shape (M,)
        As in `Population`.
    """

    mean: FloatArray
    precision: FloatArray
    degrees: FloatArray
    rest: FloatArray
    pooled_mean: FloatArray
    pooled_sd: FloatArray
    shape_mean: FloatArray
    shape_sd: FloatArray
    log_share: FloatArray
    hazard: FloatArray
    fall: FloatArray


def middle(data: Assembly) -> Population:
    """Return the middle of the population's prior, the mean level from the data."""
    metrics, effects = len(data.sign), len(data.sd_prior)
    coef = np.where((data.group == -1)[:, None], data.coef_mean, 0.0)
    coef[0, ::2] = np.array([_typical_levels(data, m).mean() for m in range(metrics)])
    allowed = data.allowed.astype(float)
    return Population(
        coef=coef,
        group_sd=np.exp(data.group_prior[..., 0]),
        sd=np.exp(data.sd_prior[:, 0]),
        partial=np.zeros(effects * (effects - 1) // 2),
        pooled_mean=np.where(data.pooled_free[:, None], data.pooled[..., 0], 0.0),
        pooled_sd=np.exp(data.pooled[..., 2]),
        shape_mean=data.shapes[..., 0].copy(),
        shape_sd=np.exp(data.shapes[..., 2]),
        share=allowed / allowed.sum(axis=1, keepdims=True),
        log_hazard=np.full(metrics, data.hazard[0]),
        hazard_alignment=np.full(metrics, data.hazard_alignment[0] if data.alignment.any() else 0.0),
        fall=np.full(metrics, np.exp(data.break_scale[0])),
        line=data.line_mean.copy(),
        cell_sd=np.full(metrics, np.exp(data.cell_sd_prior[0])),
    )


def _typical_levels(data: Assembly, m: int) -> FloatArray:
    """Return where on the scale what the curves of a metric reach is; of its typical value without any."""
    curves = np.flatnonzero(data.count[:, m])
    found = [
        np.median(np.sort(data.sign[m] * data.value[c, m, : data.count[c, m]])[-2:]) * data.sign[m]
        for c in curves
    ]
    floor = max(data.floor[m], 1e-12)
    if not found:
        return data.coef_mean[0, 2 * m : 2 * m + 1]
    return np.asarray(place_of(np.log(np.maximum(found, floor)), data.log_near[m]))


_LEVEL_SD = 0.7
FEW_DEGREES = 3.0
"""Degrees of freedom of proposals: their tails are heavier than those of populations."""


def wide_prior(data: Assembly) -> LocalPrior:
    """Return the proposal with which chains begin: the whole width of the prior, levels near the data."""
    curves, metrics = data.count.shape
    start = middle(data)
    mean = np.empty((curves, metrics, 2))
    precision = np.zeros((curves, metrics, 3))
    for m in range(metrics):
        measured = data.count[:, m] > 0
        mean[:, m, 0] = start.coef[0, 2 * m]
        mean[measured, m, 0] = _typical_levels(data, m)
        mean[:, m, 1] = data.coef_mean[0, 2 * m + 1]
        precision[:, m, 0] = _LEVEL_SD**-2.0
        precision[:, m, 2] = 1.0 / (data.coef_sd[0, 2 * m + 1] ** 2 + start.sd[2 * m + 1] ** 2)
    with np.errstate(divide="ignore"):
        log_share = np.tile(np.log(start.share), (curves, 1, 1))
    hazard = np.exp(start.log_hazard) * data.span * np.ones((curves, 1))
    degrees = np.full((curves, metrics), FEW_DEGREES)
    return LocalPrior(
        mean, precision, degrees, degrees.copy(), start.pooled_mean,
        np.hypot(data.pooled[..., 1], start.pooled_sd), start.shape_mean,
        np.hypot(data.shapes[..., 1], start.shape_sd), log_share, hazard, start.fall,
    )  # fmt: skip


def empty(data: Assembly) -> Local:
    """Return room for the local parameters."""
    curves, metrics = data.count.shape
    cells = len(data.cell_count)
    return Local(
        x=np.zeros((curves, metrics, LOCAL)),
        law=np.zeros((curves, metrics), dtype=np.int64),
        broken=np.zeros((curves, metrics), dtype=np.int64),
        likelihood=np.zeros((curves, metrics)),
        cell=np.zeros((cells, metrics, 3)),
        cell_likelihood=np.zeros((cells, metrics)),
    )


def empty_pool(data: Assembly, particles: int) -> Pool:
    """Return room for so many particles of every curve and metric."""
    shape = (*data.count.shape, particles)
    law, broken = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    return Pool(np.zeros((*shape, LOCAL)), law, broken, np.zeros(shape), np.zeros(shape))
