"""A fit without sampling: draws around known effects, for tests of everything that comes after the fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy.special import logit

from bayesscale.inference import Fit, Status
from bayesscale.inference.tree import table_dataset
from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.priors import Priors
from bayesscale.posterior.draws import FOLLOWED

SIZES = (1e9, 1e10, 1e11)
SHARES = {"en": {"share_en": 1.0, "share_fr": 0.0}, "en+fr": {"share_en": 0.5, "share_fr": 0.5}}
TRUE = {
    "bleu": (np.log(25.0), 0.5, 0.1),
    "comet": (np.log(0.8), 0.2, 0.0),
    "cross_entropy": (np.log(1.5), 0.3, -0.2),
}
"""Level, gain and shape of a typical curve."""
CURVE_DEGREES = 4.0


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
    degrees : float
        Degrees of freedom of the noise.
    independent : float
        Share of the standard error that is independent, where there are any.
    problems : tuple of str
        Of the status.
    axis : str
        The size along a curve.
    laws : tuple of str
        Laws of scores, which draws follow one after the other.
    replaced : mapping
        Variables of the posterior to replace, (dims, array without chain and draw).
    """

    table: pd.DataFrame = field(default_factory=rows)
    draws: int = 400
    width: float = 0.0
    noise: float = 0.0
    spread: float = 0.1
    degrees: float = 100.0
    independent: float = 0.5
    problems: tuple[str, ...] = ()
    axis: str = "pretrain_tokens"
    curve: tuple[str, ...] | None = None
    laws: tuple[str, ...] = ("log-law",)
    replaced: Mapping[str, tuple[tuple[str, ...], Any]] = field(default_factory=dict)

    def fit(self) -> Fit:
        """Return the fit."""
        metrics = read_metrics(self.table, axis=self.axis, curve=self.curve)
        curves = build_curves(metrics)
        # Typical noise so small that the resolution of measurements, a share of it, changes no number.
        priors = Priors(noise=dict.fromkeys(TRUE, 1e-12), degrees=self.degrees, curve_degrees=CURVE_DEGREES)
        posterior = self._posterior(curves)
        tree = xr.DataTree.from_dict({"posterior": posterior, "metrics_table": table_dataset(metrics)})
        model = {"laws": list(self.laws), "breaks": "none", "discrepancy": False, "sharp": False}
        provenance = {
            "versions": {"bayesscale": "0", "python": "3"},
            "seed": 7,
            "data_hash": metrics.data_hash,
            "source": metrics.source,
            "settings": {"model": model, "law": "all"},
            "command": "bayesscale fit table.csv -o fit.nc",
            "timings": {"sample": 1.0},
            "created": "2026-01-01T00:00:00+00:00",
            "diagnostics": {"rhat": 1.002, "rhat_of": "mean", "ess_bulk": 900.0},
        }
        remedy = "Remedy: raise --draws." if self.problems else ""
        return Fit(tree, metrics, curves, priors, Status(self.problems, remedy), provenance)

    def _posterior(self, curves: Curves) -> xr.Dataset:
        """Return the posterior's variables."""
        count, metrics, laws = len(curves), len(curves.names), self._names(curves)
        effects = 2 * metrics
        each = np.array([TRUE[name] for name in curves.names])
        own = each + np.linspace(-0.1, 0.1, count)[:, None, None]
        share = np.array(
            [[float(LAWS[law].improves == CATALOGUE[name].improves) for law in laws] for name in curves.names]
        )
        of_metric = np.ones(metrics)
        pairs: dict[str, tuple[tuple[str, ...], Any]] = {
            "mean": (("effect",), each[:, :2].ravel()),
            "curve_sd": (("effect",), np.full(effects, self.spread)),
            "curve_correlation": (("effect", "effect_other"), np.eye(effects)),
            "law_share": (("metric", "law"), share / share.sum(axis=1, keepdims=True)),
            "shape_mean": (("metric", "law"), np.repeat(each[:, 2:], len(laws), axis=1)),
            "shape_sd": (("metric", "law"), np.full((metrics, len(laws)), self.spread)),
            "noise_mean": (("metric",), self._log_noise * of_metric),
            "noise_spread": (("metric",), self.spread * of_metric),
            **{name: (("curve", "metric"), own[..., i]) for i, name in enumerate(("level", "gain", "shape"))},
            "noise": (("curve", "metric"), np.full((count, metrics), self._log_noise)),
            FOLLOWED: (("curve", "metric"), self._followed(curves, laws)),
        }
        if curves.covariates:
            pairs["slope"] = (("covariate", "effect"), np.full((len(curves.covariates), effects), 0.1))
        for factor in curves.factors:
            deviations = np.linspace(-0.05, 0.05, len(factor.levels))[:, None] * np.ones(effects)
            pairs[f"{factor.name}_effect"] = ((factor.name, "effect"), deviations)
            pairs[f"{factor.name}_sd"] = (("effect",), np.full(effects, self.spread))
        if len(curves.baseline):
            cells = np.linspace(-0.5, -0.4, len(curves.cells))[:, None]
            pairs["baseline_level"] = (("cell", "metric"), each[:, 0] + cells)
            pairs["baseline_noise"] = (("cell", "metric"), np.full((len(cells), metrics), self._log_noise))
            pairs["baseline_mean"] = (("metric",), each[:, 0] - 0.45)
            pairs["baseline_sd"] = (("metric",), self.spread * of_metric)
            pairs["baseline_slope"] = (("metric",), 0.2 * of_metric)
        if any(block.se.any() for block in (curves.scores, curves.losses)):
            share_of_se = float(logit(self.independent))
            pairs["se_share"] = (("curve", "metric"), np.full((count, metrics), share_of_se))
            if len(curves.baseline):
                logits = np.full((len(curves.cells), metrics), share_of_se)
                pairs["baseline_se_share"] = (("cell", "metric"), logits)
            pairs["se_share_mean"] = (("metric",), share_of_se * of_metric)
            pairs["se_share_spread"] = (("metric",), 0.0 * of_metric)
        rng = np.random.default_rng(0)
        wide = ("mean", "level", "gain", "shape")
        return xr.Dataset(
            {
                name: (
                    ("chain", "draw", *dims),
                    self._drawn(np.asarray(value), len(dims), rng if name in wide else None),
                )
                for name, (dims, value) in (pairs | dict(self.replaced)).items()
            },
            coords={"law": list(laws)},
        )

    def _names(self, curves: Curves) -> tuple[str, ...]:
        """Return the names of the laws that some metric may follow."""
        return (*self.laws,) * (len(curves.scores) > 0) + ("power-law",) * (len(curves.losses) > 0)

    @property
    def _log_noise(self) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log(self.noise))

    def _followed(self, curves: Curves, laws: tuple[str, ...]) -> NDArray[np.int8]:
        """Return the number of the law of each curve and metric: of scores, one law after the other."""
        numbers = np.zeros((2, self.draws // 2, len(curves), len(curves.names)), dtype=np.int8)
        numbers[..., : len(curves.scores.metrics)] = (np.arange(self.draws // 2) % len(self.laws))[
            None, :, None, None
        ]
        numbers[..., len(curves.scores.metrics) :] = len(laws) - 1
        return numbers

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


def parameters(fit: Fit) -> NDArray[np.float64]:
    """Return level, gain and shape of every curve in every draw, shape (draws, curves, metrics, 3)."""
    return np.stack([fit.draws(name) for name in ("level", "gain", "shape")], axis=-1)


def given(values: Any) -> dict[str, tuple[tuple[str, ...], Any]]:
    """Return replaced variables: level, gain and shape, (..., curves, metrics, 3)."""
    values = np.asarray(values, dtype=float)
    return {name: (("curve", "metric"), values[..., i]) for i, name in enumerate(("level", "gain", "shape"))}
