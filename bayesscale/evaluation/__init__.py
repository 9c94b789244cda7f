"""Evaluation: how well forecasts do on curves whose later part is held out."""

from bayesscale.evaluation.evaluate import Evaluation, evaluate
from bayesscale.evaluation.split import Split, split_first, split_rows

__all__ = ["Evaluation", "Split", "evaluate", "split_first", "split_rows"]
