"""From the sampler's arrays to variables: every number under its name, labelled, and nothing lost."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

from bayesscale.inference.draws import curve_draws, local_draws, population_draws
from bayesscale.inference.sampler import Sampled
from bayesscale.laws import LAWS
from bayesscale.metrics.curves import Curves
from bayesscale.models.assembly import POOLED, Assembly, assemble
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors
from bayesscale.models.scale import law_parameters, log_near_zero, log_sharpness, log_value
from bayesscale.particles.places import LEVEL, MODE, NOISE, SHAPE, SLOPE, TAU
from bayesscale.posterior.draws import FOLLOWED
from tests.inference.conftest import prior_sampled
from tests.models.tables import curves_of, table
from tests.models.variants import VARIANTS

SEED = 3


@pytest.fixture(scope="module")
def curves() -> Curves:
    return VARIANTS["metric missing"]()


@pytest.fixture(scope="module")
def data(curves: Curves) -> Assembly:
    return assemble(curves, Model(breaks="all"))


@pytest.fixture(scope="module")
def sampled(data: Assembly) -> Sampled:
    return prior_sampled(data)


@pytest.fixture(scope="module")
def population(sampled: Sampled, curves: Curves, data: Assembly) -> xr.Dataset:
    return population_draws(sampled, curves, data)


@pytest.fixture(scope="module")
def local(sampled: Sampled, curves: Curves, data: Assembly) -> xr.Dataset:
    return local_draws(sampled, curves, data, SEED)


def test_what_is_expected_of_curves_is_the_regression(
    population: xr.Dataset, sampled: Sampled, curves: Curves, data: Assembly
) -> None:
    expected = np.einsum("cq,kdqe->kdce", data.design, sampled.population["coef"])
    found = population["mean"].to_numpy()[:, :, None]
    covariates = np.stack([covariate.values for covariate in curves.covariates], axis=1)
    found = found + np.einsum("cv,kdve->kdce", covariates, population["slope"].to_numpy())
    for number, factor in enumerate(curves.factors):
        effect = population[f"{factor.name}_effect"]
        assert effect[factor.name].to_numpy().tolist() == list(factor.levels)
        assert float(np.abs(effect.sum(factor.name)).max()) < 1e-10
        found = found + effect.to_numpy()[:, :, factor.index]
        sd = population[f"{factor.name}_sd"].to_numpy()
        np.testing.assert_array_equal(sd, sampled.population["group_sd"][:, :, number])
    assert curves.factors
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert population["effect"].to_numpy().tolist()[:3] == ["bleu.level", "bleu.gain", "cross_entropy.level"]


def test_correlations_are_correlations(population: xr.Dataset) -> None:
    found = population["curve_correlation"].to_numpy()
    np.testing.assert_allclose(np.diagonal(found, axis1=-2, axis2=-1), 1.0)
    np.testing.assert_allclose(found, np.swapaxes(found, -1, -2))
    assert np.linalg.eigvalsh(found).min() > 0
    assert found[..., 1, 0] == pytest.approx(found[..., 0, 1])


def test_what_is_pooled_has_its_name(population: xr.Dataset, sampled: Sampled, data: Assembly) -> None:
    assert data.pooled_free.tolist() == [True, True, True, False]
    for kind, name in enumerate(POOLED):
        assert (f"{name}_mean" in population) == bool(data.pooled_free[kind])
        if data.pooled_free[kind]:
            for part, own in (("mean", "pooled_mean"), ("spread", "pooled_sd")):
                found = population[f"{name}_{part}"]
                np.testing.assert_array_equal(found, sampled.population[own][:, :, kind])
                assert found.dims == ("chain", "draw", "metric")


def test_laws_are_those_of_the_fit_in_the_order_of_all(curves: Curves) -> None:
    model = Model(laws=("log-law", "rising-power-law"))
    data = assemble(curves, model)
    sampled = prior_sampled(data, draws=40)
    population = population_draws(sampled, curves, data)
    assert population["law"].to_numpy().tolist() == ["log-law", "rising-power-law", "power-law"]
    share = population["law_share"].to_numpy()
    np.testing.assert_array_equal(share, sampled.population["share"][..., [0, 2, 3]])
    assert (share[:, :, 0, 2] == 0).all()
    assert share[:, :, 1, 2] == pytest.approx(1.0)
    followed = local_draws(sampled, curves, data, SEED)[FOLLOWED]
    assert followed.dtype == np.int8
    names = np.array(list(LAWS))[sampled.local["law"]]
    assert (population["law"].to_numpy()[followed.to_numpy()] == names).all()
    assert set(np.unique(names[..., 0])) == {"log-law", "rising-power-law"}
    shape = population["shape_mean"].sel(law="rising-power-law").to_numpy()
    np.testing.assert_array_equal(shape, sampled.population["shape_mean"][..., 2])


def test_curves_have_their_own_parameters(local: xr.Dataset, sampled: Sampled, curves: Curves) -> None:
    x = sampled.local["x"]
    near = log_near_zero(curves.names, Priors())
    level, gain = law_parameters(x[..., LEVEL].astype(float), x[..., LEVEL + 1].astype(float), near)
    own = {"level": level, "gain": gain, "sharpness": log_sharpness(x[..., NOISE + 2])}
    own |= {"shape": x[..., SHAPE], "noise": x[..., NOISE], "discrepancy_scale": x[..., NOISE + 1]}
    for name, values in own.items():
        np.testing.assert_allclose(local[name], values, rtol=1e-6)
        assert local[name].dims == ("chain", "draw", "curve", "metric")
    np.testing.assert_array_equal(local["discrepancy"], x[..., MODE : MODE + 2])
    assert "se_share" not in local
    assert local["curve"].to_numpy().tolist() == curves.labels


def test_breaks_within_the_data_are_where_they_were_drawn(
    local: xr.Dataset, sampled: Sampled, curves: Curves, data: Assembly
) -> None:
    broken = sampled.local["broken"].astype(bool)
    at, slope = local["break_at"].to_numpy(), local["break_slope"].to_numpy()
    assert broken.any()
    x = sampled.local["x"]
    np.testing.assert_allclose(curves.axis.u(at[broken]), x[broken][:, TAU], atol=1e-9)
    np.testing.assert_array_equal(slope[broken], x[broken][:, SLOPE])
    last = np.broadcast_to(curves.axis.size(data.last), at.shape)
    assert (at[~broken] > last[~broken] * (1 - 1e-9)).all()
    assert np.isfinite(at).all()


def test_breaks_beyond_the_data_come_with_the_hazard(
    local: xr.Dataset, sampled: Sampled, curves: Curves, data: Assembly
) -> None:
    broken, own = sampled.local["broken"].astype(bool), sampled.population
    rate = np.exp(
        own["log_hazard"][:, :, None] + own["hazard_alignment"][:, :, None] * data.alignment[:, None]
    )
    waited = np.log(local["break_at"].to_numpy()) - np.log(curves.axis.size(data.last))
    rank = -np.expm1(-rate * waited)[~broken]
    assert stats.kstest(rank, "uniform").pvalue > 1e-3
    fall = own["fall"][:, :, None]
    white = ((local["break_slope"].to_numpy() / fall + 1.0) / data.break_spread)[~broken]
    assert stats.kstest(white, "norm").pvalue > 1e-3
    # A curve without the metric has its whole axis before it.
    lacking = np.argwhere(data.count == 0)
    assert len(lacking) == 4
    for curve, metric in lacking:
        assert float(local["break_at"][..., curve, metric].min()) < curves.axis.size(0.5)


def test_the_seed_decides_what_lies_beyond_the_data(
    local: xr.Dataset, sampled: Sampled, curves: Curves, data: Assembly
) -> None:
    xr.testing.assert_identical(local, local_draws(sampled, curves, data, SEED))
    other = local_draws(sampled, curves, data, SEED + 1)
    broken = sampled.local["broken"].astype(bool)
    same = (other["break_at"].to_numpy() == local["break_at"].to_numpy())[~broken]
    assert same.mean() < 0.01  # those beyond all sizes
    np.testing.assert_array_equal(other["level"], local["level"])


def test_a_break_beyond_all_sizes_is_a_finite_number(
    sampled: Sampled, curves: Curves, data: Assembly
) -> None:
    own = sampled.population
    never = own | {"log_hazard": np.full_like(own["log_hazard"], -60.0)}
    rare = Sampled(never, sampled.local, sampled.sweeps, sampled.thin, sampled.seconds)
    found = local_draws(rare, curves, data, SEED)["break_at"].to_numpy()
    assert np.isfinite(found).all()
    assert found.max() >= 1e300


def test_the_baseline_has_its_line_and_cells(
    population: xr.Dataset, local: xr.Dataset, sampled: Sampled, curves: Curves
) -> None:
    line, cell = sampled.population["line"], sampled.local["cell"]
    np.testing.assert_array_equal(population["baseline_mean"], line[:, :, 0])
    np.testing.assert_array_equal(population["baseline_slope"], line[:, :, 1])
    np.testing.assert_array_equal(population["baseline_sd"], sampled.population["cell_sd"])
    level = log_value(cell[..., 0].astype(float), log_near_zero(tuple(curves.names), Priors()))
    np.testing.assert_allclose(local["baseline_level"], level, rtol=1e-6)
    np.testing.assert_array_equal(local["baseline_noise"], cell[..., 1])
    assert local["cell"].to_numpy().tolist() == curves.cell_labels
    assert "baseline_se_share" not in local


def test_chains_are_compared_by_what_was_measured(sampled: Sampled, curves: Curves, data: Assembly) -> None:
    found = curve_draws(sampled, curves, data)
    own, cells = (data.count > 0).sum(), np.argwhere(data.cell_count > 0)
    assert found.sizes["pair"] == own + len(cells)
    labels = found["pair"].to_numpy().tolist()
    curve, metric = np.argwhere(data.count > 0)[3]
    assert labels[3] == f"{curves.names[metric]} of {curves.labels[curve]}"
    np.testing.assert_array_equal(found["level"][..., 3], sampled.local["x"][:, :, curve, metric, LEVEL])
    total = np.sum([found[f"law {n}"] for n in range(len(LAWS))], axis=0)
    assert (total[..., :own] == 1).all()
    cell, metric_of = cells[-1]
    assert labels[-1] == f"{curves.names[metric_of]} without pretraining of {curves.cell_labels[cell]}"
    level = sampled.local["cell"][:, :, cell, metric_of, 0]
    np.testing.assert_array_equal(found["level"][..., -1], level)
    np.testing.assert_array_equal(found["broken"][..., 3], sampled.local["broken"][:, :, curve, metric])


LEAST = {
    "mean", "curve_sd", "curve_correlation", "law_share", "shape_mean", "shape_sd",
    "noise_mean", "noise_spread",
}  # fmt: skip


def test_what_is_not_estimated_is_left_out() -> None:
    curves = curves_of(table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False))
    data = assemble(curves, Model(Priors(), ("log-law",), "none", discrepancy=False, sharp=False))
    sampled = prior_sampled(data, draws=10)
    assert set(population_draws(sampled, curves, data).data_vars) == LEAST
    local = local_draws(sampled, curves, data, SEED)
    assert set(local.data_vars) == {"level", "gain", "shape", "sharpness", "noise", FOLLOWED}
    assert float(np.abs(local["sharpness"]).max()) == 0.0


def test_shares_of_standard_errors_are_there_where_somebody_gave_one() -> None:
    curves = curves_of(table(("en-fr",), finetune=(6e6,), se=0.3))
    data = assemble(curves, Model())
    sampled = prior_sampled(data, draws=10)
    local = local_draws(sampled, curves, data, SEED)
    np.testing.assert_array_equal(local["se_share"], sampled.local["x"][..., NOISE + 3])
    np.testing.assert_array_equal(local["baseline_se_share"], sampled.local["cell"][..., 2])
    share = special.expit(population_draws(sampled, curves, data)["se_share_mean"])
    assert 0 < float(share.min()) < float(share.max()) < 1
