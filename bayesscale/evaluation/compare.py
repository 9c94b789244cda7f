"""Compare the laws of a fit: by how many curves follow each, and by leaving values or the future out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bayesscale.engine import Failed, Outcome
from bayesscale.errors import QuestionError
from bayesscale.evaluation.comparison import SHARE, Comparison, comparison_notes
from bayesscale.evaluation.jobs import Workers
from bayesscale.evaluation.pointwise import Pointwise, leave_one_out
from bayesscale.evaluation.refit import WHOLE, Refit, Refitted, refits_of, run_refit
from bayesscale.evaluation.split import Split, split_last
from bayesscale.posterior.curves import measured_metrics
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.questions.answer import interval, three

if TYPE_CHECKING:
    from bayesscale.inference import Fit

Done = Outcome[Refit, Refitted]
_PROB = 0.9


def compare(
    fit: Fit,
    *,
    lfo: int | None = None,
    jobs: int = 1,
    backend: str = "joblib",
    report: Callable[[str], None] | None = None,
) -> Comparison:
    """Compare the laws of a fit.

    Parameters
    ----------
    fit : Fit
        A fit in which a metric may follow several laws.
    lfo : int, optional
        Leave-future-out: so many of the last sizes of every curve are held out, and each law by itself and
        all laws together are fitted to the rest. Default: none, which needs no refit.
    jobs : int
        Refits at the same time, each in a process of its own; the numbers do not depend on it.
    backend : str
        'joblib', or 'ray' for a cluster.
    report : callable, optional
        Receives one line a refit.

    Raises
    ------
    UsageError
        A number cannot be used.
    QuestionError
        The fit has one law a metric, or lacks the log likelihoods.
    DataError
        The curves are too short to hold out so many sizes.
    """
    workers = Workers(jobs, backend)
    if all(len(fit.allowed(name)) < 2 for name in fit.curves.names):
        raise QuestionError(
            f"a comparison needs a fit of several laws; this one has only {', '.join(fit.laws)}; fit a table "
            "with scores again, with --law all"
        )
    future = split_last(fit.metrics, lfo) if lfo is not None else None
    tables, problems = [_shares(fit), leave_one_out(fit, WHOLE).frame()], []
    if future is not None:
        cores = workers.cores(fit.provenance["settings"].get("sampler", {}).get("cores"))
        refits = refits_of(fit, future, cores)
        done = workers.run(run_refit, refits, cores, lambda each: each.status, report)
        problems = [line for each in done if (line := _problem(each))]
        if (found := _future(future, done, lfo)) is not None:
            tables.append(found.frame())
    table = pd.concat(tables, ignore_index=True)
    return Comparison(fit, _PROB, table, comparison_notes(table, lfo), lfo, tuple(problems))


def _shares(fit: Fit) -> pd.DataFrame:
    """Return how many curves follow each law, of metrics that have a choice."""
    share, follows, known = fit.draws("law_share"), fit.draws(FOLLOWED), measured_metrics(fit.curves)
    rows = []
    for place, metric in enumerate(fit.curves.names):
        laws = fit.allowed(metric)
        for law in laws if len(laws) > 1 else ():
            number = fit.laws.index(law)
            told = three("share", interval(share[:, place, number], _PROB))
            p_law = float((follows[:, known[:, place], place] == number).mean())
            rows.append({"criterion": SHARE, "metric": metric, "law": law, **told, "p_law": p_law})
    return pd.DataFrame(rows)


def _problem(done: Done) -> str:
    """Return what is wrong with a refit; nothing if nothing is."""
    if isinstance(done, Failed):
        return f"the refit {done.job} failed and is not in the table: {done}"
    return "" if done.value.ok else f"the refit {done.job}: {done.value.status}"


def _future(split: Split, done: Sequence[Done], last: int | None) -> Pointwise | None:
    """Return leave-future-out of all refits that did not fail; None if fewer than two are left."""
    there = {each.job.name: each.value.density for each in done if not isinstance(each, Failed)}
    if len(there) < 2:
        return None
    unit = (
        split.held.groupby(list(split.train.curve_columns), dropna=False).ngroup().to_numpy().astype(np.int64)
    )
    metric = split.held["metric"].to_numpy(str)
    return Pointwise(f"LFO, last {last}", tuple(there), metric, np.stack(list(there.values()), axis=1), unit)
