from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from numpy.typing import NDArray

from bayesscale.errors import QuestionError, UsageError
from bayesscale.inference import Fit
from bayesscale.laws import LOG_LAW
from bayesscale.questions.conflict.answer import LEAST, MOST_ROWS
from bayesscale.questions.conflict.ask import conflict
from bayesscale.questions.conflict.pairs import compare
from tests.questions.made_up import SHARES, MadeUp, given, rows

ONE = rows(tasks=("en-fr",), finetune=(6e6,))
DRAWS = 100
# Level, gain and shape of bleu, and of cross-entropy.
WORSE, BETTER = (np.log(20.0), 0.5, 0.1), (np.log(25.0), 0.5, 0.1)
LOW, HIGH = (np.log(1.4), 0.3, -0.2), (np.log(1.6), 0.3, -0.2)


def row(score: tuple[float, float, float], loss: tuple[float, float, float]) -> list[list[float]]:
    """Return the parameters of a curve, (metric, parameter)."""
    return [list(score), list(loss)]


def made_up(own: Any, table: pd.DataFrame = ONE, **options: Any) -> Fit:
    """Return a fit with given parameters, (curves, metrics, 3) or (draws, curves, metrics, 3)."""
    own = np.asarray(own, dtype=float)
    if own.ndim == 4:
        own = own.reshape(2, DRAWS // 2, *own.shape[1:])
    return MadeUp(table=table, draws=DRAWS, replaced=given(own), **options).fit()


def broken(fit: Fit, at: list[float], slope: list[float]) -> Fit:
    """Return a fit of which bleu has broken on each curve at a size, with a slope."""
    posterior = fit.tree["posterior"].to_dataset()
    shape = (posterior.sizes["chain"], posterior.sizes["draw"], len(at), 1)
    dims = ("chain", "draw", "curve", "break_metric")
    posterior = posterior.assign_coords(break_metric=["bleu"]).assign(
        break_at=(dims, np.broadcast_to(np.array(at)[:, None], shape)),
        break_slope=(dims, np.broadcast_to(np.array(slope)[:, None], shape)),
    )
    return replace(fit, tree=xr.DataTree.from_dict({"posterior": posterior}))


@pytest.fixture(scope="module")
def crossed() -> Fit:
    """Return a fit in which the loss prefers the mixture with the lower score, in every draw."""
    return made_up([row(WORSE, LOW), row(BETTER, HIGH)])


@pytest.fixture(scope="module")
def agreeing() -> Fit:
    """Return a fit in which loss and score prefer the same mixture, in every draw."""
    return made_up([row(BETTER, LOW), row(WORSE, HIGH)])


PAIR = ("mixtures", (0, 1e9), (1, 1e9))


def test_conflicts_are_counted_draw_by_draw() -> None:
    score, loss = np.array([1.0, -2.0, 3.0, -1.0]), np.array([-1.0, -1.0, -1.0, 1.0])
    pair, found = compare(PAIR, score, loss, 0.5)
    # Only in the second draw is A better by loss and worse by score; in the last it is worse by both.
    assert (found["p_conflict"], found["p_a_better_loss"], found["p_a_better_score"]) == (0.25, 0.75, 0.5)
    assert (found["regret"], found["regret_lower"], found["regret_upper"]) == (0.5, 0.0, 0.5)
    assert pair == PAIR


def test_a_is_the_one_that_the_loss_prefers() -> None:
    score, loss = np.array([1.0, -2.0, 3.0]), np.array([1.0, 1.0, -1.0])
    pair, found = compare(PAIR, score, loss, 0.9)
    assert pair == (PAIR[0], PAIR[2], PAIR[1])
    assert (found["p_a_better_loss"], found["p_a_better_score"]) == pytest.approx((2 / 3, 1 / 3))
    assert (found["p_conflict"], found["regret"]) == pytest.approx((1 / 3, 1 / 3))
    assert compare((PAIR[0], PAIR[2], PAIR[1]), -score, -loss, 0.9) == (pair, found)


def test_ties_are_no_conflict() -> None:
    _, found = compare(PAIR, np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.9)
    assert (found["p_conflict"], found["regret"], found["regret_lower"], found["regret_upper"]) == (
        0,
        0,
        0,
        0,
    )


def test_a_certain_conflict_costs_the_difference_of_the_laws(crossed: Fit) -> None:
    frame = conflict(crossed, by="mixtures", size=1e10, prob=0.5).frame()
    assert len(frame) == 1
    found = frame.iloc[0]
    lost = LOG_LAW.value(0.5, *BETTER) - LOG_LAW.value(0.5, *WORSE)
    np.testing.assert_allclose(found[["regret", "regret_lower", "regret_upper"]].astype(float), lost)
    assert (found["mixture_a"], found["mixture_b"]) == ("en", "en+fr")
    assert found[["p_conflict", "p_a_better_loss", "p_a_better_score"]].tolist() == [1.0, 1.0, 0.0]
    assert found["pretrain_tokens_a"] == found["pretrain_tokens_b"] == 1e10


def test_half_of_the_draws_conflict_and_cost_half() -> None:
    effects = [
        [row(WORSE, LOW), row(BETTER, HIGH)] if place % 2 else [row(BETTER, LOW), row(WORSE, HIGH)]
        for place in range(DRAWS)
    ]
    found = conflict(made_up(effects), by="mixtures").frame().iloc[0]
    assert found["p_conflict"] == 0.5
    assert (found["p_a_better_loss"], found["p_a_better_score"]) == (1.0, 0.5)
    np.testing.assert_allclose(found["regret"], 2.5)
    np.testing.assert_allclose([found["regret_lower"], found["regret_upper"]], [0.0, 5.0], atol=1e-12)


def test_the_answer_in_short(crossed: Fit, agreeing: Fit) -> None:
    assert conflict(crossed).headline() == [
        "Choosing by cross_entropy would mislead about bleu (P 0.9 or more) on 1 of 1 pair of "
        "mixtures and none of 4 steps between checkpoints.",
        "It would cost most where it prefers en at 100B to en+fr at 100B: 5.0 in bleu on average, with a "
        "P(conflict) of >0.99.",
    ]
    first, second = conflict(agreeing, by="mixtures").headline()
    assert first.endswith("on none of 1 pair of mixtures.")
    assert second.endswith(": 0.0 in bleu on average, with a P(conflict) of <0.01.")


def test_a_break_sets_score_against_loss(agreeing: Fit) -> None:
    fit = broken(agreeing, at=[1e10, 1e13], slope=[-1.0, -1.0])
    answer = conflict(fit, by="checkpoints")
    frame = answer.frame()
    first = frame.iloc[0]
    assert (first["mixture_a"], first["pretrain_tokens_b"], first["pretrain_tokens_a"]) == ("en", 1e10, 1e11)
    assert frame["p_conflict"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert frame["p_a_break"].tolist() == [1.0, 0.0, 0.0, 0.0]
    # Half of the axis beyond the break, at a slope of once the level an axis, less what the law still gains.
    lost = 25.0 * 0.5 - (LOG_LAW.value(1.0, *BETTER) - LOG_LAW.value(0.5, *BETTER))
    np.testing.assert_allclose(first["regret"], lost)
    assert answer.headline() == [
        "Choosing by cross_entropy would mislead about bleu (P 0.9 or more) on 1 of 4 steps between "
        "checkpoints.",
        f"It would cost most where it prefers en at 100B to en at 10B: {lost:.1f} in bleu on average, with a "
        "P(conflict) of >0.99.",
    ]


def test_mixtures_are_compared_at_the_last_size_that_both_reach() -> None:
    table = ONE[~((ONE["mixture"] == "en") & (ONE["pretrain_tokens"] == 1e11))]
    fit = made_up([row(WORSE, LOW), row(BETTER, HIGH)], table)
    assert conflict(fit, by="mixtures").frame()["pretrain_tokens_a"].tolist() == [1e10]
    # One metric is enough to end a curve: beyond it the other says nothing of a conflict.
    table = ONE[
        ~((ONE["mixture"] == "en") & (ONE["pretrain_tokens"] == 1e11) & (ONE["metric"] == "cross_entropy"))
    ]
    fit = made_up([row(WORSE, LOW), row(BETTER, HIGH)], table)
    assert conflict(fit, by="mixtures").frame()["pretrain_tokens_a"].tolist() == [1e10]


def test_pairs_share_task_and_finetuning_size(certain: Fit) -> None:
    frame = conflict(certain).frame()
    mixtures, checkpoints = (frame[frame["by"] == kind] for kind in ("mixtures", "checkpoints"))
    assert len(mixtures.drop_duplicates(["task", "finetune_tokens"])) == len(mixtures) == 4
    assert len(checkpoints) == 8 * 2
    assert (checkpoints["mixture_a"] == checkpoints["mixture_b"]).all()
    assert frame["p_conflict"].is_monotonic_decreasing
    own = conflict(certain, tasks=["en-de"], other_sizes=[6e6]).frame()
    expected = frame.query("task == 'en-de' and finetune_tokens == 6e6").reset_index(drop=True)
    pd.testing.assert_frame_equal(own, expected)


def test_columns(certain: Fit) -> None:
    assert list(conflict(certain).frame().columns) == [
        *(
            "by",
            "task",
            "finetune_tokens",
            "mixture_a",
            "mixture_b",
            "pretrain_tokens_a",
            "pretrain_tokens_b",
        ),
        *("metric", "loss", "p_conflict", "p_a_better_loss", "p_a_better_score"),
        *("regret", "regret_lower", "regret_upper", "p_a_break", "measured"),
    ]


def test_every_score_is_compared_with_every_loss() -> None:
    fit = MadeUp(table=rows(metrics=("bleu", "comet", "cross_entropy")), draws=10).fit()
    frame = conflict(fit).frame()
    assert set(zip(frame["metric"], frame["loss"], strict=True)) == {
        ("bleu", "cross_entropy"),
        ("comet", "cross_entropy"),
    }
    assert {"metric"} <= set(conflict(fit).readable().columns)
    assert set(conflict(fit, metrics=["COMET"]).frame()["metric"]) == {"comet"}


def test_a_long_table_is_cut_for_people_and_says_so(agreeing: Fit) -> None:
    table = rows(sizes=tuple(np.geomspace(1e9, 1e11, 12)))
    answer = conflict(MadeUp(table=table, draws=10, width=0.5).fit())
    assert len(answer.frame()) == 4 + 8 * 11
    assert (answer.frame()["p_conflict"].head(MOST_ROWS) >= LEAST).all()
    assert len(answer.readable()) == MOST_ROWS
    assert any("72 more pairs, with P(conflict) of at most" in line for line in answer.explain())
    # Pairs that hardly conflict are not listed, and one is shown where none does.
    certain = conflict(agreeing)
    assert (certain.frame()["p_conflict"] < LEAST).all()
    assert len(certain.readable()) == 1
    left = len(certain.frame()) - 1
    assert any(f"{left} more pairs, with P(conflict) of at most <0.01" in line for line in certain.explain())


def test_one_mixture_still_has_checkpoints() -> None:
    table = rows(mixtures={"en": SHARES["en"]})
    fit = MadeUp(table=table, draws=10).fit()
    answer = conflict(fit)
    assert set(answer.frame()["by"]) == {"checkpoints"}
    assert any(note.startswith("no two mixtures share a task") for note in answer.notes)
    with pytest.raises(QuestionError, match="received none; needed: two mixtures of one task that agree"):
        conflict(fit, by="mixtures")


def test_curves_without_a_mixture() -> None:
    table = ONE[ONE["mixture"] != "en"].query("pretrain_tokens > 0").drop(columns="mixture")
    table = table.drop(columns=["share_en", "share_fr"])
    answer = conflict(MadeUp(table=table, draws=10, width=0.5).fit())
    assert set(answer.readable()["loss prefers"]) <= {"10B", "100B"}


def test_unmeasured_finetuning_sizes_are_marked(uncertain: Fit) -> None:
    answer = conflict(uncertain, other_sizes=[1e8])
    assert set(answer.frame()["by"]) == {"mixtures"}
    assert not answer.frame()["measured"].any()
    assert answer.links.empty
    assert any(note.startswith("4 of 4 curves were not measured") for note in answer.notes)
    assert any(note.startswith("no link was fitted") for note in answer.notes)
    json.dumps(answer.document(), allow_nan=False)
    with pytest.raises(
        QuestionError, match="a picture of score against loss shows curves that were measured"
    ):
        answer.plot()


def test_sizes_beyond_the_data_are_noted(uncertain: Fit) -> None:
    notes = conflict(uncertain, by="mixtures", size=1e12).notes
    assert any("up to 10 times beyond the data" in note for note in notes)
    assert not any("beyond the data" in note for note in conflict(uncertain).notes)


def test_the_answer_says_what_it_is() -> None:
    fit = MadeUp(draws=10, problems=("R-hat 1.2",)).fit()
    answer = conflict(fit, prob=0.8)
    assert str(answer).startswith("DO NOT RELY ON THESE NUMBERS - not converged: R-hat 1.2")
    assert "80% equal-tailed intervals from 10 posterior draws; bleu in BLEU points" in answer.text(
        verbose=True
    )
    document = json.loads(json.dumps(answer.document(), allow_nan=False))
    assert document["interval"] == {"kind": "equal-tailed", "prob": 0.8}
    assert document["status"] == "not converged"
    assert len(document["pairs"]) == len(answer.frame())
    assert document["links"][0]["finetune_tokens"] is None
    assert document["findings"] == answer.findings()
    assert "nan" not in str(answer).lower()


def test_the_picture_shows_the_points_behind_the_links(crossed: Fit) -> None:
    answer = conflict(crossed)
    points = answer.plot().frame()
    assert len(points) == 2 * 3
    score, loss = LOG_LAW.value(1.0, *WORSE), points["loss_value"].min()
    own = points[(points["mixture"] == "en") & (points["pretrain_tokens"] == 1e11)]
    np.testing.assert_allclose(own[["score", "loss_value"]], [[score, loss]])


def only(metrics: tuple[str, ...]) -> Fit:
    """Return a fit of some metrics."""
    return MadeUp(table=rows(metrics=metrics), draws=4).fit()


@pytest.mark.parametrize(
    ("metrics", "asked", "error", "told"),
    [
        (("bleu",), {}, QuestionError, "no loss, only bleu; fit a table with rows of a loss as well"),
        (("cross_entropy",), {}, QuestionError, "no score, only cross_entropy; fit a table"),
        (None, {"metrics": ["cross_entropy"]}, QuestionError, "'cross_entropy' as a score; valid: bleu"),
        (None, {"losses": ["bleu"]}, QuestionError, "'bleu' as a loss; valid: cross_entropy"),
        (None, {"metrics": []}, UsageError, "at least one score; received none"),
        (None, {"losses": ["ter"]}, QuestionError, "received 'ter'; valid: bleu, cross_entropy"),
        (None, {"by": "mixture"}, UsageError, "received 'mixture'; did you mean 'mixtures'?"),
        (None, {"by": "checkpoints", "size": 1e9}, UsageError, "leave out one of the two"),
        (
            None,
            {"by": "checkpoints", "other_sizes": [1e8]},
            QuestionError,
            "needed: a curve that was measured",
        ),
        (None, {"size": 0.0}, UsageError, "the same for every mixture; received size 0"),
        (None, {"size": -1.0}, UsageError, "received -1"),
        (None, {"prob": 90}, UsageError, "received 90; write 0.9"),
        (None, {"tasks": ["fr-en"]}, QuestionError, "received 'fr-en'"),
    ],
)
def test_what_cannot_be_answered(
    metrics: tuple[str, ...] | None, asked: dict[str, Any], error: type[Exception], told: str
) -> None:
    fit = only(("bleu", "cross_entropy") if metrics is None else metrics)
    with pytest.raises(error) as raised:
        conflict(fit, **asked)
    assert told in str(raised.value)


def test_draws_are_not_reordered() -> None:
    rng = np.random.default_rng(3)
    noise: NDArray[np.float64] = rng.normal(scale=0.02, size=(DRAWS, 2, 2, 3))
    effects = np.array([row(WORSE, LOW), row(WORSE, LOW)]) + noise
    found = conflict(made_up(effects), by="mixtures").frame().iloc[0]
    level, loss = effects[:, :, 0, 0], effects[:, :, 1, 0]
    expected = np.mean(np.sign(level[:, 0] - level[:, 1]) == np.sign(loss[:, 0] - loss[:, 1]))
    assert found["p_conflict"] == pytest.approx(expected)
