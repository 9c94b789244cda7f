"""Parts of the hierarchy of effects: spreads between groups, and which effects are sampled directly."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesscale.metrics.design import Factor
from bayesscale.models.effects import Effects
from bayesscale.models.gaussian import Absorbed, cholesky
from bayesscale.models.regression import group_prior


def log_medians(effects: Effects, prior: str) -> NDArray[np.float64]:
    """Return the log of the prior median of a spread, one an effect.

    Parameters
    ----------
    effects : Effects
        The effects.
    prior : str
        Name of the spread in `EffectPrior`.
    """
    return np.asarray(np.log(effects.values(prior, "median").astype(float)))


def group_sd(factor: Factor, effects: Effects, log_median: Any) -> Any:
    """Add the spread of a factor's levels to the model being built, one an effect.

    Parameters
    ----------
    factor : Factor
        The grouping.
    effects : Effects
        The effects.
    log_median : tensor, shape (effects,)
        Log of the prior medians, given as data.
    """
    spread = effects.values(group_prior(factor.name), "spread")
    return pm.LogNormal(f"{factor.name}_sd", log_median, spread, dims="effect")


@dataclass(frozen=True)
class Information:
    """What the data of curves say of their effects, for the present noise and population; all are tensors.

    Parameters
    ----------
    precision : tensor, shape (curves, metrics, 2, 2)
        Of levels and gains, their shapes integrated out.
    pull : tensor, shape (curves, metrics, 2)
        Precision times estimate.
    shape_precision : tensor, shape (curves, metrics)
        Of shapes given level and gain, the population's included.
    shape_pull : tensor, shape (curves, metrics)
        Precision times mean, for level and gain 0.
    shape_slope : tensor, shape (curves, metrics, 2)
        What that pull loses per unit of level and of gain.
    """

    precision: Any
    pull: Any
    shape_precision: Any
    shape_pull: Any
    shape_slope: Any


def information(data: dict[str, Any], variance: Any, expected: Any, sd: Any) -> Information:
    """Return what the data say with noise of some variance, from the evidence, which is for noise 1.

    Parameters
    ----------
    data : dict of tensor
        The model's data by name; see `bayesscale.models.evidence.Evidence`.
    variance : tensor, shape (curves, metrics)
        Of the noise.
    expected : tensor, shape (curves, metrics)
        Shapes that the population expects.
    sd : tensor, shape (metrics,)
        Spread of shapes between curves.
    """
    precision = data["evidence_precision"] / variance[:, :, None, None]
    pull = data["evidence_pull"] / variance[:, :, None]
    slope, shape_precision = precision[:, :, 2, :2], precision[:, :, 2, 2] + sd**-2.0
    shape_pull = pull[:, :, 2] + expected * sd**-2.0
    share = slope / shape_precision[:, :, None]
    return Information(
        precision[:, :, :2, :2] - share[..., :, None] * slope[..., None, :],
        pull[:, :, :2] - share * shape_pull[:, :, None],
        shape_precision,
        shape_pull,
        slope,
    )


def informed(raw: Any, expected: Any, factor: Any, evidence: Information, count: int) -> Any:
    """Return levels and gains, sampled as deviations from what data and population say together.

    Parameters
    ----------
    raw, expected : tensor, shape (curves, correlated)
        Sampled coordinates, and what the population expects.
    factor : tensor
        Lower triangular factor of the covariance between curves.
    evidence : Information
        What the data say.
    count : int
        Number of levels and gains.

    Notes
    -----
    With the normal approximation of a curve's likelihood the posterior of its effects has a precision
    ``P + (factor @ factor.T)^-1 = G @ G.T``. `raw` are deviations from its mean in units of G^-T; the
    potential replaces their standard normal density by that of the effects. Where a fixed choice between
    effects and residuals leaves a funnel at small or at large spreads, this is the one at one end and the
    other at the other end, and it narrows and widens with the noise. G is triangular in the effects, whose
    order has nothing to do with the spreads; in other roots the directions of `raw` would turn with the
    correlations.
    """
    inverse = pt.linalg.solve_triangular(factor, pt.as_tensor(np.eye(count)), lower=True)
    own = inverse.T @ inverse
    pull = expected @ own + evidence.pull.reshape((raw.shape[0], count))

    def entry(i: int, j: int) -> Any:
        together = evidence.precision[:, i // 2, i % 2, j % 2] if i // 2 == j // 2 else 0.0
        return own[i, j] + together

    rows = cholesky([[entry(i, j) for j in range(i + 1)] for i in range(count)], pt)
    known = Absorbed(rows, [], 0.0)
    middle = known.forward([pull[:, i] for i in range(count)])
    value = pt.stack(known.backward([middle[i] + raw[:, i] for i in range(count)]), axis=1)
    white = (value - expected) @ inverse.T
    scale: Any = sum(pt.log(rows[i][i]) for i in range(count))
    sizes = raw.shape[0] * pt.log(pt.diag(factor)).sum()
    pm.Potential("evidence", 0.5 * (raw**2 - white**2).sum() - scale.sum() - sizes)
    return value


def informed_shapes(raw: Any, expected: Any, sd: Any, others: Any, evidence: Information) -> Any:
    """Return shapes, sampled as deviations from what data and population say together.

    Parameters
    ----------
    raw, expected : tensor, shape (curves, metrics)
        Sampled coordinates, and what the population expects.
    sd : tensor, shape (metrics,)
        Spread between curves.
    others : tensor, shape (curves, metrics, 2)
        Level and gain.
    evidence : Information
        What the data say.
    """
    total = evidence.shape_precision
    pull = evidence.shape_pull - (evidence.shape_slope * others).sum(axis=-1)
    value = pull / total + raw / pt.sqrt(total)
    white = (value - expected) / sd
    pm.Potential("shape_evidence", (0.5 * (raw**2 - white**2 - pt.log(total)) - pt.log(sd)).sum())
    return value
