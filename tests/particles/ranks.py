"""Where parameters and data are in their distributions: uniform numbers if all is drawn as it should be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bayesscale.models.assembly import Assembly
from bayesscale.models.correlation import factor_of
from bayesscale.particles.places import MODE, NOISE, SHAPE, SLOPE, TAU
from bayesscale.particles.state import Local, Population
from tests.particles.simulated import cell_mean_and_scale, hazards, mean_and_scale

FloatArray = NDArray[np.float64]
Ranks = dict[str, FloatArray]


def population_ranks(own: Population, data: Assembly) -> Ranks:
    """Return the ranks of the population's parameters in their priors."""
    normal, fixed = special.ndtr, data.group < 0
    sds = np.where(fixed[:, None], data.coef_sd, own.group_sd[data.group] if len(own.group_sd) else 1.0)
    means = np.where(fixed[:, None], data.coef_mean, 0.0)

    def pooled(mean: FloatArray, sd: FloatArray, prior: FloatArray) -> tuple[FloatArray, FloatArray]:
        return (
            normal((mean - prior[..., 0]) / prior[..., 1]),
            normal((np.log(sd) - prior[..., 2]) / prior[..., 3]),
        )

    found: Ranks = {
        "coef": normal((own.coef - means) / sds),
        "group_sd": normal((np.log(own.group_sd) - data.group_prior[..., 0]) / data.group_prior[..., 1]),
        "sd": normal((np.log(own.sd) - data.sd_prior[:, 0]) / data.sd_prior[:, 1]),
        "partial": special.betainc(data.partial, data.partial, (own.partial + 1.0) / 2.0),
    }
    free, able = data.pooled_free, data.allowed
    found["pooled_mean"], found["pooled_sd"] = pooled(
        own.pooled_mean[free], own.pooled_sd[free], data.pooled[free]
    )
    found["shape_mean"], found["shape_sd"] = pooled(
        own.shape_mean[able], own.shape_sd[able], data.shapes[able]
    )
    for m in np.flatnonzero(able.sum(axis=1) > 1):
        found[f"share {m}"] = special.betainc(1, able[m].sum() - 1, own.share[m, able[m]])
    if (may := data.may_break).any():
        found["log_hazard"] = normal((own.log_hazard[may] - data.hazard[0]) / data.hazard[1])
        found["fall"] = normal((np.log(own.fall[may]) - data.break_scale[0]) / data.break_scale[1])
        if data.alignment.any():
            mean, sd = data.hazard_alignment
            found["hazard_alignment"] = normal((own.hazard_alignment[may] - mean) / sd)
    if len(data.cell_count):
        found["line"] = normal((own.line - data.line_mean) / data.line_sd)
        found["cell_sd"] = normal((np.log(own.cell_sd) - data.cell_sd_prior[0]) / data.cell_sd_prior[1])
    return found


def curve_ranks(own: Population, local: Local, data: Assembly, rng: np.random.Generator) -> Ranks:
    """Return the ranks of curves and their values in what the population says of them, curves first."""
    normal, (curves, metrics) = special.ndtr, data.count.shape
    levels = local.x[..., :2].reshape(curves, -1) - data.design @ own.coef
    white = np.linalg.solve(own.sd[:, None] * factor_of(own.partial, len(own.sd)), levels.T).T
    at = np.arange(metrics), local.law
    shapes = (local.x[..., SHAPE] - own.shape_mean[at]) / own.shape_sd[at]
    ranks = student_ranks(np.hstack([white, shapes]), data.curve_degrees)
    white = special.ndtri(ranks[:, : white.shape[1]])
    found: Ranks = {"level, gain, shape": ranks, "modes": normal(local.x[..., MODE : MODE + 2])}
    if not data.pooled_free[1]:
        del found["modes"]
    # A coefficient and what is left over along its column say nothing of one another.
    fixed = data.group < 0
    sds = np.where(fixed[:, None], data.coef_sd, own.group_sd[data.group] if len(own.group_sd) else 1.0)
    off = (own.coef - np.where(fixed[:, None], data.coef_mean, 0.0)) / sds
    along = data.design.T @ white / np.linalg.norm(data.design, axis=0)[:, None]
    found["coef and curves"] = normal((off + along) / np.sqrt(2.0))
    for kind in np.flatnonzero(data.pooled_free):
        off = (local.x[..., NOISE + kind] - own.pooled_mean[kind]) / own.pooled_sd[kind]
        found[f"pooled {kind}"] = normal(off)
    below = np.cumsum(own.share, axis=1)[at] - own.share[at]
    several = data.allowed.sum(axis=1) > 1
    found["law"] = (below + own.share[at] * rng.random(local.law.shape))[:, several]
    for m in np.flatnonzero(data.may_break).tolist():
        # What is beyond the data is any wait, and any slope.
        measured, broken, x = data.count[:, m] > 0, local.broken[:, m] > 0, local.x[:, m]
        rate, noise = hazards(own, data, m), rng.random((2, curves))
        chance = -np.expm1(-rate * (data.last - data.first)[:, m])
        waited = -np.expm1(-rate * (x[:, TAU] - data.first[:, m]))
        found[f"break {m}"] = np.where(broken, waited, chance + (1.0 - chance) * noise[0])[measured]
        slope = normal((x[:, SLOPE] / own.fall[m] + 1.0) / data.break_spread)
        found[f"slope {m}"] = np.where(broken, slope, noise[1])[measured]
    for m in range(metrics):
        rest = []
        for c in np.flatnonzero(data.count[:, m]).tolist():
            own_law, broke = local.law[c, m], bool(local.broken[c, m])
            mean, scale = mean_and_scale(local.x[c, m], own_law, broke, data, c, m)
            value = data.value[c, m, : len(mean)]
            rest.append(special.stdtr(data.degrees, (value - mean) / scale))
        found[f"values {m}"] = np.array(rest)
    return found | (cell_ranks(own, local, data) if len(data.cell_count) else {})


def student_ranks(white: FloatArray, degrees: float) -> FloatArray:
    """Return the ranks of the parts of Student-t vectors, each given those before it; all independent."""
    known = degrees + np.arange(white.shape[1])
    before = degrees + np.hstack([np.zeros((len(white), 1)), np.cumsum(white[:, :-1] ** 2, axis=1)])
    return np.asarray(special.stdtr(known, white * np.sqrt(known / before)))


def cell_ranks(own: Population, local: Local, data: Assembly) -> Ranks:
    """Return the same of the baseline."""
    normal, cell = special.ndtr, local.cell
    found: Ranks = {"cell": normal((cell[..., 0] - data.cell_design @ own.line) / own.cell_sd)}
    for place, kind in ((1, 0), (2, 3)):
        if data.pooled_free[kind]:
            off = (cell[..., place] - own.pooled_mean[kind]) / own.pooled_sd[kind]
            found[f"cell pooled {kind}"] = normal(off)
    rest = np.full(data.cell_value.shape, np.nan)
    for b, m in np.argwhere(data.cell_count):
        count, (mean, scale) = data.cell_count[b, m], cell_mean_and_scale(cell[b, m], data, b, m)
        off = (data.cell_value[b, m, :count] - mean) / scale
        rest[b, m, :count] = special.stdtr(data.degrees, off)
    found["baseline values"] = rest[~np.isnan(rest)]
    return found
