"""The non-pretrained baseline: what the same model reaches from random initialisation, at every D_f."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from bayesscale.metrics.curves import Curves
from bayesscale.models.effects import Effects, noise_scales
from bayesscale.models.gaussian import absorb
from bayesscale.models.priors import Priors

# A baseline of 0 has no logarithm; so many typical values stand for it where its line is looked for.
_SMALLEST = 0.01


def baseline_covariate(curves: Curves) -> Any:
    """Return centred log10 D_f of the baseline's cells, or None where it does not vary."""
    for covariate in curves.covariates:
        if (
            covariate.name in ("finetune_tokens", "pretrain_tokens")
            and covariate.name in curves.cells.columns
        ):
            values = covariate.scaled(curves.cells[covariate.name])
            return values if np.unique(values).size > 1 else None
    return None


def baseline_data(curves: Curves, effects: Effects, priors: Priors, *, centred: bool) -> dict[str, Any]:
    """Return the arrays of the baseline that the model is given as data, by name; none without a baseline.

    Parameters
    ----------
    curves : Curves
        The data.
    effects : Effects
        The curves' effects, for the typical values of the metrics.
    priors : Priors
        The priors.
    centred : bool
        Sample the line around what the data say of it.
    """
    if not (rows := curves.blocks.get("baseline")):
        return {}
    typical = np.exp(_typical(effects))
    total, count = np.zeros((2, len(curves.cells), len(typical)))
    np.add.at(total, (rows.unit, rows.metric), rows.value)
    np.add.at(count, (rows.unit, rows.metric), 1.0)
    mean = np.maximum(total / np.maximum(count, 1.0), _SMALLEST * typical)
    columns = [np.ones(len(curves.cells))]
    if (covariate := baseline_covariate(curves)) is not None:
        columns.append(covariate)
    error = noise_scales(curves.names, priors) / np.where(count > 0, mean, 1.0)
    return {
        "baseline_value": rows.value,
        "baseline_se": rows.se,
        "baseline_design": np.column_stack(columns),
        "baseline_estimate": np.where(count > 0, np.log(mean), 0.0),
        "baseline_error": error,
        "baseline_known": (count > 0) * float(centred),
    }


def baseline_levels(effects: Effects, priors: Priors, data: dict[str, Any], *, sloped: bool) -> Any:
    """Return log levels of the non-pretrained model, (cell, metric): a line in log D_f plus residuals.

    Parameters
    ----------
    effects : Effects
        The curves' effects, for the typical values of the metrics.
    priors : Priors
        The priors.
    data : dict of tensor
        The model's data by name.
    sloped : bool
        Whether D_f varies between the cells.
    """
    sd = pm.LogNormal(
        "baseline_sd", np.log(priors.baseline_sd.median), priors.baseline_sd.spread, dims="metric"
    )
    names = ("baseline_mean", "baseline_slope")[: 1 + sloped]
    line = [(_typical(effects) + priors.baseline_level.mean, priors.baseline_level.sd)]
    line += [(priors.baseline_slope.mean, priors.baseline_slope.sd)] * sloped
    drawn = _line(line, sd, data)
    expected: Any = 0.0
    for place, name in enumerate(names):
        own = pm.Deterministic(name, drawn[place], dims="metric")
        expected = expected + data["baseline_design"][:, place, None] * own
    return pm.Normal("baseline_level", expected, sd, dims=("cell", "metric"))


def _line(line: list[tuple[Any, float]], sd: Any, data: dict[str, Any]) -> list[Any]:
    """Return the coefficients of the line of each metric, given mean and sd of their priors.

    Sampled as deviations from what cells and prior say together at this spread, in units of how well they say
    it: the posterior of a line narrows with the spread of the cells around it.
    """
    design, metrics = data["baseline_design"], data["baseline_estimate"].shape[1]
    weight = data["baseline_known"] / (sd**2 + data["baseline_error"] ** 2)
    columns = [design[:, place, None] * own for place, (_, own) in enumerate(line)]
    off = data["baseline_estimate"] - sum(design[:, i, None] * mean for i, (mean, _) in enumerate(line))
    gram = [[(weight * columns[i] * columns[j]).sum(axis=0) for j in range(i + 1)] for i in range(len(line))]
    found = absorb(gram, [(weight * column * off).sum(axis=0) for column in columns], xp=pt)
    raw = pm.Normal("baseline_raw", 0.0, 1.0, shape=(len(line), metrics))
    white = found.backward([solved + raw[i] for i, solved in enumerate(found.solved)])
    scale: Any = sum(pt.log(row[-1]) for row in found.factor)
    density: Any = sum(raw[i] ** 2 - own**2 for i, own in enumerate(white))
    pm.Potential("baseline_evidence", (0.5 * density - scale).sum())
    return [mean + own * white[i] for i, (mean, own) in enumerate(line)]


def _typical(effects: Effects) -> Any:
    """Return the log of each metric's typical value, shape (metrics,)."""
    return effects.offsets[: effects.correlated : 2]
