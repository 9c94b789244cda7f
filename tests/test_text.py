"""Numbers and tables as people read them."""

from __future__ import annotations

import pandas as pd
import pytest

from bayesscale.text import listed, probability_text, shortened, table_text


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "<0.01"),
        (0.004, "<0.01"),
        (0.006, "0.01"),
        (0.5, "0.50"),
        (0.994, "0.99"),
        (0.996, ">0.99"),
        (1.0, ">0.99"),
        (float("nan"), "unknown"),
    ],
)
def test_a_probability_never_claims_certainty(p: float, text: str) -> None:
    assert probability_text(p) == text


def test_a_list_in_words() -> None:
    assert listed(["a"]) == "a"
    assert listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcde")) == "a, b, c and 2 more"
    assert listed(["en, 42M", "fr, 1B"]) == "en, 42M; fr, 1B"


def test_a_long_text_keeps_both_ends() -> None:
    assert shortened("abcdefghij", 10) == "abcdefghij"
    assert shortened("a" * 50 + "z" * 50, 10) == "aaaaaa…zzz"


def test_a_table_fits_its_width_at_the_cost_of_labels() -> None:
    names = ["m" * 90 + "1", "m" * 90 + "2"]
    table = pd.DataFrame({"mixture": names, "bleu": ["34.4 (32.8 to 35.4)"] * 2, "n": [1, 20]})
    lines = table_text(table).splitlines()
    assert max(map(len, lines)) == 100
    assert "34.4 (32.8 to 35.4)" in lines[1]
    # What tells them apart is at their ends, which are kept.
    assert lines[1] != lines[2]
    whole = table_text(table, width=None)
    assert names[0] in whole


def test_wide_letters_take_two_columns() -> None:
    lines = table_text(pd.DataFrame({"task": ["日本語", "abc"], "n": [1, 2]})).splitlines()
    assert lines[1].index("1") == lines[2].index("2") - 3
