"""Continue pretraining or stop, for a target and a budget, with the probability of every outcome."""

from bayesscale.questions.advise.answer import Advice
from bayesscale.questions.advise.ask import advise

__all__ = ["Advice", "advise"]
