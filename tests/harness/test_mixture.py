"""Mixtures: exact shares at every position, one pass, prefixes, and a pure function of the position."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.errors import CorpusError, StudyError
from bayesscale.harness.mixture import LONGEST_PATTERN, Mixture, pattern_counts

SHARES = [
    {"en": 1.0},
    {"en": 0.5, "de": 0.5},
    {"en": 0.3, "fr": 0.7},
    {"en": 0.01, "fr": 0.99},
    {"en": 1 / 3, "de": 1 / 3, "fr": 1 / 3},
    {"en": 0.5, "de": 0.25, "fr": 0.15, "ro": 0.1},
    {"en": 0.12345, "de": 0.87655, "fr": 0.0},
    {"en": 0.9, "de": 0.02, "fr": 0.02, "ro": 0.02, "it": 0.02, "es": 0.02},
]


def _mixture(shares: dict[str, float], blocks: int = 1000, seed: int = 0) -> Mixture:
    """Return a mixture with the same number of blocks of each language."""
    return Mixture(shares, dict.fromkeys(shares, blocks), seed)


@pytest.mark.parametrize("shares", SHARES)
def test_shares_are_kept_exactly(shares: dict[str, float]) -> None:
    kept = _mixture(shares).shares
    assert kept == pytest.approx({name: share for name, share in shares.items() if share}, abs=1e-12)


@pytest.mark.parametrize("shares", SHARES)
def test_at_every_position_no_language_is_a_whole_block_from_its_share(shares: dict[str, float]) -> None:
    mixture = _mixture(shares)
    languages, _ = mixture.take(0, mixture.limit)
    seen = np.cumsum(languages[:, None] == np.arange(len(mixture.languages)), axis=0)
    ideal = np.arange(1, len(languages) + 1)[:, None] * np.array(list(mixture.shares.values()))
    # Tijdeman's bound.
    assert np.abs(seen - ideal).max() <= 1 - 1 / (2 * max(2, len(mixture.languages)) - 2) + 1e-9


@given(
    st.lists(st.integers(0, 100), min_size=1, max_size=6).filter(any), st.integers(1, 200), st.integers(0, 5)
)
def test_every_block_is_seen_at_most_once_and_the_pass_is_as_long_as_it_can_be(
    weights: list[int], blocks: int, seed: int
) -> None:
    shares = {f"l{index}": weight / sum(weights) for index, weight in enumerate(weights)}
    available = {name: blocks + 7 * index for index, name in enumerate(shares)}
    mixture = Mixture(shares, available, seed)
    languages, numbers = mixture.take(0, mixture.limit)
    pairs = list(zip(languages.tolist(), numbers.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    for index, name in enumerate(mixture.languages):
        assert set(numbers[languages == index].tolist()) <= set(range(available[name]))
    # One language is used up, so that one more block would be seen twice.
    assert any((languages == index).sum() == available[name] for index, name in enumerate(mixture.languages))


@pytest.mark.parametrize("shares", SHARES)
def test_a_run_is_a_prefix_of_a_longer_one_and_can_go_on_anywhere(shares: dict[str, float]) -> None:
    mixture = _mixture(shares)
    half, whole = mixture.limit // 2, mixture.limit
    everything = mixture.take(0, whole)
    for start, stop in [(0, half), (half, whole), (17, 18), (whole, whole), (3, 3)]:
        for part, all_of_it in zip(mixture.take(start, stop), everything, strict=True):
            assert np.array_equal(part, all_of_it[start:stop])


def test_past_the_end_is_an_error_that_says_how_much_there_is() -> None:
    mixture = Mixture({"en": 0.5, "de": 0.5}, {"en": 10, "de": 30}, 0)
    assert mixture.limit == 20 + (mixture.take(0, 1)[0][0] == 0)
    mixture.take(0, mixture.limit)
    with pytest.raises(CorpusError, match=r"42 blocks were asked for and 2\d can be drawn.*de 30.*en 10"):
        mixture.take(40, 42)


def test_seeds_change_the_order_of_blocks_and_not_the_languages() -> None:
    one, other = (_mixture({"en": 0.5, "de": 0.5}, seed=seed).take(0, 500) for seed in (0, 1))
    assert np.array_equal(one[0], other[0])
    assert (one[1] == other[1]).sum() < 20


def test_mixtures_see_the_same_of_a_language_first() -> None:
    half, alone = _mixture({"en": 0.5, "de": 0.5}), _mixture({"en": 1.0})
    languages, blocks = half.take(0, 100)
    english = blocks[languages == half.languages.index("en")]
    assert np.array_equal(english, alone.take(0, len(english))[1])


def test_shares_that_no_short_pattern_has_are_kept_closely() -> None:
    shares = {"a": 0.1234567, "b": 0.2345678, "c": 0.6419755}
    counts = pattern_counts(shares)
    assert sum(counts.values()) == LONGEST_PATTERN
    for name, share in shares.items():
        assert abs(counts[name] / LONGEST_PATTERN - share) <= 1 / LONGEST_PATTERN


def test_rounded_thirds_are_thirds() -> None:
    counts = pattern_counts({"a": 0.333333, "b": 0.333333, "c": 0.333334})
    assert {Fraction(count, sum(counts.values())) for count in counts.values()} == {Fraction(1, 3)}


@pytest.mark.parametrize("shares", [{"en": 0.5}, {"en": 0.6, "de": 0.6}, {"en": 1.5, "de": -0.5}, {}])
def test_shares_that_are_none_are_refused(shares: dict[str, float]) -> None:
    with pytest.raises(StudyError, match="sum to 1"):
        _mixture(shares)


@pytest.mark.parametrize("available", [{"en": 5}, {"en": 5, "de": 0}])
def test_a_language_without_text_is_refused(available: dict[str, int]) -> None:
    with pytest.raises(CorpusError, match="none of de"):
        Mixture({"en": 0.5, "de": 0.5}, available, 0)


def test_a_huge_mixture_costs_nothing() -> None:
    mixture = Mixture({"en": 0.3, "fr": 0.7}, {"en": 10**9, "fr": 10**9}, 0)
    assert mixture.limit > 10**9
    languages, blocks = mixture.take(mixture.limit - 10, mixture.limit)
    assert len(languages) == len(blocks) == 10
