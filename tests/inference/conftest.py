"""Complete fits without sampling: their draws are draws from the prior."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bayesscale.inference import Fit, Sampler, run
from bayesscale.inference.sampler import Sampled
from bayesscale.metrics.read import read_metrics
from bayesscale.models.assembly import Assembly
from bayesscale.models.priors import Priors, change_priors
from tests.models.tables import table
from tests.particles.simulated import draw_local, draw_population

CHAINS, DRAWS = 2, 150


def prior_sampled(data: Assembly, seed: int = 0, draws: int = DRAWS) -> Sampled:
    """Return draws from the prior as if several chains had made them."""
    rng = np.random.default_rng(seed)
    states = []
    for _ in range(CHAINS * draws):
        population = draw_population(data, rng)
        states.append((population._asdict(), draw_local(population, data, rng)._asdict()))

    def stacked(place: int, names: list[str]) -> dict[str, Any]:
        parts = {name: np.array([state[place][name] for state in states]) for name in names}
        return {name: part.reshape(CHAINS, draws, *part.shape[1:]) for name, part in parts.items()}

    local = stacked(1, ["x", "law", "broken", "cell"])
    return Sampled(stacked(0, list(states[0][0])), local, 700, 1, {"compile": 1.0, "sample": 2.0})


def fit_of_prior(frame: pd.DataFrame, **options: Any) -> Fit:
    """Return the fit of a table, all but the sampler's own work done as always."""

    def sample(data: Assembly, sampler: Sampler, report: Any, needed: Callable[[Sampled], float]) -> Sampled:
        report("clouds")
        sampled = prior_sampled(data, sampler.seed)
        needed(sampled)
        return sampled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "sample", sample)
        return run.fit(read_metrics(frame), sampler=Sampler(DRAWS, CHAINS, seed=5), **options)


@pytest.fixture(scope="session")
def made() -> Fit:
    """Return a fit of a small table, some of whose names are not ASCII."""
    frame = table(se=0.3).replace({"task": {"en-de": "en→日本語"}, "mixture": {"en+fr": 'en & "fr", 50 %é'}})
    priors = change_priors(Priors(), {"score": {"gain": {"mean": {"mean": 0.35}}}})
    return fit_of_prior(frame, priors=priors, command="bayesscale fit é.csv")


@pytest.fixture(scope="session")
def paper() -> Fit:
    """Return a fit of the paper's two laws to curves without baseline, shares and standard errors."""
    return fit_of_prior(table(baseline=False, shares=False), law="paper")
