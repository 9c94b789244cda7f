"""Functions called by their address give what they give when called directly."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from nutpie import compile_pymc

from bayesscale.inference.linking import behind_address, linked_by_address

POINT, DATA = np.array([1.0, 2.0, 3.0]), [np.array([[2.0, 0.5]]), np.array([1, 0])]


@numba.njit
def _plain(point, table, index):  # type: ignore[no-untyped-def]
    return (point[index] * table[0]).sum(), 2.0 * point


@numba.njit
def _packed(*args):  # type: ignore[no-untyped-def]
    return _plain(*args)


@pytest.mark.parametrize("function", [_plain, _packed])
def test_a_function_behind_its_address_returns_the_same(function: object) -> None:
    value, gradient = behind_address(function, DATA)(POINT, *DATA)
    assert value == 2.0 * 2.0 + 1.0 * 0.5
    np.testing.assert_array_equal(gradient, [2.0, 4.0, 6.0])


def test_packed_arguments_are_called_by_address_and_not_linked() -> None:
    called = behind_address(_packed, DATA)
    called(POINT, *DATA)
    assert called is not _packed
    assert "_packed" not in "".join(called.inspect_llvm().values())


def test_nutpie_has_the_function_that_is_replaced_and_gets_it_back() -> None:
    original = compile_pymc.make_extraction_fn
    with linked_by_address():
        assert compile_pymc.make_extraction_fn is not original
    assert compile_pymc.make_extraction_fn is original
