"""Many arrays in two, and back."""

from __future__ import annotations

import numpy as np
import pymc as pm
import pytest

from bayesscale.models.packing import INTEGERS, REALS, pack, shared
from tests.models.evaluate import quiet

ARRAYS = {
    "a": np.arange(6.0).reshape(2, 3),
    "counts": np.arange(4).reshape(4, 1),
    "scalar": np.array(7.5),
    "empty": np.empty((0, 2)),
    "b": -np.arange(3.0),
    "more": np.array([9, 8]),
}


def test_packing_keeps_order_and_kind() -> None:
    packed = pack(ARRAYS)
    assert packed[REALS].tolist() == [0, 1, 2, 3, 4, 5, 7.5, 0, -1, -2]
    assert packed[INTEGERS].tolist() == [0, 1, 2, 3, 9, 8]
    assert [packed[name].dtype.name for name in (REALS, INTEGERS)] == ["float64", "int64"]


def test_no_arrays_of_a_kind_give_an_empty_one() -> None:
    assert pack({})[REALS].shape == pack({"x": np.ones(2)})[INTEGERS].shape == (0,)
    assert pack({})[INTEGERS].dtype == np.int64


def test_integers_beyond_the_precision_of_reals_are_kept() -> None:
    assert pack({"n": np.array([2**53 + 1])})[INTEGERS].tolist() == [2**53 + 1]


@pytest.mark.parametrize("change", [0, 100])
def test_views_of_shared_data_are_the_arrays_also_after_a_change(change: int) -> None:
    with pm.Model() as model:
        views = shared(ARRAYS)
    assert sorted(model.named_vars) == [INTEGERS, REALS]
    changed = {name: array + change for name, array in ARRAYS.items()}
    with quiet():
        pm.set_data(pack(changed), model=model)
        found = {name: view.eval() for name, view in views.items()}
    for name, array in changed.items():
        assert found[name].shape == array.shape
        assert found[name].tolist() == array.tolist()
