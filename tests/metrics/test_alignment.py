from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import DataError
from bayesscale.metrics.alignment import alignment_score, mixture_shares, task_languages


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"en": 0.5, "fr": 0.5}, 1.0),
        ({"en": 1.0}, 0.7),
        ({"fr": 1.0}, 0.8),
        ({"de": 1.0}, 0.0),
        ({"en": 0.5, "de": 0.5}, 0.35),
        ({"en": 0.3, "fr": 0.7}, 0.98),
        ({"en": 0.7, "fr": 0.3}, 0.94),
        ({}, 0.0),
    ],
)
def test_scores_of_the_paper(shares: dict[str, float], expected: float) -> None:
    assert alignment_score(shares, "en", "fr") == pytest.approx(expected, abs=1e-12)


def test_direction_matters() -> None:
    assert alignment_score({"en": 1.0}, "fr", "en") == pytest.approx(0.8)


@pytest.mark.parametrize(
    "shares", [{"en": 50.0, "fr": 50.0}, {"en": 0.8, "fr": 0.8}, {"en": -0.1}, {"en": float("nan")}]
)
def test_shares_that_are_no_fractions_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(DataError, match=r"between 0 and 1 and add up to at most 1; received .*en="):
        alignment_score(shares, "en", "fr")


def test_rounded_shares_may_add_up_to_a_little_more_than_one() -> None:
    assert alignment_score({"en": 0.34, "fr": 0.33, "de": 0.34}, "en", "fr") == pytest.approx(0.6142)


@pytest.mark.parametrize(
    ("task", "languages"),
    [
        ("en-fr", ("en", "fr")),
        ("EN-FR", ("en", "fr")),
        (" en_fr ", ("en", "fr")),
        ("en->ro", ("en", "ro")),
        ("en→ro", ("en", "ro")),
        ("WMT-15 en-fr", ("en", "fr")),
        ("wmt17/en-de", ("en", "de")),
        ("bew-btk", ("bew", "btk")),
        ("BoolQ", None),
        ("fine-tune", None),
        ("en-fr newstest", None),
        ("", None),
    ],
)
def test_languages_of_a_task(task: str, languages: tuple[str, str] | None) -> None:
    assert task_languages(task) == languages


def test_shares_are_read_by_mixture() -> None:
    frame = pd.DataFrame(
        {
            "mixture": ["half", "half", "english", "none"],
            "share_en": [0.5, 0.5, 1.0, np.nan],
            "share_fr": [0.5, 0.5, np.nan, np.nan],
            "value": [1.0, 2.0, 3.0, 4.0],
        }
    )
    assert mixture_shares(frame) == {"half": {"en": 0.5, "fr": 0.5}, "english": {"en": 1.0}}


def test_a_table_without_shares_has_none() -> None:
    assert mixture_shares(pd.DataFrame({"mixture": ["half"], "value": [1.0]})) == {}


def test_a_mixture_whose_rows_disagree_is_named() -> None:
    frame = pd.DataFrame({"mixture": ["half", "half"], "share_en": [0.5, 0.6], "share_fr": [0.5, 0.4]})
    with pytest.raises(DataError, match="several are given for half"):
        mixture_shares(frame)


def test_shares_in_percent_are_refused_with_the_mixture() -> None:
    frame = pd.DataFrame({"mixture": ["half"], "share_en": [50], "share_fr": [50]})
    with pytest.raises(DataError, match="of mixture 'half' lie between 0 and 1"):
        mixture_shares(frame)
