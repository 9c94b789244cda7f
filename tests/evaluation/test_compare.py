"""Comparing the laws of a fit, with log likelihoods and refits that are made up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import special, stats

from bayesscale.errors import DataError, QuestionError, UsageError
from bayesscale.evaluation import Comparison, compare, split_last
from bayesscale.evaluation.density import log_densities
from bayesscale.evaluation.refit import WHOLE, Refit, Refitted, refits_of
from bayesscale.inference import Fit
from bayesscale.laws import LAWS
from bayesscale.models.scale import LOGARITHMIC
from bayesscale.questions.forecast import forecast
from tests.evaluation.several_laws import SAMPLER, refit, several_laws
from tests.models.near_zero import away
from tests.questions.made_up import MadeUp, parameters

LOG, SATURATING = "log-law", "saturating-law"
ROWS = 8 * 3
"""Values of one metric on the curves."""
Refits = Callable[..., None]
SHARE, LOO, LFO = "share of curves", "PSIS-LOO", "LFO, last 1"
DENSITY = {"log,saturating": -1.0, "log": -5.0, "saturating": -2.0}


def number(found: Comparison, column: str, metric: str, law: str, criterion: str = LOO) -> float:
    """Return one number of a comparison."""
    table = found.frame()
    own = table[(table["criterion"] == criterion) & (table["metric"] == metric) & (table["law"] == law)]
    (only,) = own[column].to_list()
    return float(only)


@pytest.fixture
def refits(monkeypatch: pytest.MonkeyPatch) -> Refits:
    """Return a function that replaces refits by what it is told."""

    def put(**settings: Any) -> None:
        monkeypatch.setattr(sys.modules["bayesscale.evaluation.compare"], "run_refit", refit(**settings))

    return put


def test_shares_are_those_of_the_population_and_of_the_measured_curves() -> None:
    found = compare(several_laws())
    for law, p_law in ((LOG, 0.75), (SATURATING, 0.25)):
        assert number(found, "share_median", "bleu", law, SHARE) == pytest.approx(0.5, abs=0.01)
        assert number(found, "share_lower", "bleu", law, SHARE) == pytest.approx(0.05, abs=0.01)
        assert number(found, "share_upper", "bleu", law, SHARE) == pytest.approx(0.95, abs=0.01)
        assert number(found, "p_law", "bleu", law, SHARE) == p_law
    # Losses have no choice.
    assert set(found.frame().query(f"criterion == '{SHARE}'")["metric"]) == {"bleu"}
    assert str(found).startswith("Curves of bleu most probably follow the log-law: P 0.75 on average.")


def test_leave_one_out_is_that_of_the_fit_as_a_whole() -> None:
    fit = several_laws()
    found = compare(fit)
    table = found.frame().query(f"criterion == '{LOO}'")
    assert table["metric"].tolist() == ["bleu", "cross_entropy", "all"]
    assert table["n"].tolist() == [ROWS, ROWS, 2 * ROWS]  # the baseline is on no law
    assert (table["bad_k"] == 0).all()
    assert table["difference"].isna().all()
    whole = {name: number(found, name, "all", WHOLE) for name in ("elpd", "p_loo", "se")}
    for name in ("elpd", "p_loo"):
        parts = [number(found, name, metric, WHOLE) for metric in ("bleu", "cross_entropy")]
        assert whole[name] == pytest.approx(sum(parts))
    values = fit.tree["log_likelihood"]["value"].to_numpy()[..., : 2 * ROWS].astype(float)
    # Close to the density with the value itself among the data, since it hardly pulls the draws.
    lppd = special.logsumexp(values, axis=(0, 1)) - np.log(400)
    assert whole["elpd"] == pytest.approx(lppd.sum() - whole["p_loo"])
    assert whole["se"] == pytest.approx(np.sqrt(2 * ROWS) * lppd.std(ddof=1), rel=0.1)


def test_bad_importance_weights_are_counted_and_told() -> None:
    found = compare(several_laws(wild=3))
    assert number(found, "bad_k", "bleu", WHOLE) == 3
    assert number(found, "bad_k", "cross_entropy", WHOLE) == 0
    assert found.notes[1] == "3 values have a Pareto k above 0.7: their PSIS-LOO cannot be trusted"


def test_leaving_the_future_out_compares_each_law_alone_and_all_together(refits: Refits) -> None:
    refits(density=DENSITY)
    lines: list[str] = []
    found = compare(several_laws(), lfo=1, report=lines.append)
    assert lines[0] == "1 of 3: all laws, without the last 1: converged"
    # 8 curves, 2 metrics, the last size
    for law, density in ((WHOLE, -1.0), (LOG, -5.0), (SATURATING, -2.0)):
        assert number(found, "elpd", "all", law, LFO) == pytest.approx(16 * density)
        assert number(found, "difference", "all", law, LFO) == pytest.approx(16 * (density + 1.0))
        assert number(found, "n", "bleu", law, LFO) == 8
    told = "Forecasts by all laws are better than by log-law: log densities differ by 64 ± 0 over 16 held-out"
    assert told in str(found)
    assert found.readable()["criterion"].tolist() == [SHARE] * 2 + [LFO] * 9


def test_a_difference_within_its_errors_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_turn(job: Refit) -> Refitted:
        turn = np.arange(len(job.split.held), dtype=np.float64) % 3 - 0.9
        return Refitted(turn * float(job.name == LOG), "converged", True)

    monkeypatch.setattr(sys.modules["bayesscale.evaluation.compare"], "run_refit", in_turn)
    assert "No law forecasts better for certain: " in str(compare(several_laws(), lfo=1))


def test_errors_of_the_future_take_curves_and_not_values_to_be_independent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_curve(job: Refit) -> Refitted:
        groups = job.split.held.groupby(list(job.split.train.curve_columns))
        unit = groups.ngroup().to_numpy().astype(np.float64)
        return Refitted(unit if job.name == LOG else 0 * unit, "converged", True)

    monkeypatch.setattr(sys.modules["bayesscale.evaluation.compare"], "run_refit", by_curve)
    error = np.sqrt(8 * np.var(2 * np.arange(8), ddof=1))  # both metrics of a curve at once
    assert number(compare(several_laws(), lfo=1), "se", "all", LOG, LFO) == pytest.approx(error)


def test_refits_have_the_settings_of_the_fit_and_another_seed() -> None:
    fit = several_laws()
    jobs = refits_of(fit, split_last(fit.metrics, 1), cores=3)
    assert [(job.name, job.options.law) for job in jobs] == [
        (WHOLE, "log,saturating"), (LOG, "log"), (SATURATING, "saturating"),
    ]  # fmt: skip
    assert {job.options.sampler for job in jobs} == {replace(SAMPLER, cores=3, seed=8)}
    assert {(job.options.breaks, job.options.discrepancy) for job in jobs} == {("none", False)}


def test_a_refit_that_fails_or_does_not_converge_is_told(refits: Refits) -> None:
    refits(density=DENSITY, fails="saturating")
    found = compare(several_laws(), lfo=1)
    told = (
        "the refit saturating-law, without the last 1 failed and is not in the table: RuntimeError: no memory"
    )
    assert found.problems == (told,)
    assert found.headline()[0] == f"DO NOT RELY ON THESE NUMBERS - {told}"
    assert set(found.frame().query(f"criterion == '{LFO}'")["law"]) == {WHOLE, LOG}
    refits(density=DENSITY, problem="not converged: R-hat 1.2")
    assert len(compare(several_laws(), lfo=1).problems) == 3


def test_it_says_what_a_conditional_likelihood_cannot_tell() -> None:
    found = compare(several_laws())
    assert "conditional on law, break and discrepancy" in found.text(verbose=True)
    assert "PSIS-LOO" not in str(found)
    assert "note: --lfo 2 tells which law forecasts best" in str(found)


def test_the_picture_has_every_law() -> None:
    table = compare(several_laws()).plot().frame()
    assert table["label"].tolist() == [LOG, SATURATING]
    assert table["median"].tolist() == table["share_median"].tolist()


def test_a_document_has_the_table(refits: Refits) -> None:
    refits(density=DENSITY)
    document = compare(several_laws(), lfo=1).document()
    assert document["lfo"] == 1
    assert len(document["comparison"]) == 2 + 3 + 9
    assert document["comparison"][0]["elpd"] is None
    assert document["comparison"][-1]["p_loo"] is None


def test_what_cannot_be_compared() -> None:
    with pytest.raises(
        QuestionError, match="needs a fit of several laws; this one has only log-law, power-law"
    ):
        compare(MadeUp(draws=4).fit())
    fit = several_laws()
    for settings, told in (({"lfo": 0}, "received 0"), ({"jobs": 0}, "jobs")):
        with pytest.raises(UsageError, match=told):
            compare(fit, **settings)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="leaves none"):
        compare(replace(fit, metrics=split_last(fit.metrics, 1).train), lfo=1)
    groups = {str(name): node.to_dataset() for name, node in fit.tree.children.items()}
    del groups["log_likelihood"]
    with pytest.raises(QuestionError, match="no group log_likelihood"):
        compare(replace(fit, tree=xr.DataTree.from_dict(groups)))


def certain(noise: float = 0.3) -> Fit:
    return MadeUp(draws=20, noise=noise, degrees=7.0).fit()


def test_the_density_of_a_held_out_value_is_that_of_a_measurement_around_its_law() -> None:
    fit = certain()
    held = split_last(fit.metrics, 1).held.sample(frac=1.0, random_state=0)
    found = log_densities(fit, held)
    curves, columns = fit.curves, list(fit.curves.curve_columns)
    keys = list(curves.table[columns].itertuples(index=False, name=None))
    for place, density in enumerate(found):
        row = held.iloc[place]
        own = parameters(fit)[0, keys.index(tuple(row[columns])), curves.names.index(row["metric"])]
        name = "log-law" if row["metric"] == "bleu" else "power-law"
        law = LAWS[name].value(curves.axis.u(np.array([row["pretrain_tokens"]])), *own)
        scale = 0.3 * np.sqrt(away(law, np.log(1.25) if row["metric"] == "bleu" else LOGARITHMIC))
        assert density == pytest.approx(stats.t.logpdf(row["value"], 7.0, law, scale)[0], abs=1e-6)


def test_the_standard_error_of_a_held_out_value_widens_its_density() -> None:
    fit = MadeUp(draws=20, noise=0.3, degrees=7.0, table=several_laws().metrics.frame.assign(se=0.6)).fit()
    held = split_last(fit.metrics, 1).held.assign(value=1e4)
    wide, narrow = (log_densities(fit, held.assign(se=se)) for se in (0.6, np.nan))
    # Far out, a t-density falls as a power of the distance in scales. Losses have all of their own noise.
    expected = 7.0 * np.log(np.sqrt(0.3**2 + 0.5 * 0.6**2) / 0.3)
    losses = held["metric"].eq("cross_entropy").to_numpy()
    assert (wide - narrow)[losses] == pytest.approx(np.full(8, expected), rel=1e-5)
    # Scores have less near zero.
    assert ((wide - narrow)[~losses] > expected).all()


def test_the_density_is_the_mean_over_the_draws_and_not_over_their_logarithms() -> None:
    fit = MadeUp(draws=400, width=0.3, noise=0.3).fit()
    held = split_last(fit.metrics, 1).held
    both = log_densities(fit, held)
    parts = [log_densities(replace(fit, tree=fit.tree.isel(chain=[chain])), held) for chain in (0, 1)]
    assert both == pytest.approx(np.logaddexp(*parts) - np.log(2))


def test_curves_of_a_new_mixture_are_forecast_by_the_population() -> None:
    fit = MadeUp(draws=400, width=0.3, noise=0.3).fit()
    keys = ["task", "finetune_tokens", "pretrain_tokens"]
    held = split_last(fit.metrics, 1).held.query("metric == 'bleu'").drop_duplicates(keys)
    fresh = held.assign(mixture="unheard of")
    tokens = sorted(set(fresh["pretrain_tokens"]))
    answer = forecast(fit, tokens, mixtures=["unheard of"]).frame().query("metric == 'bleu'")
    values = fresh[keys].merge(answer, on=keys)["median"].to_numpy()
    near, far = (log_densities(fit, fresh.assign(value=value)) for value in (values, 20 * values))
    assert (near > far + 1).all()
