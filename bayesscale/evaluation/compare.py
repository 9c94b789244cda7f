"""Compare the laws of a fit: by leaving values out, and by leaving the future out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesscale.engine import Failed, Needs, Outcome, run_jobs
from bayesscale.errors import DataError, UsageError
from bayesscale.evaluation.comparison import Comparison
from bayesscale.evaluation.evaluate import cores_of_a_job
from bayesscale.evaluation.pointwise import Pointwise, curve_observations, leave_one_out
from bayesscale.evaluation.refit import Refit, Refitted, refits_of, run_refit
from bayesscale.evaluation.split import Split, split_last, split_without
from bayesscale.inference.loo import MAX_K
from bayesscale.metrics.curves import unit_labels
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit

Done = Outcome[Refit, Refitted]
Place = tuple[int, int]
"""Of a value and of a law."""


def compare(
    fit: Fit,
    *,
    lfo: int | None = None,
    refits: int = 0,
    jobs: int = 1,
    backend: str = "joblib",
    report: Callable[[str], None] | None = None,
) -> Comparison:
    """Compare the laws of a fit.

    Parameters
    ----------
    fit : Fit
        A fit of at least two laws.
    lfo : int, optional
        Leave-future-out: so many of the last sizes of every curve are held out, and each law is fitted to the
        rest. Default: only PSIS-LOO, which needs no refit.
    refits : int
        At most so many values whose Pareto k is above 0.7, the worst first, are left out in exact refits.
    jobs : int
        Refits at the same time, each in a process of its own; the numbers do not depend on it.
    backend : str
        'joblib', or 'ray' for a cluster.
    report : callable, optional
        Receives one line a refit.

    Raises
    ------
    UsageError
        The fit has one law, or a number cannot be used.
    DataError
        The log likelihoods are missing, or the curves are too short to hold out so many sizes.
    """
    _check(fit, refits, jobs)
    future = split_last(fit.metrics, lfo) if lfo is not None else None
    loo = leave_one_out(fit)
    chosen = _worst(fit, loo, refits)
    cores = cores_of_a_job(fit.provenance["settings"].get("sampler", {}).get("cores"), jobs, backend)
    futures = [job for group in fit.groups if future for job in refits_of(fit, group, [future], cores)]
    ones = [refits_of(fit, fit.groups[place[1]], [split], cores)[0] for place, split in chosen.items()]
    done = _run([*futures, *ones], jobs, backend, cores, report)
    problems = tuple(line for each in done if (line := _problem(each)))
    loo, refitted = _replaced(loo, list(chosen), done[len(futures) :])
    tables, weights = [loo.frame()], None
    if future is not None and (found := _future(loo.laws, future, done[: len(futures)], lfo)):
        tables.append(found.frame())
        weights = found.weights()
    table = pd.concat(tables, ignore_index=True)
    return Comparison(fit, table, lfo, weights, refitted, problems)


def _check(fit: Fit, refits: int, jobs: int) -> None:
    """Refuse what cannot be compared."""
    if len(fit.groups) < 2:
        law = fit.law_in(fit.groups[0])
        raise UsageError(
            f"a comparison needs a fit of two laws; this one follows only the {law}; fit again with several, "
            "such as --law stack for scores or --loss-law power,shifted for losses"
        )
    if refits < 0:
        raise UsageError(f"the number of exact refits is at least 0; received {refits}")
    if jobs < 1:
        raise UsageError(f"jobs must be at least 1; received {jobs}")


def _worst(fit: Fit, loo: Pointwise, refits: int) -> dict[Place, Split]:
    """Return the values with the largest Pareto k, each with the law, and the split that leaves it out."""
    _, rows = curve_observations(fit)
    order = np.argsort(-loo.k, axis=None, kind="stable")
    bad = [divmod(int(each), loo.k.shape[1]) for each in order if loo.k.flat[each] > MAX_K]
    found: dict[Place, Split] = {}
    for value, law in bad:
        if len(found) == refits:
            break
        try:
            found[value, law] = split_without(fit.metrics, [int(rows[value])], _named(fit, int(rows[value])))
        except DataError:  # a curve of two sizes: nothing is left of it
            continue
    return found


def _named(fit: Fit, row: int) -> str:
    """Return what a refit without one row of the table is called."""
    columns, one = fit.metrics.curve_columns, fit.metrics.frame.iloc[[row]]
    size = format_tokens(float(one[fit.metrics.axis].iloc[0]))
    return f"without {one['metric'].iloc[0]} at {size} of {unit_labels(one, columns)[0]}"


def _run(
    jobs: list[Refit], workers: int, backend: str, cores: int | None, report: Callable[[str], None] | None
) -> list[Done]:
    """Return what became of refits, in their order."""
    done: list[Done] = []
    for each in run_jobs(run_refit, jobs, backend=backend, workers=workers, needs=Needs(cores or 1)):
        done.append(each)
        if report:
            status = f"failed, {each}" if isinstance(each, Failed) else each.value.status
            report(f"{len(done)} of {len(jobs)} refits: {each.job}: {status}")
    return sorted(done, key=lambda each: each.index)


def _problem(done: Done) -> str:
    """Return what is wrong with a refit; nothing if nothing is."""
    if isinstance(done, Failed):
        return f"the refit {done.job} failed and is not in the table: {done}"
    return "" if done.value.ok else f"the refit {done.job}: {done.value.status}"


def _replaced(loo: Pointwise, places: list[Place], done: Sequence[Done]) -> tuple[Pointwise, int]:
    """Return PSIS-LOO with the densities of exact refits in their places, and how many these are."""
    elpd, k, count = loo.elpd.copy(), loo.k.copy(), 0
    for place, each in zip(places, done, strict=True):
        if not isinstance(each, Failed):
            elpd[place], k[place] = each.value.density[0], np.nan
            count += 1
    return replace(loo, elpd=elpd, k=k), count


def _future(laws: tuple[str, ...], split: Split, done: Sequence[Done], last: int | None) -> Pointwise | None:
    """Return leave-future-out of all laws; None where a refit failed."""
    densities = [each.value.density for each in done if not isinstance(each, Failed)]
    if len(densities) < len(laws):
        return None
    elpd = np.stack(densities, axis=1)
    unknown = np.full(elpd.shape, np.nan)
    unit = split.held.groupby(list(split.train.curve_columns), dropna=False).ngroup().to_numpy()
    metric = split.held["metric"].to_numpy(str)
    return Pointwise(f"LFO, last {last}", laws, metric, elpd, unknown, unknown, unit.astype(np.int64))
