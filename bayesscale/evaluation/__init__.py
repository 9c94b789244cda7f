"""Evaluation: how well forecasts do on curves whose later part is held out, and which laws they follow."""

from bayesscale.evaluation.answer import Evaluation
from bayesscale.evaluation.compare import compare
from bayesscale.evaluation.comparison import Comparison
from bayesscale.evaluation.evaluate import evaluate
from bayesscale.evaluation.split import Split, split_first, split_last, split_like, split_rows

__all__ = [
    "Comparison",
    "Evaluation",
    "Split",
    "compare",
    "evaluate",
    "split_first",
    "split_last",
    "split_like",
    "split_rows",
]
