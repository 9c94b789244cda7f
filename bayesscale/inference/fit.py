"""A fit: draws, the data and settings that made them, and whether they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.arviz import for_arviz
from bayesscale.inference.status import Status
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.model import Model
from bayesscale.models.priors import Priors
from bayesscale.posterior.draws import Draws, draws_of

if TYPE_CHECKING:
    from bayesscale import Forecast

POSTERIOR = "posterior"


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Parameters
    ----------
    tree : xarray.DataTree
        Groups posterior, coefficients, log_likelihood, posterior_predictive, observed_data, constant_data and
        metrics_table; ArviZ reads it.
    metrics : Metrics
        The data.
    curves : Curves
        The same as arrays.
    priors : Priors
        The priors.
    status : Status
        Whether the diagnostics passed.
    provenance : dict
        versions, seed, data_hash, source, settings, command, timings, created, diagnostics.
    """

    tree: xr.DataTree
    metrics: Metrics
    curves: Curves
    priors: Priors
    status: Status
    provenance: dict[str, Any]

    @property
    def posterior(self) -> Any:
        """All groups as ArviZ takes them: a DataTree, before ArviZ 1 an InferenceData."""
        return for_arviz(self.tree)

    def prior(self, draws: int = 500) -> xr.DataTree:
        """Return draws from the prior, with the seed of the fit.

        Group prior has the variables of the posterior, prior_predictive what would have been measured.
        """
        # Imported late: PyMC takes seconds.
        from bayesscale.inference.tree import prior_tree

        return prior_tree(self.curves, self.model, self.provenance["seed"], draws)

    @cached_property
    def arrays(self) -> Draws:
        """The draws as plain arrays, chains merged."""
        return draws_of(self.tree[POSTERIOR].to_dataset(), self.curves, self.priors)

    def draws(self, name: str) -> NDArray[np.float64]:
        """Return a posterior variable, chains and draws merged: shape (draws, ...)."""
        return self.arrays[name]

    def has(self, name: str) -> bool:
        """Return whether the posterior has a variable."""
        return name in self.tree[POSTERIOR]

    @property
    def count(self) -> int:
        """Number of draws of all chains."""
        return self.arrays.count

    @property
    def laws(self) -> tuple[str, ...]:
        """Names of the laws, in the order of their numbers in the draws."""
        return self.arrays.laws

    def allowed(self, metric: str) -> tuple[str, ...]:
        """Return the laws that a metric may follow."""
        return self.arrays.allowed(self.curves.names.index(metric))

    @property
    def breaks(self) -> str:
        """Which metrics may break: 'scores', 'all' or 'none'."""
        return self.model.breaks

    @property
    def model(self) -> Model:
        """The model that was fitted."""
        stored = self.provenance["settings"]["model"]
        return Model(
            self.priors, tuple(stored["laws"]), stored["breaks"], stored["discrepancy"], stored["sharp"]
        )

    def forecast(
        self,
        tokens: Sequence[float],
        *,
        prob: float = 0.9,
        tasks: Sequence[str] | None = None,
        mixtures: Sequence[str] | None = None,
        other_sizes: Sequence[float] | None = None,
        metrics: Sequence[str] | None = None,
    ) -> Forecast:
        """Forecast scores, as `bayesscale.forecast` does."""
        # The front door: inference itself knows no questions.
        import bayesscale

        return bayesscale.forecast(
            self, tokens, prob=prob, tasks=tasks, mixtures=mixtures, other_sizes=other_sizes, metrics=metrics
        )

    def __str__(self) -> str:
        chains, draws = (self.tree[POSTERIOR].sizes[name] for name in ("chain", "draw"))
        return f"{self.metrics}; {chains} chains of {draws:,} draws; {self.status}"
