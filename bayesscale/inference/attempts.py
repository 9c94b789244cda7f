"""Sampling that is repeated with the remedies where its diagnostics failed, before anyone has to ask."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from bayesscale.inference.sampler import Draws, Sampler, compile_model, sample, sample_compiled, with_start
from bayesscale.inference.status import MAX_RHAT, MIN_ESS, Diagnostics, Status, diagnose, judge, worst
from bayesscale.metrics.curves import Curves

if TYPE_CHECKING:
    from bayesscale.models.joint import JointModel

# Where trajectories diverged, the acceptance aimed at is raised: first to this, then half-way to 1.
_CAREFUL = 0.99
# Effective draws grow with draws: what failed for want of them is repeated with this many more than it needs,
# and never for less than the first or more than the second of these multiples. What even the second could not
# cure is not worth so long a wait: it gets the first, with longer adaptation, maybe the better remedy.
_MARGIN = 1.5
_FEWEST_TIMES, _MOST_TIMES = 2, 4
# Few divergences that are left at smaller steps may vanish at still smaller ones; many are of the posterior.
_FEW_DIVERGENCES = 1e-3


@dataclass(frozen=True)
class Sampled:
    """The last attempt, and what led to it.

    Parameters
    ----------
    draws : list of Draws
        Of each model; their seconds are those of all attempts.
    diagnostics : list of Diagnostics
        Of each model.
    attempts : list of dict
        Settings, laws sampled and problems of every attempt; the problems of the last are those of the fit.
    """

    draws: list[Draws]
    diagnostics: list[Diagnostics]
    attempts: list[dict[str, Any]]


def remedied(sampler: Sampler, found: Diagnostics) -> Sampler:
    """Return settings that may cure what failed: more draws, smaller steps.

    Parameters
    ----------
    sampler : Sampler
        The settings that failed.
    found : Diagnostics
        How they failed.
    """
    target = sampler.target_accept
    if found.divergences:
        target = _CAREFUL if target < _CAREFUL else min(0.5 * (1.0 + target), 0.999)
    enough = judge(replace(found, divergences=0)).ok
    longer = 1 if enough else _times_longer(found)
    tune = min(longer, _FEWEST_TIMES) * sampler.tune
    return replace(sampler, draws=longer * sampler.draws, tune=tune, target_accept=target)


def promising(sampler: Sampler, found: Diagnostics, first: Sampler) -> bool:
    """Return whether one more attempt, after the remedies were tried once, is likely to pass.

    More draws help chains that mix slowly: R-hat then approaches 1 in proportion to their number. They do not
    help chains that keep to different modes.

    Parameters
    ----------
    sampler : Sampler
        Settings of the last attempt.
    found : Diagnostics
        How it failed.
    first : Sampler
        Settings of the first attempt, which bound how long the next one may be.
    """
    times = bounded(remedied(sampler, found), first).draws / sampler.draws
    mixed = (found.rhat - 1.0) / times <= MAX_RHAT - 1.0
    enough = min(found.ess_bulk, found.ess_tail) * times >= MIN_ESS
    return mixed and enough and found.divergences <= _FEW_DIVERGENCES * found.draws


def bounded(sampler: Sampler, first: Sampler) -> Sampler:
    """Return settings with at most so many times the draws of the first attempt as one remedy may ask for."""
    return replace(sampler, draws=min(sampler.draws, _MOST_TIMES * first.draws))


def _times_longer(found: Diagnostics) -> int:
    """Return how many times as many draws should do, with a margin, within limits."""
    least = min(found.ess_bulk, found.ess_tail)
    if not least * _MOST_TIMES >= MIN_ESS:
        return _FEWEST_TIMES
    return math.ceil(min(max(_MARGIN * MIN_ESS / least, _FEWEST_TIMES), _MOST_TIMES))


def sample_models(
    models: Sequence[JointModel],
    curves: Curves,
    sampler: Sampler,
    progress: bool,
    report: Callable[[str], None],
) -> Sampled:
    """Draw from models of the same structure, again where a diagnostic failed and retries are left.

    The first retry is made in any case, later ones only where they are promising. A model whose
    own draws passed keeps them, unless the others get more draws: forecasts take as many of each.

    Parameters
    ----------
    models : sequence of JointModel
        The models, of laws with different names.
    curves : Curves
        The data.
    sampler : Sampler
        The settings of the first attempt.
    progress : bool
        Show a progress bar while sampling.
    report : callable
        Receives one line a phase.
    """
    compiled: list[Any] = []
    attempts: list[dict[str, Any]] = []
    seconds = [dict.fromkeys(("compile", "sample"), 0.0) for _ in models]
    first, kept = sampler, dict[str, Draws]()
    while True:
        draws = _sample_all(models, curves, sampler, progress, report, compiled, kept)
        for whole, each in zip(seconds, draws, strict=True):
            whole.update({name: whole[name] + each.seconds.get(name, 0.0) for name in whole})
        found = [diagnosed(each, sampler) for each in draws]
        most = worst({model.label: each for model, each in zip(models, found, strict=True)})
        status = judge(most)
        laws = [model.label for model in models if model.label not in kept]
        attempts.append({"sampler": asdict(sampler), "laws": laws, "problems": list(status.problems)})
        hopeless = len(attempts) > 1 and not promising(sampler, most, first)
        if status.ok or hopeless or len(attempts) > sampler.retries:
            return Sampled(
                [replace(each, seconds=own) for each, own in zip(draws, seconds, strict=True)],
                found,
                attempts,
            )
        following = bounded(remedied(sampler, most), first)
        passed = [judge(own).ok and following.draws == sampler.draws for own in found]
        kept = {
            model.label: replace(each, seconds={})
            for model, each, stays in zip(models, draws, passed, strict=True)
            if stays
        }
        sampler = following
        failed = [model.label for model in models if model.label not in kept]
        report(_again(status, sampler, failed if kept else []))


def _again(status: Status, sampler: Sampler, laws: list[str]) -> str:
    """Say why sampling is repeated, and how; of which laws, if not of all."""
    why, which = "; ".join(status.problems), "".join(f"the {law} " for law in laws)
    return (
        f"not converged: {why}; once more {which}with {sampler.tune} + {sampler.draws} draws a chain and a "
        f"target acceptance of {sampler.target_accept:g}"
    )


def _sample_all(
    models: Sequence[JointModel],
    curves: Curves,
    sampler: Sampler,
    progress: bool,
    report: Callable[[str], None],
    compiled: list[Any],
    kept: Mapping[str, Draws],
) -> list[Draws]:
    """Return draws of models that are compiled once, each with random numbers of its own.

    `compiled` holds what is compiled already, and is added to; `kept` the draws of laws that need no others.
    """
    found: list[Draws] = []
    for number, model in enumerate(models):
        if model.label in kept:
            found.append(kept[model.label])
            continue
        own = replace(sampler, seed=(sampler.seed + number) % 2**32)
        say = (lambda text, law=model.label: report(f"{law}: {text}")) if len(models) > 1 else report
        if sampler.method != "nutpie":
            start = model.start(curves)
            found.append(sample(model.build(curves), own, progress=progress, report=say, start=start))
            continue
        begun = time.perf_counter()
        if len(compiled) <= number:
            compiled.append(_compiled(model, curves, compiled, say))
        seconds = {"compile": time.perf_counter() - begun}
        draws = sample_compiled(compiled[number], own, progress=progress, report=say)
        found.append(replace(draws, seconds={**seconds, **draws.seconds}))
    return found


def _compiled(model: JointModel, curves: Curves, known: list[Any], say: Callable[[str], None]) -> Any:
    """Return a compiled model, made of another one of the same structure where there is one."""
    from bayesscale.models.packing import pack

    start = model.start(curves)
    if not known:
        say("compiling the model")
        return compile_model(model.build(curves), start)
    other = known[0].with_data(**pack(model.data(curves)))
    return with_start(other, model.build(curves), start)


def diagnosed(draws: Draws, sampler: Sampler) -> Diagnostics:
    """Return the diagnostics of draws.

    Parameters
    ----------
    draws : Draws
        From one model.
    sampler : Sampler
        The settings.
    """
    return diagnose(without_constants(draws.posterior), draws.stats, sampler.max_depth)


def without_constants(posterior: Any) -> Any:
    """Return all parameters, sampled and derived, without the duplicates on the unconstrained scale."""
    return posterior[[name for name in posterior.data_vars if not str(name).endswith("__")]]
