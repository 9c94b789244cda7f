from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from bayesscale.figures.drawing import MOST_PANELS, Drawing, Frame, pages

BANDS = ["median", "lower", "upper", "law_median", "law_lower", "law_upper"]


def drawing(tasks: int = 1, mixtures: int = 2, metrics: tuple[str, ...] = ("bleu",)) -> Drawing:
    """Return a drawing of two sizes D_f in every panel."""
    bands = pd.DataFrame(
        [
            {
                "task": f"t{t}",
                "mixture": f"m{m}",
                "finetune_tokens": d_f,
                "metric": metric,
                "pretrain_tokens": d,
            }
            | dict.fromkeys(BANDS, 20.0 + m)
            | {"efolds_beyond": np.log(d / 1e10)}
            for t in range(tasks)
            for m in range(mixtures)
            for d_f in (6e6, 42e6)
            for metric in metrics
            for d in (1e9, 1e10, 1e11)
        ]
    )
    points = bands[bands["efolds_beyond"] <= 0].assign(value=20.0, se=np.nan)
    return Drawing(
        bands=bands,
        points=points,
        baseline=points.iloc[:0],
        panel=("task", "mixture"),
        colour="finetune_tokens",
        axis="pretrain_tokens",
        units=dict.fromkeys(metrics, "points"),
        percent="90%",
        frame=Frame("title", "caption"),
    )


def test_a_panel_for_each_task_and_mixture() -> None:
    assert drawing(tasks=2).keys == [("t0", "m0"), ("t0", "m1"), ("t1", "m0"), ("t1", "m1")]


def test_panels_are_headed_by_what_tells_them_apart() -> None:
    assert [drawing(tasks=2).heading(key) for key in drawing(tasks=2).keys][:2] == ["t0 | m0", "t0 | m1"]
    assert [drawing().heading(key) for key in drawing().keys] == ["m0", "m1"]
    assert drawing().common() == "task t0"
    assert drawing(tasks=2).common() == ""


def test_lines_are_those_of_the_panel() -> None:
    lines = list(drawing(tasks=2).lines(("t1", "m0"), "bleu"))
    assert [level for level, _ in lines] == [6e6, 42e6]
    for level, tables in lines:
        names = tables["bands"][["task", "mixture", "finetune_tokens"]].drop_duplicates()
        assert names.to_numpy().tolist() == [["t1", "m0", level]]
        assert len(tables["points"]) == 2


def test_without_a_colour_a_panel_has_one_line() -> None:
    plain = replace(drawing(), colour=None, panel=("task", "mixture", "finetune_tokens"))
    ((level, tables),) = plain.lines(("t0", "m0", 6e6), "bleu")
    assert level is None
    assert len(tables["bands"]) == 3
    assert plain.heading(("t0", "m0", 6e6)) == "m0 | 6M"


def test_pages_hold_whole_tasks_where_they_fit() -> None:
    assert [len(page) for page in pages(drawing(tasks=3, mixtures=8))] == [24]
    assert [len(page) for page in pages(drawing(tasks=3, mixtures=9))] == [18, 9]
    assert [len(page) for page in pages(drawing(tasks=3, mixtures=9, metrics=("bleu", "chrf")))] == [9, 9, 9]


def test_no_panel_is_lost_and_no_page_is_too_full() -> None:
    for tasks, mixtures, metrics in (
        (1, 60, ("bleu",)),
        (7, 5, ("bleu", "chrf", "comet")),
        (25, 1, ("bleu",)),
    ):
        many = drawing(tasks, mixtures, metrics)
        found = pages(many)
        assert [key for page in found for key in page] == many.keys
        assert max(len(page) for page in found) * len(metrics) <= MOST_PANELS


def test_a_page_knows_only_its_own_sizes() -> None:
    both = drawing(tasks=2)
    bands = both.bands[(both.bands["task"] == "t0") | (both.bands["finetune_tokens"] == 6e6)]
    assert replace(both, bands=bands).only([("t1", "m0"), ("t1", "m1")]).levels == [6e6]
