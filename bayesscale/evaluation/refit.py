"""Refits of one law without some rows, and what they say of these rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.evaluation.density import log_densities
from bayesscale.evaluation.split import Split
from bayesscale.inference.sampler import Sampler
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.laws import Followed, choices
from bayesscale.models.priors import Priors

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Refit:
    """One refit: which law, on which rows, with which settings.

    Parameters
    ----------
    law : str
        What its laws are called.
    followed : Followed
        Its laws.
    split : Split
        What is fitted and what is held out.
    sampler, priors : Sampler, Priors
        Those of the fit.
    breaks : str
        As in `fit`.
    discrepancy : bool
        As in `fit`.
    joint : str
        As in `fit`.
    """

    law: str
    followed: Followed
    split: Split
    sampler: Sampler
    priors: Priors
    breaks: str
    discrepancy: bool
    joint: str

    def __str__(self) -> str:
        return f"{self.law}, {self.split.name}"


@dataclass(frozen=True)
class Refitted:
    """What a refit says.

    Parameters
    ----------
    density : array, shape (held rows,)
        Log predictive density of each held-out value.
    status : str
        'converged', or what failed.
    ok : bool
        Whether no diagnostic failed.
    """

    density: FloatArray
    status: str
    ok: bool


def refits_of(fit: Fit, group: str, splits: list[Split], cores: int | None) -> list[Refit]:
    """Return refits of one law with the settings of a fit, each with a seed of its own.

    Parameters
    ----------
    fit : Fit
        The fit whose settings are taken.
    group : str
        The group of draws whose law is fitted.
    splits : list of Split
        What each of them fits.
    cores : int or None
        Chains at a time.
    """
    settings = fit.provenance["settings"]
    sampler = replace(Sampler(**settings["sampler"]), cores=cores)
    return [
        Refit(
            fit.law_in(group), fit.followed(group), split,
            replace(sampler, seed=(sampler.seed + 1 + number) % 2**32), fit.priors, fit.breaks,
            bool(settings.get("discrepancy", True)), fit.joint,
        )
        for number, split in enumerate(splits)
    ]  # fmt: skip


def run_refit(job: Refit) -> Refitted:
    """Fit and return what is said of the held-out rows; the engine calls it.

    Parameters
    ----------
    job : Refit
        What to do.
    """
    from bayesscale.inference.run import fit

    settings: dict[str, Any] = {"breaks": job.breaks, "discrepancy": job.discrepancy, "joint": job.joint}
    names = set(job.split.train.frame["metric"])
    score, loss = (any(CATALOGUE[name].improves == way for name in names) for way in ("up", "down"))
    settings |= choices(job.followed, score, loss)
    fitted = fit(job.split.train, priors=job.priors, sampler=job.sampler, **settings)
    return Refitted(log_densities(fitted, job.split.held), str(fitted.status), fitted.status.ok)
