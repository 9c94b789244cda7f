"""The first look at each curve: right where curves are clear, harmless where they are not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW, POWER_LAW, Law
from bayesscale.models.first_look import Padded, look

FloatArray = NDArray[np.float64]
MEAN = {"log-law": np.array([np.log(25.0), 0.4, 0.0]), "power-law": np.array([np.log(1.5), 0.2, 0.0])}
SPREAD = np.array([0.8, 0.6, 0.6])
U = np.linspace(-0.2, 1.2, 12)


def _noiseless(law: Law, theta: FloatArray) -> Padded:
    """Return curves without noise, theta of shape (curves, 3)."""
    values = law.value(U, theta[:, :1], theta[:, 1:2], theta[:, 2:])
    return Padded(np.broadcast_to(U, values.shape), values, np.ones_like(values))


def _curved(law: Law, count: int, seed: int) -> FloatArray:
    """Return parameters of curves with a clear gain, so that all three show."""
    unit = np.random.default_rng(seed).uniform(-1.0, 1.0, size=(count, 3))
    return np.asarray(MEAN[law.name] + [0.0, 0.3, 0.0] + unit * [0.5, 0.2, 0.5])


@pytest.mark.parametrize("law", [LOG_LAW, POWER_LAW], ids=lambda law: law.name)
def test_parameters_of_curves_without_noise_are_found(law: Law) -> None:
    true = _curved(law, 40, 0)
    estimate, *_ = look(law, _noiseless(law, true), MEAN[law.name], 1e4 * SPREAD)
    assert estimate == pytest.approx(true, abs=1e-4)


@pytest.mark.parametrize("law", [LOG_LAW, POWER_LAW], ids=lambda law: law.name)
def test_the_weak_prior_bends_clear_curves_little(law: Law) -> None:
    true = _curved(law, 40, 0)
    estimate, covariance, _ = look(law, _noiseless(law, true), MEAN[law.name], SPREAD)
    error, sd = np.abs(estimate - true), np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
    # What bends is taken for noise around a straight line first, hence the room for the shape.
    assert (error.max(axis=0) < [0.02, 0.03, 0.4]).all()
    assert (sd.max(axis=0) < [0.02, 0.03, 0.4]).all()


def _log_posterior(law: Law, data: Padded, theta: FloatArray, noise: FloatArray) -> FloatArray:
    """Return log likelihood plus log weak prior of one curve at many parameters, shape (draws, 3)."""
    off = law.value(data.u, theta[:, :1], theta[:, 1:2], theta[:, 2:]) - data.value
    prior = ((theta - MEAN[law.name]) / SPREAD) ** 2
    return np.asarray(-0.5 * (off**2).sum(axis=1) / noise**2 - 0.5 * prior.sum(axis=1))


@pytest.mark.parametrize("law", [LOG_LAW, POWER_LAW], ids=lambda law: law.name)
def test_the_covariance_is_that_of_the_posterior(law: Law) -> None:
    true = _curved(law, 1, 3)
    clean = _noiseless(law, true)
    noise = 0.004 * clean.value.mean()
    data = Padded(
        clean.u, clean.value + noise * np.random.default_rng(1).standard_normal(U.shape), clean.weight
    )
    (estimate,), (covariance,), (noise,) = look(law, data, MEAN[law.name], SPREAD)
    fitted = data.value - law.value(data.u, *estimate)
    # With one curve, the noise that the curve is judged by is that of its own residuals.
    sd = np.sqrt(((fitted**2).sum() + 4 * (fitted**2).sum() / (len(U) - 3)) / (len(U) - 3 + 4))
    assert noise == pytest.approx(sd, rel=1e-6)
    rng = np.random.default_rng(2)
    wide = rng.multivariate_normal(estimate, 2.0 * covariance, size=400_000)
    proposal = -0.25 * np.einsum("ni,ij,nj->n", wide - estimate, np.linalg.inv(covariance), wide - estimate)
    weight = _log_posterior(law, data, wide, sd) - proposal
    weight = np.exp(weight - weight.max())
    exact = np.cov(wide.T, aweights=weight / weight.sum())
    assert np.diag(covariance) == pytest.approx(np.diag(exact), rel=0.2)
    scale = np.sqrt(np.diag(exact))
    assert (covariance - exact) / scale / scale[:, None] == pytest.approx(np.zeros((3, 3)), abs=0.2)


def test_curves_of_unequal_length_do_not_disturb_each_other() -> None:
    true = _curved(LOG_LAW, 2, 5)
    whole = _noiseless(LOG_LAW, true)
    unit = np.repeat([0, 1], [12, 5])
    u, value = np.concatenate([U, U[:5]]), np.concatenate([whole.value[0], whole.value[1, :5]])
    shuffled = np.random.default_rng(0).permutation(17)
    data = Padded.of(unit[shuffled], u[shuffled], value[shuffled])
    assert data.weight.sum(axis=1).tolist() == [12, 5]
    order = np.argsort(data.u[0])
    assert data.value[0][order] == pytest.approx(whole.value[0])
    assert np.sort(data.value[1])[-5:] == pytest.approx(np.sort(whole.value[1, :5]))
    estimate, *_ = look(LOG_LAW, data, MEAN["log-law"], SPREAD)
    assert estimate[0] == pytest.approx(true[0], abs=0.02)
    assert LOG_LAW.value(U[:5], *estimate[1]) == pytest.approx(whole.value[1, :5], rel=0.01)


def _check_sound(law: Law, data: Padded) -> None:
    """Require finite estimates, and covariances that have a Cholesky factor."""
    estimate, covariance, _ = look(law, data, MEAN[law.name], SPREAD)
    assert np.isfinite(estimate).all()
    assert (np.diagonal(np.linalg.cholesky(covariance), axis1=1, axis2=2) > 0).all()


EXTREME = {
    "flat": np.full(6, 25.0),
    "zeros": np.zeros(6),
    "zeros and hundreds": np.array([0.0, 100.0] * 3),
    "falls to zero": np.array([30.0, 20.0, 10.0, 1.0, 0.0, 0.0]),
    "tiny": np.geomspace(1e-12, 1e-9, 6),
    "huge": np.geomspace(1e12, 1e15, 6),
}


@pytest.mark.parametrize("law", [LOG_LAW, POWER_LAW], ids=lambda law: law.name)
@pytest.mark.parametrize("name", EXTREME)
@pytest.mark.parametrize("points", [2, 6])
def test_extreme_curves_give_finite_estimates(law: Law, name: str, points: int) -> None:
    value = EXTREME[name][-points:]
    _check_sound(law, Padded.of(np.zeros(points, np.int64), np.linspace(0, 1, points), value))


@given(
    law=st.sampled_from([LOG_LAW, POWER_LAW]),
    curves=st.lists(
        st.lists(
            st.tuples(st.floats(-20, 20), st.floats(0, 1e6) | st.sampled_from([0.0, 1.0, 25.0, 100.0])),
            min_size=2,
            max_size=6,
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_no_data_make_it_raise_or_give_nan(law: Law, curves: list[list[tuple[float, float]]]) -> None:
    unit = np.repeat(np.arange(len(curves)), [len(curve) for curve in curves])
    u, value = np.array([point for curve in curves for point in curve]).T
    _check_sound(law, Padded.of(unit, u, value))


def test_960_curves_take_no_time() -> None:
    data = _noiseless(LOG_LAW, _curved(LOG_LAW, 960, 0))
    start = time.process_time()
    look(LOG_LAW, data, MEAN["log-law"], SPREAD)
    assert time.process_time() - start < 2.0  # 0.05 s measured
