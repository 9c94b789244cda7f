from __future__ import annotations

import numpy as np
import xarray as xr

from bayesscale.metrics.curves import build_curves
from benchmarks.calibration import TABLES, table, with_values
from benchmarks.uniformity import RANKED, parameter, probability_bins, ranks


def test_values_go_to_the_rows_that_they_were_drawn_for() -> None:
    for name in TABLES:
        metrics = table(name)
        value = np.random.default_rng(0).normal(size=len(metrics.frame))
        blocks = build_curves(with_values(metrics, value)).blocks.values()
        np.testing.assert_array_equal(np.concatenate([rows.value for rows in blocks]), value)


def posterior(rng: np.random.Generator) -> xr.Dataset:
    """Return draws of a population of two, of three curves, and of a correlation."""
    correlation = np.ones((2, 50, 2, 2))
    correlation[..., 0, 1] = correlation[..., 1, 0] = rng.uniform(-1, 1, (2, 50))
    coords = {"effect": ["level", "gain"], "effect_other": ["level", "gain"], "metric": ["bleu"]}
    arrays = {
        "mean": (("chain", "draw", "effect"), rng.normal(size=(2, 50, 2))),
        "level": (("chain", "draw", "curve", "metric"), rng.normal(size=(2, 50, 3, 1))),
        "curve_correlation": (("chain", "draw", "effect", "effect_other"), correlation),
    }
    return xr.Dataset(arrays, coords=coords)


def test_ranks_are_counted_by_parameter_and_curves_are_pooled() -> None:
    rng = np.random.default_rng(1)
    truth = {"mean": np.array([-9.0, 9.0]), "level": np.full((3, 1), 9.0)}
    truth["curve_correlation"] = np.full((2, 2), -2.0)
    assert ranks(posterior(rng), truth, rng) == {
        "curve_correlation[gain, level]": [0],
        "level[bleu]": [RANKED] * 3,
        "mean[level]": [0],
        "mean[gain]": [RANKED],
    }


def test_ties_are_broken_at_random() -> None:
    draws = np.tile([0.0, 1.0], 100).reshape(1, 200, 1)
    dataset = xr.Dataset({"mean": (("chain", "draw", "effect"), draws)}, coords={"effect": ["level"]})
    rng = np.random.default_rng(2)
    found = [ranks(dataset, {"mean": np.zeros(1)}, rng)["mean[level]"][0] for _ in range(200)]
    assert min(found) < 5
    assert max(found) > 40


def test_uniform_ranks_pass_and_others_do_not() -> None:
    rng = np.random.default_rng(3)
    fine = parameter("x", rng.integers(0, RANKED + 1, (300, 4)).tolist())
    assert min(fine["p uniform"], fine["p within"]) > 0.001
    assert abs(fine["within 90%"] - 0.9) < 0.03
    assert parameter("x", rng.integers(0, 70, (300, 1)).tolist())["p uniform"] < 1e-6
    narrow = np.where(rng.uniform(size=(300, 1)) < 0.2, 0, rng.integers(0, RANKED + 1, (300, 1)))
    assert parameter("x", narrow.tolist())["p within"] < 1e-6


def test_probabilities_that_hold_pass_and_bold_ones_do_not() -> None:
    rng = np.random.default_rng(4)
    probability = rng.uniform(size=(300, 12))
    holds = rng.uniform(size=(300, 12)) < probability
    fine = probability_bins(np.stack([probability, holds], axis=-1).tolist())
    assert len(fine) == 11
    assert min(each["p"] for each in fine) > 0.001
    # Three points too low everywhere: no bin tells that as clearly as all of them.
    low = probability_bins(np.stack([np.maximum(probability - 0.03, 0.0), holds], axis=-1).tolist())
    assert (low[-1]["from"], low[-1]["to"], low[-1]["curves"]) == (0.0, 1.0, 3600)
    assert low[-1]["p"] < min(1e-3, *(each["p"] for each in low[:-1] if "p" in each))
    bold = np.where(probability > 0.5, 0.5 + 0.5 * probability, 0.5 * probability)
    off = probability_bins(np.stack([bold, holds], axis=-1).tolist())
    assert min(each["p"] for each in off if "p" in each) < 1e-6
