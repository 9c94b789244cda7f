"""Translate with a finetuned model, and measure its cross-entropy on given translations."""

from bayesscale.harness.decoding.scores import cross_entropy
from bayesscale.harness.decoding.translate import translate

__all__ = ["cross_entropy", "translate"]
