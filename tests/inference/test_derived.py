"""What follows from draws by formulas: coefficients, likelihoods, replicated data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from bayesscale.inference import Fit, derived
from bayesscale.inference.derived import location_scale, replicate
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.measurement import RESOLUTION, total_sd
from bayesscale.models.priors import Priors
from tests.inference.coefficients import both_ways
from tests.models.tables import curves_of, table


@pytest.mark.parametrize("group", ["posterior", "posterior_saturating"])
def test_coefficients_give_the_laws_of_every_draw(made: Fit, group: str) -> None:
    for both in both_ways(made, group):
        usable = both.finite & (both.by_parameters > 1e-6)
        assert usable.mean() > 0.9
        if both.law.name != "log-law":  # with a negative gain, A is negative and log |A| is told
            usable &= both.rising
        else:  # near zero the anchored law is smooth, where the papers' is cut off
            high = both.law.at_size(made.curves.axis.hi, both.each)
            with np.errstate(invalid="ignore", over="ignore"):
                usable &= both.by_coefficients > 1.001 * 0.05 ** both.each["beta"] * high
        assert usable.mean() > 0.5
        assert both.by_coefficients[usable] == pytest.approx(both.by_parameters[usable], rel=1e-6)


def test_replicated_data_depend_on_the_seed_and_on_nothing_else(made: Fit) -> None:
    posterior = made.tree["posterior"].to_dataset()
    first, again, other = (
        replicate(posterior, made.curves, made.priors, seed)[1]["value"].to_numpy() for seed in (1, 1, 2)
    )
    assert (first == again).all()
    assert not (first == other).any(axis=(0, 1)).all()


def _constant(curves: Curves, draws: int) -> xr.Dataset:
    """Return a posterior whose draws are all the same."""
    values: dict[str, tuple[tuple[str, ...], Any]] = {
        "curve_effect": (("curve", "effect"), np.tile([np.log(30.0), 0.4, 0.1], (len(curves), 1))),
        "noise_sd": (("metric",), np.array([2.0])),
        "noise_factor": (("curve", "metric"), np.full((len(curves), 1), np.log(1.5))),
        "noise_tails": (("metric",), np.array([8.0])),
    }
    return xr.Dataset(
        {
            name: (("chain", "draw", *dims), np.broadcast_to(value, (1, draws, *value.shape)))
            for name, (dims, value) in values.items()
        }
    )


def test_replicated_data_are_distributed_as_the_model_says() -> None:
    curves = curves_of(table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False))
    posterior = _constant(curves, 40_000)
    mean, sd, degrees = (
        part[0, 0] for part in location_scale(posterior, curves, Priors(), "score", slice(None))
    )
    scale = np.hypot(3.0, RESOLUTION * CATALOGUE["bleu"].noise)
    assert (sd.tolist(), degrees.tolist()) == (pytest.approx([scale] * 4), [10.0] * 4)
    drawn = replicate(posterior, curves, Priors(), 0)[1]["value"].to_numpy()[0].astype(float)
    error = sd * np.sqrt(degrees / (degrees - 2)) / 200
    assert (np.abs(drawn.mean(axis=0) - mean) < 4 * error).all()
    # Student-t with 10 degrees of freedom: 3.36% beyond 2.457 scales.
    beyond = (np.abs(drawn - mean) > 2.457 * sd).mean()
    assert beyond == pytest.approx(0.0338, abs=0.002)


def test_replicated_data_keep_to_the_metric_s_range(made: Fit) -> None:
    group = made.tree["posterior_predictive"]["value"]
    bleu = group.where(group["observation_metric"] == "bleu", drop=True)
    assert float(bleu.min()) >= 0
    assert float(bleu.max()) <= 100
    assert not np.isnan(group.to_numpy()).any()


def test_rows_are_evaluated_in_chunks_of_any_size(made: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    posterior = made.tree["posterior"].to_dataset()
    whole = replicate(posterior, made.curves, made.priors, 0)[0]["value"].to_numpy()
    monkeypatch.setattr(derived, "_CHUNK", 5)
    parts = replicate(posterior, made.curves, made.priors, 0)[0]["value"].to_numpy()
    assert (whole == parts).all()
    assert np.isfinite(whole).all()


def test_of_a_standard_error_only_the_independent_share_counts() -> None:
    assert total_sd(3.0, 4.0, 1.0) == 5.0
    assert total_sd(3.0, 4.0, 0.0) == 3.0
    assert total_sd(3.0, 4.0, 0.25) == pytest.approx(np.sqrt(9 + 4))
    assert total_sd(3.0, 0.0, 0.9) == 3.0
    assert total_sd(3.0, 4.0, None) == 3.0


def test_noise_never_falls_below_the_metric_s_resolution() -> None:
    assert total_sd(0.0, 0.0, None, floor=0.025) == 0.025
    assert total_sd(3.0, 4.0, 1.0, floor=12.0) == 13.0
