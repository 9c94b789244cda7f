from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import BayesscaleError, QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.questions.select import Selection, choose_targets
from tests.questions.made_up import MadeUp, rows


def test_all_measured_curves_by_default(certain: Fit) -> None:
    targets = choose_targets(certain.curves, Selection())
    assert targets.position.tolist() == list(range(8))
    assert list(targets.table.columns) == ["task", "mixture", "finetune_tokens"]
    assert targets.notes == ()


def test_choices_multiply_and_keep_what_was_measured(certain: Fit) -> None:
    wanted = Selection(tasks=["en-fr"], mixtures=["en", "de", "en"], other_sizes=[6e6, 1e9])
    targets = choose_targets(certain.curves, wanted)
    assert list(targets.table.itertuples(index=False, name=None)) == [
        ("en-fr", "en", 6e6),
        ("en-fr", "en", 1e9),
        ("en-fr", "de", 6e6),
        ("en-fr", "de", 1e9),
    ]
    assert targets.measured.tolist() == [True, False, False, False]
    assert certain.curves.labels[targets.position[0]] == "en-fr | en | 6M"


def test_a_new_mixture_is_asked_at_the_sizes_of_its_task(certain: Fit) -> None:
    targets = choose_targets(certain.curves, Selection(mixtures=["de"]))
    assert targets.table["finetune_tokens"].tolist() == [6e6, 42e6, 6e6, 42e6]
    assert not targets.measured.any()
    assert targets.notes == ("mixture 'de' was not measured: its effect is drawn as that of any mixture",)


@pytest.mark.parametrize("name", ["web_mixed", "web-mixd", "Web-Mixed", "web-mixde"])
def test_a_misspelt_mixture_is_refused_with_the_one_that_was_meant(name: str) -> None:
    shares = {"en50-de50": {"en": 0.5, "de": 0.5}, "web-mixed": {"en": 1.0}}
    curves = MadeUp(table=rows(mixtures=shares), draws=4).fit().curves
    with pytest.raises(QuestionError, match="did you mean 'web-mixed'"):
        choose_targets(curves, Selection(mixtures=[name]))


@pytest.mark.parametrize("name", ["en60-de40", "en50-de51", "web", "mixed"])
def test_a_mixture_of_a_like_name_may_be_new(name: str) -> None:
    shares = {"en50-de50": {"en": 0.5, "de": 0.5}, "web-mixed": {"en": 1.0}}
    curves = MadeUp(table=rows(mixtures=shares), draws=4).fit().curves
    assert not choose_targets(curves, Selection(mixtures=[name])).measured.any()


def test_what_a_table_prints_may_be_typed() -> None:
    fit = MadeUp(table=rows(finetune=(5_242_880_000.0, 42e6)), draws=4).fit()
    targets = choose_targets(fit.curves, Selection(other_sizes=[5.243e9, 5.25e9]))
    assert targets.table["finetune_tokens"].unique().tolist() == [5_242_880_000.0, 5.25e9]
    assert targets.measured.tolist() == [True, False] * 4


def test_curves_by_their_labels(certain: Fit) -> None:
    labels = ["en-fr | en | 6M", "en-de | en+fr | 42M"]
    targets = choose_targets(certain.curves, Selection(curves=labels))
    assert [certain.curves.labels[place] for place in targets.position] == labels


def test_further_curve_columns_are_kept_apart() -> None:
    table = rows(tasks=("en-fr",))
    table = pd.concat([table.assign(arch=name) for name in ("big", "small")])
    table = table[(table["arch"] == "big") | (table["mixture"] != "en")]
    fit = MadeUp(table=table, curve=("task", "mixture", "finetune_tokens", "arch"), draws=4).fit()
    measured = choose_targets(fit.curves, Selection(mixtures=["en"]))
    assert measured.table["arch"].tolist() == ["big", "big"]
    new = choose_targets(fit.curves, Selection(mixtures=["de"]))
    assert sorted(new.table["arch"]) == ["big", "big", "small", "small"]
    other = choose_targets(fit.curves, Selection(mixtures=["en+fr"], other_sizes=[1e9]))
    assert other.table[["finetune_tokens", "arch"]].to_numpy().tolist() == [[1e9, "big"], [1e9, "small"]]


def test_sizes_outside_those_measured_are_noted(certain: Fit) -> None:
    notes = choose_targets(certain.curves, Selection(other_sizes=[1e9, 6e6, 1e6, 1e7])).notes
    assert [note.split(":")[0] for note in notes] == [
        "finetune_tokens 1B lies outside the measured 6M to 42M",
        "finetune_tokens 1M lies outside the measured 6M to 42M",
    ]


def test_a_size_of_zero_may_have_been_measured() -> None:
    table = rows(tasks=("en-fr",), mixtures={"en": {}}).query("pretrain_tokens > 0")
    table = table.rename(columns={"finetune_tokens": "p", "pretrain_tokens": "finetune_tokens"})
    table = table.rename(columns={"p": "pretrain_tokens"}).replace({"pretrain_tokens": 6e6}, 0.0)
    fit = MadeUp(table=table, axis="finetune_tokens", draws=4).fit()
    assert choose_targets(fit.curves, Selection(other_sizes=[0.0])).measured.tolist() == [True]
    with pytest.raises(UsageError, match="finite numbers above 0; received 0"):
        choose_targets(MadeUp(draws=4).fit().curves, Selection(other_sizes=[0.0]))


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ({"tasks": ["en-rf"]}, "received 'en-rf'; did you mean 'en-fr'? valid: en-de, en-fr"),
        ({"curves": ["en-fr | en | 7M"]}, "did you mean 'en-fr | en | 6M'?"),
        ({"other_sizes": [-1.0]}, "received -1"),
        ({"other_sizes": [np.nan]}, "received nan"),
        ({"mixtures": []}, "a choice by mixture needs at least one value"),
        ({"curves": ["en-fr | en | 6M"], "tasks": ["en-fr"]}, "choose one way"),
    ],
)
def test_what_cannot_be_chosen(certain: Fit, wanted: dict[str, Any], told: str) -> None:
    with pytest.raises(BayesscaleError) as caught:
        choose_targets(certain.curves, Selection(**wanted))
    assert told in str(caught.value)


def test_of_many_names_only_the_nearest_are_told() -> None:
    table = rows(tasks=tuple(f"en-{chr(97 + i)}x" for i in range(25)), metrics=("bleu",), mixtures={"en": {}})
    fit = MadeUp(table=table, draws=4).fit()
    with pytest.raises(QuestionError, match=r"nearest of 25: en-bx, .*`bayesscale show` lists all") as caught:
        choose_targets(fit.curves, Selection(tasks=["en-bbx"]))
    assert str(caught.value).count("en-") == 6


def test_nothing_is_known_of_a_size_in_which_the_curves_do_not_differ() -> None:
    fit = MadeUp(table=rows(finetune=(6e6,)), draws=4).fit()
    assert choose_targets(fit.curves, Selection(other_sizes=[6e6])).measured.all()
    with pytest.raises(QuestionError, match="only if the curves differ in it; all have 6M"):
        choose_targets(fit.curves, Selection(other_sizes=[1e9]))
    without = rows(finetune=(6e6,)).drop(columns="finetune_tokens")
    curves = MadeUp(table=without, draws=4).fit().curves
    with pytest.raises(QuestionError, match="received a choice by finetune_tokens; valid: mixture, task"):
        choose_targets(curves, Selection(other_sizes=[6e6]))
    assert choose_targets(curves, Selection()).table.columns.tolist() == ["task", "mixture"]
