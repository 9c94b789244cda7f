"""Draws of the population given the curves' local parameters, compiled.

Means and coefficients are normal given all else, shares of laws Dirichlet. Spreads, correlations and hazards take
Metropolis steps in logarithms, whose sizes adapt during warm-up.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.assembly import Assembly
from bayesscale.particles.compiled import compiled
from bayesscale.particles.places import NOISE, SHAPE, SLOPE, TAU
from bayesscale.particles.state import LAW_COUNT

_TARGET = 0.44
_REPEATS = 2


class Steps(NamedTuple):
    """Logarithms of the sizes of Metropolis steps, by what they change; named as in `Population`.

    Parameters
    ----------
    rate : array, shape (1,)
        How fast they adapt; 0 after warm-up.
    shift : array, shape (M, 10)
        Joint shifts of a mean and its curves: level, gain, `POOLED`, shapes by law.
    scale : array, shape (M, 10)
        The same of a spread and its curves.
    column : array, shape (Q, E)
        Joint shifts of a coefficient and its curves.
    glide : array, shape (C, M)
        Trajectories of single curves.
    mixed : array, shape (M, K)
        Shapes of laws with the laws of the curves summed over.
    joint : array, shape (M,)
        Trajectories of what the curves of a metric have in common.
    """

    rate: NDArray[np.float64]
    group_sd: NDArray[np.float64]
    group_scale: NDArray[np.float64]
    sd: NDArray[np.float64]
    partial: NDArray[np.float64]
    pooled_sd: NDArray[np.float64]
    shape_sd: NDArray[np.float64]
    log_hazard: NDArray[np.float64]
    hazard_alignment: NDArray[np.float64]
    fall: NDArray[np.float64]
    cell: NDArray[np.float64]
    cell_sd: NDArray[np.float64]
    shift: NDArray[np.float64]
    scale: NDArray[np.float64]
    column: NDArray[np.float64]
    glide: NDArray[np.float64]
    joint: NDArray[np.float64]
    mixed: NDArray[np.float64]


def first_steps(data: Assembly) -> Steps:
    """Return the sizes of steps with which warm-up begins."""
    metrics, effects = len(data.sign), len(data.sd_prior)
    factors, columns, cells = len(data.group_prior), len(data.group), len(data.cell_count)
    kinds = 2 + 4 + LAW_COUNT
    shapes: dict[str, tuple[int, ...]] = {
        "group_sd": (factors, effects), "group_scale": (factors, effects), "sd": (effects,),
        "partial": (len(data.partial),), "pooled_sd": (4, metrics), "shape_sd": (metrics, LAW_COUNT),
        "log_hazard": (metrics,), "hazard_alignment": (metrics,), "fall": (metrics,),
        "cell": (cells, metrics), "cell_sd": (metrics,), "shift": (metrics, kinds),
        "scale": (metrics, kinds), "column": (columns, effects),
        "glide": data.count.shape, "joint": (metrics,), "mixed": (metrics, LAW_COUNT),
    }  # fmt: skip
    small = ("shift", "cell", "column")
    sizes = {n: np.full(shape, math.log(0.05 if n in small else 0.3)) for n, shape in shapes.items()}
    return Steps(np.array([0.3]), **sizes)


@compiled
def accept(change: Any, steps: Any, place: Any, rate: Any) -> bool:
    """Return whether a step is taken, and adapt the size of its kind."""
    probability = math.exp(min(change, 0.0)) if not math.isnan(change) else 0.0
    steps[place] += rate * (probability - _TARGET)
    return np.random.random() < probability


@compiled
def log_spread(log_sd: Any, prior: Any) -> float:
    """Return the log density of the logarithm of a spread under its log-normal prior."""
    off = (log_sd - prior[0]) / prior[1]
    return -0.5 * off * off


@compiled
def correlation_factor(partial: Any, count: Any) -> Any:
    """Return the Cholesky factor of a correlation; the formula of `bayesscale.models.correlation`."""
    factor = np.zeros((count, count))
    place = 0
    for i in range(count):
        left = 1.0
        for j in range(i):
            factor[i, j] = partial[place] * math.sqrt(left)
            left *= 1.0 - partial[place] ** 2
            place += 1
        factor[i, i] = math.sqrt(left)
    return factor


@compiled
def inverse_factor(partial: Any, sd: Any) -> Any:
    """Return the inverse of the Cholesky factor of the covariance between curves."""
    count = sd.shape[0]
    factor = correlation_factor(partial, count)
    inverse = np.zeros((count, count))
    for i in range(count):
        inverse[i, i] = 1.0 / (factor[i, i] * sd[i])
        for j in range(i):
            total = 0.0
            for k in range(j, i):
                total += factor[i, k] * sd[i] * inverse[k, j]
            inverse[i, j] = -total * inverse[i, i]
    return inverse


@compiled
def fill_prior(population: Any, data: Any, prior: Any, precision: Any) -> None:
    """Write what does not depend on other metrics of a population as the curves see it.

    Parameters
    ----------
    population, data, prior : Population, Assembly, LocalPrior
        The population, the data, and what is written.
    precision : array, shape (E, E)
        Written: the inverse covariance of levels and gains between curves.
    """
    inverse = inverse_factor(population.partial, population.sd)
    precision[:] = inverse.T @ inverse
    prior.pooled_mean[:], prior.pooled_sd[:] = population.pooled_mean, population.pooled_sd
    prior.shape_mean[:], prior.shape_sd[:] = population.shape_mean, population.shape_sd
    prior.fall[:] = population.fall
    for m in range(data.count.shape[1]):
        for k in range(LAW_COUNT):
            prior.log_share[m, k] = math.log(population.share[m, k]) if data.allowed[m, k] else -np.inf
        prior.precision[:, m, 0] = precision[2 * m, 2 * m]
        prior.precision[:, m, 1] = precision[2 * m, 2 * m + 1]
        prior.precision[:, m, 2] = precision[2 * m + 1, 2 * m + 1]
        for c in range(data.count.shape[0]):
            rate = population.log_hazard[m] + population.hazard_alignment[m] * data.alignment[c]
            prior.hazard[c, m] = math.exp(rate) * data.span


@compiled
def residuals(population: Any, data: Any, local: Any) -> Any:
    """Return levels and gains minus what the regression expects of them, shape (C, E)."""
    curves, metrics = data.count.shape
    expected = data.design @ population.coef
    for c in range(curves):
        for m in range(metrics):
            for e in range(2):
                expected[c, 2 * m + e] = local.x[c, m, e] - expected[c, 2 * m + e]
    return expected


@compiled
def draw_coefficients(population: Any, data: Any, precision: Any, rest: Any, square: Any) -> None:
    """Draw the coefficients effect by effect, and keep the residuals up to date."""
    columns, effects = population.coef.shape
    for e in range(effects):
        own = precision[e, e]
        # What is left of effect e once the other effects' residuals are known.
        target = rest @ (precision[e] / own) + data.design @ np.ascontiguousarray(population.coef[:, e])
        system, pull = own * square, own * (data.design.T @ target)
        for q in range(columns):
            if data.group[q] < 0:
                system[q, q] += data.coef_sd[q, e] ** -2.0
                pull[q] += data.coef_mean[q, e] * data.coef_sd[q, e] ** -2.0
            else:
                system[q, q] += population.group_sd[data.group[q], e] ** -2.0
        factor = np.linalg.cholesky(system)
        white = np.linalg.solve(factor, pull)
        for q in range(columns):
            white[q] += np.random.standard_normal()
        new = np.linalg.solve(factor.T, white)
        change = data.design @ (population.coef[:, e] - new)
        rest[:, e] += change
        population.coef[:, e] = new


@compiled
def move_groups(population: Any, data: Any, precision: Any, rest: Any, steps: Any) -> None:
    """Move the spreads of the factors: with the effects of their levels as they are, and with these in step."""
    columns, effects = population.coef.shape
    for f in range(data.group_prior.shape[0]):
        for e in range(effects):
            square, count = 0.0, 0
            for q in range(columns):
                if data.group[q] == f:
                    square += population.coef[q, e] ** 2
                    count += 1
            now = math.log(population.group_sd[f, e])
            for _ in range(_REPEATS):
                new = now + math.exp(steps.group_sd[f, e]) * np.random.standard_normal()
                change = log_spread(new, data.group_prior[f, e]) - log_spread(now, data.group_prior[f, e])
                change += count * (now - new) - 0.5 * square * (math.exp(-2.0 * new) - math.exp(-2.0 * now))
                if accept(change, steps.group_sd, (f, e), steps.rate[0]):
                    now = new
            population.group_sd[f, e] = math.exp(now)
            scaled_group(population, data, precision, rest, steps, f, e)


@compiled
def scaled_group(population: Any, data: Any, precision: Any, rest: Any, steps: Any, f: Any, e: Any) -> None:
    """Move the spread of a factor together with the effects of its levels."""
    now = math.log(population.group_sd[f, e])
    new = now + math.exp(steps.group_scale[f, e]) * np.random.standard_normal()
    curves = rest.shape[0]
    shift = np.zeros(curves)
    for q in range(population.coef.shape[0]):
        if data.group[q] == f:
            shift += data.design[:, q] * population.coef[q, e] * (1.0 - math.exp(new - now))
    pulled = rest @ precision[e]
    change = log_spread(new, data.group_prior[f, e]) - log_spread(now, data.group_prior[f, e])
    for c in range(curves):
        change -= 0.5 * precision[e, e] * shift[c] * shift[c] + shift[c] * pulled[c]
    if accept(change, steps.group_scale, (f, e), steps.rate[0]):
        population.group_sd[f, e] = math.exp(new)
        rest[:, e] += shift
        for q in range(population.coef.shape[0]):
            if data.group[q] == f:
                population.coef[q, e] *= math.exp(new - now)


@compiled
def log_scatter(partial: Any, sd: Any, scatter: Any, curves: Any) -> float:
    """Return the log density of residuals with a scatter matrix under a covariance."""
    inverse = inverse_factor(partial, sd)
    total = 0.0
    for i in range(sd.shape[0]):
        total += curves * math.log(inverse[i, i])
    return total - 0.5 * (inverse @ scatter * inverse).sum()


@compiled
def move_covariance(population: Any, data: Any, rest: Any, steps: Any) -> None:
    """Move spreads and partial correlations of levels and gains between curves."""
    scatter, curves = rest.T @ rest, rest.shape[0]
    sd, partial = population.sd, population.partial
    now = log_scatter(partial, sd, scatter, curves)
    for e in range(sd.shape[0]):
        old = sd[e]
        new = old * math.exp(math.exp(steps.sd[e]) * np.random.standard_normal())
        sd[e] = new
        then = log_scatter(partial, sd, scatter, curves)
        change = then - now + log_spread(math.log(new), data.sd_prior[e])
        change -= log_spread(math.log(old), data.sd_prior[e])
        if accept(change, steps.sd, e, steps.rate[0]):
            now = then
        else:
            sd[e] = old
    for i in range(partial.shape[0]):
        old = partial[i]
        new = math.tanh(math.atanh(old) + math.exp(steps.partial[i]) * np.random.standard_normal())
        # In the Fisher transform a symmetric Beta(b, b) has the density (1 - r^2)^b.
        change = data.partial[i] * (math.log(max(1.0 - new * new, 1e-300)) - math.log(1.0 - old * old))
        partial[i] = new
        then = log_scatter(partial, sd, scatter, curves) if abs(new) < 1.0 - 1e-12 else -np.inf
        if accept(change + then - now, steps.partial, i, steps.rate[0]):
            now = then
        else:
            partial[i] = old


@compiled
def move_normal(values: Any, count: Any, mean: Any, sd: Any, prior: Any, steps: Any, place: Any, rate: Any):  # type: ignore[no-untyped-def]
    """Return mean and sd of a normal population given its members.

    Parameters
    ----------
    values : array
        The members, of which the first `count` count.
    count : int
        How many.
    mean, sd : float
        Where they are.
    prior : array, shape (4,)
        A row of `Assembly.pooled`.
    steps, place, rate : array, tuple, float
        Sizes of steps, which one is meant, how fast it adapts.
    """
    if count == 0:
        mean = prior[0] + prior[1] * np.random.standard_normal()
        return mean, math.exp(prior[2] + prior[3] * np.random.standard_normal())
    precision = count / (sd * sd) + 1.0 / (prior[1] * prior[1])
    pull = values[:count].sum() / (sd * sd) + prior[0] / (prior[1] * prior[1])
    mean = pull / precision + np.random.standard_normal() / math.sqrt(precision)
    square = ((values[:count] - mean) ** 2).sum()
    now = math.log(sd)
    for _ in range(_REPEATS):
        new = now + math.exp(steps[place]) * np.random.standard_normal()
        change = log_spread(new, prior[2:]) - log_spread(now, prior[2:])
        change += count * (now - new) - 0.5 * square * (math.exp(-2.0 * new) - math.exp(-2.0 * now))
        if accept(change, steps, place, rate):
            now = new
    return mean, math.exp(now)


@compiled
def move_pooled(population: Any, data: Any, local: Any, steps: Any) -> None:
    """Move means and spreads of what every curve has for itself, of shapes, and the shares of laws."""
    curves, metrics = data.count.shape
    cells = data.cell_count.shape[0]
    values = np.empty(curves + cells)
    for m in range(metrics):
        for kind in range(4):
            if not data.pooled_free[kind]:
                continue
            values[:curves] = local.x[:, m, NOISE + kind]
            count = curves
            if kind == 0 or kind == 3:
                values[curves:] = local.cell[:, m, 1 if kind == 0 else 2]
                count += cells
            population.pooled_mean[kind, m], population.pooled_sd[kind, m] = move_normal(
                values, count, population.pooled_mean[kind, m], population.pooled_sd[kind, m],
                data.pooled[kind, m], steps.pooled_sd, (kind, m), steps.rate[0],
            )  # fmt: skip
        total = 0.0
        for k in range(LAW_COUNT):
            if not data.allowed[m, k]:
                continue
            count = 0
            for c in range(curves):
                if local.law[c, m] == k:
                    values[count] = local.x[c, m, SHAPE]
                    count += 1
            population.shape_mean[m, k], population.shape_sd[m, k] = move_normal(
                values, count, population.shape_mean[m, k], population.shape_sd[m, k], data.shapes[m, k],
                steps.shape_sd, (m, k), steps.rate[0],
            )  # fmt: skip
            population.share[m, k] = np.random.gamma(1.0 + count, 1.0)
            total += population.share[m, k]
        population.share[m] /= total
        for k in range(LAW_COUNT):
            if data.allowed[m, k]:
                population.share[m, k] = max(population.share[m, k], 1e-12)


@compiled
def log_hazards(log_hazard: Any, slope: Any, data: Any, local: Any, m: Any) -> float:
    """Return the log density of whether and where the curves of a metric broke."""
    total = 0.0
    for c in range(data.count.shape[0]):
        rate = log_hazard + slope * data.alignment[c]
        if local.broken[c, m]:
            total += rate
            waited = local.x[c, m, TAU] - data.first[c, m]
        else:
            waited = data.last[c, m] - data.first[c, m]
        total -= math.exp(rate) * data.span * waited
    return total


@compiled
def move_breaks(population: Any, data: Any, local: Any, steps: Any, aligned: Any) -> None:
    """Move how often laws break, what alignment has to do with it, and how far they fall."""
    for m in range(data.count.shape[1]):
        if not data.may_break[m]:
            continue
        now = population.log_hazard[m]
        slope = population.hazard_alignment[m]
        new = now + math.exp(steps.log_hazard[m]) * np.random.standard_normal()
        change = log_hazards(new, slope, data, local, m) - log_hazards(now, slope, data, local, m)
        change += log_spread(new, data.hazard) - log_spread(now, data.hazard)
        if accept(change, steps.log_hazard, m, steps.rate[0]):
            population.log_hazard[m] = now = new
        if aligned:
            other = slope + math.exp(steps.hazard_alignment[m]) * np.random.standard_normal()
            change = log_hazards(now, other, data, local, m) - log_hazards(now, slope, data, local, m)
            change += log_spread(other, data.hazard_alignment) - log_spread(slope, data.hazard_alignment)
            if accept(change, steps.hazard_alignment, m, steps.rate[0]):
                population.hazard_alignment[m] = other
        old = math.log(population.fall[m])
        log_fall = old + math.exp(steps.fall[m]) * np.random.standard_normal()
        change = log_spread(log_fall, data.break_scale) - log_spread(old, data.break_scale)
        for c in range(data.count.shape[0]):
            if local.broken[c, m]:
                before = (local.x[c, m, SLOPE] * math.exp(-old) + 1.0) / data.break_spread
                after = (local.x[c, m, SLOPE] * math.exp(-log_fall) + 1.0) / data.break_spread
                change += old - log_fall + 0.5 * (before * before - after * after)
        if accept(change, steps.fall, m, steps.rate[0]):
            population.fall[m] = math.exp(log_fall)
