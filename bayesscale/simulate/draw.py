"""Draw the laws of all curves, and the non-pretrained baselines, from the population."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import LAWS, LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.simulate.population import (
    BASELINE_SPREAD,
    LEVEL_GAIN_CORRELATION,
    NOISE_SPREAD,
    POPULATION,
    MetricPopulation,
)
from bayesscale.simulate.regime import Curve, Regime
from bayesscale.simulate.truth import BaselineTruth, CurveTruth

Array = NDArray[np.float64]


def draw_task_effects(regime: Regime, rng: np.random.Generator) -> dict[str, Array]:
    """Return what each task adds to the parameters of each metric: metric x (level, gain, shape)."""
    sd = _column(regime, "task_sd")
    values = rng.standard_normal((len(regime.tasks), *sd.shape)) * sd
    return {task.name: own for task, own in zip(regime.tasks, values, strict=True)}


def draw_laws(regime: Regime, tasks: dict[str, Array], rng: np.random.Generator) -> list[list[CurveTruth]]:
    """Return, for every curve, the truths of its metrics, not yet broken."""
    curves = regime.curves()
    mixtures = {mixture.name: rng.standard_normal((len(regime.metrics), 3)) for mixture in regime.mixtures}
    decades = np.array([curve.decades for curve in curves])[:, None, None]
    unaligned = np.array([curve.alignment - 1 for curve in curves])[:, None, None]
    theta = (
        _column(regime, "mean")
        + np.stack([tasks[curve.task.name] for curve in curves])
        + np.stack([mixtures[curve.mixture.name] for curve in curves]) * _column(regime, "mixture_sd")
        + decades * _column(regime, "per_decade")
        + unaligned * _column(regime, "per_alignment")
        + _residuals(regime, len(curves), rng)
    )
    noise = np.exp(NOISE_SPREAD * rng.standard_normal(theta.shape[:2])) * regime.noise
    return [_metrics(regime, *row) for row in zip(curves, theta, noise, strict=True)]


def draw_baselines(regime: Regime, tasks: dict[str, Array], rng: np.random.Generator) -> list[BaselineTruth]:
    """Return the value of the non-pretrained model for each task, D_f and metric."""
    drawn = []
    # The sizes come from the curves, because the regime's limit may have cut some off.
    for task, size, decades in dict.fromkeys(
        (curve.task.name, curve.finetune_tokens, curve.decades) for curve in regime.curves()
    ):
        for metric, (level, gain, _) in zip(regime.metrics, tasks[task], strict=True):
            population = POPULATION[metric]
            start = population.level.mean + level - _sign(metric) * (population.gain.mean + gain)
            trend = population.baseline_gap + population.baseline_per_decade * decades
            value = np.exp(start + trend + BASELINE_SPREAD * rng.standard_normal())
            drawn.append(BaselineTruth(task, size, metric, float(value)))
    return drawn


def _metrics(regime: Regime, curve: Curve, theta: Array, noise: Array) -> list[CurveTruth]:
    """Return the truths of one curve's metrics from their parameters, metric x (level, gain, shape)."""
    axis = LogAxis(regime.pretrain_tokens()[0], regime.pretrain_tokens()[-1])
    return [
        _truth(curve, metric, (level, gain, shape), factor * POPULATION[metric].noise, axis)
        for metric, (level, gain, shape), factor in zip(regime.metrics, theta.tolist(), noise, strict=True)
    ]


def _truth(
    curve: Curve, metric: str, parameters: tuple[float, float, float], noise: float, axis: LogAxis
) -> CurveTruth:
    """Return the truth of one metric of one curve."""
    spec = CATALOGUE[metric]
    level, gain, shape = parameters
    coefficients = LAWS[spec.law].coefficients(level, gain, shape, axis)
    return CurveTruth(
        *curve.key,
        metric=metric,
        law=spec.law,
        alignment=curve.alignment,
        level=level,
        gain=gain,
        shape=shape,
        coefficients={name: float(value) for name, value in coefficients.items()},
        noise=float(noise),
        low=spec.low,
        high=spec.high if np.isfinite(spec.high) else None,
    )


def _residuals(regime: Regime, curves: int, rng: np.random.Generator) -> Array:
    """Return curve x metric x (level, gain, shape), correlated across metrics, and level with gain."""
    sd, shared = _column(regime, "residual_sd"), _column(regime, "shared")
    correlation = np.eye(3)
    correlation[0, 1] = correlation[1, 0] = LEVEL_GAIN_CORRELATION
    common = rng.standard_normal((curves, 1, 3)) @ np.linalg.cholesky(correlation).T
    own = rng.standard_normal((curves, *sd.shape))
    return np.asarray(sd * (shared * common + np.sqrt(1 - shared**2) * own))


def _column(regime: Regime, name: str) -> Array:
    """Return one attribute of the effects: metric x (level, gain, shape)."""
    return np.array([[getattr(e, name) for e in p.effects] for p in _populations(regime)])


def _populations(regime: Regime) -> Iterable[MetricPopulation]:
    """Yield the populations of the regime's metrics."""
    return (POPULATION[metric] for metric in regime.metrics)


def _sign(metric: str) -> float:
    """Return +1 where more is better, -1 otherwise."""
    return 1.0 if CATALOGUE[metric].improves == "up" else -1.0
