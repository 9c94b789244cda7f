"""Digamma is SciPy's to the last digits, and PyTensor keeps what is compiled with it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import grad
from pytensor.graph.fg import FunctionGraph
from pytensor.link.numba.dispatch.basic import numba_funcify_ensure_cache
from scipy.special import psi

from bayesscale.inference.digamma import digamma, keep_digamma


def test_it_is_that_of_scipy_to_the_last_digits() -> None:
    points = np.concatenate(
        [np.geomspace(1e-8, 1e8, 2001), -np.geomspace(1e-6, 60.3, 500), np.linspace(1.3, 1.6, 301)]
    )
    ours, theirs = np.array([digamma(x) for x in points]), psi(points)
    # Around its zero at 1.4616 and those below 0, digits of the value are lost and not of the sum.
    np.testing.assert_allclose(ours, theirs, rtol=2e-14, atol=2e-13)
    positive = points > 2.0
    np.testing.assert_allclose(ours[positive], theirs[positive], rtol=2e-15)


def test_poles_are_those_of_scipy() -> None:
    assert digamma(0.0) == psi(0.0) == -np.inf
    assert np.isnan(digamma(-3.0))
    assert np.isnan(psi(-3.0))


def test_pytensor_keeps_a_gradient_with_it() -> None:
    keep_digamma()
    x = pt.dscalar()
    gradient: Any = grad(pt.gammaln(x), x)
    _, key = numba_funcify_ensure_cache(FunctionGraph([x], [gradient], clone=True))
    assert key is not None
