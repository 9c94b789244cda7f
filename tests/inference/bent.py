"""Tables of curves that broke and strayed, draws of fixed parameters, and their exact posterior."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import special, stats

from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.discrepancy import MODES, Basis
from bayesscale.models.effects import joint_effects
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.priors import Priors
from tests.models.tables import table

FloatArray = NDArray[np.float64]
SIZES = np.geomspace(1e9, 6.4e10, 10)
HAZARD, SCALE, NOISE, TAILS = 0.05, 0.4, 0.4, 8.0
LAW = {"bleu": (np.log(25.0), 0.4, 0.1), "cross_entropy": (np.log(1.5), 0.2, 0.1)}
FELL_AT = 1.5e10
# Share of what the curve improves, about 20 times the default: clear in the noise.
STRAYED = 4.0
MANY = 20_000


def bent_table(fallen: str = "en", slope: float = -0.5, metrics: tuple[str, ...] = ("bleu",)) -> pd.DataFrame:
    """Return noisy laws of two mixtures, one of which broke."""
    frame = table(("en-fr",), finetune=(6e6,), metrics=metrics, sizes=SIZES.tolist(), baseline=False)
    u = np.log(frame["pretrain_tokens"] / SIZES[0]) / np.log(SIZES[-1] / SIZES[0])
    rng = np.random.default_rng(5)
    at = np.log(FELL_AT / SIZES[0]) / np.log(SIZES[-1] / SIZES[0])
    for metric in metrics:
        spec, level = CATALOGUE[metric], LAW[metric][0]
        own = frame["metric"] == metric
        law = LAWS[spec.law].value(u[own], *LAW[metric])
        bend = slope * np.exp(level) * np.maximum(u[own] - at, 0) * (frame["mixture"][own] == fallen)
        noise = NOISE * spec.noise / 0.5 * rng.standard_normal(int(own.sum()))
        frame.loc[own, "value"] = law + (bend if spec.improves == "up" else -bend) + noise
    return frame


def fixed_draws(
    curves: Curves,
    count: int = MANY,
    *,
    metrics: tuple[str, ...] = ("bleu",),
    hazard: float = HAZARD,
    alignment: float | None = None,
    waves: float = 1.0,
    strayed: float | None = None,
) -> xr.Dataset:
    """Return draws of fixed parameters; the weights of the noise come in waves."""
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())
    value = np.empty(len(effects.names))
    for place, name in enumerate(curves.names):
        value[list(effects.columns(place))] = LAW[name]
    rows = [curves.scores, curves.losses]
    raw = np.concatenate([waves * np.sin(7 * curves.axis.u(r.size) + r.unit + r.metric) for r in rows])
    noise = [NOISE * CATALOGUE[name].noise / 0.5 for name in curves.names]
    each: dict[str, tuple[tuple[str, ...], Any]] = {
        "curve_effect": (("curve", "effect"), np.tile(value, (len(curves), 1))),
        "noise_sd": (("metric",), np.array(noise)),
        "noise_factor": (("curve", "metric"), np.zeros((len(curves), len(curves.names)))),
        "noise_tails": (("metric",), np.full(len(curves.names), TAILS)),
        "noise_weight_raw": (("curve_observation",), raw),
        "break_log_hazard": (("break_metric",), np.full(len(metrics), np.log(hazard))),
        "break_scale": (("break_metric",), np.full(len(metrics), SCALE)),
    }
    if not metrics:
        each = {name: value for name, value in each.items() if not name.startswith("break")}
    if strayed is not None:
        each["discrepancy_scale"] = ("metric",), np.full(len(curves.names), strayed)
    if alignment is not None:
        each["break_alignment"] = (("break_metric",), np.full(len(metrics), alignment))
    return xr.Dataset(
        {n: (("chain", "draw", *d), np.broadcast_to(v, (1, count, *v.shape))) for n, (d, v) in each.items()},
        coords={"break_metric": list(metrics)} if metrics else {},
    )


def measured(curves: Curves, curve: int, name: str) -> tuple[FloatArray, ...]:
    """Return u, values minus their law, variances and modes of unit scale of a curve, sorted by size."""
    rows, spec = (curves.scores if name in curves.scores.metrics else curves.losses), CATALOGUE[name]
    own = np.flatnonzero(rows.unit == curve)
    own = own[np.argsort(rows.size[own])]
    u, (level, gain, shape) = curves.axis.u(rows.size[own]), LAW[name]
    noise = (NOISE * spec.noise / 0.5) ** 2 + (RESOLUTION * spec.noise) ** 2
    weight = np.exp(np.sin(7 * u + curve) / np.sqrt((2 + TAILS) / 2))
    modes = np.exp(level) * np.hypot(gain, 0.02) * Basis.of(u).modes
    return u, rows.value[own] - LAWS[spec.law].value(u, level, gain, shape), noise / weight, modes


@dataclass(frozen=True)
class Exact:
    """The exact posterior of one curve: of its states, and of the modes' coefficients and the slope in each.

    By densities of multivariate normals and by conditioning them, unlike the code that is tested.
    """

    probability: FloatArray
    mean: FloatArray
    covariance: FloatArray

    def slope(self, state: int) -> FloatArray:
        """Return the variance of the slope in a state, shape (1, 1)."""
        return np.asarray(self.covariance[state][MODES:, MODES:])

    @classmethod
    def of(cls, curves: Curves, curve: int, name: str, strayed: float | None) -> Exact:
        """Return it; the states are none by the last size and each quarter of a gap."""
        u, rest, variance, unit_modes = measured(curves, curve, name)
        noise, modes = np.diag(variance), (strayed or 0.0) * unit_modes
        high = np.exp(LAW[name][0]) * (1 if name == "bleu" else -1)
        ends = np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in pairwise(u)])
        ends = np.append(ends, u[-1])
        before = np.exp(-HAZARD * curves.axis.span * (ends - u[0]))
        chance = np.append(before[-1], before[:-1] - before[1:])
        # Coefficients of the modes and the slope, a priori.
        prior, spread = np.array([0.0, 0.0, -SCALE]), np.diag([1.0, 1.0, (0.6 * SCALE) ** 2])
        logs, means, covariances = [], [], []
        for state, share in enumerate(chance):
            at = np.inf if state == 0 else (ends[state - 1] + ends[state]) / 2
            effect = np.column_stack([modes, high * np.maximum(u - at, 0)])
            whole = noise + effect @ spread @ effect.T
            logs.append(np.log(share) + stats.multivariate_normal.logpdf(rest, effect @ prior, whole))
            pull = spread @ effect.T @ np.linalg.inv(whole)
            means.append(prior + pull @ (rest - effect @ prior))
            covariances.append(spread - pull @ effect @ spread)
        probability = np.exp(np.array(logs) - special.logsumexp(logs))
        return cls(probability, np.array(means), np.array(covariances))
