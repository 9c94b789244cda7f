"""Draws from the prior: they are those of the plain model, and what they say is plausible."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from scipy import special, stats

from bayesscale.inference.prior import prior_draws
from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves
from bayesscale.models.assembly import assemble
from bayesscale.models.breaks import with_break
from bayesscale.models.discrepancy import discrepancy_unit
from bayesscale.models.measurement import total_sd
from bayesscale.models.model import Model, chosen_model
from bayesscale.models.plain import plain_model
from bayesscale.models.priors import Priors
from bayesscale.models.scale import log_near_zero, place_of
from bayesscale.posterior.draws import FOLLOWED
from tests.models.evaluate import quiet
from tests.models.tables import curves_of, table
from tests.models.variants import VARIANTS

DRAWS = 600


@pytest.fixture(scope="module")
def curves() -> Curves:
    return curves_of(table(("en-fr", "en-de", "en-es"), ("en", "en+fr", "fr"), se=0.3))


@pytest.fixture(scope="module")
def prior(curves: Curves) -> xr.Dataset:
    return prior_draws(curves, Model(breaks="all"), 0, DRAWS)


ALWAYS = {
    "mean": ("effect",),
    "curve_sd": ("effect",),
    "curve_correlation": ("effect", "effect_other"),
    "law_share": ("metric", "law"),
    "shape_mean": ("metric", "law"),
    "shape_sd": ("metric", "law"),
    "noise_mean": ("metric",),
    "noise_spread": ("metric",),
    **dict.fromkeys(("level", "gain", "shape", "sharpness", "noise", FOLLOWED), ("curve", "metric")),
    "value": ("observation",),
}
SIZE = "finetune_tokens"
FACTORS = ("task", "mixture", "task_mixture", SIZE)
GROUPED = {
    "slope": ("covariate", "effect"),
    **{f"{name}_effect": (name, "effect") for name in FACTORS},
    **{f"{name}_sd": ("effect",) for name in FACTORS},
}
BROKEN = {
    "break_log_hazard": ("break_metric",),
    "break_scale": ("break_metric",),
    "break_at": ("curve", "break_metric"),
    "break_slope": ("curve", "break_metric"),
}
STRAYED = {
    "discrepancy_mean": ("metric",),
    "discrepancy_spread": ("metric",),
    "discrepancy_scale": ("curve", "metric"),
    "discrepancy": ("curve", "metric", "mode"),
}
SHARP = {"sharpness_mean": ("metric",), "sharpness_spread": ("metric",)}
SHARED = {"se_share_mean": ("metric",), "se_share_spread": ("metric",), "se_share": ("curve", "metric")}
BASELINE = {
    "baseline_mean": ("metric",),
    "baseline_slope": ("metric",),
    "baseline_sd": ("metric",),
    "baseline_level": ("cell", "metric"),
    "baseline_noise": ("cell", "metric"),
}
PAPER = chosen_model("paper", "none", False, Priors())
NAMES = {
    "everything": (
        Model(),
        {
            **GROUPED,
            **BROKEN,
            "break_alignment": ("break_metric",),
            **STRAYED,
            **SHARP,
            **SHARED,
            **BASELINE,
            "baseline_se_share": ("cell", "metric"),
        },
    ),
    "no alignment": (Model(), {**GROUPED, **BROKEN, **STRAYED, **SHARP, **BASELINE}),
    "one curve of one metric": (PAPER, {}),
    "loss alone": (Model(discrepancy=False), {**GROUPED, **SHARP, **BASELINE}),
}


@pytest.mark.parametrize("name", NAMES)
def test_the_variables_are_those_of_a_posterior(name: str) -> None:
    model, own = NAMES[name]
    curves = VARIANTS[name]()
    drawn = prior_draws(curves, model, 0, 3)
    named = {str(key): each.dims for key, each in drawn.data_vars.items()}
    factors = {f"{factor.name}{part}" for factor in curves.factors for part in ("_effect", "_sd")}
    grouped = {key for key in own if key.endswith(("_effect", "_sd")) and key in GROUPED} - factors
    expected = {key: dims for key, dims in {**ALWAYS, **own}.items() if key not in grouped}
    assert named == {key: ("chain", "draw", *dims) for key, dims in expected.items()}
    assert drawn.sizes["draw"] == 3
    assert drawn[FOLLOWED].dtype == np.int8
    assert drawn["curve"].values.tolist() == curves.labels
    laws = [law for law in LAWS if law in (*(model.laws if len(curves.scores) else ()), "power-law")]
    assert drawn["law"].values.tolist() == laws[: len(laws) if len(curves.losses) else -1]
    assert all(np.isfinite(each).all() for each in drawn.data_vars.values())


def test_a_seed_gives_the_same_draws_again() -> None:
    curves = VARIANTS["score alone"]()
    first, again, other = (prior_draws(curves, Model(), seed, 4) for seed in (0, 0, 1))
    assert first.identical(again)
    assert not np.isclose(first["mean"], other["mean"]).any()


def test_no_draw_comes_twice(prior: xr.Dataset) -> None:
    for name, draws in prior.data_vars.items():
        # Between two sizes nothing is off the line.
        if name not in (FOLLOWED, "law_share", f"{SIZE}_effect"):
            flat = draws.values[0].reshape(DRAWS, -1)[:, -1 if name != "curve_correlation" else 1]
            # Breaks beyond all floats are put where the last of these is.
            assert (flat == flat.max()).sum() < (0.05 * DRAWS if name == "break_at" else 2), name
            assert len(np.unique(flat)) == 1 + (flat < flat.max()).sum(), name


def test_draws_all_at_once_are_those_of_pymc_one_by_one() -> None:
    curves = curves_of(table(("en-fr", "en-de"), ("en", "fr"), (6e6,), se=0.3))
    own = prior_draws(curves, Model(), 0, DRAWS)
    with quiet():
        model = plain_model(curves, Model(), marginal=False)
        names = [name for name in map(str, own.data_vars) if name in model.named_vars]
        drawn = pm.draw([model[name] for name in names], DRAWS // 3, random_seed=1, mode="FAST_COMPILE")
    worst = 1.0
    for name, expected in zip(names, drawn, strict=True):
        found = own[name].values[0]
        assert found.shape[1:] == expected.shape[1:]
        pairs = zip(found.reshape(DRAWS, -1).T, expected.reshape(DRAWS // 3, -1).T, strict=True)
        worst = min(worst, *(stats.ks_2samp(*pair).pvalue for pair in pairs))
    assert worst > 1e-5  # of some hundred margins


def test_laws_are_drawn_with_their_shares(prior: xr.Dataset) -> None:
    share, law = prior["law_share"].values[0], prior[FOLLOWED].values[0]
    assert share[:, 0, :3].mean(axis=0) == pytest.approx(1 / 3, abs=0.04)
    assert stats.kstest(share[:, 0, 0], stats.beta(1, 2).cdf).pvalue > 1e-3
    assert (share[:, 0, 3] == 0).all()
    assert (share[:, 1] == [0.0, 0.0, 0.0, 1.0]).all()
    assert (law[:, :, 1] == 3).all()
    for number in range(3):
        expected = share[:, 0, number]
        follow = (law[:, :, 0] == number).mean(axis=1)
        sd = np.sqrt(expected * (1 - expected) / law.shape[1])
        assert ((follow - expected) / np.maximum(sd, 1e-9)).mean() == pytest.approx(0, abs=4 / DRAWS**0.5)
        assert follow.std() > 0.9 * expected.std()
        assert np.corrcoef(follow, expected)[0, 1] > 0.85


def test_curves_break_as_their_hazard_says(prior: xr.Dataset, curves: Curves) -> None:
    (alignment,) = (each.values for each in curves.covariates if each.name == "alignment")
    log_hazard = prior["break_log_hazard"] + prior["break_alignment"] * xr.DataArray(alignment, dims="curve")
    length = np.log(64.0)
    chance = (1 - np.exp(-np.exp(log_hazard) * length)).transpose(*prior["break_at"].dims)
    broken = prior["break_at"] < 6.4e10
    off = (broken - chance).sum() / np.sqrt((chance * (1 - chance)).sum())
    assert abs(float(off)) < 4
    assert 0.1 < float(broken.mean()) < 0.3
    assert float(prior["break_at"].min()) > 1e9
    fall = prior["break_slope"] / prior["break_scale"]
    assert float(fall.mean()) == pytest.approx(-1.0, abs=0.02)
    assert float(fall.std()) == pytest.approx(0.6, abs=0.02)


def test_levels_and_gains_are_a_regression_with_correlated_residuals(
    prior: xr.Dataset, curves: Curves
) -> None:
    expected = prior["mean"].values[0][:, None]
    values = np.stack([covariate.values for covariate in curves.covariates], axis=1)
    expected = expected + np.einsum("cq,dqe->dce", values, prior["slope"].values[0])
    for factor in curves.factors:
        effect = prior[f"{factor.name}_effect"].values[0]
        assert effect.sum(axis=1) == pytest.approx(0.0, abs=1e-9)
        # Two sizes lie on a line, which the slope says.
        assert ((effect**2).sum() > 0) == (factor.contrasts().size > 0)
        expected = expected + effect[:, factor.index]
    level, gain = prior["level"].values[0], prior["gain"].values[0]
    near = log_near_zero(curves.names, Priors())
    high, low = place_of(level, near), place_of(level - gain, near)
    effects = np.stack([high, high - low], axis=-1)
    residual = effects.reshape(expected.shape) - expected
    student = stats.t(Priors().curve_degrees, scale=prior["curve_sd"].values[0][:, None])
    white = stats.norm.ppf(student.cdf(residual))
    found = np.einsum("dce,dcf->def", white, white) / len(curves)
    correlation = prior["curve_correlation"].values[0]
    assert found.mean(axis=0) == pytest.approx(np.eye(4), abs=0.05)
    rows = np.tril_indices(4, -1)
    assert np.corrcoef(found[:, *rows].ravel(), correlation[:, *rows].ravel())[0, 1] > 0.6


def test_values_are_those_of_the_drawn_laws_with_student_noise(prior: xr.Dataset, curves: Curves) -> None:
    data = assemble(curves, Model(breaks="all"))
    draw = {str(name): each.values[0] for name, each in prior.data_vars.items()}
    start = 0
    for offset, rows in ((0, curves.scores), (len(curves.scores.metrics), curves.losses)):
        at = rows.unit, rows.metric + offset
        level, gain, shape, sharpness, law = (
            draw[name][:, *at] for name in ("level", "gain", "shape", "sharpness", FOLLOWED)
        )
        u, names = curves.axis.u(rows.size), prior["law"].values
        with np.errstate(all="ignore"):
            by_law = [LAWS[name].value(u, level, gain, shape, np.exp(sharpness)) for name in names]
        mean = np.choose(law, by_law)
        # The values of a curve ascend in size, as in its basis.
        mode = np.concatenate(
            [data.modes[*pair, data.u[*pair] == each] for *pair, each in zip(*at, u, strict=True)]
        )
        unit = discrepancy_unit(level, gain) * np.exp(draw["discrepancy_scale"][:, *at])
        beyond = u - curves.axis.u(draw["break_at"][:, *at])
        mean = with_break(mean, data.sign[at[1]], level, draw["break_slope"][:, *at], beyond)
        share, own = special.expit(draw["se_share"][:, *at]), np.exp(draw["noise"][:, *at])
        near = np.exp(data.log_near[at[1]])
        scale = total_sd(own, mean, rows.se, share, floor=data.floor[at[1]], near=near)
        strayed = unit * (draw["discrepancy"][:, *at] * mode).sum(axis=-1)
        mean = mean + strayed * np.maximum(mean, 0.0) / (np.maximum(mean, 0.0) + near)
        white = (draw["value"][:, start : start + len(rows)] - mean) / scale
        assert stats.kstest(white.ravel(), stats.t(5).cdf).statistic < 0.01
        start += len(rows)
    at, rows = (curves.baseline.unit, curves.baseline.metric), curves.baseline
    share = special.expit(draw["baseline_se_share"][:, *at])
    mean, own = np.exp(draw["baseline_level"][:, *at]), np.exp(draw["baseline_noise"][:, *at])
    near = np.exp(data.log_near[at[1]])
    scale = total_sd(own, mean, rows.se, share, floor=data.floor[at[1]], near=near)
    white = (draw["value"][:, start:] - mean) / scale
    assert stats.kstest(white.ravel(), stats.t(5).cdf).statistic < 0.02


def test_scores_and_losses_are_plausible(prior: xr.Dataset, curves: Curves) -> None:
    values = prior["value"].values[0]
    scores, losses = values[:, : len(curves.scores)], values[:, len(curves.scores) :][:, : len(curves.losses)]
    # As wide as the priors are, four in five are scores and losses that somebody could have measured.
    assert ((scores > 0) & (scores < 100)).mean() > 0.8
    assert ((losses > 0) & (losses < 15)).mean() > 0.9
    # Of 16,000 draws.
    assert np.quantile(scores, [0.1, 0.5, 0.9]) == pytest.approx([2.3, 21, 121], rel=0.3)
    assert np.quantile(losses, [0.1, 0.5, 0.9]) == pytest.approx([0.3, 1.7, 8.5], rel=0.3)
