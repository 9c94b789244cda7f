"""Whether draws can be trusted: diagnostics, and a status with a remedy made of them."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from bayesscale.inference.sampler import as_dataset
from bayesscale.models.laws import SATURATING, SCORE_LAWS, Followed, options

MAX_RHAT = 1.01
MIN_ESS = 400
MIN_BFMI = 0.3
"""Limits of Vehtari et al. (arXiv 1903.08008) and Betancourt (arXiv 1604.00695)."""
_LONGER, _MORE = "raise --tune and --draws", "raise --draws"


@dataclass(frozen=True)
class Diagnostics:
    """The worst value of each diagnostic over all parameters and chains; NaN, if there is one, is the worst.

    Parameters
    ----------
    rhat : float
        Largest rank-normalised split R-hat, and `rhat_of`, its variable.
    ess_bulk, ess_tail : float
        Smallest effective sample sizes, and their variables.
    divergences : int
        Divergent transitions of all chains.
    bfmi : float or None
        Smallest energy Bayesian fraction of missing information; None where the sampler gives no energies.
    deepest : int
        Transitions that ended at the largest tree depth.
    steps : float
        Leapfrog steps a draw, on average.
    draws : int
        Draws of all chains.
    """

    rhat: float
    rhat_of: str
    ess_bulk: float
    ess_bulk_of: str
    ess_tail: float
    ess_tail_of: str
    divergences: int
    bfmi: float | None
    deepest: int
    steps: float
    draws: int

    def document(self) -> dict[str, Any]:
        """Return the diagnostics as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Status:
    """Whether a fit may be used, and what to do if not.

    Parameters
    ----------
    problems : tuple of str
        What failed, with the numbers; empty if nothing did.
    remedy : str
        What to do about it.
    """

    problems: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def ok(self) -> bool:
        """Whether no diagnostic failed."""
        return not self.problems

    @property
    def label(self) -> str:
        """'converged' or 'not converged'."""
        return "converged" if self.ok else "not converged"

    def __str__(self) -> str:
        return self.label if self.ok else f"{self.label}: {'; '.join(self.problems)}. {self.remedy}"


def diagnose(posterior: xr.Dataset, stats: xr.Dataset, max_depth: int) -> Diagnostics:
    """Return the diagnostics of all variables in a posterior.

    Parameters
    ----------
    posterior, stats : xarray.Dataset
        Draws and sampler statistics with dimensions chain and draw.
    max_depth : int
        Largest tree depth allowed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz as az

        varying = _varying(posterior)
        rhat = _worst(az.rhat(posterior), varying, 1)
        bulk = _worst(az.ess(posterior, method="bulk"), varying, -1)
        tail = _worst(az.ess(posterior, method="tail"), varying, -1)
    return Diagnostics(
        *rhat,
        *bulk,
        *tail,
        divergences=int(stats["diverging"].sum()),
        bfmi=_bfmi(stats),
        deepest=int((stats["tree_depth"] >= max_depth).sum()),
        steps=float(stats["n_steps"].mean()),
        draws=int(stats["diverging"].size),
    )


def worst(found: dict[str, Diagnostics]) -> Diagnostics:
    """Return the worst of the diagnostics of several laws, naming the law where there is more than one.

    Parameters
    ----------
    found : dict of str to Diagnostics
        By law.
    """
    if len(found) == 1:
        return next(iter(found.values()))

    def pick(name: str, sign: int) -> tuple[float, str]:
        value, which, law = max(
            ((getattr(each, name), getattr(each, f"{name}_of"), law) for law, each in found.items()),
            key=lambda item: (math.isnan(item[0]), sign * item[0]),
        )
        return value, f"{which} of the {law}"

    energies = [each.bfmi for each in found.values() if each.bfmi is not None]
    draws = sum(each.draws for each in found.values())
    return Diagnostics(
        *pick("rhat", 1),
        *pick("ess_bulk", -1),
        *pick("ess_tail", -1),
        divergences=sum(each.divergences for each in found.values()),
        bfmi=min(energies) if energies else None,
        deepest=sum(each.deepest for each in found.values()),
        steps=sum(each.steps * each.draws for each in found.values()) / draws,
        draws=draws,
    )


def _varying(posterior: xr.Dataset) -> xr.Dataset:
    """Return which elements are no constants, such as the diagonal of a correlation, which has no R-hat."""
    return ~(posterior.max(("chain", "draw")) == posterior.min(("chain", "draw")))


def _worst(values: Any, varying: xr.Dataset, sign: int) -> tuple[float, str]:
    """Return the worst value and its variable; with sign 1 large values are bad, with -1 small ones."""
    worst = {}
    for name, each in as_dataset(values).data_vars.items():
        chosen = sign * each.to_numpy()[varying[name].transpose(*each.dims).to_numpy()]
        if chosen.size:
            worst[str(name)] = float(chosen.max())  # NaN if there is one
    if not worst:
        return math.nan, "all variables, none of which varies"
    name = max(worst, key=lambda key: (math.isnan(worst[key]), worst[key]))
    return sign * worst[name], name


def _bfmi(stats: xr.Dataset) -> float | None:
    """Return the smallest energy fraction of missing information over the chains."""
    if "energy" not in stats:
        return None
    energy = stats["energy"].transpose("chain", "draw").to_numpy()
    with np.errstate(invalid="ignore"):  # energies that never change
        return float((np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1)).min())


def judge(found: Diagnostics) -> Status:
    """Return the status that the diagnostics deserve.

    Parameters
    ----------
    found : Diagnostics
        From `diagnose`.
    """
    failed = [(problem, remedy) for passed, problem, remedy in _checks(found) if not passed]
    if not failed:
        return Status()
    remedies = list(dict.fromkeys(remedy for _, remedy in failed))
    if _MORE in remedies and _LONGER in remedies:
        remedies.remove(_MORE)  # the other one includes it
    last = "if that does not help, look at the curves for values that no law fits."
    advice = f"Remedy: {'; '.join([*remedies, last])}"
    return Status(tuple(problem for problem, _ in failed), advice)


def judge_laws(found: dict[str, Diagnostics], laws: dict[str, Followed]) -> Status:
    """Return the status of a fit of one or several laws, and say so if one of them passed alone.

    Parameters
    ----------
    found : dict of str to Diagnostics
        By law, such as 'log-law'.
    laws : dict of str to Followed
        The same laws.
    """
    status = judge(worst(found))
    passed = [law for law, each in found.items() if judge(each).ok]
    if status.ok or not passed:
        return status
    alone = f"The {passed[0]} passed by itself: {options(laws[passed[0]])} fits and uses it alone."
    if set(found) == set(SCORE_LAWS) and passed == [SATURATING]:
        alone += " --law saturating,rising has two laws that level off."
    return replace(status, remedy=f"{status.remedy} {alone}")


def _checks(found: Diagnostics) -> list[tuple[bool, str, str]]:
    """Return whether each check passed (NaN does not), and what to say and to do if not."""
    bfmi = math.inf if found.bfmi is None else found.bfmi
    return [
        (
            found.divergences == 0,
            f"{found.divergences} divergent transitions of {found.draws:,} draws (0 allowed)",
            "raise --target-accept to 0.995",
        ),
        (
            found.rhat <= MAX_RHAT,
            f"R-hat {found.rhat:.3f} of {found.rhat_of} (at most {MAX_RHAT})",
            _LONGER,
        ),
        (
            found.ess_bulk >= MIN_ESS,
            f"bulk ESS {found.ess_bulk:.0f} of {found.ess_bulk_of} (at least {MIN_ESS})",
            _MORE,
        ),
        (
            found.ess_tail >= MIN_ESS,
            f"tail ESS {found.ess_tail:.0f} of {found.ess_tail_of} (at least {MIN_ESS})",
            _MORE,
        ),
        (
            bfmi >= MIN_BFMI,
            f"E-BFMI {bfmi:.2f} (at least {MIN_BFMI})",
            "raise --tune; if it stays, tighten the priors of the spreads",
        ),
        (
            found.deepest <= 0.01 * found.draws,
            f"{found.deepest} draws at the largest tree depth (at most 1%)",
            "raise --tune, or --max-depth",
        ),
    ]
