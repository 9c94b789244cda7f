"""Whether draws can be trusted: diagnostics, and a status with a remedy made of them."""

from __future__ import annotations

import math
import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xarray as xr

from bayesscale.inference.sampler import as_dataset

MAX_RHAT, MIN_ESS = 1.01, 400
"""Limits for the population, of Vehtari et al. (arXiv 1903.08008)."""
MAX_CURVE_RHAT, MIN_CURVE_ESS = 1.05, 100
"""Limits for single curves, of which there are so many that the worst of good ones looks worse."""
_NAMED = 3


@dataclass(frozen=True)
class Worst:
    """The worst R-hat and effective sample size of some variables, each with its variable."""

    rhat: float
    rhat_of: str
    ess: float
    ess_of: str
    tail: float
    tail_of: str


@dataclass(frozen=True)
class Diagnostics:
    """How well chains agree. NaN, if there is one, is the worst.

    `curves` is over level, gain, law and break of every curve and metric, tail as bulk; `bad_curves` are
    those beyond the limits, the worst first. Draws are those of all chains, sweeps those of each, warm-up
    included. `rough` says whether the limits of single curves hold for the population as well.
    """

    population: Worst
    curves: Worst
    bad_curves: tuple[str, ...]
    draws: int
    sweeps: int
    rough: bool = False

    @property
    def limits(self) -> tuple[float, float]:
        """The largest R-hat and the smallest effective sample size of the population."""
        return (MAX_CURVE_RHAT, MIN_CURVE_ESS) if self.rough else (MAX_RHAT, MIN_ESS)

    def document(self) -> dict[str, Any]:
        """Return the diagnostics as plain values."""
        own, curves = asdict(self.population), self.curves
        return {
            "rhat": own["rhat"],
            "rhat_of": own["rhat_of"],
            "ess_bulk": own["ess"],
            "ess_bulk_of": own["ess_of"],
            "ess_tail": own["tail"],
            "ess_tail_of": own["tail_of"],
            "draws": self.draws,
            "sweeps": self.sweeps,
            "curve_rhat": curves.rhat,
            "curve_rhat_of": curves.rhat_of,
            "curve_ess": curves.ess,
            "curve_ess_of": curves.ess_of,
            "bad_curves": list(self.bad_curves),
        }

    @property
    def missing(self) -> float:
        """How many times as many sweeps a round needs; at most 1 if it will do."""
        largest, smallest = self.limits
        checks = [
            (self.population.ess, smallest, self.population.rhat, largest),
            (self.population.tail, smallest, 1.0, largest),
            (self.curves.ess, MIN_CURVE_ESS, self.curves.rhat, MAX_CURVE_RHAT),
        ]
        factors = []
        for ess, least, rhat, most in checks:
            if math.isnan(ess) or math.isnan(rhat):
                return math.inf
            factors.append(least / max(ess, 1.0))
            # R-hat - 1 falls with the length of the chains.
            factors.append((rhat - 1.0) / (most - 1.0))
        return max(factors)


@dataclass(frozen=True)
class Status:
    """Whether a fit may be used, and what to do if not.

    Problems are what failed, with the numbers; none if nothing did.
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


def diagnose(population: xr.Dataset, curves: xr.Dataset, sweeps: int, rough: bool = False) -> Diagnostics:
    """Return the diagnostics of draws, which have dimensions chain and draw first.

    `curves` has a dimension `pair` whose labels name curve and metric; `sweeps` are those of each chain.
    """
    own = _measures(population, ("rank", "bulk", "tail"))
    rhat, bulk, tail = (_worst(values, sign) for values, sign in zip(own, (1, -1, -1), strict=True))
    pairs = _measures(curves, ("rank", "bulk"))
    (pair_rhat, rhat_of), (pair_ess, ess_of) = (_worst(v, s) for v, s in zip(pairs, (1, -1), strict=True))
    return Diagnostics(
        Worst(*rhat, *bulk, *tail),
        Worst(pair_rhat, rhat_of, pair_ess, ess_of, pair_ess, ess_of),
        _bad_pairs(*pairs),
        population.sizes["chain"] * population.sizes["draw"],
        sweeps,
        rough,
    )


def _measures(draws: xr.Dataset, kinds: tuple[str, ...]) -> list[xr.Dataset]:
    """Return R-hat and effective sample sizes of what varies; what does not is NaN and left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz as az

        varying = ~(draws.max(("chain", "draw")) == draws.min(("chain", "draw")))
        found = []
        for kind in kinds:
            values = az.rhat(draws) if kind == "rank" else az.ess(draws, method=kind)
            good = 1.0 if kind == "rank" else math.inf
            found.append(as_dataset(values).where(varying, good))
    return found


def _worst(values: xr.Dataset, sign: int) -> tuple[float, str]:
    """Return the worst value and its variable; with sign 1 large values are bad, with -1 small ones."""
    worst, name = -math.inf, "all variables, none of which varies"
    for key, each in values.data_vars.items():
        if not each.size:
            continue
        signed = sign * each.to_numpy()
        place = int(np.argmax(np.where(np.isnan(signed), math.inf, signed)))
        value = float(signed.flat[place])
        if math.isnan(value) or value > worst:
            worst, name = value, _element(str(key), each, place)
        if math.isnan(value):
            break
    return sign * worst, name


def _element(name: str, values: xr.DataArray, place: int) -> str:
    """Return the name of one element, such as 'mean[bleu.level]'."""
    if not values.dims:
        return name
    where = np.unravel_index(place, values.shape)
    labels = [
        str(values[dim].to_numpy()[i]) if dim in values.coords else str(i)
        for dim, i in zip(values.dims, where, strict=True)
    ]
    return f"{name}[{', '.join(labels)}]"


def _bad_pairs(rhat: xr.Dataset, ess: xr.Dataset) -> tuple[str, ...]:
    """Return the labels of curves beyond the limits, the worst first."""
    if not rhat.data_vars:
        return ()
    worst = np.max([each.to_numpy() for each in rhat.data_vars.values()], axis=0)
    fewest = np.min([each.to_numpy() for each in ess.data_vars.values()], axis=0)
    badness = np.maximum((worst - 1) / (MAX_CURVE_RHAT - 1), MIN_CURVE_ESS / fewest)
    bad = ~(badness <= 1.0)
    order = np.argsort(-np.where(np.isnan(badness), math.inf, badness), kind="stable")
    labels = rhat["pair"].to_numpy()
    return tuple(str(labels[i]) for i in order if bad[i])


def judge(found: Diagnostics, longest: int) -> Status:
    """Return the status that diagnostics deserve; `longest` is the limit that chains have reached."""
    own, (rhat, ess) = found.population, found.limits
    checks = [
        (own.rhat <= rhat, f"R-hat {own.rhat:.3f} of {own.rhat_of} (at most {rhat})"),
        (own.ess >= ess, f"bulk ESS {own.ess:.0f} of {own.ess_of} (at least {ess})"),
        (own.tail >= ess, f"tail ESS {own.tail:.0f} of {own.tail_of} (at least {ess})"),
    ]
    problems = [problem for passed, problem in checks if not passed]
    if found.bad_curves:
        named = "; ".join(found.bad_curves[:_NAMED])
        more = f" and {len(found.bad_curves) - _NAMED} more" if len(found.bad_curves) > _NAMED else ""
        problems.append(f"chains disagree about {named}{more}")
    if not problems:
        return Status()
    what = "look at the values of these curves" if found.bad_curves else "look for values that no law fits"
    return Status(tuple(problems), f"Remedy: --longest {4 * longest}; if that does not help, {what}.")
