from __future__ import annotations

import numpy as np
import pytest

from bayesscale.questions.value.lines import equivalent, limit, never_falling

SIZES = np.array([1e6, 1e7, 1e8, 1e9])


def of(*values: float) -> np.ndarray:
    return np.array(values, dtype=float)[:, None]


@pytest.mark.parametrize(
    ("gain", "last", "expected"),
    [
        ((3, 2, 0, 0), 1e8, 10**7.5),  # linear in log size: half way between 2 and 0
        ((3, 0, 2, 0), 1e8, 10**8.5),  # still there at the end of the data
        ((3, 0, 2, 0), 1e9, 10**8.5),  # the last crossing, not the first
        ((3, 3, 0, 5), 1e8, 10 ** (7 + 2 / 3)),  # what comes back beyond the data does not count
        ((3, 3, 3, 3), 1e8, np.inf),
        ((0, 0, 0, 9), 1e8, 0.0),
        ((0, 3, 0, 0), 1e8, 10 ** (7 + 2 / 3)),
        ((3, 3, 3, 0), 1e9, 10 ** (8 + 2 / 3)),
        ((3, 3, 3, 3), 1e9, np.inf),
        ((1, 0, 0, 0), 1e6, 1e6),  # a gain of exactly delta is not less
        ((0, 0, 0, 0), 1e6, 0.0),
    ],
)
def test_limit(gain: tuple[float, ...], last: float, expected: float) -> None:
    np.testing.assert_allclose(limit(SIZES, of(*gain), 1.0, last), expected, rtol=1e-12)


def test_limit_treats_draws_alone() -> None:
    rng = np.random.default_rng(1)
    gain = rng.normal(0, 2, (4, 50))
    together = limit(SIZES, gain, 1.0, 1e8)
    alone = [limit(SIZES, gain[:, [draw]], 1.0, 1e8)[0] for draw in range(50)]
    np.testing.assert_array_equal(together, alone)


def test_a_single_size_has_a_limit_outside_of_it() -> None:
    found = limit(np.array([1e6]), np.array([[0.0, 2.0]]), 1.0, 1e6)
    np.testing.assert_array_equal(found, [0.0, np.inf])


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [(0.5, 0.0), (1.0, 0.0), (2.0, 10**6.5), (3.5, 10**7.5), (9.0, 1e9), (9.1, np.inf)],
)
def test_equivalent_inverts_the_line(wanted: float, expected: float) -> None:
    found = equivalent(SIZES, of(1, 3, 4, 9), np.array([wanted]))
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_equivalent_is_where_the_line_has_the_value() -> None:
    rng = np.random.default_rng(2)
    line = np.cumsum(rng.uniform(0.1, 1.0, (4, 200)), axis=0)
    wanted = rng.uniform(line[0], line[-1])
    found = equivalent(SIZES, line, wanted)
    at = [np.interp(np.log(x), np.log(SIZES), line[:, draw]) for draw, x in enumerate(found)]
    np.testing.assert_allclose(at, wanted, rtol=1e-9)


def test_unmeasured_values_do_not_fall_behind_measured_ones() -> None:
    measured = np.array([False, True, False, False, True, False, False])
    line = np.array([5.0, 2.0, 9.0, 1.0, 4.0, 3.0, 2.0])[:, None]
    np.testing.assert_array_equal(never_falling(line, measured)[:, 0], [2, 2, 4, 4, 4, 4, 4])
    rising = np.arange(7.0)[:, None]
    np.testing.assert_array_equal(never_falling(rising, measured), rising)


def test_measured_values_stay_although_they_fall() -> None:
    line = np.array([1.0, 3.0, 5.0, 2.0, 1.0])[:, None]
    found = never_falling(line, np.array([True, True, False, True, False]))
    np.testing.assert_array_equal(found[:, 0], [1, 3, 3, 2, 3])
