"""Draws as plain arrays, and what is needed to read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.priors import Priors

FOLLOWED = "curve_law"
"""The variable with the number of the law that each curve and metric follows."""


@dataclass(frozen=True)
class Draws:
    """Draws of all parameters, chains merged: variables of a posterior or prior by name, shape (draws, ...).

    `priors` tell what is not sampled; `laws` are names in the order of the laws' numbers.
    """

    values: Mapping[str, NDArray[np.float64]]
    curves: Curves
    priors: Priors
    laws: tuple[str, ...]

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        return self.values[name]

    def __contains__(self, name: object) -> bool:
        return name in self.values

    @property
    def count(self) -> int:
        """Number of draws."""
        return len(self["mean"])

    @property
    def breakable(self) -> tuple[str, ...]:
        """The metrics that may break: the first of all."""
        return self.curves.names[: self["break_at"].shape[-1]] if "break_at" in self else ()

    def allowed(self, metric: int) -> tuple[str, ...]:
        """Return the laws that a metric by position may follow."""
        way = CATALOGUE[self.curves.names[metric]].improves
        return tuple(law for law in self.laws if LAWS[law].improves == way)

    def followers(self, law: str) -> tuple[int, ...]:
        """Return the positions of the metrics that may follow a law."""
        return tuple(m for m in range(len(self.curves.names)) if law in self.allowed(m))


def draws_of(dataset: xr.Dataset, curves: Curves, priors: Priors) -> Draws:
    """Return the draws in a dataset with dimensions chain and draw, whose coordinate `law` names the laws."""
    values = {}
    for name, variable in dataset.data_vars.items():
        array = variable.transpose("chain", "draw", ...).to_numpy()
        values[str(name)] = array.reshape(-1, *array.shape[2:])
    return Draws(values, curves, priors, tuple(map(str, dataset["law"].to_numpy())))
