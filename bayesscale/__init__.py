"""Bayesian scaling laws for downstream tasks.

    fit = bayesscale.fit("metrics.csv")
    print(fit.forecast(tokens=[1e12]))

The names below are imported when they are first used, so that `import bayesscale` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesscale.evaluation.compare import compare
    from bayesscale.evaluation.evaluate import evaluate
    from bayesscale.inference import Sampler, load, save
    from bayesscale.inference.model import model
    from bayesscale.inference.run import fit
    from bayesscale.metrics.read import read_metrics
    from bayesscale.metrics.record import record
    from bayesscale.models import Priors, load_priors
    from bayesscale.questions.advise import advise
    from bayesscale.questions.breaks import breaks
    from bayesscale.questions.conflict import conflict
    from bayesscale.questions.forecast import Forecast, forecast
    from bayesscale.questions.picture import picture
    from bayesscale.questions.plan import Prices, Query, plan
    from bayesscale.questions.rank import rank
    from bayesscale.questions.select import Selection
    from bayesscale.questions.summary import summary
    from bayesscale.questions.value import value
    from bayesscale.report import write_report

__version__ = "0.1.0"

_HOMES = {
    "Forecast": "bayesscale.questions",
    "Prices": "bayesscale.questions.plan",
    "Priors": "bayesscale.models",
    "Query": "bayesscale.questions.plan",
    "Sampler": "bayesscale.inference",
    "Selection": "bayesscale.questions.select",
    "advise": "bayesscale.questions.advise",
    "breaks": "bayesscale.questions.breaks",
    "compare": "bayesscale.evaluation",
    "conflict": "bayesscale.questions.conflict",
    "evaluate": "bayesscale.evaluation",
    "fit": "bayesscale.inference",
    "forecast": "bayesscale.questions",
    "load": "bayesscale.inference",
    "load_priors": "bayesscale.models",
    "model": "bayesscale.inference.model",
    "picture": "bayesscale.questions",
    "plan": "bayesscale.questions.plan",
    "rank": "bayesscale.questions.rank",
    "read_metrics": "bayesscale.metrics.read",
    "record": "bayesscale.metrics.record",
    "save": "bayesscale.inference",
    "summary": "bayesscale.questions",
    "value": "bayesscale.questions.value",
    "write_report": "bayesscale.report",
}
__all__ = [
    "Forecast",
    "Prices",
    "Priors",
    "Query",
    "Sampler",
    "Selection",
    "__version__",
    "advise",
    "breaks",
    "compare",
    "conflict",
    "evaluate",
    "fit",
    "forecast",
    "load",
    "load_priors",
    "model",
    "picture",
    "plan",
    "rank",
    "read_metrics",
    "record",
    "save",
    "summary",
    "value",
    "write_report",
]


if not TYPE_CHECKING:  # else a type checker would take any name for a public one

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value = getattr(import_module(_HOMES[name]), name)
        return value


def __dir__() -> list[str]:
    """Return the public names, imported or not."""
    return sorted({*globals(), *__all__})
