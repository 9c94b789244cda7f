"""Fixtures of the questions: fits without sampling."""

from __future__ import annotations

import pytest

from bayesscale.inference import Fit
from tests.questions.made_up import MadeUp


@pytest.fixture(scope="module")
def certain() -> Fit:
    """Return a fit whose draws are all the same and whose noise is zero."""
    return MadeUp(draws=20).fit()


@pytest.fixture(scope="module")
def uncertain() -> Fit:
    """Return a fit with uncertain effects and noise."""
    return MadeUp(draws=2000, width=0.05, noise=0.3).fit()
