"""Cleaning: what it removes, that it is done once, and what counts as the same text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.harness.corpora.clean import Counts, Seen, clean, key, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  ein\t Satz \u00a0 hier\r", "ein Satz hier"),
        ("cafe\u0301", "caf\u00e9"),
        ("\ufeffa\x00b\x1bc\u200bd\u00ade", "abcde"),
        ("a\u2028b\u0085c", "a b c"),
        ("ﬁne ½", "ﬁne ½"),  # NFC, not NFKC: compatibility forms are meant
        ("नमस्\u200dते", "नमस्\u200dते"),  # joiners are letters
        (" \n ", ""),
    ],
)
def test_what_it_does(text: str, expected: str) -> None:
    assert clean(text) == expected


@given(st.text())
def test_clean_text_stays_as_it_is(text: str) -> None:
    once = clean(text)
    assert clean(once) == once == unicodedata.normalize("NFC", once)
    assert once == once.strip()
    assert "  " not in once
    assert len(once.splitlines()) <= 1


def test_neither_case_nor_punctuation_makes_another_text() -> None:
    assert key("„Don’t know“, STRASSE!") == key("don't know straße") == "dont know strasse"
    assert words("l'été -- deux_trois") == ["lété", "deux", "trois"]
    assert key("...") != key("!?")


def test_seen() -> None:
    seen = Seen()
    assert [seen.add(text) for text in ("a", "b", "a", "A", "a")] == [False, False, True, False, True]


def test_counts_keep_few_examples() -> None:
    counts = Counts()
    for number in range(9):
        counts.contaminate(f"{number}" * 500)
    counts.keep("ä", "b")
    assert (counts.contaminated, counts.kept, counts.bytes) == (9, 1, 3)
    assert [len(example) for example in counts.examples] == [120] * 5
