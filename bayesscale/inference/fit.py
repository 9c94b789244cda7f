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
from bayesscale.models.laws import LOG, POWER, Followed
from bayesscale.models.priors import Priors
from bayesscale.models.surface import LINEAR

POSTERIOR = "posterior"
"""The group of draws of the first law; those of further laws bear their names behind it."""


@dataclass(frozen=True)
class Fit:
    """A fitted joint model.

    Parameters
    ----------
    tree : xarray.DataTree
        Groups posterior, sample_stats, log_likelihood, posterior_predictive, prior, prior_predictive,
        observed_data, constant_data and metrics_table; ArviZ reads it. Where further laws were fitted, the
        first four once more for each, with its option's name as a suffix, such as `_saturating`.
    metrics : Metrics
        The data.
    curves : Curves
        The same as arrays.
    priors : Priors
        The priors.
    status : Status
        Whether the diagnostics passed.
    provenance : dict
        versions, seed, data_hash, source, settings, command, timings, created, diagnostics; weights, if the
        laws do not count equally.
    """

    tree: xr.DataTree
    metrics: Metrics
    curves: Curves
    priors: Priors
    status: Status
    provenance: dict[str, Any]

    def draws(self, name: str, group: str | None = None) -> NDArray[np.float64]:
        """Return a posterior variable, chains and draws merged: shape (draws, ...).

        Parameters
        ----------
        name : str
            The variable.
        group : str, optional
            The draws of one law, one of `groups`. Default: those of all laws, one after the other,
            each law with so many as its weight says.
        """
        if group is not None:
            return self._merged(name, group)
        parts = [self.kept(name, own) for own in self._kept()]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def kept(self, name: str, group: str) -> NDArray[np.float64]:
        """Return those draws of a variable in one group that count in forecasts."""
        return np.asarray(self._merged(name, group)[self._kept()[group]])

    def _merged(self, name: str, group: str) -> NDArray[np.float64]:
        """Return all draws of a variable in one group."""
        values = self.tree[group][name].transpose("chain", "draw", ...).to_numpy()
        return np.asarray(values.reshape(-1, *values.shape[2:]))

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups with draws, one a law, in the order in which they were fitted."""
        found = [
            str(name)
            for name in self.tree.children
            if str(name).startswith(POSTERIOR) and "posterior_predictive" not in str(name)
        ]
        return tuple(
            sorted(found, key=lambda name: (name != POSTERIOR, int(self._attribute(name, "place", 0))))
        )

    def _attribute(self, group: str, name: str, default: Any) -> Any:
        """Return an attribute of a group of draws."""
        return self.tree[group].attrs.get(name, default)

    def followed(self, group: str) -> Followed:
        """Return the laws that the draws of a group follow."""
        return Followed(
            *(
                str(self._attribute(group, name, law))
                for name, law in (("score_law", LOG), ("loss_law", POWER))
            )
        )

    def law_in(self, group: str) -> str:
        """Return what the laws of a group are called: by what tells it apart from the others."""
        return str(self._attribute(group, "law", self.followed(group).score))

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each law in forecasts, by group."""
        stored = self.provenance.get("weights", {})
        found = {group: float(stored.get(self.law_in(group), 1.0)) for group in self.groups}
        total = sum(found.values())
        return {group: weight / total for group, weight in found.items()}

    def _kept(self) -> dict[str, NDArray[np.int64]]:
        """Return the positions of the draws of each group that count."""
        sizes = {group: self.tree[group].sizes for group in self.groups}
        counts = {group: each["chain"] * each["draw"] for group, each in sizes.items()}
        weights = {group: weight for group, weight in self.weights.items() if weight > 0}
        whole = min(counts[group] / weight for group, weight in weights.items())
        kept = {group: max(1, int(weight * whole + 1e-9)) for group, weight in weights.items()}
        return {
            group: np.linspace(0, counts[group] - 1, kept[group]).round().astype(np.int64) for group in kept
        }

    def law_counts(self) -> dict[str, int]:
        """Return how many of the draws follow each law, in the order of `draws`."""
        return {self.law_in(group): count for group, count in self.counts().items()}

    def counts(self) -> dict[str, int]:
        """Return how many of the draws come from each group, in the order of `draws`."""
        return {group: len(kept) for group, kept in self._kept().items()}

    def has(self, name: str) -> bool:
        """Return whether the posterior has a variable."""
        return name in self.tree["posterior"]

    def model(self, group: str = "posterior") -> Any:
        """Return the PyMC model of a group, built anew from data and priors."""
        from bayesscale.models.joint import JointModel

        own, others = self.followed(group), tuple(map(self.followed, self.groups))
        sharp, discrepancy = self.has("sharpness"), self.has("discrepancy_scale")
        model = JointModel(
            self.priors, self.breaks, discrepancy, own.score, sharp, own.loss, others, self.joint
        )
        return model.build(self.curves)

    @property
    def joint(self) -> str:
        """How effects depend on the other size, one of `bayesscale.models.surface.SURFACES`."""
        return str(self.provenance["settings"].get("joint", LINEAR))

    @property
    def breaks(self) -> str:
        """Which metrics may break: 'scores', 'all' or 'none'."""
        return str(self.provenance["settings"]["breaks"])

    def __str__(self) -> str:
        chains, draws = (self.tree["posterior"].sizes[name] for name in ("chain", "draw"))
        laws = f"{' and '.join(self.law_counts())}, each " if len(self.groups) > 1 else ""
        return f"{self.metrics}; {laws}{chains} chains of {draws:,} draws; {self.status}"
