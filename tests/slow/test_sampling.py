"""Claims about draws: reproducible, refitted without a new compilation, stored whole, whatever the table."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.inference import Fit, Sampler, fit, load, save
from bayesscale.inference.sampler import compile_model, sample_compiled
from bayesscale.metrics.curves import Curves, build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.joint import JointModel
from bayesscale.models.packing import pack
from bayesscale.questions import forecast
from bayesscale.simulate import SMALL, simulate

pytestmark = pytest.mark.slow

REGIME = replace(SMALL, mixtures=SMALL.mixtures[:2], breaks="none", checkpoints=6)
SHORT = Sampler(draws=150, tune=200, chains=2, target_accept=0.9, seed=3, retries=0)


def silent(_: str) -> None:
    """Say nothing."""


def table(seed: int) -> pd.DataFrame:
    return simulate(REGIME, seed).frame


def curves(seed: int) -> Curves:
    return build_curves(read_metrics(table(seed)))


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(read_metrics(table(0)), sampler=Sampler(draws=400, tune=400, seed=3))


@pytest.fixture(scope="module")
def compiled() -> object:
    return compile_model(JointModel().build(curves(0)))


def test_the_same_seed_gives_the_same_draws_whatever_the_number_of_cores(compiled: object) -> None:
    one, two = (
        sample_compiled(compiled, replace(SHORT, cores=cores), progress=False, report=silent)
        for cores in (1, 2)
    )
    for name in one.posterior.data_vars:
        np.testing.assert_array_equal(one.posterior[name], two.posterior[name])
    other = sample_compiled(compiled, replace(SHORT, seed=4), progress=False, report=silent)
    assert not np.array_equal(one.posterior["mean"], other.posterior["mean"])


def test_a_second_compilation_finds_the_gradient_on_disk(compiled: object) -> None:
    again = compile_model(JointModel().build(curves(0)))
    for function in (again.logp_func, again.expand_func):
        kept = function.vm.jit_fn.stats
        assert kept.cache_hits
        assert not kept.cache_misses


def test_one_compilation_serves_other_data_of_the_same_shape(compiled: object) -> None:
    other = curves(1)
    refit = compiled.with_data(**pack(JointModel().data(other)))  # type: ignore[attr-defined]
    fresh = compile_model(JointModel().build(other))
    # Where chains start depends on the data as well, and is drawn outside of the compiled functions.
    refit = replace(refit, initial_point_func=fresh.initial_point_func)
    again, anew = (sample_compiled(each, SHORT, progress=False, report=silent) for each in (refit, fresh))
    np.testing.assert_array_equal(again.posterior["curve_effect"], anew.posterior["curve_effect"])


def test_a_fit_follows_the_data_and_comes_back_from_its_file(fitted: Fit, tmp_path: Path) -> None:
    replicated = fitted.tree["posterior_predictive"]["value"].mean(("chain", "draw"))
    observed = fitted.tree["observed_data"]["value"]
    metric = observed["observation_metric"].to_numpy()
    for name, noise in (("bleu", 0.7), ("cross_entropy", 0.015)):
        error = (replicated - observed).to_numpy()[metric == name]
        assert np.sqrt(np.mean(error**2)) < 2 * noise
    again = load(save(fitted, tmp_path / "fit.nc"))
    np.testing.assert_array_equal(again.draws("curve_effect"), fitted.draws("curve_effect"))
    assert again.provenance == fitted.provenance
    assert again.status == fitted.status
    pd.testing.assert_frame_equal(
        again.metrics.frame, fitted.metrics.frame, check_dtype=False, check_column_type=False
    )
    pd.testing.assert_frame_equal(
        forecast(again, [1e12]).frame(), forecast(fitted, [1e12]).frame(), check_dtype=False
    )


def test_the_model_that_a_file_rebuilds_has_the_same_density(fitted: Fit, tmp_path: Path) -> None:
    again = load(save(fitted, tmp_path / "fit.nc"))
    models = fitted.model(), again.model()
    point = models[0].initial_point()
    first, second = (model.compile_logp()(point) for model in models)
    assert first == second
    assert np.isfinite(first)


def test_the_prior_group_holds_draws_of_the_prior(fitted: Fit) -> None:
    prior = fitted.tree["prior"]
    noise = np.log(prior["noise_sd"].sel(metric="bleu").to_numpy())
    assert np.mean(noise) == pytest.approx(np.log(0.5), abs=4 / np.sqrt(noise.size))
    bleu = fitted.tree["prior_predictive"]["value"]
    bleu = bleu.isel(observation=(bleu["observation_metric"] == "bleu").to_numpy())
    assert float(bleu.min()) >= 0
    assert float(bleu.max()) <= 100


def _variants() -> dict[str, pd.DataFrame]:
    """Return tables of every structure that a user may have."""
    whole = table(0)
    along = whole["pretrain_tokens"] > 0
    one = whole[along & (whole["finetune_tokens"] == 42_000_000)]
    sizes = sorted(whole["pretrain_tokens"].unique())
    no_shares = whole.drop(columns=[c for c in whole.columns if c.startswith("share_")])
    missing = (whole["metric"] == "cross_entropy") & (whole["finetune_tokens"] == 210_000_000)
    return {
        "scores alone, of unequal length": whole[
            (whole["metric"] == "bleu") & (~along | (whole.index % 3 > 0))
        ],
        "losses alone, no baseline": whole[along & (whole["metric"] == "cross_entropy")],
        "one curve of three points": one[
            (one["mixture"] == one["mixture"].iloc[0]) & one["pretrain_tokens"].isin(sizes[1:4])
        ],
        "a metric missing on some curves, no alignment, standard errors": no_shares[~missing].assign(
            se=np.where(no_shares.loc[~missing, "metric"] == "bleu", 0.4, 0.01)
        ),
    }


@pytest.mark.parametrize("name", _variants())
def test_every_structure_of_data_can_be_fitted(name: str) -> None:
    breaks = "all" if name.startswith("a metric missing") else "scores"
    result = fit(read_metrics(_variants()[name]), sampler=SHORT, breaks=breaks)
    values = forecast(result, [1e12]).frame()[["median", "lower", "upper"]]
    assert np.isfinite(values.to_numpy()).all()
    assert (values["lower"] < values["upper"]).all()


def test_curves_that_broke_are_found_and_no_others() -> None:
    simulated = simulate(SMALL, 0)
    metrics = read_metrics(simulated.frame)
    result = fit(metrics, sampler=Sampler(seed=3))
    assert not result.status.problems
    keys = result.curves.table[["task", "mixture", "finetune_tokens"]].itertuples(index=False, name=None)
    truth = np.array([simulated.truth.curve(key, "bleu").break_tokens is not None for key in keys])
    assert truth.sum() == 2
    found = result.draws("break_probability")[..., 0].mean(axis=0)
    assert found[truth].min() > 0.9
    assert found[~truth].max() < 0.5
