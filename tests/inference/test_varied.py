"""Fits of laws that are not the usual ones: what is stored of them is what they say, and comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayesscale.inference import Fit, load, save
from bayesscale.inference.derived import drawn_law
from bayesscale.questions.forecast import forecast
from bayesscale.questions.laws import DrawnLaw
from bayesscale.questions.summary import summary
from tests.inference.coefficients import both_ways
from tests.inference.conftest import VARIED

NAMES = [
    "exponential-link and shifted-power-law",
    "chance-logistic and m4",
    "rising-power-law and smooth-break",
]
GROUPS = ("posterior", "posterior_chance_m4", "posterior_rising_smooth_break")


def test_groups_bear_the_names_of_their_laws(varied: Fit) -> None:
    assert varied.groups == GROUPS
    assert [varied.law_in(group) for group in varied.groups] == NAMES
    assert tuple(varied.followed(group) for group in varied.groups) == VARIED
    assert list(varied.law_counts()) == NAMES
    assert {f"log_likelihood{group.removeprefix('posterior')}" for group in GROUPS} <= set(
        varied.tree.children
    )


def test_they_come_back_from_a_file_in_their_order(varied: Fit, tmp_path: Path) -> None:
    again = load(save(varied, tmp_path / "fit.nc"))
    assert again.groups == GROUPS
    assert tuple(again.followed(group) for group in GROUPS) == VARIED
    assert (again.draws("curve_effect") == varied.draws("curve_effect")).all()
    assert again.priors.guess == {"cross_entropy": 50.0}
    assert list(again.model(GROUPS[1]).named_vars) == list(again.model().named_vars)


@pytest.mark.parametrize("group", GROUPS)
def test_coefficients_give_the_laws_of_every_draw(varied: Fit, group: str) -> None:
    for both in both_ways(varied, group):
        # With a negative gain A is negative, and log |A| is told.
        usable = both.finite & both.rising
        assert usable.mean() > 0.5
        assert both.by_coefficients[usable] == pytest.approx(both.by_parameters[usable], rel=1e-5, abs=1e-9)


def test_forecasts_follow_the_law_of_each_draw(varied: Fit) -> None:
    count = len(varied.draws("mean"))
    third, u = count // 3, np.array([0.5, 1.4])
    effects = varied.draws("curve_effect")[:, 0].T
    for metric, columns in ((0, (0, 1, 4)), (1, (2, 3, 5))):
        level, gain, shape = (effects[column][None] for column in columns)
        found = DrawnLaw(varied, metric).value(u[:, None], level, gain, shape)
        for place, group in enumerate(GROUPS):
            own = slice(place * third, (place + 1) * third)
            posterior = varied.tree[group].to_dataset()
            law = drawn_law(posterior, varied.curves, varied.priors, metric == 0, np.array([metric]))
            stored = posterior["curve_effect"].transpose("chain", "draw", "curve", "effect").to_numpy()
            with np.errstate(over="ignore"):
                expected = np.stack([law.value(at, *(stored[:, :, [0], c] for c in columns)) for at in u])
            np.testing.assert_allclose(found[:, own], expected.reshape(2, -1), rtol=1e-12)


def test_answers_name_the_laws(varied: Fit) -> None:
    text = str(summary(varied))
    assert all(name in text for followed in VARIED for name in (followed.score, followed.loss))
    rows = summary(varied).curves
    own = set(rows.loc[rows["metric"] == "bleu", "quantity"])
    # alpha is a coefficient of three laws, and log_D0 of two; ceilings have different names.
    assert {"alpha (exponential-link)", "alpha (chance-logistic)", "log_D0 (chance-logistic)", "log_C"} <= own
    assert "alpha" not in own
    assert rows[["median", "lower", "upper"]].notna().all(axis=None)
    population = summary(varied).population
    assert {"shift", "bend", "ratio", "tau", "width"} <= set(population["quantity"])
    assert set(population.loc[population["quantity"] == "shift", "metric"]) == {"cross_entropy"}
    assert {"shape of the m4", "shape of the chance-logistic"} <= set(population["effect"])
    assert all(name in str(forecast(varied, [1e12])) for name in NAMES)


def test_the_level_is_the_value_and_not_its_excess_over_chance(varied: Fit) -> None:
    rows = summary(varied).curves
    level = rows[(rows["metric"] == "bleu") & (rows["quantity"] == "level")].iloc[0]
    excess = np.exp(varied.draws("curve_effect")[:, 0, 0])
    third = len(excess) // 3
    values = np.concatenate([excess[:third], 2.0 + excess[third : 2 * third], excess[2 * third :]])
    assert level["median"] == pytest.approx(np.quantile(values, 0.5, method="nearest"), rel=1e-9)
