"""The scale of levels and gains: logarithmic for large scores, linear near zero."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.models.priors import Priors
from bayesscale.models.scale import (
    LOGARITHMIC,
    law_parameters,
    log_near_zero,
    log_sharpness,
    log_value,
    log_value_slope,
    place_of,
)
from tests.models.near_zero import anchored, sharpness_of

NEAR = float(np.log(1.25))
PLACES = np.linspace(NEAR - 6.0, NEAR + 6.0, 241)


def test_values_are_those_of_the_definition() -> None:
    gains = np.linspace(-3.0, 8.0, 23)[:, None]
    for found, expected in zip(
        law_parameters(PLACES, gains, NEAR), anchored(PLACES, gains, NEAR), strict=True
    ):
        np.testing.assert_allclose(found + 0 * gains, expected + 0 * gains, rtol=1e-10, atol=1e-10)


def test_large_values_are_logarithms_and_small_ones_in_proportion() -> None:
    large = np.log(np.array([10.0, 30.0, 90.0]))
    assert place_of(large, NEAR) == pytest.approx(large, abs=0.02)
    small = place_of(np.log(np.array([0.3, 0.6, 0.9])), NEAR)
    assert np.diff(small, 2) == pytest.approx(0.0, abs=0.02)
    # From 0.01 to 0.1 BLEU is less far than from 3 to 4.
    steps = np.diff(place_of(np.log([[0.01, 0.1], [3.0, 4.0]]), NEAR), axis=1)[:, 0]
    assert 0 < steps[0] < 3 * steps[1]


def test_places_and_values_are_one_another_s_inverse() -> None:
    assert place_of(log_value(PLACES, NEAR), NEAR) == pytest.approx(PLACES, abs=1e-9)
    assert (np.diff(log_value(PLACES, NEAR)) > 0).all()


def test_the_slope_is_the_derivative() -> None:
    step = 1e-6
    expected = (log_value(PLACES + step, NEAR) - log_value(PLACES - step, NEAR)) / (2 * step)
    assert log_value_slope(PLACES, NEAR) == pytest.approx(expected, rel=1e-6)


def test_the_scale_of_losses_is_logarithmic() -> None:
    (score, loss) = log_near_zero(("bleu", "cross_entropy"), Priors())
    assert score == pytest.approx(np.log(0.05 * 25.0))
    assert loss == LOGARITHMIC
    level, gain = np.array([-9.0, 0.5, 4.0]), np.array([3.0, -0.2, 1e-4])
    for found, expected in zip(law_parameters(level, gain, loss), (level, gain), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_the_typical_value_moves_the_scale() -> None:
    priors = Priors(typical={"bleu": 50.0}, near_zero=0.1)
    assert log_near_zero(("bleu",), priors) == pytest.approx([np.log(5.0)])


def test_the_sharpness_is_at_most_ten() -> None:
    places = np.linspace(-9.0, 9.0, 37)
    np.testing.assert_allclose(np.exp(log_sharpness(places)), sharpness_of(places), rtol=1e-12)
    assert log_sharpness(0.4) == pytest.approx(0.4, rel=0.02)
    assert np.exp(log_sharpness(300.0)) == pytest.approx(10.0)
