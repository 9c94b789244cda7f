"""Forecasts average over no break, a past one and a later one, and say how probable one is."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference import Fit
from bayesscale.laws import LOG_LAW
from bayesscale.questions.forecast import forecast
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp, parameters, rows

DRAWS = 4000
HAZARD = 0.1
LAST = 1e11


def waits(seed: int = 0) -> NDArray[np.float64]:
    """Return times to a break in e-folds, of one break in ten of them."""
    return np.random.default_rng(seed).standard_exponential(DRAWS) / HAZARD


def with_population(fit: Fit) -> Fit:
    """Return a breaking fit that also says of the population how often and how much its curves break."""
    size = fit.tree["posterior"].sizes
    shape = (size["chain"], size["draw"], 1)
    dims = ("chain", "draw", "break_metric")
    added = {"break_log_hazard": np.log(HAZARD), "break_scale": 0.4, "break_alignment": -1.0}
    posterior = fit.tree["posterior"].to_dataset()
    posterior = posterior.assign({name: (dims, np.full(shape, value)) for name, value in added.items()})
    nodes = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    return replace(fit, tree=xr.DataTree.from_dict({**nodes, "posterior": posterior}))


@pytest.fixture(scope="module")
def plain() -> Fit:
    return MadeUp(draws=DRAWS, width=0.03, noise=0.3).fit()


@pytest.fixture(scope="module")
def later(plain: Fit) -> Fit:
    """Return a fit whose scores break some time after the data end."""
    return with_population(breaking(plain, at=LAST * np.exp(waits()), slope=-0.5))


def test_p_break_is_the_share_of_draws_that_broke_before(later: Fit) -> None:
    frame = forecast(later, [1e9, LAST, 3e11, 1e12, 1e13, 1e80], metrics=["bleu"]).frame()
    for _, curve in frame.groupby(["task", "mixture", "finetune_tokens"]):
        found = curve["p_break"].to_numpy()
        assert found[:2].tolist() == [0.0, 0.0]
        assert found[-1] == pytest.approx(1.0, abs=1e-3)
        assert (np.diff(found[1:]) > 0).all()
        beyond = curve["efolds_beyond"].to_numpy()[2:5]
        expected = 1 - np.exp(-HAZARD * beyond)
        assert np.abs(found[2:5] - expected).max() < 4 * np.sqrt(0.25 / DRAWS)


def test_a_break_at_one_size_is_before_or_not(plain: Fit) -> None:
    answer = forecast(breaking(plain, at=1e10), [1e9, 1e10, 1.01e10, 1e12], metrics=["bleu"])
    assert answer.frame()["p_break"].tolist() == [0.0, 0.0, 1.0, 1.0] * 8


def test_what_cannot_break_has_no_probability_of_it(later: Fit, plain: Fit) -> None:
    answer = forecast(later, [0.0, 1e12])
    frame = answer.frame()
    assert frame.loc[frame["metric"] == "cross_entropy", "p_break"].isna().all()
    baseline = frame["pretrain_tokens"] == 0
    assert frame.loc[baseline, "p_break"].isna().all()
    assert frame.loc[~baseline & (frame["metric"] == "bleu"), "p_break"].notna().all()
    said = json.loads(json.dumps(answer.document(), allow_nan=False))["forecasts"]
    assert {row["p_break"] for row in said if row["metric"] == "cross_entropy"} == {None}
    assert "nan" not in str(answer)
    assert "P(break)" in str(answer)
    without = forecast(plain, [1e12])
    assert without.frame()["p_break"].isna().all()
    assert "P(break)" not in str(without)


def test_the_law_bends_where_each_draw_broke(plain: Fit) -> None:
    fit = breaking(MadeUp(draws=20).fit(), at=1e10, slope=-0.3)
    frame = forecast(fit, [5e9, 1e12], metrics=["bleu"]).frame()
    axis, own = fit.curves.axis, parameters(fit)[0, :, 0]
    for curve, (_, rows_of) in enumerate(frame.groupby(["task", "mixture", "finetune_tokens"])):
        u = axis.u(np.array([5e9, 1e12]))
        law = LOG_LAW.value(u, *own[curve])
        fall = -0.3 * np.exp(own[curve, 0]) * np.array([0.0, u[1] - axis.u(1e10)])
        np.testing.assert_allclose(rows_of["law_median"], law + fall, rtol=1e-12)


def test_later_breaks_widen_the_interval_downwards_and_only_beyond_the_data(plain: Fit, later: Fit) -> None:
    sizes = [1e10, LAST, 1e12, 1e13]
    without, widened = (forecast(fit, sizes, metrics=["bleu"]).frame() for fit in (plain, later))
    beyond = without["pretrain_tokens"] > LAST
    for name in ("lower", "upper", "median", "law_lower", "law_upper"):
        assert (without[name][~beyond] == widened[name][~beyond]).all()
    first, second = (frame[beyond] for frame in (without, widened))
    assert (second["upper"] - second["lower"] > 1.2 * (first["upper"] - first["lower"])).all()
    assert (second["lower"] < first["lower"] - 1.0).all()
    assert (second["upper"] <= first["upper"]).all()
    # Losses are as they were.
    loss, same = (forecast(fit, sizes, metrics=["cross_entropy"]).frame() for fit in (plain, later))
    assert (loss["lower"] == same["lower"]).all()


@pytest.mark.parametrize(("slope", "end"), [(-50.0, 0.0), (50.0, 100.0)])
def test_broken_laws_stay_in_the_range_of_their_metric(plain: Fit, slope: float, end: float) -> None:
    frame = forecast(breaking(plain, at=1e10, slope=slope), [1e13], metrics=["bleu"]).frame()
    assert (frame[["law_lower", "law_median", "law_upper"]] == end).all(axis=None)
    assert frame[["lower", "median", "mean", "upper"]].to_numpy().min() >= 0.0
    assert frame[["lower", "median", "mean", "upper"]].to_numpy().max() <= 100.0


def test_breaks_of_an_unmeasured_curve_come_from_the_population(later: Fit) -> None:
    axis = later.curves.axis
    (alignment,) = (c for c in later.curves.covariates if c.name == "alignment")
    for share in (0.2, 0.9):
        row = forecast(later, [1e12], tasks=["en-fr"], mixtures=["new"], alignment=share, metrics=["bleu"])
        found = row.frame()["p_break"].to_numpy()
        hazard = HAZARD * np.exp(-float(alignment.scaled(np.array([share]))[0]))
        expected = 1 - np.exp(-hazard * np.log(1e12 / axis.lo))
        assert np.abs(found - expected).max() < 4 * np.sqrt(expected * (1 - expected) / DRAWS)


def test_an_answer_does_not_depend_on_what_else_is_asked(later: Fit) -> None:
    names = ["p_break", "law_lower", "upper"]
    wanted: dict[str, Any] = {"tasks": ["en-fr"], "alignment": 0.4, "metrics": ["bleu"]}
    both = forecast(later, [1e12, 1e13], mixtures=["en", "de"], **wanted).frame()
    alone = forecast(later, [1e13], mixtures=["de"], **wanted).frame()
    some = both[(both["mixture"] == "de") & (both["pretrain_tokens"] == 1e13)]
    assert (some[names].to_numpy() == alone[names].to_numpy()).all()


def test_a_fit_whose_metric_may_not_break_forecasts_as_before() -> None:
    fit = MadeUp(table=rows(metrics=("cross_entropy",)), draws=20).fit()
    assert forecast(fit, [1e12]).frame()["p_break"].isna().all()
