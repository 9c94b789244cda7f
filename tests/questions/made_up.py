"""A fit without sampling: draws around known effects, for tests of everything that comes after the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference import Fit, Status
from bayesscale.inference.derived import coefficients
from bayesscale.inference.tree import table_dataset
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.effects import Effects, joint_effects
from bayesscale.models.priors import Priors

SIZES = (1e9, 1e10, 1e11)
SHARES = {"en": {"share_en": 1.0, "share_fr": 0.0}, "en+fr": {"share_en": 0.5, "share_fr": 0.5}}
TRUE = {
    "bleu": (np.log(25.0), 0.5, 0.1),
    "comet": (np.log(0.8), 0.2, 0.0),
    "cross_entropy": (np.log(1.5), 0.3, -0.2),
}
"""Level, gain and shape of a typical curve."""
# Typical noise so small that the resolution of measurements, a share of it, changes no number.
PRIORS = Priors(noise=dict.fromkeys(TRUE, 1e-12))


def rows(
    tasks: tuple[str, ...] = ("en-fr", "en-de"),
    mixtures: Mapping[str, Mapping[str, float]] = SHARES,
    finetune: tuple[float, ...] = (6e6, 42e6),
    metrics: tuple[str, ...] = ("bleu", "cross_entropy"),
    sizes: tuple[float, ...] = SIZES,
) -> pd.DataFrame:
    """Return a metrics table, with language shares and a non-pretrained baseline."""
    values = {"bleu": 20.0, "comet": 0.8, "cross_entropy": 1.5}
    along = [
        {"task": t, "mixture": m, "pretrain_tokens": d, "finetune_tokens": f, "metric": name, **shares}
        | {"value": values[name] * (1 + 0.01 * place)}
        for t in tasks
        for m, shares in mixtures.items()
        for f in finetune
        for name in metrics
        for place, d in enumerate(sizes)
    ]
    baseline = [
        {"task": t, "mixture": "none", "pretrain_tokens": 0.0, "finetune_tokens": f, "metric": name}
        | {"value": 0.7 * values[name]}
        for t in tasks
        for f in finetune
        for name in metrics
    ]
    return pd.DataFrame([*along, *baseline])


@dataclass(frozen=True)
class MadeUp:
    """How to make up a fit.

    Parameters
    ----------
    table : pandas.DataFrame
        The data.
    draws : int
        Number of draws, over two chains.
    width : float
        Standard deviation of the draws of every effect; 0: all draws are the same.
    noise : float
        Scale of the noise, in every metric's unit.
    spread : float
        Spread between tasks, mixtures, pairs and curves.
    tails : float
        Degrees of freedom of the noise beyond 2.
    independent : float
        Share of the standard error that is independent, where there are any.
    problems : tuple of str
        Of the status.
    axis : str
        The size along a curve.
    replaced : mapping
        Variables of the posterior to replace, (dims, array without chain and draw).
    """

    table: pd.DataFrame = field(default_factory=rows)
    draws: int = 400
    width: float = 0.0
    noise: float = 0.0
    spread: float = 0.1
    tails: float = 100.0
    independent: float = 0.5
    problems: tuple[str, ...] = ()
    axis: str = "pretrain_tokens"
    curve: tuple[str, ...] | None = None
    replaced: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)

    def fit(self) -> Fit:
        """Return the fit."""
        metrics = read_metrics(self.table, axis=self.axis, curve=self.curve)
        curves, priors = build_curves(metrics), PRIORS
        posterior = self._posterior(
            curves, joint_effects(curves.scores.metrics, curves.losses.metrics, priors)
        )
        posterior = xr.merge([posterior, coefficients(posterior, curves, priors)])
        tree = xr.DataTree.from_dict({"posterior": posterior, "metrics_table": table_dataset(metrics)})
        provenance = {
            "versions": {"bayesscale": "0", "python": "3"},
            "seed": 7,
            "data_hash": metrics.data_hash,
            "source": metrics.source,
            "settings": {"breaks": "none"},
            "command": "bayesscale fit table.csv -o fit.nc",
            "timings": {"sample": 1.0},
            "created": "2026-01-01T00:00:00+00:00",
            "diagnostics": {"rhat": 1.002, "rhat_of": "mean", "ess_bulk": 900.0, "divergences": 0},
        }
        remedy = "Remedy: raise --tune." if self.problems else ""
        return Fit(tree, metrics, curves, priors, Status(self.problems, remedy), provenance)

    def _posterior(self, curves: Curves, effects: Effects) -> xr.Dataset:
        """Return the posterior's variables."""
        level, size = len(curves), len(effects.names)
        typical = typical_effects(curves, effects)
        pairs: dict[str, tuple[tuple[str, ...], Any]] = {
            "mean": (("effect",), typical),
            "curve_effect": (("curve", "effect"), typical + np.linspace(-0.1, 0.1, level)[:, None]),
            "curve_sd": (("correlated",), np.full(effects.correlated, self.spread)),
            "curve_correlation": (("correlated", "correlated_other"), np.eye(effects.correlated)),
            "shape_sd": (("metric",), np.full(len(curves.names), self.spread)),
            "noise_sd": (("metric",), np.full(len(curves.names), self.noise)),
            "noise_spread": (("metric",), np.full(len(curves.names), self.spread)),
            "noise_tails": (("metric",), np.full(len(curves.names), self.tails)),
            "noise_factor": (("curve", "metric"), np.zeros((level, len(curves.names)))),
        }
        if curves.covariates:
            pairs["slope"] = (("covariate", "effect"), np.full((len(curves.covariates), size), 0.1))
        for factor in curves.factors:
            deviations = np.linspace(-0.05, 0.05, len(factor.levels))[:, None] * np.ones(size)
            pairs[f"{factor.name}_effect"] = ((factor.name, "effect"), deviations)
            pairs[f"{factor.name}_sd"] = (("effect",), np.full(size, self.spread))
        if len(curves.baseline):
            own = np.array([TRUE[name][0] for name in curves.names])
            pairs["baseline_level"] = (
                ("cell", "metric"),
                own + np.linspace(-0.5, -0.4, len(curves.cells))[:, None],
            )
            pairs["baseline_mean"] = (("metric",), own - 0.45)
            pairs["baseline_sd"] = (("metric",), np.full(len(curves.names), self.spread))
            pairs["baseline_slope"] = (("metric",), np.full(len(curves.names), 0.2))
        if any(block.se.any() for block in (curves.scores, curves.losses)):
            pairs["se_independent"] = (("metric",), np.full(len(curves.names), self.independent))
        rng = np.random.default_rng(0)
        wide = ("mean", "curve_effect")
        return xr.Dataset(
            {
                name: (
                    ("chain", "draw", *dims),
                    self._drawn(np.asarray(value), len(dims), rng if name in wide else None),
                )
                for name, (dims, value) in (pairs | dict(self.replaced)).items()
            }
        )

    def _drawn(
        self, value: NDArray[np.float64], dims: int, rng: np.random.Generator | None
    ) -> NDArray[np.float64]:
        """Return draws around a value, or the value in every draw; draws that are given as they are."""
        if value.ndim == dims + 2:
            return value
        shape = (2, self.draws // 2, *value.shape)
        return np.broadcast_to(value, shape) + (
            0.0 if rng is None else self.width * rng.standard_normal(shape)
        )


def typical_effects(curves: Curves, effects: Effects) -> NDArray[np.float64]:
    """Return the effects of a typical curve, in order."""
    typical = np.zeros(len(effects.names))
    for place, name in enumerate(curves.names):
        typical[list(effects.columns(place))] = TRUE[name]
    return typical
