"""Breaks are drawn from their exact posterior given all else."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import special, stats

from bayesscale.inference.broken import draw_breaks, log_hazard, unseen_breaks
from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.effects import joint_effects
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.priors import Priors
from tests.models.tables import curves_of, table

FloatArray = NDArray[np.float64]
SIZES = np.geomspace(1e9, 6.4e10, 10)
DRAWS = 20_000
HAZARD, SCALE, NOISE, TAILS = 0.05, 0.4, 0.4, 8.0
LAW = {"bleu": (np.log(25.0), 0.4, 0.1), "cross_entropy": (np.log(1.5), 0.2, 0.1)}
FELL_AT = 1.5e10


def _table(fallen: str = "en", slope: float = -0.5, metrics: tuple[str, ...] = ("bleu",)) -> pd.DataFrame:
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


def _draws(
    curves: Curves,
    count: int = DRAWS,
    *,
    metrics: tuple[str, ...] = ("bleu",),
    hazard: float = HAZARD,
    alignment: float | None = None,
    waves: float = 1.0,
) -> xr.Dataset:
    """Return draws of fixed parameters; the weights of the noise come in waves."""
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())
    value = np.empty(len(effects.names))
    for place, name in enumerate(curves.names):
        value[list(effects.columns(place))] = LAW[name]
    rows = [curves.scores, curves.losses][: len(metrics)]
    raw = np.concatenate([waves * np.sin(7 * curves.axis.u(r.size) + r.unit + r.metric) for r in rows])
    noise = [NOISE * CATALOGUE[name].noise / 0.5 for name in curves.names]
    each: dict[str, tuple[tuple[str, ...], Any]] = {
        "curve_effect": (("curve", "effect"), np.tile(value, (len(curves), 1))),
        "noise_sd": (("metric",), np.array(noise)),
        "noise_factor": (("curve", "metric"), np.zeros((len(curves), len(curves.names)))),
        "noise_tails": (("metric",), np.full(len(curves.names), TAILS)),
        "noise_weight_raw": (("breakable_observation",), raw),
        "break_log_hazard": (("break_metric",), np.full(len(metrics), np.log(hazard))),
        "break_scale": (("break_metric",), np.full(len(metrics), SCALE)),
    }
    if alignment is not None:
        each["break_alignment"] = (("break_metric",), np.full(len(metrics), alignment))
    return xr.Dataset(
        {n: (("chain", "draw", *d), np.broadcast_to(v, (1, count, *v.shape))) for n, (d, v) in each.items()},
        coords={"break_metric": list(metrics)},
    )


def _exact(curves: Curves, curve: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the probabilities of no break and of each quarter of a gap, and mean and sd of its slope.

    By densities of multivariate normals and by solving for the slope, unlike the code that is tested.
    """
    own = curves.scores.unit == curve
    size, value = curves.scores.size[own], curves.scores.value[own]
    u = curves.axis.u(size)
    mean = LAWS["log-law"].value(u, *LAW["bleu"])
    weight = np.exp(np.sin(7 * u + curve) / np.sqrt((2 + TAILS) / 2))
    variance = (NOISE**2 + (RESOLUTION * CATALOGUE["bleu"].noise) ** 2) / weight
    ends = np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in pairwise(u)])
    ends = np.append(ends, u[-1])
    span = curves.axis.span
    logs = [-HAZARD * span * (u[-1] - u[0]) + stats.norm.logpdf(value, mean, np.sqrt(variance)).sum()]
    slopes = [(-SCALE, 0.6 * SCALE)]
    for start, stop in pairwise(ends):
        ramp = np.exp(LAW["bleu"][0]) * np.maximum(u - (start + stop) / 2, 0)
        covariance = np.diag(variance) + (0.6 * SCALE) ** 2 * np.outer(ramp, ramp)
        chance = np.exp(-HAZARD * span * (start - u[0])) - np.exp(-HAZARD * span * (stop - u[0]))
        logs.append(np.log(chance) + stats.multivariate_normal.logpdf(value, mean - SCALE * ramp, covariance))
        pull = (0.6 * SCALE) ** 2 * np.linalg.solve(covariance, ramp)
        slopes.append((-SCALE + pull @ (value - mean + SCALE * ramp), 0.6 * SCALE * np.sqrt(1 - pull @ ramp)))
    probability = np.exp(np.array(logs) - special.logsumexp(logs))
    centre, spread = np.array(slopes).T
    return probability, centre, spread


def _state(curves: Curves, curve: int, at: FloatArray) -> NDArray[np.int64]:
    """Return 0 where a break is beyond the data, else the number of its quarter of a gap."""
    sizes = np.sort(curves.scores.size[curves.scores.unit == curve])
    gaps = pairwise(np.log(sizes))
    ends = np.append(np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in gaps]), np.log(sizes[-1]))
    return np.where(at > sizes[-1], 0, np.searchsorted(ends, np.log(at)))


# A clear break, one that may be none, and none at all.
@pytest.mark.parametrize("slope", [-0.5, -0.06, 0.0])
def test_states_and_slopes_are_those_of_the_exact_posterior(slope: float) -> None:
    curves = curves_of(_table(slope=slope))
    found = draw_breaks(_draws(curves), curves, Priors(), seed=3)
    for curve in range(len(curves)):
        probability, centre, spread = _exact(curves, curve)
        at, slopes, said = (found[n].to_numpy()[0, :, curve, 0] for n in found.data_vars)
        assert said == pytest.approx(np.full(DRAWS, 1 - probability[0]), rel=1e-8, abs=1e-12)
        state = _state(curves, curve, at)
        count = np.bincount(state, minlength=len(probability))
        error = np.sqrt(DRAWS * probability * (1 - probability))
        assert (np.abs(count - DRAWS * probability) < 4.5 * error + 1).all()
        for each in np.flatnonzero(count > 400):
            drawn = slopes[state == each]
            assert abs(drawn.mean() - centre[each]) < 4 * spread[each] / np.sqrt(len(drawn))
            assert abs(drawn.std() / spread[each] - 1) < 4 / np.sqrt(2 * len(drawn))


def test_a_clear_break_is_found_and_the_other_curve_is_not_broken() -> None:
    curves = curves_of(_table())
    found = draw_breaks(_draws(curves), curves, Priors(), seed=1).isel(chain=0, break_metric=0)
    broken, whole = (curves.labels.index(f"en-fr | {name} | 6M") for name in ("en", "en+fr"))
    assert float(found["break_probability"].isel(curve=broken).min()) > 0.999
    low, high = np.quantile(found["break_at"].isel(curve=broken), [0.025, 0.975])
    assert low < FELL_AT < high
    assert high / low < 3
    prior = 1 - np.exp(-HAZARD * curves.axis.span)
    assert float(found["break_probability"].isel(curve=whole).max()) < prior


def test_breaks_drawn_from_the_prior_are_covered_as_often_as_is_said() -> None:
    count, hazard, rng = 600, 0.15, np.random.default_rng(8)
    sizes = tuple(np.arange(1, count + 1) * 1e6)
    frame = table(("en-fr",), ("en",), sizes, ("bleu",), sizes=SIZES.tolist(), baseline=False)
    axis = curves_of(frame).axis
    at = SIZES[0] * np.exp(rng.standard_exponential(count) / hazard)
    slope = SCALE * (0.6 * rng.standard_normal(count) - 1)
    curve = (frame["finetune_tokens"] / 1e6).to_numpy(int) - 1
    u = axis.u(frame["pretrain_tokens"].to_numpy())
    law = LAWS["log-law"].value(u, *LAW["bleu"])
    bend = slope[curve] * np.exp(LAW["bleu"][0]) * np.maximum(u - axis.u(at[curve]), 0)
    noise = np.hypot(NOISE, RESOLUTION * CATALOGUE["bleu"].noise)
    curves = curves_of(frame.assign(value=law + bend + noise * rng.standard_normal(len(frame))))
    found = draw_breaks(_draws(curves, 400, hazard=hazard, waves=0.0), curves, Priors(), 1)
    order = (curves.table["finetune_tokens"] / 1e6).to_numpy(int) - 1
    at, slope, said = at[order], slope[order], found["break_probability"].to_numpy()[0, 0, :, 0]
    happened = at < SIZES[-1]
    assert 0.3 < happened.mean() < 0.6
    assert abs(happened.sum() - said.sum()) < 4 * np.sqrt((said * (1 - said)).sum())
    for low, high in pairwise((0.0, 0.05, 0.3, 0.9, 1.001)):
        some = (low <= said) & (said < high)
        error = np.sqrt((said * (1 - said))[some].sum())
        assert abs((happened - said)[some].sum()) < 4 * error + 0.5
    # Of the true position and slope among the draws every rank is as likely.
    for name, truth in (("break_at", at), ("break_slope", slope)):
        rank = (found[name].to_numpy()[0, ..., 0] < truth).mean(axis=0)
        assert stats.kstest(rank, stats.uniform.cdf).pvalue > 1e-2


def test_a_break_beyond_the_data_comes_with_the_hazard_and_an_unknown_slope() -> None:
    curves = curves_of(_table())
    found = draw_breaks(_draws(curves), curves, Priors(), seed=2).isel(chain=0, break_metric=0)
    whole = curves.labels.index("en-fr | en+fr | 6M")
    at, slope = (found[name].isel(curve=whole).to_numpy() for name in ("break_at", "break_slope"))
    later = at > SIZES[-1]
    assert later.mean() > 0.8
    waited = HAZARD * np.log(at[later] / SIZES[-1])
    assert stats.kstest(waited, stats.expon.cdf).pvalue > 1e-3
    assert stats.kstest(slope[later], stats.norm(-SCALE, 0.6 * SCALE).cdf).pvalue > 1e-3
    assert ((at[~later] >= SIZES[0]) & (at[~later] <= SIZES[-1])).all()


@pytest.mark.parametrize("slope", [-0.5, 0.0])
def test_losses_break_upwards(slope: float) -> None:
    curves = curves_of(_table(slope=slope, metrics=("bleu", "cross_entropy")))
    draws = _draws(curves, 2000, metrics=("bleu", "cross_entropy"))
    found = draw_breaks(draws, curves, Priors(), seed=1).isel(chain=0)
    broken = curves.labels.index("en-fr | en | 6M")
    probability = found["break_probability"].isel(curve=broken).to_numpy()[0]
    assert (probability > 0.999).tolist() == [slope < 0] * 2
    if slope < 0:
        slopes = found["break_slope"].isel(curve=broken).to_numpy()
        assert (np.abs(slopes.mean(axis=0) - slope) < 3 * slopes.std(axis=0)).all()


def test_one_outlier_is_no_break_once_its_weight_is_small() -> None:
    frame = _table(slope=0.0)
    # In the middle: on either side of it the law holds.
    outlier = (frame["mixture"] == "en") & (frame["pretrain_tokens"] == SIZES[5])
    frame.loc[outlier, "value"] -= 10 * NOISE
    curves = curves_of(frame)
    draws = _draws(curves, 500)
    broken = curves.labels.index("en-fr | en | 6M")
    rows = (curves.scores.unit == broken) & (curves.scores.size == SIZES[5])
    raw = draws["noise_weight_raw"].to_numpy().copy()
    raw[..., rows] = np.log(0.02) * np.sqrt((2 + TAILS) / 2)
    found = draw_breaks(
        draws.assign(noise_weight_raw=(draws["noise_weight_raw"].dims, raw)), curves, Priors(), 0
    )
    assert float(found["break_probability"].isel(curve=broken).max()) < 0.2


def test_the_order_of_the_table_s_rows_changes_no_draw() -> None:
    frame = _table(slope=-0.1, metrics=("bleu", "cross_entropy"))
    shuffled = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    first, second = (
        draw_breaks(_draws(curves, 3000, metrics=curves.names), curves, Priors(), seed=4)
        for curves in (curves_of(frame), curves_of(shuffled))
    )
    for name in first.data_vars:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-9)


def test_the_seed_decides() -> None:
    curves = curves_of(_table())
    draws = _draws(curves, 200)
    first, again, other = (draw_breaks(draws, curves, Priors(), seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert not (first["break_at"] == other["break_at"]).any()


def test_a_curve_without_the_metric_breaks_as_the_population_does() -> None:
    frame = _table(metrics=("bleu", "cross_entropy"))
    curves = curves_of(frame[(frame["mixture"] == "en") | (frame["metric"] == "cross_entropy")])
    found = draw_breaks(_draws(curves), curves, Priors(), seed=1).isel(chain=0, break_metric=0)
    lacking = curves.labels.index("en-fr | en+fr | 6M")
    expected = 1 - np.exp(-HAZARD * curves.axis.span)
    assert found["break_probability"].isel(curve=lacking).to_numpy() == pytest.approx(expected)
    waited = HAZARD * np.log(found["break_at"].isel(curve=lacking).to_numpy() / curves.axis.lo)
    assert stats.kstest(waited, stats.expon.cdf).pvalue > 1e-3


def test_unseen_breaks_follow_the_hazard_from_where_each_curve_begins() -> None:
    frame = _table()
    late = (frame["mixture"] == "en+fr") & (frame["pretrain_tokens"] < SIZES[3])
    curves = curves_of(frame[~late])
    draws = _draws(curves, alignment=-4.0)
    found = unseen_breaks(draws, curves, Priors(), seed=1).isel(chain=0, break_metric=0)
    (alignment,) = (c.values for c in curves.covariates if c.name == "alignment")
    hazard = HAZARD * np.exp(-4.0 * alignment)
    assert np.exp(log_hazard(draws, curves))[0, 7, :, 0] == pytest.approx(hazard)
    assert hazard.max() / hazard.min() > 2  # alignment differs between the mixtures
    for curve, label in enumerate(curves.labels):
        first = SIZES[3] if "en+fr" in label else SIZES[0]
        waited = hazard[curve] * np.log(found["break_at"].isel(curve=curve).to_numpy() / first)
        assert stats.kstest(waited, stats.expon.cdf).pvalue > 1e-3
        slope = found["break_slope"].isel(curve=curve).to_numpy()
        assert stats.kstest(slope, stats.norm(-SCALE, 0.6 * SCALE).cdf).pvalue > 1e-3
        by_last = 1 - np.exp(-hazard[curve] * np.log(SIZES[-1] / first))
        assert found["break_probability"].isel(curve=curve).to_numpy() == pytest.approx(by_last)
