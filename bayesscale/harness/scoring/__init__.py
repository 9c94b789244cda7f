"""Scores of hypotheses and losses, each with its standard error and what it depends on."""

from bayesscale.harness.scoring.loss import LossScore, loss_score
from bayesscale.harness.scoring.score import Scored, score_hypotheses
from bayesscale.harness.scoring.text import bleu, chrf

__all__ = [
    "LossScore",
    "Scored",
    "bleu",
    "chrf",
    "loss_score",
    "score_hypotheses",
]
