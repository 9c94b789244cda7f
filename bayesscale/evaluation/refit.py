"""Refits without the last sizes, of one law or of all, and what they say of these sizes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesscale.evaluation.density import log_densities
from bayesscale.evaluation.forecasters import FitOptions, fit_split
from bayesscale.evaluation.split import Split
from bayesscale.inference.sampler import Sampler
from bayesscale.laws import LAWS

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
WHOLE = "all laws"
"""What the fit with all its laws is called beside those of one law."""


@dataclass(frozen=True)
class Refit:
    """One refit: its name, what is fitted and held out, and the settings of the fit."""

    name: str
    split: Split
    options: FitOptions

    def __str__(self) -> str:
        return f"{self.name}, {self.split.name}"


@dataclass(frozen=True)
class Refitted:
    """Log predictive density of each held-out value, and the status of the refit."""

    density: FloatArray
    status: str
    ok: bool


def refits_of(fit: Fit, split: Split, cores: int | None) -> list[Refit]:
    """Return refits of all laws together and of each law of scores, with the settings of a fit."""
    settings = fit.provenance["settings"]
    sampler = Sampler(**settings["sampler"])
    # Another seed than the fit's: the data are others.
    sampler = replace(sampler, cores=cores, seed=(sampler.seed + 1) % 2**32)
    laws = {WHOLE: str(settings["law"])} | {
        law: LAWS[law].option for law in fit.laws if LAWS[law].improves == "up"
    }
    return [
        Refit(name, split, FitOptions(sampler, fit.priors, fit.breaks, fit.model.discrepancy, law))
        for name, law in laws.items()
    ]


def run_refit(job: Refit) -> Refitted:
    """Fit and return what is said of the held-out rows; the engine calls it."""
    fitted = fit_split(job.split, job.options)
    return Refitted(log_densities(fitted, job.split.held), str(fitted.status), fitted.status.ok)
