"""Whether a loss and a score disagree on which mixture or checkpoint is better."""

from bayesscale.questions.conflict.answer import Conflict
from bayesscale.questions.conflict.ask import conflict

__all__ = ["Conflict", "conflict"]
