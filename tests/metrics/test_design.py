"""Grouping factors and covariates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.metrics.design import PAIR, design_columns, with_alignment
from tests.models.tables import curves_of, table

SIZE = "finetune_tokens"


def _names(frame: pd.DataFrame, **options: object) -> tuple[list[str], list[str]]:
    """Return the names of the factors and of the covariates."""
    curves = curves_of(frame, **options)
    return [factor.name for factor in curves.factors], [covariate.name for covariate in curves.covariates]


def test_only_what_varies_between_curves_is_pooled_over() -> None:
    assert _names(table(finetune=(6e6,), shares=False)) == (["task", "mixture"], [])
    assert _names(table(("en-fr",))) == (["mixture", SIZE], ["finetune_tokens", "alignment"])
    assert _names(table(("en-fr",), ("en",))) == ([], ["finetune_tokens"])


def test_the_pair_is_a_factor_only_where_it_differs_from_the_curve() -> None:
    assert _names(table(finetune=(6e6,)))[0] == ["task", "mixture"]  # one curve a pair
    assert _names(table(finetune=(6e6, 42e6)))[0] == ["task", "mixture", PAIR, SIZE]  # two curves a pair
    three, two = table(("en-fr",), finetune=(1e6, 6e6, 42e6)), table(("en-de",), finetune=(6e6,))
    assert PAIR in _names(pd.concat([three, two]))[0]  # 8 curves, 4 pairs
    both = pd.concat([table(("en-fr",)), two])
    assert PAIR in _names(both[both["mixture"] != "none"])[0]  # 6 curves, 4 pairs
    few = both[(both["mixture"] != "en") | (both["finetune_tokens"] == 6e6)]
    assert PAIR not in _names(few)[0]  # 5 curves, 4 pairs


def test_a_factor_has_sorted_levels_and_the_level_of_each_curve() -> None:
    curves = curves_of(table(mixtures=("fr", "en")))
    task, mixture, pair, size = curves.factors
    assert (task.levels, mixture.levels) == (("en-de", "en-fr"), ("en", "fr"))
    assert pair.levels == ("en-de | en", "en-de | fr", "en-fr | en", "en-fr | fr")
    for factor, column in ((task, "task"), (mixture, "mixture")):
        assert [factor.levels[i] for i in factor.index] == curves.table[column].tolist()
    joined = curves.table["task"] + " | " + curves.table["mixture"]
    assert [pair.levels[i] for i in pair.index] == joined.tolist()
    assert [float(size.levels[i]) for i in size.index] == curves.table[SIZE].tolist()


def test_contrasts_are_what_mean_and_slope_do_not_say() -> None:
    curves = curves_of(table(mixtures=("fr", "en", "en+fr"), finetune=(1e6, 6e6, 42e6, 1e9)))
    for factor in curves.factors:
        basis, line = factor.contrasts(), factor.name == SIZE
        assert basis.shape == (len(factor.levels), len(factor.levels) - 1 - line)
        np.testing.assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)
        np.testing.assert_allclose(basis.sum(axis=0), 0.0, atol=1e-12)
        if line:
            np.testing.assert_allclose(np.log10(list(map(float, factor.levels))) @ basis, 0.0, atol=1e-12)
    two = curves_of(table(finetune=(6e6, 42e6))).factors[-1]
    assert (two.name, two.contrasts().shape) == (SIZE, (2, 0))


def test_sizes_are_a_factor_where_they_have_several_curves() -> None:
    alone = table(("en-fr",), ("en",), finetune=(1e6, 6e6, 42e6), shares=False)
    assert _names(alone)[0] == []
    assert _names(table(("en-fr",), finetune=(1e6, 6e6, 42e6), shares=False))[0] == ["mixture", SIZE]


def test_a_column_that_does_not_define_curves_is_no_factor() -> None:
    frame = table(("en-fr",), finetune=(6e6, 42e6), baseline=False, shares=False)
    assert _names(frame, curve=["mixture", "finetune_tokens"])[0] == ["mixture", SIZE]
    one = frame[frame["mixture"] == "en"]
    assert _names(one, curve=["finetune_tokens"])[0] == []


def test_a_grouping_with_one_curve_a_level_is_left_to_the_curves_residuals() -> None:
    alone = curves_of(table(("en-fr",), finetune=(6e6,), shares=False))
    assert ([factor.name for factor in alone.factors], alone.absorbed) == ([], ("mixture",))
    both = curves_of(table(finetune=(6e6,), shares=False))
    assert ([factor.name for factor in both.factors], both.absorbed) == (["task", "mixture"], ())
    single = curves_of(table(("en-fr",), ("en",), shares=False))
    assert (single.factors, single.absorbed) == ((), ())


def test_sizes_are_log10_around_the_middle_of_their_range() -> None:
    curves = curves_of(table(finetune=(1e6, 1e7, 1e9), shares=False))
    (covariate,) = curves.covariates
    assert (covariate.name, covariate.log10, covariate.centre) == ("finetune_tokens", True, 7.5)
    expected = {1e6: -1.5, 1e7: -0.5, 1e9: 1.5}
    assert covariate.values == pytest.approx([expected[t] for t in curves.table["finetune_tokens"]])
    assert covariate.scaled([1e8, 0.0, np.nan]) == pytest.approx([0.5, 0.0, 0.0])


def test_the_centre_does_not_depend_on_how_many_curves_have_a_size() -> None:
    few, many = table(finetune=(6e6,)), table(mixtures=("en", "en+fr", "fr"), finetune=(42e6,))
    (covariate, _) = curves_of(pd.concat([few, many])).covariates
    assert covariate.centre == pytest.approx(np.log10([6e6, 42e6]).mean())


def test_model_size_is_a_covariate_where_it_defines_curves() -> None:
    small, large = table(finetune=(6e6,)), table(finetune=(6e6,), seed=1)
    frame = pd.concat([small.assign(model_params=77e6), large.assign(model_params=770e6)])
    curves = curves_of(frame)
    names = [covariate.name for covariate in curves.covariates]
    assert names == ["model_params", "alignment"]
    assert set(np.round(curves.covariates[0].values, 6)) == {-0.5, 0.5}
    assert len(curves) == 8


def test_alignment_follows_from_shares_by_the_paper_s_formula() -> None:
    found = with_alignment(table(mixtures=("en", "en+fr", "fr"), baseline=False))
    by_pair = found.groupby(["task", "mixture"])["alignment"].agg(["min", "max"]).T.to_dict("list")
    expected = {
        ("en-fr", "en"): 0.7,
        ("en-fr", "en+fr"): 0.25 + 0.35 + 0.4,
        ("en-fr", "fr"): 0.8,
        ("en-de", "en"): 0.7,
        ("en-de", "en+fr"): 0.35,
        ("en-de", "fr"): 0.0,
    }
    assert by_pair == {pair: pytest.approx([value, value]) for pair, value in expected.items()}


def test_an_alignment_that_is_given_is_kept_and_only_gaps_are_filled() -> None:
    frame = table(("en-fr",), ("en", "fr"), baseline=False)
    frame["alignment"] = np.where(frame["mixture"] == "en", 0.25, np.nan)
    found = with_alignment(frame)
    assert set(found.loc[found["mixture"] == "en", "alignment"]) == {0.25}
    assert set(found.loc[found["mixture"] == "fr", "alignment"]) == {0.8}


def test_a_column_alignment_serves_without_shares() -> None:
    frame = table(("summarise",), ("en", "fr"), baseline=False, shares=False)
    frame["alignment"] = np.where(frame["mixture"] == "en", 0.2, 0.6)
    (_, covariate) = curves_of(frame).covariates
    assert (covariate.name, covariate.log10) == ("alignment", False)
    assert covariate.centre == pytest.approx(0.4)
    assert set(np.round(covariate.values, 12)) == {-0.2, 0.2}


def test_unknown_alignment_counts_as_typical() -> None:
    frame = table(("en-fr", "summarise"), ("en", "fr"), baseline=False)
    curves = curves_of(frame)
    covariate = curves.covariates[-1]
    assert covariate.name == "alignment"
    assert set(covariate.values[curves.table["task"] == "summarise"]) == {0.0}
    assert np.isfinite(covariate.values).all()


def test_neither_shares_nor_a_column_give_no_alignment() -> None:
    frame = table(shares=False)
    assert with_alignment(frame) is frame
    assert "alignment" not in curves_of(frame).table.columns


def test_only_columns_that_define_curves_become_covariates() -> None:
    curves = pd.DataFrame({"task": ["a", "b"], "finetune_tokens": [1e6, 1e7]})
    assert design_columns(curves, ("task",), "finetune_tokens")[1] == ()
    assert len(design_columns(curves, ("task", "finetune_tokens"), "finetune_tokens")[1]) == 1
