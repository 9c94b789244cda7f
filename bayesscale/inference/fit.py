"""A fit: draws, the data and settings that made them, and whether they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference.status import Status
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.priors import Priors


@dataclass(frozen=True)
class Fit:
    """A fitted joint model.

    Parameters
    ----------
    tree : xarray.DataTree
        Groups posterior, sample_stats, log_likelihood, posterior_predictive, prior, prior_predictive,
        observed_data, constant_data and metrics_table; ArviZ reads it.
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

    def draws(self, name: str) -> NDArray[np.float64]:
        """Return a posterior variable, chains and draws merged: shape (chains * draws, ...)."""
        values = self.tree["posterior"][name].transpose("chain", "draw", ...).to_numpy()
        return np.asarray(values.reshape(-1, *values.shape[2:]))

    def has(self, name: str) -> bool:
        """Return whether the posterior has a variable."""
        return name in self.tree["posterior"]

    def model(self) -> Any:
        """Return the PyMC model, built anew from data and priors."""
        from bayesscale.models.joint import JointModel

        return JointModel(self.priors, self.breaks, self.has("discrepancy_scale")).build(self.curves)

    @property
    def breaks(self) -> str:
        """Which metrics may break: 'scores', 'all' or 'none'."""
        return str(self.provenance["settings"]["breaks"])

    def __str__(self) -> str:
        chains, draws = (self.tree["posterior"].sizes[name] for name in ("chain", "draw"))
        return f"{self.metrics}; {chains} chains of {draws:,} draws; {self.status}"
