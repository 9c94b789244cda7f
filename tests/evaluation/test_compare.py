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
from bayesscale.evaluation.pointwise import curve_observations
from bayesscale.evaluation.refit import Refit, Refitted
from bayesscale.inference import Fit
from bayesscale.laws import LAWS
from bayesscale.models.effects import joint_effects
from bayesscale.models.laws import LOG, SATURATING
from tests.evaluation.two_laws import refit, two_laws
from tests.questions.made_up import MadeUp

ROWS = 8 * 3
"""Values of one metric on the curves."""
Refits = Callable[..., None]
LFO = "LFO, last 1"


def number(found: Comparison, column: str, metric: str, law: str, criterion: str = "PSIS-LOO") -> float:
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


def test_laws_that_are_better_in_turn_share_and_cannot_be_told_apart() -> None:
    found = compare(two_laws())
    table = found.frame()
    assert table["criterion"].unique().tolist() == ["PSIS-LOO"]
    assert table["metric"].tolist() == ["bleu", "bleu", "cross_entropy", "cross_entropy", "all", "all"]
    assert table["n"].tolist() == [ROWS] * 4 + [2 * ROWS] * 2  # the baseline is on no law
    assert table.query("metric == 'all'")["weight"].to_numpy() == pytest.approx([0.5, 0.5], abs=1e-3)
    assert (table["bad_k"] == 0).all()
    assert any("they cannot be told apart" in line for line in found.sentences())


@pytest.mark.parametrize(("metric", "count"), [("bleu", ROWS), ("cross_entropy", ROWS), ("all", 2 * ROWS)])
def test_a_law_that_is_far_better_gets_the_weight(metric: str, count: int) -> None:
    found = compare(two_laws(ahead=3.0))
    assert number(found, "weight", metric, LOG) > 0.99
    assert number(found, "difference", metric, LOG) == 0.0
    assert number(found, "difference", metric, SATURATING) == pytest.approx(-3.0 * count, rel=1e-4)
    # The differences are 2 and 4 in turn.
    error = np.sqrt(count * count / (count - 1))
    assert number(found, "difference_se", metric, SATURATING) == pytest.approx(error, rel=1e-3)


def test_sums_and_standard_errors_are_those_of_the_values() -> None:
    fit = two_laws()
    found = compare(fit)
    whole = {name: number(found, name, "all", LOG) for name in ("elpd", "p_loo", "se")}
    for name in ("elpd", "p_loo"):
        parts = [number(found, name, metric, LOG) for metric in ("bleu", "cross_entropy")]
        assert whole[name] == pytest.approx(sum(parts))
    values = fit.tree["log_likelihood"]["value"].to_numpy()[..., : 2 * ROWS].astype(float)
    # Close to the density with the value itself among the data, since it hardly pulls the draws.
    lppd = special.logsumexp(values, axis=(0, 1)) - np.log(400)
    assert whole["elpd"] == pytest.approx(lppd.sum() - whole["p_loo"])
    assert whole["se"] == pytest.approx(np.sqrt(2 * ROWS) * lppd.std(ddof=1), rel=0.1)


def test_observations_are_found_again_in_the_table() -> None:
    fit = two_laws()
    metric, place = curve_observations(fit)
    values = np.concatenate([fit.curves.scores.value, fit.curves.losses.value])
    np.testing.assert_array_equal(fit.metrics.frame["value"].to_numpy()[place], values)
    np.testing.assert_array_equal(fit.metrics.frame["metric"].to_numpy()[place], metric)


def test_bad_importance_weights_are_counted_and_refits_replace_the_worst(refits: Refits) -> None:
    refits(density={LOG: -1.0, SATURATING: -2.5})
    fit = two_laws(wild=3)
    found = compare(fit)
    assert number(found, "bad_k", "bleu", SATURATING) == 3
    assert number(found, "bad_k", "bleu", LOG) == 0
    assert any(line.startswith("note: 3 values") and "--refit 3" in line for line in found.sentences())
    lines: list[str] = []
    two = compare(fit, refits=2, report=lines.append)
    assert two.refitted == 2
    assert number(two, "bad_k", "bleu", SATURATING) == 1
    assert lines[0].startswith("1 of 2 refits: saturating-law, without bleu at ")
    every = compare(fit, refits=10)
    assert every.refitted == 3
    assert every.frame()["bad_k"].sum() == 0
    assert not any("cannot be trusted" in line for line in every.sentences())


def test_an_exact_refit_puts_its_density_in_the_place_of_the_value(refits: Refits) -> None:
    fit = two_laws(wild=1)
    found = []
    for density in (-2.0, -7.0):
        refits(density={LOG: 0.0, SATURATING: density})
        found.append(compare(fit, refits=1))
    first, second = (
        [number(each, "elpd", name, SATURATING) for name in ("bleu", "cross_entropy")] for each in found
    )
    assert first[0] - second[0] == pytest.approx(5.0)
    assert first[1] == second[1]
    assert number(found[0], "elpd", "bleu", LOG) == number(found[1], "elpd", "bleu", LOG)


def test_leaving_the_future_out_gives_weights_that_forecasts_then_use(refits: Refits) -> None:
    refits(density={LOG: -5.0, SATURATING: -1.0})
    fit = two_laws()
    found = compare(fit, lfo=1)
    # 8 curves, 2 metrics, the last size
    assert number(found, "elpd", "all", SATURATING, LFO) == pytest.approx(-16.0)
    assert number(found, "difference", "all", LOG, LFO) == pytest.approx(-64.0)
    assert found.weights == pytest.approx({LOG: 0.0, SATURATING: 1.0}, abs=1e-6)
    weighted = found.weighted()
    assert weighted.weights == pytest.approx({"posterior": 0.0, "posterior_saturating": 1.0}, abs=1e-6)
    assert weighted.law_counts() == {SATURATING: 400}
    assert weighted.provenance["weights from"]["last"] == 1
    assert "weights" not in fit.provenance
    assert fit.law_counts() == {LOG: 400, SATURATING: 400}


def test_errors_of_the_future_take_curves_and_not_values_to_be_independent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def by_curve(job: Refit) -> Refitted:
        groups = job.split.held.groupby(list(job.split.train.curve_columns))
        unit = groups.ngroup().to_numpy().astype(np.float64)
        return Refitted(unit if job.law == LOG else 0 * unit, "converged", True)

    monkeypatch.setattr(sys.modules["bayesscale.evaluation.compare"], "run_refit", by_curve)
    error = np.sqrt(8 * np.var(2 * np.arange(8), ddof=1))  # both metrics of a curve at once
    assert number(compare(two_laws(), lfo=1), "se", "all", LOG, LFO) == pytest.approx(error)


def test_a_refit_that_fails_or_does_not_converge_is_told(refits: Refits) -> None:
    refits(density={LOG: -1.0, SATURATING: -1.0}, fails=SATURATING)
    found = compare(two_laws(), lfo=1)
    assert found.weights is None
    assert found.frame()["criterion"].unique().tolist() == ["PSIS-LOO"]
    told = (
        "the refit saturating-law, without the last 1 failed and is not in the table: RuntimeError: no memory"
    )
    assert found.problems == (told,)
    assert found.sentences()[0] == f"DO NOT RELY ON THESE NUMBERS - {told}"
    with pytest.raises(QuestionError, match="no memory"):
        found.weighted()
    refits(density={LOG: -1.0, SATURATING: -1.0}, problem="not converged: R-hat 1.2")
    found = compare(two_laws(), lfo=1)
    assert found.weights == {LOG: 0.5, SATURATING: 0.5}
    assert len(found.problems) == 2


def test_it_says_what_a_conditional_likelihood_cannot_tell() -> None:
    text = str(compare(two_laws()))
    assert "conditional on the break and the discrepancy" in text
    assert "--lfo 2 adds leave-future-out" in text


def test_a_document_has_the_table_and_the_weights_in_use(refits: Refits) -> None:
    refits(density={LOG: -1.0, SATURATING: -1.0})
    document = compare(two_laws(), lfo=1).document()
    assert document["weights"] == {LOG: 0.5, SATURATING: 0.5}
    assert document["weights in use"] == {LOG: 0.5, SATURATING: 0.5}
    assert len(document["comparison"]) == 12
    assert document["comparison"][-1]["p_loo"] is None


def test_what_cannot_be_compared() -> None:
    with pytest.raises(
        UsageError, match="follows only the log-law; fit again with several, such as --law stack"
    ) as raised:
        compare(MadeUp(draws=4).fit())
    assert raised.value.exit_code == 2
    fit = two_laws()
    for settings, told in (
        ({"lfo": 0}, "received 0"),
        ({"refits": -1}, "received -1"),
        ({"jobs": 0}, "jobs"),
    ):
        with pytest.raises(UsageError, match=told):
            compare(fit, **settings)  # type: ignore[arg-type]
    groups = {str(name): node.to_dataset() for name, node in fit.tree.children.items()}
    del groups["log_likelihood_saturating"]
    with pytest.raises(DataError, match="no group log_likelihood_saturating"):
        compare(replace(fit, tree=xr.DataTree.from_dict(groups)))


def certain(noise: float = 0.3) -> Fit:
    return MadeUp(draws=20, noise=noise, tails=5.0).fit()


def test_the_density_of_a_held_out_value_is_that_of_a_measurement_around_its_law() -> None:
    fit = certain()
    held = split_last(fit.metrics, 1).held.sample(frac=1.0, random_state=0)
    found = log_densities(fit, held)
    curves, columns = fit.curves, list(fit.curves.curve_columns)
    order = joint_effects(curves.scores.metrics, curves.losses.metrics, fit.priors)
    keys = list(curves.table[columns].itertuples(index=False, name=None))
    for place, density in enumerate(found):
        row = held.iloc[place]
        effects = fit.draws("curve_effect")[0, keys.index(tuple(row[columns]))]
        own = (effects[column] for column in order.columns(curves.names.index(row["metric"])))
        name = "log-law" if row["metric"] == "bleu" else "power-law"
        law = LAWS[name].value(curves.axis.u(np.array([row["pretrain_tokens"]])), *own)
        assert density == pytest.approx(stats.t.logpdf(row["value"], 7.0, law, 0.3)[0], abs=1e-6)


def test_the_density_is_the_mean_over_the_draws_and_not_over_their_logarithms() -> None:
    fit = MadeUp(draws=400, width=0.3, noise=0.3).fit()
    held = split_last(fit.metrics, 1).held
    both = log_densities(fit, held)
    parts = [log_densities(replace(fit, tree=fit.tree.isel(chain=[chain])), held) for chain in (0, 1)]
    assert both == pytest.approx(np.logaddexp(*parts) - np.log(2))
