"""Finetuning sets: nested, counted in the tokens that are used, and never larger than the data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.errors import CorpusError
from bayesscale.harness.tokens.parallel import Parallel
from bayesscale.harness.tokens.subset import nested_subset, pair_tokens


def _pairs(*lengths: tuple[int, int]) -> Parallel:
    """Return pairs of such lengths."""
    sides = [[np.ones(pair[side], dtype=np.uint16) for pair in lengths] for side in (0, 1)]
    texts = [""] * len(lengths)
    return Parallel(sides[0], sides[1], texts, texts, texts)


LENGTHS = st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30)), min_size=1, max_size=40)


@given(LENGTHS, st.integers(0, 9), st.data())
def test_a_smaller_set_is_a_prefix_of_a_larger_one(
    lengths: list[tuple[int, int]], seed: int, data: st.DataObject
) -> None:
    pairs = _pairs(*lengths)
    small, large = sorted(data.draw(st.tuples(*[st.integers(61, 3000)] * 2)))
    large = min(large, pairs.tokens)
    small = min(small, large)
    try:
        one, one_tokens = nested_subset(pairs, small, seed)
    except CorpusError:
        return  # not even the first pair fits
    other, other_tokens = nested_subset(pairs, large, seed)
    assert other[: len(one)].tolist() == one.tolist()
    assert len(set(other.tolist())) == len(other)
    for indices, tokens, wanted in ((one, one_tokens, small), (other, other_tokens, large)):
        assert tokens == pair_tokens(pairs)[indices].sum() <= wanted
        # One more pair would be too much.
        assert len(indices) == len(lengths) or tokens + 60 >= wanted - 60


@given(LENGTHS, st.integers(0, 3))
def test_the_full_set_is_all_of_it(lengths: list[tuple[int, int]], seed: int) -> None:
    pairs = _pairs(*lengths)
    indices, tokens = nested_subset(pairs, "full", seed)
    assert sorted(indices.tolist()) == list(range(len(lengths)))
    assert tokens == pairs.tokens
    assert nested_subset(pairs, pairs.tokens, seed)[0].tolist() == indices.tolist()


def test_tokens_that_are_cut_off_are_not_counted() -> None:
    pairs = _pairs((10, 3), (2, 20))
    assert pair_tokens(pairs).tolist() == [13, 22]
    assert pair_tokens(pairs, 5).tolist() == [8, 7]
    assert nested_subset(pairs, "full", 0, length=5)[1] == 15


def test_larger_than_the_data_is_an_error_that_says_how_much_there_is() -> None:
    with pytest.raises(CorpusError, match=r"36 were asked for and the 2 pairs have 35 .*'full'"):
        nested_subset(_pairs((10, 3), (2, 20)), 36, 0)


def test_smaller_than_a_pair_is_an_error() -> None:
    with pytest.raises(
        CorpusError, match="at least one pair; 5 tokens were asked for and the first one has 20"
    ):
        nested_subset(_pairs((10, 10)), 5, 0)


@pytest.mark.parametrize("size", [1, "full"])
def test_no_pairs_at_all(size: int) -> None:
    with pytest.raises(CorpusError, match=r"have 0|there are no pairs"):
        nested_subset(_pairs(), size, 0)


def test_seeds_choose_other_pairs() -> None:
    pairs = _pairs(*[(5, 5)] * 1000)
    one, other = (set(nested_subset(pairs, 1000, seed)[0].tolist()) for seed in (0, 1))
    # 100 of 1000 each: 10 in common on average, with s.d. 2.9.
    assert len(one & other) < 30
