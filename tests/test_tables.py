"""Tables as people read them: each row a line, within the columns of a terminal."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.tables import distinct, table_text

LONG = "a mixture of rather many languages and of several programming languages, version "
INTERVAL = "34.4 (32.8 to 35.4)"


def test_a_table_fits_its_width_at_the_cost_of_labels() -> None:
    names = ["m" * 90 + "1", "m" * 90 + "2"]
    table = pd.DataFrame({"mixture": names, "bleu": [INTERVAL] * 2, "n": [1, 20]})
    lines = table_text(table).splitlines()
    assert max(map(len, lines)) == 100
    assert INTERVAL in lines[1]
    # What tells them apart is at their ends, which are kept.
    assert lines[1] != lines[2]
    whole = table_text(table, width=None)
    assert names[0] in whole


def test_wide_letters_take_two_columns() -> None:
    lines = table_text(pd.DataFrame({"task": ["日本語", "abc"], "n": [1, 2]})).splitlines()
    assert lines[1].index("1") == lines[2].index("2") - 3
    wide = pd.DataFrame({"task": ["日" * 60, "本" * 60], "n": [1, 2]})
    assert [len(line) for line in table_text(wide, width=40).splitlines()[1:]] == [22, 22]


def test_what_rows_share_is_said_once_where_they_are_too_wide() -> None:
    table = pd.DataFrame(
        {"task": "en-fr", "mixture": [LONG + "1", LONG + "2"], "finetune_tokens": 42e6, "bleu": INTERVAL}
    )
    above, heading, *rows = table_text(table).splitlines()
    assert above == "task en-fr, D_f 42M"
    assert heading.split() == ["mixture", "bleu"]
    assert [row.endswith(INTERVAL) for row in rows] == [True, True]
    narrow = table.assign(mixture=["a", "b"])
    assert table_text(narrow).splitlines()[0].split() == ["task", "mixture", "D_f", "bleu"]
    assert len(table_text(table, width=None).splitlines()) == 3


def test_rows_in_groups_stand_below_the_name_of_their_group() -> None:
    columns = {f"measured {number}": [INTERVAL] * 4 for number in range(4)}
    names = {"mixture": ["a", "b"] * 2, "metric": ["bleu", "bleu", "cross_entropy", "cross_entropy"]}
    lines = table_text(pd.DataFrame(names | columns)).splitlines()
    assert [lines[place] for place in (1, 4)] == ["metric bleu", "metric cross_entropy"]
    assert [lines[place].split()[0] for place in (0, 2, 3, 5, 6)] == ["mixture", "a", "b", "a", "b"]
    assert max(map(len, lines)) <= 100


def test_what_has_no_room_at_all_is_named() -> None:
    columns = {f"measured {number}": [INTERVAL] * 2 for number in range(6)}
    above, heading, *rows = table_text(pd.DataFrame({"mixture": ["a", "b"], **columns})).splitlines()
    assert above == "left out, --csv has all: measured 4, measured 5"
    assert len(rows) == 2
    assert max(map(len, [heading, *rows])) <= 100


def test_numbers_and_what_stands_for_them_are_never_cut() -> None:
    told = ["not by 130T (P >0.99)", "430B (250B to >130T)"]
    table = pd.DataFrame({"mixture": [LONG * 2 + "1", LONG * 2 + "2"], "tokens": told})
    assert [line.endswith(text) for line, text in zip(table_text(table).splitlines()[1:], told, strict=True)]


@pytest.mark.parametrize(
    ("texts", "width", "expected"),
    [
        (["en", "fr"], 5, ["en", "fr"]),
        (["a" * 40 + "1", "a" * 40 + "2"], 10, ["aaaaaa…aa1", "aaaaaa…aa2"]),
        # They differ where their ends do not show it.
        (["a" * 40 + "x" + "b" * 40, "a" * 40 + "y" + "b" * 40], 10, ["…aaaaaaax…", "…aaaaaaay…"]),
        (["a" * 40 + "x" + "b" * 40, "a" * 40 + "y" + "b" * 40, "en"], 6, ["aaa…b…1", "aaa…b…2", "en…3"]),
    ],
)
def test_different_names_stay_different(texts: list[str], width: int, expected: list[str]) -> None:
    found = distinct(texts, width)
    assert len(set(found)) == len(texts)
    assert max(map(len, found)) <= width
    assert found == expected or width == 6


@given(st.lists(st.text(st.sampled_from("ab日é "), max_size=60), min_size=1, max_size=30), st.integers(5, 30))
def test_any_names_fit_and_stay_different(texts: list[str], width: int) -> None:
    found = dict(zip(texts, distinct(texts, width), strict=True))
    assert len(set(found.values())) == len(set(texts))
    assert all(len(text) + text.count("日") <= width for text in found.values())
