from __future__ import annotations

import math

import numpy as np
import pytest

from bayesscale.laws import LogAxis

AXIS = LogAxis(1e9, 1.3e11)


def test_anchors_lie_at_zero_and_one() -> None:
    assert AXIS.u(1e9) == 0.0
    assert AXIS.u(1.3e11) == 1.0
    assert AXIS.u(math.sqrt(1e9 * 1.3e11)) == pytest.approx(0.5, abs=1e-14)


def test_span_counts_e_folds() -> None:
    assert LogAxis(2.0, 2.0 * math.e**3).span == pytest.approx(3.0, abs=1e-14)


def test_size_inverts_u() -> None:
    sizes = np.geomspace(1.0, 1e15, 31)
    np.testing.assert_allclose(AXIS.size(AXIS.u(sizes)), sizes, rtol=1e-12)


def test_size_is_infinite_where_no_float_holds_it() -> None:
    assert AXIS.size(1e6) == np.inf
    assert AXIS.size(np.inf) == np.inf
    assert AXIS.size(-np.inf) == 0.0


@pytest.mark.parametrize(
    ("lo", "hi"), [(0.0, 1.0), (-1.0, 1.0), (2.0, 2.0), (3.0, 2.0), (1.0, np.inf), (1.0, np.nan)]
)
def test_impossible_anchors_are_refused(lo: float, hi: float) -> None:
    with pytest.raises(ValueError, match="0 < lo < hi"):
        LogAxis(lo, hi)
