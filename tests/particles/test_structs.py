"""Structs: compiled code reads and writes the very arrays and numbers of a named tuple."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

from bayesscale.particles.compiled import compiled
from bayesscale.particles.structs import Struct


class Fields(NamedTuple):
    """One field of every kind that the sampler has."""

    table: Any
    number: float
    counts: Any
    flags: Any
    cube: Any


def fields(rows: int, columns: int) -> Fields:
    """Return fields whose values all differ."""
    size = rows * columns
    return Fields(
        np.arange(size, dtype=float).reshape(rows, columns),
        -0.5,
        np.arange(rows) + 100,
        np.arange(columns) % 2 == 0,
        np.arange(2.0 * size).reshape(2, rows, columns) + 1000.0,
    )


@compiled
def read(given: Any, i: Any, j: Any) -> tuple[float, float, int, bool, float]:
    """Return one value of each field."""
    return given.table[i, j], given.number, given.counts[i], given.flags[j], given.cube[1, i, j]


@compiled
def write(given: Any, row: Any) -> Any:
    """Double a row in place; return how many rows there are, and the strides that are not the last."""
    own = given.table[row]
    for j in range(own.shape[0]):
        own[j] *= 2.0
    return given.table.shape[0], given.cube.strides[0], given.cube.strides[1]


@pytest.mark.parametrize("shape", [(3, 4), (1, 7), (5, 1)])
def test_every_value_of_every_field_is_read(shape: tuple[int, int]) -> None:
    own = fields(*shape)
    given: Any = Struct(own)
    for i, j in np.ndindex(shape):
        found = own.table[i, j], own.number, own.counts[i], own.flags[j], own.cube[1, i, j]
        assert read(given, i, j) == found


def test_arrays_are_shared_and_their_shapes_are_those_of_numpy() -> None:
    own = fields(3, 4)
    before = own.table.copy()
    rows, *strides = write(Struct(own), 1)
    np.testing.assert_array_equal(own.table, before * np.array([[1.0], [2.0], [1.0]]))
    assert (rows, *strides) == (3, *own.cube.strides[:2])


def test_shapes_are_no_part_of_the_type_but_kinds_are() -> None:
    kind = Struct(fields(3, 4)).kind
    assert kind == Struct(fields(2, 9)).kind
    assert kind != Struct(fields(3, 4)._replace(counts=np.zeros(3))).kind


def test_arrays_that_do_not_lie_in_one_piece_are_refused() -> None:
    with pytest.raises(ValueError, match="table has to be contiguous"):
        Struct(fields(3, 4)._replace(table=np.zeros((4, 3)).T))
