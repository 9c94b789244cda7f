"""Scores of hypotheses and losses, each with its standard error and what it depends on."""

from bayesscale.harness.scoring.loss import LossScore, loss_score
from bayesscale.harness.scoring.text import Scored, bleu, chrf, score_hypotheses

__all__ = ["LossScore", "Scored", "bleu", "chrf", "loss_score", "score_hypotheses"]
