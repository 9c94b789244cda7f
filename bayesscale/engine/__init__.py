"""Independent jobs, over processes of this machine or over a Ray cluster, with the same results.

    for outcome in run_jobs(refit, tables, workers=4):
        ...

A job that fails is a value among the others and never stops them.
"""

from __future__ import annotations

from bayesscale.engine.outcome import Failed, Finished, JobsError, Outcome
from bayesscale.engine.run import BACKENDS, Needs, processors, run_jobs, session

__all__ = [
    "BACKENDS",
    "Failed",
    "Finished",
    "JobsError",
    "Needs",
    "Outcome",
    "processors",
    "run_jobs",
    "session",
]
