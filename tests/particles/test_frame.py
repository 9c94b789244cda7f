"""Axes of a trajectory: a normal density is round along them, whatever its covariance."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.particles.frame import add_product, learn_frame

FloatArray = NDArray[np.float64]
SIZE = 6


@pytest.fixture
def covariance() -> FloatArray:
    """Covariance of parameters whose scales and correlations are far from one."""
    rng = np.random.default_rng(2)
    scale = np.exp(2.0 * rng.standard_normal(SIZE))
    mixed = rng.standard_normal((SIZE, SIZE)) + 1.5 * np.eye(SIZE)
    whole = mixed @ mixed.T
    root = np.sqrt(np.diag(whole))
    return np.asarray(whole / np.outer(root, root) * np.outer(scale, scale))


def learned(covariance: FloatArray, width: FloatArray, sd: FloatArray) -> FloatArray:
    """Return the axes after one look."""
    known, frame = np.zeros((SIZE, SIZE)), np.eye(SIZE)
    learn_frame(np.linalg.inv(covariance), sd, width, known, frame)
    return frame


def test_a_normal_density_is_round_along_its_axes(covariance: FloatArray) -> None:
    width = np.sqrt(np.diag(covariance))
    frame = learned(covariance, width, np.full(SIZE, 1e3))
    np.testing.assert_allclose(frame @ frame.T, covariance, rtol=1e-8)


def test_where_draws_are_wider_an_axis_has_the_geometric_mean_of_both_sds(covariance: FloatArray) -> None:
    width = np.sqrt(np.diag(covariance))
    wide = width * np.array([4.0, 0.1, 1.0, 1.0, 1.0, 9.0])
    frame = learned(covariance, wide, np.full(SIZE, 1e3))
    found = np.sqrt(np.diag(frame @ frame.T))
    np.testing.assert_allclose(found / width, [2.0, 1.0, 1.0, 1.0, 1.0, 3.0], rtol=1e-8)


def test_what_is_not_moved_has_no_axis_and_nothing_is_wider_than_its_prior(covariance: FloatArray) -> None:
    sd = np.full(SIZE, 1e3)
    sd[2] = 0.0
    frame = learned(covariance, np.sqrt(np.diag(covariance)), sd)
    assert not frame[2].any()
    assert not frame[:, 2].any()
    flat = learned(np.diag(np.full(SIZE, 1e8)), np.full(SIZE, 0.1), np.full(SIZE, 0.5))
    np.testing.assert_allclose(flat, 0.5 * np.eye(SIZE), rtol=1e-3)


def test_looks_are_averaged_and_one_that_is_not_finite_changes_nothing(covariance: FloatArray) -> None:
    known, frame, sd, width = np.zeros((SIZE, SIZE)), np.eye(SIZE), np.full(SIZE, 1e3), np.full(SIZE, 1e-9)
    first, second = np.linalg.inv(covariance), np.diag(np.full(SIZE, 4.0))
    learn_frame(first, sd, width, known, frame)
    learn_frame(second, sd, width, known, frame)
    np.testing.assert_allclose(known, 0.9 * first + 0.1 * second)
    before = known.copy(), frame.copy()
    learn_frame(np.full((SIZE, SIZE), np.nan), sd, width, known, frame)
    np.testing.assert_array_equal(known, before[0])
    np.testing.assert_array_equal(frame, before[1])


def test_a_product_is_added_for_a_matrix_and_for_its_transpose() -> None:
    rng = np.random.default_rng(1)
    frame, slope, at = rng.standard_normal((SIZE, SIZE)), rng.standard_normal(SIZE), rng.standard_normal(SIZE)
    for matrix in (frame, frame.T):
        out = at.copy()
        add_product(matrix, 0.3, slope, out)
        np.testing.assert_allclose(out, at + 0.3 * matrix @ slope)
