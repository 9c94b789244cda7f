"""Do the intervals cover? Simulated tables in the regime of the paper, fitted one after the other.

Two parts, both SIMULATED (15 curves x 2 metrics x 10 checkpoints a table), equal-tailed intervals:

laws: the papers' laws hold exactly, and are what is fitted (`--law paper`, no breaks, no discrepancy). Are
their coefficients covered, and the law and a new measurement at ten times the largest D_p?
forecasts: some curves break as in the paper, and the default model is fitted: both laws of scores, sharpness,
discrepancy, breaks. Are the law and a new measurement covered at 2 and at 10 times the largest D_p?

Run: python benchmarks/recovery.py [laws | forecasts] [sets]
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.inference import Fit, Sampler
from bayesscale.inference.attempts import diagnosed
from bayesscale.inference.sampler import Draws, compile_model, sample_compiled, with_start
from bayesscale.inference.status import judge, worst
from bayesscale.inference.tree import build_tree, prior_draws
from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.models.effects import joint_effects
from bayesscale.models.joint import JointModel
from bayesscale.models.laws import SATURATING
from bayesscale.models.packing import pack
from bayesscale.questions.forecast import forecast
from bayesscale.simulate import SMALL, CurveTruth, Simulated, simulate

RESULTS = Path(__file__).parent / "results"
SETS = 50
PROBS = (0.5, 0.9)
ANCHORED = ("level", "gain", "shape")
EXACT = JointModel(breaks="none", discrepancy=False, sharp=False)
DEFAULT = JointModel()
# By part: what is simulated, the models fitted to it, and the multiples of the largest D_p that are forecast.
PARTS = {
    "laws": (replace(SMALL, breaks="none"), (EXACT,), (10.0,)),
    "forecasts": (SMALL, (DEFAULT, replace(DEFAULT, law=SATURATING)), (2.0, 10.0)),
}
Row = dict[str, Any]


def main(part: str, sets: int) -> None:
    """Fit the sets, print the coverage and write it down."""
    regime, models, beyond = PARTS[part]
    refit, rows, rhats, start = Refits(models), [], [], time.perf_counter()
    for seed in range(sets):
        simulated = simulate(regime, seed)
        fitted = refit(read_metrics(simulated.frame), seed)
        rhats.append(float(fitted.provenance["rhat"]))
        found = forecasts(fitted, simulated, beyond, np.random.default_rng([seed, 2]))
        found += parameters(fitted, simulated) if part == "laws" else []
        rows += [row | {"set": seed} for row in found]
        print(
            f"set {seed}: R-hat {rhats[-1]:.3f}, {time.perf_counter() - start:.0f} s",
            file=sys.stderr,
            flush=True,
        )
        if (seed + 1) % 5 == 0 or seed + 1 == sets:
            report(part, pd.DataFrame(rows), rhats, time.perf_counter() - start)


class Refits:
    """Fits of tables of one structure: compiled once, sampled as `bayesscale.fit` does, without retries."""

    def __init__(self, models: tuple[JointModel, ...]) -> None:
        self._models, self._compiled = models, None
        # Prior draws are part of every fit, and looked at by nothing here: one set serves all.
        self._prior: Any = None

    def __call__(self, metrics: Metrics, seed: int) -> Fit:
        """Return a fit with 4 chains of 500 draws for each law."""
        curves, sampler = build_curves(metrics), Sampler(draws=500, tune=500, seed=seed)
        draws = {
            model.followed: self._sample(model, curves, replace(sampler, seed=2 * seed + number))
            for number, model in enumerate(self._models)
        }
        if self._prior is None:
            self._prior = prior_draws(self._models[0].build(curves, centred=False), 0)
        named = {law: (each.posterior, each.stats) for law, each in draws.items()}
        priors = self._models[0].priors
        tree = build_tree(named, self._prior, metrics, curves, priors, seed)
        found = worst({law.score: diagnosed(each, sampler) for law, each in draws.items()})
        settings = {"breaks": self._models[0].breaks, "discrepancy": self._models[0].discrepancy}
        provenance = {"settings": settings, "seed": seed, "rhat": found.rhat}
        return Fit(tree, metrics, curves, priors, judge(found), provenance)

    def _sample(self, model: JointModel, curves: Curves, sampler: Sampler) -> Draws:
        """Return draws from a model, compiled with the first one."""
        built, start = model.build(curves), model.start(curves)
        self._compiled = self._compiled or compile_model(built, start)
        own = with_start(self._compiled.with_data(**pack(model.data(curves))), built, start)
        return sample_compiled(own, sampler, progress=False, report=lambda _: None)


def truth_of(simulated: Simulated, row: Any, metric: str) -> CurveTruth:
    """Return the truth of a row of a table of curves."""
    return simulated.truth.curve((row.task, row.mixture, int(row.finetune_tokens)), metric)


def forecasts(
    fitted: Fit, simulated: Simulated, beyond: tuple[float, ...], rng: np.random.Generator
) -> list[Row]:
    """Return one row for each forecast: whether its intervals hold the law and a new measurement."""
    sizes = [times * fitted.curves.axis.hi for times in beyond]
    tables = {prob: forecast(fitted, sizes, prob=prob).table for prob in PROBS}
    rows: list[Row] = []
    for number, row in enumerate(tables[PROBS[0]].itertuples(index=False)):
        truth = truth_of(simulated, row, row.metric)
        true = float(truth.value(row.pretrain_tokens, simulated.truth.axis))
        measured = float(np.clip(true + truth.noise * rng.normal(), truth.low, truth.high or np.inf))
        at = f"at {row.pretrain_tokens / fitted.curves.axis.hi:g} x"
        for what, value, prefix in (("law", true, "law_"), ("measurement", measured, "")):
            ends = {
                p: table.iloc[number][[f"{prefix}lower", f"{prefix}upper"]] for p, table in tables.items()
            }
            rows.append(
                _row(truth, f"{what} {at}", value, {p: tuple(map(float, e)) for p, e in ends.items()})
            )
    return rows


def parameters(fitted: Fit, simulated: Simulated) -> list[Row]:
    """Return one row for each parameter of a curve: whether its intervals hold the truth."""
    curves = fitted.curves
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, fitted.priors)
    values, rows = fitted.draws("curve_effect"), []
    for curve, row in enumerate(curves.table.itertuples(index=False)):
        for place, metric in enumerate(curves.names):
            truth = truth_of(simulated, row, metric)
            law = LAWS[truth.law]
            kind = "score" if law.improves == "up" else "loss"
            names = curves.scores.metrics if kind == "score" else curves.losses.metrics
            draws = {
                name: values[:, curve, column]
                for name, column in zip(ANCHORED, effects.columns(place), strict=True)
            }
            true = dict(zip(ANCHORED, law.anchored(truth.coefficients, curves.axis), strict=True))
            for name, value in truth.coefficients.items():
                draws[name], true[name] = fitted.draws(f"{kind}_{name}")[:, curve, names.index(metric)], value
            for name, array in draws.items():
                ends = {p: tuple(np.quantile(array, [0.5 - p / 2, 0.5 + p / 2])) for p in PROBS}
                rows.append(_row(truth, name, float(true[name]), ends))
    return rows


def _row(truth: CurveTruth, quantity: str, value: float, ends: dict[float, tuple[float, ...]]) -> Row:
    """Return whether the intervals hold a value, and how wide the widest is."""
    inside: Row = {f"covered {p:.0%}": low <= value <= high for p, (low, high) in ends.items()}
    broken = truth.break_tokens is not None
    low, high = ends[PROBS[-1]]
    return {"metric": truth.metric, "quantity": quantity, "broken": broken, **inside, "width": high - low}


def report(part: str, rows: pd.DataFrame, rhats: list[float], seconds: float) -> None:
    """Print coverage with its standard error over sets, and write it as JSON.

    With 2,000 draws the largest R-hat of several hundred parameters is rarely below the 1.01 that a fit is
    held to; it is reported.
    """
    table, sets = [], len(rhats)
    for keys, group in rows.groupby(["metric", "quantity", "broken"], sort=False):
        entry: Row = dict(zip(("metric", "quantity", "broken"), keys, strict=True)) | {
            "intervals": len(group)
        }
        for prob in PROBS:
            name = f"covered {prob:.0%}"
            by_set = group[name].astype(float).groupby(group["set"]).mean()
            entry[name] = round(float(group[name].mean()), 3)
            entry[f"s.e. {prob:.0%}"] = round(float(by_set.std() / np.sqrt(len(by_set))), 3)
        entry["median 90% width"] = float(f"{group['width'].median():.3g}")
        table.append(entry)
    print(f"SIMULATED: {part}, {sets} sets of 15 curves x 2 metrics x 10 checkpoints, {seconds:.0f} s;")
    print("4 x 500 draws a law without retries, equal-tailed intervals; largest R-hat of any parameter:")
    print(f"median of the sets {np.median(rhats):.3f}, worst {max(rhats):.3f}")
    print(pd.DataFrame(table).to_string(index=False), flush=True)
    RESULTS.mkdir(exist_ok=True)
    document = {"simulated": True, "part": part, "sets": sets, "seconds": round(seconds),
                "largest R-hat": {"median": round(float(np.median(rhats)), 4), "worst": round(max(rhats), 4)},
                "rows": table}  # fmt: skip
    (RESULTS / f"recovery_{part}.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    chosen = [name for name in sys.argv[1:] if name in PARTS] or list(PARTS)
    number = next((int(name) for name in sys.argv[1:] if name.isdigit()), SETS)
    for each in chosen:
        main(each, number)
