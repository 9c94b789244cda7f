"""Simulate a table of metrics, with the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.alignment import SHARE_PREFIX
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.simulate.breaks import add_breaks
from bayesscale.simulate.draw import draw_baselines, draw_laws, draw_task_effects
from bayesscale.simulate.population import ERROR_RATIO, POPULATION
from bayesscale.simulate.regime import Curve, Regime
from bayesscale.simulate.truth import BaselineTruth, Truth

# Standard deviation of the logarithm of the reported standard errors.
_ERROR_SPREAD = 0.1

Row = dict[str, str | int | float]


@dataclass(frozen=True)
class Simulated:
    """A simulated table, and the truth that its rows were made from.

    The rows are tidy, as `bayesscale.metrics` reads them: task, mixture, pretrain_tokens, finetune_tokens,
    metric, value, run, with share_<language> of the mixture, and `se` where the regime asks for it. The
    baseline has 0 pretrain_tokens and an empty mixture; `run` says in every row that the table is simulated.
    """

    frame: pd.DataFrame
    truth: Truth


def simulate(regime: Regime, seed: int) -> Simulated:
    """Return one simulated data set; the same seed, a number of at least 0, gives the same one.

    Laws, baselines, breaks and noise come from independent streams of the seed: the same seed gives the same
    laws with any number of checkpoints, amount of noise and choice of breaks.
    """
    streams = np.random.SeedSequence(seed).spawn(4)
    laws, baseline, breaks, noise = (np.random.default_rng(stream) for stream in streams)
    tasks = draw_task_effects(regime, laws)
    baselines = draw_baselines(regime, tasks, baseline) if regime.baseline else []
    curves = add_breaks(regime, draw_laws(regime, tasks, laws), breaks)
    sizes = regime.pretrain_tokens()
    truth = Truth("simulated", regime.name, seed, sizes[0], sizes[-1], tuple(curves), tuple(baselines))
    return Simulated(_table(regime, truth, noise), truth)


def _table(regime: Regime, truth: Truth, rng: np.random.Generator) -> pd.DataFrame:
    """Return the rows of all curves, then those of the baselines."""
    languages = sorted({language for mixture in regime.mixtures for language in mixture.shares})
    rows: list[Row] = []
    for curve in regime.curves():
        for metric in regime.metrics:
            rows += _curve_rows(regime, truth, curve, metric, languages, rng)
    for baseline in truth.baselines:
        rows += _baseline_rows(regime, baseline, rng)
    frame = pd.DataFrame(rows).assign(run=f"{truth.source}-{truth.seed}")
    return frame if regime.standard_errors else frame.drop(columns="se")


def _curve_rows(
    regime: Regime, truth: Truth, curve: Curve, metric: str, languages: list[str], rng: np.random.Generator
) -> list[Row]:
    """Return one metric of one curve at its checkpoints."""
    sizes = regime.pretrain_tokens(curve.mixture)
    shares: Row = {
        f"{SHARE_PREFIX}{language}": curve.mixture.shares.get(language, 0.0) for language in languages
    }
    true = truth.true_value(curve.key, metric, sizes)
    measured = _measured(regime, metric, true, truth.curve(curve.key, metric).noise, rng)
    return [
        _row(*curve.key, metric, size, value, se) | shares
        for size, (value, se) in zip(sizes, measured, strict=True)
    ]


def _baseline_rows(regime: Regime, baseline: BaselineTruth, rng: np.random.Generator) -> list[Row]:
    """Return the row of one non-pretrained model; no language has a share in it."""
    noise = regime.noise * POPULATION[baseline.metric].noise
    ((value, se),) = _measured(regime, baseline.metric, np.array([baseline.value]), noise, rng)
    return [_row(baseline.task, "", baseline.finetune_tokens, baseline.metric, 0, value, se)]


def _row(
    task: str, mixture: str, finetune_tokens: int, metric: str, pretrain_tokens: int, value: float, se: float
) -> Row:
    """Return one row in the order of the table's columns."""
    return {
        "task": task,
        "mixture": mixture,
        "pretrain_tokens": pretrain_tokens,
        "finetune_tokens": finetune_tokens,
        "metric": metric,
        "value": value,
        "se": se,
    }


def _measured(
    regime: Regime, metric: str, true: NDArray[np.float64], noise: float, rng: np.random.Generator
) -> list[tuple[float, float]]:
    """Return (value, standard error) of one run at each size, inside the metric's range."""
    # Drawn whether used or not, so that standard errors change nothing else.
    run, test_set, spread = rng.standard_normal((3, len(true)))
    typical = ERROR_RATIO * POPULATION[metric].noise * regime.noise
    errors = typical * np.exp(_ERROR_SPREAD * spread)
    values = true + noise * run + (errors * test_set if regime.standard_errors else 0.0)
    spec = CATALOGUE[metric]
    return list(zip(np.clip(values, spec.low, spec.high).tolist(), errors.tolist(), strict=True))
