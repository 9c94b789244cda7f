"""Numbers and names as people read them."""

from __future__ import annotations

import pytest

from bayesscale.text import listed, probability_text, shortened


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
