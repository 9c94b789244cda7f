"""Bayesian scaling laws for downstream tasks.

    metrics = bayesscale.read_metrics("metrics.csv")
    fit = bayesscale.fit(metrics)
    print(bayesscale.forecast(fit, [1e12]))

The names below are imported when they are first used, so that `import bayesscale` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bayesscale.evaluation import compare, evaluate
    from bayesscale.inference import Sampler, fit, load, save
    from bayesscale.inference.model import model
    from bayesscale.metrics.read import read_metrics
    from bayesscale.metrics.record import record
    from bayesscale.models import Priors, load_priors
    from bayesscale.questions import forecast, summary
    from bayesscale.questions.advise import advise
    from bayesscale.questions.breaks import breaks
    from bayesscale.questions.candidates import Prices
    from bayesscale.questions.conflict import conflict
    from bayesscale.questions.plan import plan
    from bayesscale.questions.quantities import Asked
    from bayesscale.questions.rank import rank
    from bayesscale.questions.targets import Selection
    from bayesscale.questions.value import value

__version__ = "0.1.0"

__all__ = [
    "Asked",
    "Prices",
    "Priors",
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
    "plan",
    "rank",
    "read_metrics",
    "record",
    "save",
    "summary",
    "value",
]

_HOMES = {
    "Asked": "bayesscale.questions.quantities",
    "Prices": "bayesscale.questions.candidates",
    "Priors": "bayesscale.models",
    "Sampler": "bayesscale.inference",
    "Selection": "bayesscale.questions.targets",
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
    "plan": "bayesscale.questions.plan",
    "rank": "bayesscale.questions.rank",
    "read_metrics": "bayesscale.metrics.read",
    "record": "bayesscale.metrics.record",
    "save": "bayesscale.inference",
    "summary": "bayesscale.questions",
    "value": "bayesscale.questions.value",
}


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
