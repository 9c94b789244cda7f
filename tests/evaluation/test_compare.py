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
from bayesscale.evaluation import compare, split_last
from bayesscale.evaluation.density import log_densities
from bayesscale.evaluation.pointwise import curve_observations
from bayesscale.inference import Fit
from bayesscale.laws import LAWS
from bayesscale.models.laws import LOG, SATURATING
from tests.evaluation.two_laws import refit, two_laws
from tests.questions.made_up import MadeUp

ROWS = 8 * 3
"""Values of one metric on the curves."""
Refits = Callable[..., None]


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


def test_a_law_that_is_far_better_gets_the_weight() -> None:
    table = compare(two_laws(ahead=3.0)).frame().set_index(["metric", "law"])
    for metric in ("bleu", "cross_entropy", "all"):
        assert table.loc[(metric, LOG), "weight"] > 0.99
        assert table.loc[(metric, LOG), "difference"] == 0.0
        count = table.loc[(metric, LOG), "n"]
        assert table.loc[(metric, SATURATING), "difference"] == pytest.approx(-3.0 * count, rel=1e-4)
        # The differences are 2 and 4 in turn.
        error = np.sqrt(count * count / (count - 1))
        assert table.loc[(metric, SATURATING), "difference_se"] == pytest.approx(error, rel=1e-3)


def test_sums_and_standard_errors_are_those_of_the_values() -> None:
    fit = two_laws()
    table = compare(fit).frame().set_index(["metric", "law"])
    whole, own = table.loc[("all", LOG)], table.loc[["bleu", "cross_entropy"]].xs(LOG, level="law")
    assert whole["elpd"] == pytest.approx(own["elpd"].sum())
    assert whole["p_loo"] == pytest.approx(own["p_loo"].sum())
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
    table = compare(fit).frame().set_index(["metric", "law"])
    assert table.loc[("bleu", SATURATING), "bad_k"] == 3
    assert table.loc[("bleu", LOG), "bad_k"] == 0
    found = compare(fit)
    assert any(line.startswith("note: 3 values") and "--refit 3" in line for line in found.sentences())
    lines: list[str] = []
    two = compare(fit, refits=2, report=lines.append)
    assert two.refitted == 2
    assert two.frame().set_index(["metric", "law"]).loc[("bleu", SATURATING), "bad_k"] == 1
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
        found.append(compare(fit, refits=1).frame().set_index(["metric", "law"])["elpd"])
    assert found[0][("bleu", SATURATING)] - found[1][("bleu", SATURATING)] == pytest.approx(5.0)
    assert found[0][("cross_entropy", SATURATING)] == found[1][("cross_entropy", SATURATING)]
    assert found[0][("bleu", LOG)] == found[1][("bleu", LOG)]


def test_leaving_the_future_out_gives_weights_that_forecasts_then_use(refits: Refits) -> None:
    refits(density={LOG: -5.0, SATURATING: -1.0})
    fit = two_laws()
    found = compare(fit, lfo=1)
    own = found.frame().query("criterion == 'LFO, last 1'").set_index(["metric", "law"])
    assert own.loc[("all", SATURATING), "elpd"] == pytest.approx(-16.0)  # 8 curves, 2 metrics, the last size
    assert own.loc[("all", LOG), "difference"] == pytest.approx(-64.0)
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
    from bayesscale.evaluation.refit import Refit, Refitted

    def by_curve(job: Refit) -> Refitted:
        unit = job.split.held.groupby(list(job.split.train.curve_columns)).ngroup().to_numpy(float)
        return Refitted(unit if job.law == LOG else 0 * unit, "converged", True)

    monkeypatch.setattr(sys.modules["bayesscale.evaluation.compare"], "run_refit", by_curve)
    table = compare(two_laws(), lfo=1).frame().query("criterion != 'PSIS-LOO' and metric == 'all'")
    error = np.sqrt(8 * np.var(2 * np.arange(8), ddof=1))  # both metrics of a curve at once
    assert table.set_index("law").loc[LOG, "se"] == pytest.approx(error)


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
    with pytest.raises(UsageError, match="follows only the log-law; fit again with --law stack") as raised:
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
    curves = fit.curves
    for row, density in zip(held.itertuples(), found, strict=True):
        metric = curves.names.index(row.metric)
        keys = curves.table[list(curves.curve_columns)].apply(tuple, axis=1).tolist()
        place = keys.index(tuple(getattr(row, name) for name in curves.curve_columns))
        effects = fit.draws("curve_effect")[0, place].reshape(-1)
        from bayesscale.models.effects import joint_effects

        order = joint_effects(curves.scores.metrics, curves.losses.metrics, fit.priors)
        level, gain, shape = (effects[column] for column in order.columns(metric))
        name = "log-law" if row.metric == "bleu" else "power-law"
        law = LAWS[name].value(curves.axis.u(row.pretrain_tokens), level, gain, shape)
        assert density == pytest.approx(stats.t.logpdf(row.value, 7.0, law, 0.3), abs=1e-6)


def test_the_density_is_the_mean_over_the_draws_and_not_over_their_logarithms() -> None:
    fit = MadeUp(draws=400, width=0.3, noise=0.3).fit()
    held = split_last(fit.metrics, 1).held
    both = log_densities(fit, held)
    parts = [log_densities(replace(fit, tree=fit.tree.isel(chain=[chain])), held) for chain in (0, 1)]
    assert both == pytest.approx(np.logaddexp(*parts) - np.log(2))
