"""Breaks and discrepancies are drawn from their exact joint posterior given all else."""

from __future__ import annotations

from itertools import pairwise, product

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray
from scipy import stats

from bayesscale.inference.integrated import draw_integrated, log_hazard, unseen
from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.discrepancy import MODES, Basis
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.priors import Priors
from tests.inference.bent import (
    FELL_AT,
    HAZARD,
    LAW,
    MANY,
    NOISE,
    SCALE,
    SIZES,
    STRAYED,
    TAILS,
    Exact,
    bent_table,
    fixed_draws,
    measured,
)
from tests.models.tables import curves_of, table

FloatArray = NDArray[np.float64]
BREAKS = ("break_at", "break_slope", "break_probability")
DRAWS = MANY


def _state(curves: Curves, curve: int, at: FloatArray) -> NDArray[np.int64]:
    """Return 0 where a break is beyond the data, else the number of its quarter of a gap."""
    sizes = np.sort(curves.scores.size[curves.scores.unit == curve])
    gaps = pairwise(np.log(sizes))
    ends = np.append(np.concatenate([np.linspace(a, b, 5)[:-1] for a, b in gaps]), np.log(sizes[-1]))
    return np.where(at > sizes[-1], 0, np.searchsorted(ends, np.log(at)))


def _assert_normal(drawn: FloatArray, mean: FloatArray, covariance: FloatArray) -> None:
    """Assert that draws (count, parameters) have mean and covariance, up to 4.5 standard errors."""
    variance, count = np.diag(covariance), len(drawn)
    assert (np.abs(drawn.mean(axis=0) - mean) < 4.5 * np.sqrt(variance / count)).all()
    error = np.sqrt((np.outer(variance, variance) + covariance**2) / count)
    assert (np.abs(np.atleast_2d(np.cov(drawn.T)) - covariance) < 4.5 * error).all()


# A clear break, one that may be none, and none at all.
@pytest.mark.parametrize("slope", [-0.5, -0.06, 0.0])
@pytest.mark.parametrize("strayed", [None, STRAYED], ids=["exact laws", "discrepancy"])
def test_breaks_and_discrepancies_are_those_of_the_exact_posterior(
    slope: float, strayed: float | None
) -> None:
    metrics = ("bleu", "cross_entropy")
    curves = curves_of(bent_table(slope=slope, metrics=metrics))
    found = draw_integrated(fixed_draws(curves, metrics=metrics, strayed=strayed), curves, Priors(), seed=3)
    assert ("discrepancy" in found) == (strayed is not None)
    for curve, (place, name) in product(range(len(curves)), enumerate(metrics)):
        exact = Exact.of(curves, curve, name, strayed)
        at, slopes, said = (found[n].to_numpy()[0, :, curve, place] for n in BREAKS)
        assert said == pytest.approx(np.full(DRAWS, 1 - exact.probability[0]), rel=1e-8, abs=1e-12)
        state = _state(curves, curve, at)
        count = np.bincount(state, minlength=len(exact.probability))
        error = np.sqrt(DRAWS * exact.probability * (1 - exact.probability))
        assert (np.abs(count - DRAWS * exact.probability) < 4.5 * error + 1).all()
        for each in np.flatnonzero(count > 400):
            _assert_normal(slopes[state == each][:, None], exact.mean[each, MODES:], exact.slope(int(each)))
        if strayed is not None:
            coefficients = found["discrepancy"].to_numpy()[0, :, curve, place]
            standard = _standardised(curves, curve, name, at, slopes, coefficients)
            for own in (state == 0, state > 0):
                if own.sum() > 400:
                    slope_too = np.column_stack([standard, slopes])[own]
                    _assert_normal(standard[own], np.zeros(MODES), np.eye(MODES))
                    assert np.abs(np.corrcoef(slope_too.T)[MODES, :MODES]).max() < 4.5 / np.sqrt(own.sum())


def _standardised(
    curves: Curves, curve: int, name: str, at: FloatArray, slope: FloatArray, coefficients: FloatArray
) -> FloatArray:
    """Return coefficients in units of their exact posterior given where and how much the curve broke."""
    u, rest, variance, modes = measured(curves, curve, name)
    high = np.exp(LAW[name][0]) * (1 if name == "bleu" else -1)
    ramp = np.maximum(u - curves.axis.u(at)[:, None], 0.0)
    pull = STRAYED * modes.T @ np.linalg.inv(np.diag(variance) + STRAYED**2 * modes @ modes.T)
    factor = np.linalg.cholesky(np.eye(MODES) - STRAYED * pull @ modes)
    mean = (rest - high * slope[:, None] * ramp) @ pull.T
    return np.asarray(np.linalg.solve(factor, (coefficients - mean).T).T)


def test_a_break_and_a_discrepancy_that_explain_the_same_bend_are_drawn_together() -> None:
    curves = curves_of(bent_table())
    broken = curves.labels.index("en-fr | en | 6M")
    exact = Exact.of(curves, broken, "bleu", STRAYED)
    found = draw_integrated(fixed_draws(curves, strayed=STRAYED), curves, Priors(), seed=3).isel(
        chain=0, curve=broken
    )
    likely = int(exact.probability.argmax())
    own = _state(curves, broken, found["break_at"].to_numpy()[:, 0]) == likely
    drawn = np.column_stack(
        [found["discrepancy"].to_numpy()[own, 0], found["break_slope"].to_numpy()[own, 0]]
    )
    sd = np.sqrt(np.diag(exact.covariance[likely]))
    correlation = (exact.covariance[likely] / np.outer(sd, sd))[:MODES, MODES]
    assert np.abs(correlation).max() > 0.3
    # Not equal: the exact one has the break in the middle of its stretch, the drawn ones anywhere in it.
    assert np.corrcoef(drawn.T)[:MODES, MODES] == pytest.approx(correlation, abs=0.1)


def test_without_breaks_discrepancies_alone_are_drawn() -> None:
    curves = curves_of(bent_table(slope=0.0, metrics=("bleu", "cross_entropy")))
    found = draw_integrated(fixed_draws(curves, metrics=(), strayed=STRAYED), curves, Priors(), seed=6)
    assert set(found.data_vars) == {"discrepancy"}
    assert found["discrepancy"].shape == (1, DRAWS, len(curves), 2, MODES)
    for curve, (place, name) in product(range(len(curves)), enumerate(curves.names)):
        _, rest, variance, modes = measured(curves, curve, name)
        pull = STRAYED * modes.T @ np.linalg.inv(np.diag(variance) + STRAYED**2 * modes @ modes.T)
        drawn = found["discrepancy"].to_numpy()[0, :, curve, place]
        _assert_normal(drawn, pull @ rest, np.eye(MODES) - STRAYED * pull @ modes)


def test_of_a_metric_that_a_curve_lacks_the_discrepancy_is_unknown() -> None:
    frame = bent_table(metrics=("bleu", "cross_entropy"))
    curves = curves_of(frame[(frame["mixture"] == "en") | (frame["metric"] == "cross_entropy")])
    found = draw_integrated(fixed_draws(curves, strayed=STRAYED), curves, Priors(), seed=1)
    lacking = curves.labels.index("en-fr | en+fr | 6M")
    _assert_normal(found["discrepancy"].to_numpy()[0, :, lacking, 0], np.zeros(MODES), np.eye(MODES))
    # As that of all curves of which nothing is known.
    nothing = unseen(fixed_draws(curves, strayed=STRAYED), curves, Priors(), seed=1)["discrepancy"]
    flat = nothing.to_numpy().reshape(DRAWS, -1)
    _assert_normal(flat, np.zeros(flat.shape[1]), np.eye(flat.shape[1]))


def test_without_both_nothing_is_drawn() -> None:
    curves = curves_of(bent_table())
    draws = fixed_draws(curves, 3, metrics=())
    assert not draw_integrated(draws, curves, Priors(), seed=1).data_vars
    assert not unseen(draws, curves, Priors(), seed=1).data_vars


def test_answers_of_a_curve_do_not_depend_on_other_curves() -> None:
    frame = bent_table(slope=-0.06, metrics=("bleu", "cross_entropy"))
    other = frame["mixture"] == "en+fr"
    alone, changed = frame[~other].reset_index(drop=True), frame.copy()
    changed.loc[other, "value"] *= 1.3
    first, *others = (
        draw_integrated(fixed_draws(c, 500, metrics=c.names, strayed=STRAYED), c, Priors(), seed=4)
        for c in map(curves_of, (frame, changed, alone))
    )
    label = curves_of(frame).labels.index("en-fr | en | 6M")
    for found in others:
        # The random numbers of the first pair are the same, whatever else there is.
        for name in (*BREAKS, "discrepancy"):
            own, before = (d[name].isel(curve=label).to_numpy()[:, :, 0] for d in (found, first))
            np.testing.assert_allclose(own, before, rtol=1e-9)
        # Of its other metric what is said without random numbers.
        said = found["break_probability"].isel(curve=label).to_numpy()
        np.testing.assert_allclose(said, first["break_probability"].isel(curve=label), rtol=1e-9)
    moved = 1 - label
    assert not np.allclose(others[0]["discrepancy"].isel(curve=moved), first["discrepancy"].isel(curve=moved))


def test_a_clear_break_is_found_and_the_other_curve_is_not_broken() -> None:
    curves = curves_of(bent_table())
    found = draw_integrated(fixed_draws(curves), curves, Priors(), seed=1).isel(chain=0, break_metric=0)
    broken, whole = (curves.labels.index(f"en-fr | {name} | 6M") for name in ("en", "en+fr"))
    assert float(found["break_probability"].isel(curve=broken).min()) > 0.999
    low, high = np.quantile(found["break_at"].isel(curve=broken), [0.025, 0.975])
    assert low < FELL_AT < high
    assert high / low < 3
    prior = 1 - np.exp(-HAZARD * curves.axis.span)
    assert float(found["break_probability"].isel(curve=whole).max()) < prior


@pytest.mark.parametrize("strayed", [None, STRAYED], ids=["exact laws", "discrepancy"])
def test_what_is_drawn_from_the_prior_is_covered_as_often_as_is_said(strayed: float | None) -> None:
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
    noise = np.hypot(NOISE, RESOLUTION * CATALOGUE["bleu"].noise) * rng.standard_normal(len(frame))
    modes = (strayed or 0.0) * np.exp(LAW["bleu"][0]) * np.hypot(LAW["bleu"][1], 0.02)
    modes = modes * Basis.of(axis.u(SIZES)).modes
    coefficient = rng.standard_normal((count, MODES))
    off = (modes[np.searchsorted(SIZES, frame["pretrain_tokens"])] * coefficient[curve]).sum(axis=1)
    curves = curves_of(frame.assign(value=law + bend + off + noise))
    draws = fixed_draws(curves, 400, hazard=hazard, waves=0.0, strayed=strayed)
    found = draw_integrated(draws, curves, Priors(), 1)
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
    truths = [(found["break_at"].to_numpy(), at), (found["break_slope"].to_numpy(), slope)]
    if strayed:
        drawn = found["discrepancy"].to_numpy()
        truths += [(drawn[..., mode], coefficient[order, mode]) for mode in range(MODES)]
    for drawn, truth in truths:
        rank = (drawn[0, ..., 0] < truth).mean(axis=0)
        assert stats.kstest(rank, stats.uniform.cdf).pvalue > 1e-2


def test_a_break_beyond_the_data_comes_with_the_hazard_and_an_unknown_slope() -> None:
    curves = curves_of(bent_table())
    found = draw_integrated(fixed_draws(curves), curves, Priors(), seed=2).isel(chain=0, break_metric=0)
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
    curves = curves_of(bent_table(slope=slope, metrics=("bleu", "cross_entropy")))
    draws = fixed_draws(curves, 2000, metrics=("bleu", "cross_entropy"))
    found = draw_integrated(draws, curves, Priors(), seed=1).isel(chain=0)
    broken = curves.labels.index("en-fr | en | 6M")
    probability = found["break_probability"].isel(curve=broken).to_numpy()[0]
    assert (probability > 0.999).tolist() == [slope < 0] * 2
    if slope < 0:
        slopes = found["break_slope"].isel(curve=broken).to_numpy()
        assert (np.abs(slopes.mean(axis=0) - slope) < 3 * slopes.std(axis=0)).all()


def test_one_outlier_is_no_break_once_its_weight_is_small() -> None:
    frame = bent_table(slope=0.0)
    # In the middle: on either side of it the law holds.
    outlier = (frame["mixture"] == "en") & (frame["pretrain_tokens"] == SIZES[5])
    frame.loc[outlier, "value"] -= 10 * NOISE
    curves = curves_of(frame)
    draws = fixed_draws(curves, 500)
    broken = curves.labels.index("en-fr | en | 6M")
    rows = (curves.scores.unit == broken) & (curves.scores.size == SIZES[5])
    raw = draws["noise_weight_raw"].to_numpy().copy()
    raw[..., rows] = np.log(0.02) * np.sqrt((2 + TAILS) / 2)
    found = draw_integrated(
        draws.assign(noise_weight_raw=(draws["noise_weight_raw"].dims, raw)), curves, Priors(), 0
    )
    assert float(found["break_probability"].isel(curve=broken).max()) < 0.2


def test_the_order_of_the_table_s_rows_changes_no_draw() -> None:
    frame = bent_table(slope=-0.1, metrics=("bleu", "cross_entropy"))
    shuffled = frame.sample(frac=1, random_state=0).reset_index(drop=True)
    first, second = (
        draw_integrated(
            fixed_draws(curves, 3000, metrics=curves.names, strayed=STRAYED), curves, Priors(), seed=4
        )
        for curves in (curves_of(frame), curves_of(shuffled))
    )
    for name in first.data_vars:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-9)


def test_the_seed_decides() -> None:
    curves = curves_of(bent_table())
    draws = fixed_draws(curves, 200, strayed=STRAYED)
    first, again, other = (draw_integrated(draws, curves, Priors(), seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    for name in ("break_at", "discrepancy"):
        assert not (first[name] == other[name]).any()


def test_a_curve_without_the_metric_breaks_as_the_population_does() -> None:
    frame = bent_table(metrics=("bleu", "cross_entropy"))
    curves = curves_of(frame[(frame["mixture"] == "en") | (frame["metric"] == "cross_entropy")])
    found = draw_integrated(fixed_draws(curves), curves, Priors(), seed=1).isel(chain=0, break_metric=0)
    lacking = curves.labels.index("en-fr | en+fr | 6M")
    expected = 1 - np.exp(-HAZARD * curves.axis.span)
    assert found["break_probability"].isel(curve=lacking).to_numpy() == pytest.approx(expected)
    waited = HAZARD * np.log(found["break_at"].isel(curve=lacking).to_numpy() / curves.axis.lo)
    assert stats.kstest(waited, stats.expon.cdf).pvalue > 1e-3


def test_unseen_breaks_follow_the_hazard_from_where_each_curve_begins() -> None:
    frame = bent_table()
    late = (frame["mixture"] == "en+fr") & (frame["pretrain_tokens"] < SIZES[3])
    curves = curves_of(frame[~late])
    draws = fixed_draws(curves, alignment=-4.0)
    found = unseen(draws, curves, Priors(), seed=1).isel(chain=0, break_metric=0)
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
