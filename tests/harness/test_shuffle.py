"""The order that is computed place by place: a permutation, random enough, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.harness.shuffle import Shuffle


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 15, 16, 17, 255, 1000, 4097, 70_001])
@pytest.mark.parametrize("key", ["a", "b"])
def test_it_is_a_permutation(count: int, key: str) -> None:
    assert np.array_equal(np.sort(Shuffle(count, key)(np.arange(count))), np.arange(count))


def test_a_place_does_not_depend_on_what_else_is_asked_for() -> None:
    order = Shuffle(1000, "key")
    whole = order(np.arange(1000))
    assert [int(order([place])[0]) for place in (0, 17, 999)] == whole[[0, 17, 999]].tolist()


def test_the_order_is_pinned() -> None:
    # A change would silently change the data order of every study that was begun before it.
    assert Shuffle(10, "pinned")(np.arange(10)).tolist() == PINNED
    assert Shuffle(10**12, "pinned")([0, 1, 10**12 - 1]).tolist() == PINNED_LARGE


def test_keys_give_different_orders() -> None:
    places = np.arange(10_000)
    same = Shuffle(10_000, "a")(places) == Shuffle(10_000, "b")(places)
    # The number of agreements is Poisson with mean 1.
    assert same.sum() < 8


def test_a_prefix_is_a_uniform_sample() -> None:
    numbers = Shuffle(100_000, "uniform")(np.arange(10_000))
    counts = np.histogram(numbers, bins=100, range=(0, 100_000))[0]
    # Hypergeometric: mean 100, variance 100 * 0.9; chi-square of 99 degrees has s.d. 14.
    assert abs(((counts - 100) ** 2 / 90).sum() - 99) < 5 * 14


def test_neighbours_do_not_stay_neighbours() -> None:
    numbers = Shuffle(100_000, "far")(np.arange(100_000)).astype(float)
    # Under independence the correlation has s.d. 1 / sqrt(n) = 0.003.
    assert abs(np.corrcoef(numbers[:-1], numbers[1:])[0, 1]) < 0.016


PINNED = [9, 3, 8, 4, 6, 1, 2, 5, 7, 0]
PINNED_LARGE = [21471957251, 738378523800, 155113916706]
