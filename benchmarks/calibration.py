"""Simulation-based calibration of the whole model, breaks among it (Talts et al., arXiv 1804.06788).

Parameters are drawn from the prior, values from the model, the model is fitted to them, and the rank of each
parameter among its posterior draws is noted: uniform if model, sampler and derived quantities are right. The
priors are narrower than the defaults, so that the simulated curves are curves. One compilation serves all
fits. All numbers are SIMULATED.

Run: python benchmarks/calibration.py [fits] [--law log] [--loss-law power] [--joint linear]
Draws the histograms of the ranks to docs/pictures/ as well, for the laws that are fitted by default.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.inference import Sampler
from bayesscale.inference.derived import location_scale
from bayesscale.inference.integrated import draw_integrated, unseen
from bayesscale.inference.sampler import compile_model, sample_compiled
from bayesscale.inference.status import diagnose
from bayesscale.inference.tree import INTERNAL, prior_draws
from bayesscale.metrics.curves import Curves, Observations, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.joint import JointModel
from bayesscale.models.laws import POWER, SCORE_LAWS, chosen_laws
from bayesscale.models.packing import pack
from bayesscale.models.priors import Priors, change_priors
from bayesscale.models.surface import LINEAR
from bayesscale.simulate import SMALL, simulate

RESULTS = Path(__file__).parent / "results"
FloatArray = NDArray[np.float64]
FITS = 200
# So many posterior draws are ranked, thinned from all; ranks are then nearly independent.
RANKED = 100
BINS = 20
REGIME = replace(SMALL, mixtures=SMALL.mixtures[:4], breaks="none", checkpoints=8)


def _narrow(mean: float, slope: float) -> dict[str, Any]:
    """Return changes that make the prior of an effect narrower."""
    spreads = {name: {"spread": 0.3} for name in ("task_sd", "mixture_sd", "curve_sd")}
    slopes = {f"{name}_slope": {"sd": slope} for name in ("size", "params", "alignment")}
    return {"mean": {"sd": mean}, **spreads, **slopes}


NARROW = {
    "level": _narrow(0.2, 0.1),
    "gain": _narrow(0.15, 0.1),
    "shape": _narrow(0.3, 0.1),
    "noise": {"spread": 0.3},
}
NARROWER = {
    "score": NARROW,
    "loss": NARROW,
    "rate_shape": _narrow(0.3, 0.1),
    "share_shape": _narrow(0.3, 0.1),
    **{name: {"spread": 0.4} for name in ("shift", "bend", "ratio", "width", "joint_rate")},
    "tau": {"sd": 0.15},
    "guess": {"cross_entropy": 20.0},
    "noise_spread": {"spread": 0.3},
    "breaks": {"hazard": {"median": 0.06, "spread": 0.5}, "scale": {"spread": 0.3}},
    "baseline_level": {"sd": 0.3},
    "baseline_sd": {"spread": 0.3},
}
NOT_RANKED = ("break_probability", *INTERNAL)
PICTURES = RESULTS.parents[1] / "docs" / "pictures"


def main(fits: int, law: str, loss_law: str, joint: str) -> None:
    """Fit the sets, print how uniform the ranks are and write them down."""
    start, priors = time.perf_counter(), change_priors(Priors(), NARROWER)
    curves = build_curves(read_metrics(simulate(REGIME, 0).frame))
    [laws] = chosen_laws(law, loss_law, curves.scores.metrics, curves.losses.metrics)
    model = JointModel(priors, law=laws.score, loss_law=laws.loss, joint=joint)
    label = "+".join(
        [laws.score, *([laws.loss] if laws.loss != POWER else []), *([joint] if joint != LINEAR else [])]
    )
    prior = drawn_prior(model, curves, fits)
    compiled, ranks, called, failed = compile_model(model.build(curves), model.start(curves)), [], [], 0
    for number in range(fits):
        truth = prior.isel(draw=[number])
        data = simulated(truth, curves, priors, number)
        refit = compiled.with_data(**pack(model.data(data)))
        sampler = Sampler(draws=400, tune=400, chains=2, target_accept=0.95, seed=number)
        draws = sample_compiled(refit, sampler, progress=False, report=lambda _: None)
        drawn = draws.posterior.assign_attrs(score_law=laws.score, loss_law=laws.loss)
        posterior = xr.merge([drawn, draw_integrated(drawn, data, priors, number)])
        found = diagnose(draws.posterior[["curve_effect", "noise_sd", "mean"]], draws.stats, 10)
        failed += found.divergences > 0 or found.rhat > 1.05
        ranks.append(rank_all(posterior, truth))
        called.append(calls(posterior, truth, data))
        print(f"fit {number}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        if number + 1 in (50, 100, 150, fits):
            report(label, ranks, called, failed, time.perf_counter() - start)


def drawn_prior(model: JointModel, curves: Curves, fits: int) -> xr.Dataset:
    """Return draws of all parameters and breaks from the prior."""
    built = model.build(curves, centred=False)
    parts = [prior_draws(built, seed) for seed in range(1 + (fits - 1) // 500)]
    prior = xr.concat(parts, dim="draw").isel(draw=slice(fits)) if len(parts) > 1 else parts[0]
    # Values are simulated with the law that the draws name.
    prior = prior.isel(draw=slice(fits)).assign_attrs(score_law=model.law, loss_law=model.loss_law)
    return xr.merge([prior, unseen(prior, curves, model.priors, seed=1)])


def simulated(truth: xr.Dataset, curves: Curves, priors: Priors, seed: int) -> Curves:
    """Return the curves with values that the model makes of one draw of its parameters."""
    rng, blocks = np.random.default_rng([seed, 5]), {}
    for name, rows in curves.blocks.items():
        mean, sd, degrees = location_scale(truth, curves, priors, name, slice(None))
        blocks[name] = replace(rows, value=(mean + sd * rng.standard_t(degrees))[0, 0])
    kept: dict[str, Observations] = {
        {"score": "scores", "loss": "losses"}.get(name, name): rows for name, rows in blocks.items()
    }
    return replace(curves, **kept)


def rank_all(posterior: xr.Dataset, truth: xr.Dataset) -> dict[str, FloatArray]:
    """Return for every parameter how many of the ranked draws lie below the truth."""
    found = {}
    for name in map(str, truth.data_vars):
        if name in NOT_RANKED or name.endswith("__") or name not in posterior:
            continue
        draws = posterior[name].transpose("chain", "draw", ...).to_numpy()
        draws = draws.reshape(-1, *draws.shape[2:])
        chosen = draws[np.linspace(0, len(draws) - 1, RANKED).astype(int)]
        true = truth[name].transpose("chain", "draw", ...).to_numpy()[0, 0]
        below = np.asarray((chosen < true).sum(axis=0), dtype=float)
        # The diagonal of correlations is 1 and the rest is there twice.
        found[name] = below[np.tril_indices(len(below), -1)] if name == "curve_correlation" else below
    return found


def calls(posterior: xr.Dataset, truth: xr.Dataset, curves: Curves) -> FloatArray:
    """Return P(broken by the last size) and whether it was, for every curve, shape (curves, 2)."""
    probability = posterior["break_probability"].mean(("chain", "draw")).isel(break_metric=0)
    last = np.zeros(len(curves))
    np.maximum.at(last, curves.scores.unit, curves.scores.size)
    broken = truth["break_at"].isel(chain=0, draw=0, break_metric=0).to_numpy() <= last
    return np.column_stack([probability.to_numpy(), broken])


def uniformity(ranks: FloatArray) -> tuple[float, list[int]]:
    """Return the p-value of a chi-square test of uniform ranks (one rank a fit), and the histogram of all."""
    edges = np.linspace(-0.5, RANKED + 0.5, BINS + 1)
    # The elements of an array share a fit, and so its luck: the test takes one element a fit.
    one = ranks.reshape(len(ranks), -1)
    picked = one[np.arange(len(one)), np.arange(len(one)) % one.shape[1]]
    expected = len(picked) * np.diff(np.floor(edges)) / (RANKED + 1)
    observed = np.histogram(picked, edges)[0]
    p_value = float(stats.chi2.sf(((observed - expected) ** 2 / expected).sum(), BINS - 1))
    return p_value, [int(count) for count in np.histogram(one, edges)[0]]


def bin_of(pairs: FloatArray, low: float, high: float) -> dict[str, Any]:
    """Return mean P(broken) and the share that was broken, of curves with a P(broken) in a bin."""
    own = pairs[(pairs[:, 0] >= low) & (pairs[:, 0] < high)]
    found: dict[str, Any] = {"from": low, "to": min(high, 1.0), "curves": len(own)}
    if not len(own):
        return found
    return found | dict(zip(("mean P(broken)", "broken"), own.mean(axis=0).round(3).tolist(), strict=True))


def report(
    law: str, ranks: list[dict[str, FloatArray]], called: list[FloatArray], failed: int, seconds: float
) -> None:
    """Print, draw and write the ranks and the calibration of P(broken)."""
    rows: list[dict[str, Any]] = []
    fits = len(ranks)
    for name in ranks[0]:
        p_value, histogram = uniformity(np.array([each[name] for each in ranks]))
        share = np.mean([np.mean(each[name] < RANKED * 0.05) for each in ranks])
        high = np.mean([np.mean(each[name] > RANKED * 0.95) for each in ranks])
        inside = np.mean([np.mean(np.abs(each[name] / RANKED - 0.5) <= 0.45) for each in ranks])
        rows.append(
            {"parameter": name, "p": round(p_value, 4), "below 5%": round(float(share), 3),
             "above 95%": round(float(high), 3), "within 90%": round(float(inside), 3), "ranks": histogram}
        )  # fmt: skip
    pairs = np.concatenate(called)
    edges = [0.0, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1.0001]
    bins = [bin_of(pairs, low, high) for low, high in pairwise(edges)]
    failures = f"{failed} with a divergence or R-hat > 1.05"
    print(f"SIMULATED: {fits} fits of {len(called[0])} curves, {failures}, {seconds:.0f} s")
    print(pd.DataFrame(rows).drop(columns="ranks").to_string(index=False))
    print(pd.DataFrame(bins).to_string(index=False), flush=True)
    RESULTS.mkdir(exist_ok=True)
    document = {"simulated": True, "law of scores": law, "fits": fits, "failed": int(failed),
                "seconds": round(seconds), "draws ranked": RANKED, "parameters": rows,
                "P(broken)": bins}  # fmt: skip
    (RESULTS / f"calibration_{law}.json").write_text(json.dumps(document, indent=1) + "\n")
    if law in SCORE_LAWS:
        draw(document, PICTURES / f"calibration_{law}.png")


def draw(document: dict[str, Any], path: Path) -> None:
    """Draw the histograms of the ranks, beside what uniform ranks of one element a fit would give."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows, columns = document["parameters"], 5
    figure, axes = plt.subplots(
        -(-len(rows) // columns), columns, figsize=(13, 1.7 * -(-len(rows) // columns)), sharex=True
    )
    width = np.diff(np.floor(np.linspace(-0.5, RANKED + 0.5, BINS + 1))) / (RANKED + 1) * BINS
    fits, law = document["fits"], document["law of scores"]
    low, high = stats.binom.ppf((0.005, 0.995), fits, 1 / BINS) / fits * BINS
    for axis, row in zip(axes.flat, rows, strict=False):
        counts = np.array(row["ranks"], dtype=float)
        axis.bar(np.arange(BINS), counts / counts.sum() * BINS / width, width=1.0, color="#4878a8")
        for limit in (low, high):
            axis.axhline(limit, color="#b04030", lw=0.8, ls="--")
        axis.set_title(row["parameter"], fontsize=8)
        axis.set_xticks([])
        axis.set_ylim(0, 2.2)
        axis.tick_params(labelsize=7)
    for axis in axes.flat[len(rows) :]:
        axis.set_visible(False)
    figure.suptitle(
        f"SIMULATED: ranks of the truth among {RANKED} draws, {fits} fits, {law}; "
        "1 is uniform; 99% of the bars of uniform ranks, one element a fit, end between the dashed lines",
        fontsize=9,
    )
    figure.tight_layout()
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("fits", type=int, nargs="?", default=FITS)
    for option, default in (("--law", "log"), ("--loss-law", "power"), ("--joint", LINEAR)):
        parser.add_argument(option, default=default)
    main(**vars(parser.parse_args()))
