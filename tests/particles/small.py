"""Small data, and a population of its curves, for tests of compiled functions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bayesscale.models.assembly import Assembly, assemble
from bayesscale.models.model import Model
from bayesscale.particles.places import GAIN, LEVEL, MODE, NOISE, SHAPE, SLOPE, TAU
from bayesscale.particles.state import LocalPrior
from tests.models.tables import curves_of, table
from tests.particles.clouds import Cloud

FloatArray = NDArray[np.float64]
SIZES = tuple(np.geomspace(1e9, 6.4e10, 6))
HAZARD = 0.6
"""Breaks per unit of u: a little less than every second curve breaks."""


def small_data(se: float | None = 0.3, metrics: tuple[str, ...] = ("bleu", "cross_entropy")) -> Assembly:
    """Return the arrays of two curves that may break."""
    frame = table(("en-fr",), finetune=(6e6,), metrics=metrics, sizes=SIZES, se=se)
    return assemble(curves_of(frame), Model(breaks="all"))


def small_prior(data: Assembly, width: float = 1.0) -> LocalPrior:
    """Return a population of these curves; levels and gains are correlated."""
    curves, metrics = data.count.shape
    mean = np.tile(data.coef_mean[0].reshape(metrics, 2), (curves, 1, 1))
    covariance = (0.3 * width) ** 2 * np.array([[1.0, -0.5], [-0.5, 1.0]])
    (one, both), (_, two) = np.linalg.inv(covariance)
    precision = np.tile([one, both, two], (curves, metrics, 1))
    share = data.allowed * (1.0 + np.arange(data.allowed.shape[1]))
    with np.errstate(divide="ignore"):
        log_share = np.tile(np.log(share / share.sum(axis=1, keepdims=True)), (curves, 1, 1))
    degrees, rest = (np.full((curves, metrics), value) for value in (6.0, 8.0))
    return LocalPrior(
        mean, precision, degrees, rest, np.where(data.pooled_free[:, None], data.pooled[..., 0], 0.0),
        width * np.exp(data.pooled[..., 2]), data.shapes[..., 0].copy(), width * np.exp(data.shapes[..., 2]),
        log_share, np.full((curves, metrics), HAZARD), np.full(metrics, 0.4),
    )  # fmt: skip


def without_values(data: Assembly) -> Assembly:
    """Return data whose likelihood is flat, and whose curves have the same ends."""
    return data._replace(count=np.zeros_like(data.count))


def draw(prior: LocalPrior, data: Assembly, m: int, rng: np.random.Generator) -> tuple[int, int, FloatArray]:
    """Return law, break and parameters of the first curve, drawn in NumPy."""
    law, broken, x = Cloud.of(prior, data, 0, m, 1, rng)
    return int(law[0]), int(broken[0]), x[0]


def assert_prior(x: FloatArray, law: Any, broken: Any, prior: LocalPrior, data: Assembly, m: int) -> None:
    """Assert that independent draws of the first curve, (draws, LOCAL), are draws from the prior."""
    law, broken = np.asarray(law), np.asarray(broken, dtype=bool)
    one, both, two = prior.precision[0, m]
    factor = np.linalg.cholesky(np.linalg.inv([[one, both], [both, two]]))
    white = np.linalg.solve(factor, (x[:, [LEVEL, GAIN]] - prior.mean[0, m]).T)
    parts = {"level": white[0], "gain": white[1], "both": (white[0] + white[1]) / np.sqrt(2)}
    parts["shape"] = (x[:, SHAPE] - prior.shape_mean[m, law]) / prior.shape_sd[m, law]
    for kind in np.flatnonzero(data.pooled_free):
        parts[f"pooled {kind}"] = (x[:, NOISE + kind] - prior.pooled_mean[kind, m]) / prior.pooled_sd[kind, m]
    parts |= {"mode 1": x[:, MODE], "mode 2": x[:, MODE + 1]}
    if broken.any():
        parts["slope"] = (x[broken, SLOPE] / prior.fall[m] + 1.0) / data.break_spread
    odd = stats.t(prior.degrees[0, m], scale=np.sqrt(prior.rest[0, m] / prior.degrees[0, m]))
    laws = {name: odd.cdf if name in ("level", "gain", "both", "shape") else "norm" for name in parts}
    found = {name: stats.kstest(values, laws[name]).pvalue for name, values in parts.items()}
    # Level, gain and shape are odd together: of a Student-t vector, squares have a law of their own.
    square = (white**2).sum(axis=0) + parts["shape"] ** 2
    together = stats.f(3, prior.degrees[0, m]).cdf(square * prior.degrees[0, m] / prior.rest[0, m] / 3)
    found["together"] = stats.kstest(together, "uniform").pvalue
    length, rate = data.last[0, m] - data.first[0, m], prior.hazard[0, m]
    chance = 1.0 - np.exp(-rate * length)
    found["broken"] = stats.binomtest(int(broken.sum()), len(broken), chance).pvalue
    if broken.any():
        waited = (1.0 - np.exp(-rate * (x[broken, TAU] - data.first[0, m]))) / chance
        found["place"] = stats.kstest(waited, "uniform").pvalue
    for k in np.flatnonzero(data.allowed[m]):
        share = float(np.exp(prior.log_share[0, m, k]))
        if share < 1:
            found[f"law {k}"] = stats.binomtest(int((law == k).sum()), len(law), share).pvalue
    assert {name: p for name, p in found.items() if p < 1e-3} == {}
