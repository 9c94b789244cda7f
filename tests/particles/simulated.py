"""Draws from the prior, and of data given them, in plain NumPy: what the compiled sampler is tested with."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayesscale.laws import LAWS
from bayesscale.models.assembly import Assembly
from bayesscale.models.correlation import factor_of
from bayesscale.particles import places
from bayesscale.particles.state import Local, Population
from tests.models.near_zero import anchored, away, discrepancy_unit, log_of, sharpness_of

FloatArray = NDArray[np.float64]


class Simulated(NamedTuple):
    """One draw of everything, the values of curves and of the baseline among it."""

    population: Population
    local: Local
    value: FloatArray
    cell_value: FloatArray


def draw_population(data: Assembly, rng: np.random.Generator) -> Population:
    """Return a draw from the prior of the population."""
    metrics, effects = len(data.sign), len(data.sd_prior)
    z = rng.standard_normal
    group_sd = np.exp(data.group_prior[..., 0] + data.group_prior[..., 1] * z(data.group_prior.shape[:2]))
    coef = data.coef_mean + data.coef_sd * z(data.coef_mean.shape)
    for q, f in enumerate(data.group):
        if f >= 0:
            coef[q] = group_sd[f] * z(effects)
    pooled = [
        data.pooled[..., 0] + data.pooled[..., 1] * z((4, metrics)),
        np.exp(data.pooled[..., 2] + data.pooled[..., 3] * z((4, metrics))),
    ]
    free = data.pooled_free[:, None]
    share = np.zeros(data.allowed.shape)
    for m, own in enumerate(data.allowed):
        share[m, own] = rng.dirichlet(np.ones(own.sum()))
    laws = data.allowed.shape
    aligned = bool(data.alignment.any())
    return Population(
        coef=coef,
        group_sd=group_sd,
        sd=np.exp(data.sd_prior[:, 0] + data.sd_prior[:, 1] * z(effects)),
        partial=2.0 * rng.beta(data.partial, data.partial) - 1.0,
        pooled_mean=np.where(free, pooled[0], 0.0),
        pooled_sd=np.where(free, pooled[1], np.exp(data.pooled[..., 2])),
        shape_mean=data.shapes[..., 0] + data.shapes[..., 1] * z(laws),
        shape_sd=np.exp(data.shapes[..., 2] + data.shapes[..., 3] * z(laws)),
        share=share,
        log_hazard=data.hazard[0] + data.hazard[1] * z(metrics),
        hazard_alignment=aligned * (data.hazard_alignment[0] + data.hazard_alignment[1] * z(metrics)),
        fall=np.exp(data.break_scale[0] + data.break_scale[1] * z(metrics)),
        line=data.line_mean + data.line_sd * z(data.line_mean.shape),
        cell_sd=np.exp(data.cell_sd_prior[0] + data.cell_sd_prior[1] * z(metrics)),
    )


def draw_local(population: Population, data: Assembly, rng: np.random.Generator) -> Local:
    """Return the curves and cells of a population."""
    curves, metrics = data.count.shape
    effects = len(data.sd_prior)
    x = np.zeros((curves, metrics, places.LOCAL))
    law = np.zeros((curves, metrics), dtype=np.int64)
    broken = np.zeros((curves, metrics), dtype=np.int64)
    factor = population.sd[:, None] * factor_of(population.partial, effects)
    spread = rng.gamma(0.5 * data.curve_degrees, 2.0 / data.curve_degrees, curves) ** -0.5
    apart = spread[:, None] * rng.standard_normal((curves, effects)) @ factor.T
    levels = data.design @ population.coef + apart
    x[..., places.LEVEL], x[..., places.GAIN] = levels[:, ::2], levels[:, 1::2]
    for kind in np.flatnonzero(data.pooled_free).tolist():
        off = population.pooled_sd[kind] * rng.standard_normal((curves, metrics))
        x[..., places.NOISE + kind] = population.pooled_mean[kind] + off
    x[..., places.MODE : places.MODE + 2] = rng.standard_normal((curves, metrics, 2))
    for m in range(metrics):
        law[:, m] = rng.choice(len(LAWS), size=curves, p=population.share[m])
        own = law[:, m]
        off = population.shape_sd[m, own] * spread * rng.standard_normal(curves)
        x[:, m, places.SHAPE] = population.shape_mean[m, own] + off
        if data.may_break[m]:
            hazard = hazards(population, data, m)
            x[:, m, places.TAU] = data.first[:, m] + rng.standard_exponential(curves) / hazard
            x[:, m, places.SLOPE] = population.fall[m] * (
                data.break_spread * rng.standard_normal(curves) - 1.0
            )
            broken[:, m] = x[:, m, places.TAU] < data.last[:, m]
    cells = len(data.cell_count)
    cell = np.zeros((cells, metrics, 3))
    cell[..., 0] = data.cell_design @ population.line + population.cell_sd * rng.standard_normal(
        (cells, metrics)
    )
    for place, kind in ((1, 0), (2, 3)):
        if data.pooled_free[kind]:
            off = population.pooled_sd[kind] * rng.standard_normal((cells, metrics))
            cell[..., place] = population.pooled_mean[kind] + off
    return Local(x, law, broken, np.zeros((curves, metrics)), cell, np.zeros((cells, metrics)))


def hazards(population: Population, data: Assembly, m: int) -> FloatArray:
    """Return the breaks per unit of u of every curve."""
    rate = population.log_hazard[m] + population.hazard_alignment[m] * data.alignment
    return np.asarray(np.exp(rate) * data.span)


def mean_and_scale(
    x: FloatArray, law: int, broken: bool, data: Assembly, c: int, m: int
) -> tuple[FloatArray, FloatArray]:
    """Return the expected values of a curve and metric, and the scale of their noise, by the formulas."""
    count = int(data.count[c, m])
    u = data.u[c, m, :count]
    kind = list(LAWS.values())[law]
    level, gain = anchored(x[places.LEVEL], x[places.GAIN], data.log_near[m])
    with np.errstate(all="ignore"):
        value = np.asarray(kind.value(u, level, gain, x[places.SHAPE], sharpness_of(x[places.SHARP])))
    if broken:
        ramp = np.maximum(u - x[places.TAU], 0.0)
        value = value + data.sign[m] * np.exp(level) * x[places.SLOPE] * ramp
    part = away(value, data.log_near[m])
    unit = discrepancy_unit(level, gain) * np.exp(x[places.STRAY])
    strayed = unit * part * (data.modes[c, m, :count] @ x[places.MODE : places.MODE + 2])
    variance = special.expit(x[places.SHARE]) * data.variance[c, m, :count]
    return value + strayed, np.sqrt(part * np.exp(2 * x[places.NOISE]) + data.floor[m] ** 2 + variance)


def draw_values(local: Local, data: Assembly, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Return values of all curves and of the baseline."""
    value, cell_value = np.zeros_like(data.value), np.zeros_like(data.cell_value)
    for c, m in np.argwhere(data.count).tolist():
        mean, scale = mean_and_scale(local.x[c, m], local.law[c, m], bool(local.broken[c, m]), data, c, m)
        value[c, m, : len(mean)] = mean + scale * rng.standard_t(data.degrees, size=len(mean))
    for b, m in np.argwhere(data.cell_count).tolist():
        count, cell = data.cell_count[b, m], local.cell[b, m]
        noise = rng.standard_t(data.degrees, size=count)
        level, own = cell_mean_and_scale(cell, data, b, m)
        cell_value[b, m, :count] = level + own * noise
    return value, cell_value


def cell_mean_and_scale(cell: FloatArray, data: Assembly, b: int, m: int) -> tuple[float, FloatArray]:
    """Return the expected value of a cell, and the scale of the noise of its values."""
    variance = data.cell_variance[b, m, : data.cell_count[b, m]]
    mean = float(np.exp(log_of(cell[0], data.log_near[m])))
    own = math.exp(2 * cell[1]) * away(mean, data.log_near[m])
    return mean, np.sqrt(own + data.floor[m] ** 2 + special.expit(cell[2]) * variance)


def density(value: FloatArray, mean: FloatArray, scale: FloatArray, degrees: float) -> float:
    """Return the log density of values, without the constant that the compiled code leaves out."""
    off = (value - mean) / scale
    return float((-np.log(scale) - 0.5 * (degrees + 1) * np.log1p(off**2 / degrees)).sum())


def fill_likelihoods(local: Local, data: Assembly) -> None:
    """Write the likelihoods of all curves and cells."""
    for c, m in np.argwhere(data.count).tolist():
        x = local.x[c, m]
        mean, scale = mean_and_scale(x, local.law[c, m], bool(local.broken[c, m]), data, c, m)
        local.likelihood[c, m] = density(data.value[c, m, : len(mean)], mean, scale, data.degrees)
    for b, m in np.argwhere(data.cell_count).tolist():
        cell, count = local.cell[b, m], data.cell_count[b, m]
        level, scale = cell_mean_and_scale(cell, data, b, m)
        values, expected = data.cell_value[b, m, :count], np.full(count, level)
        local.cell_likelihood[b, m] = density(values, expected, scale, data.degrees)


def simulate(data: Assembly, rng: np.random.Generator) -> Simulated:
    """Return a draw of population, curves and values."""
    population = draw_population(data, rng)
    local = draw_local(population, data, rng)
    return Simulated(population, local, *draw_values(local, data, rng))
