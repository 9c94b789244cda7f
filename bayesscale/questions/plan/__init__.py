"""Which next measurement most reduces what is unknown about a question, per unit of cost."""

from bayesscale.questions.plan.answer import Plan
from bayesscale.questions.plan.ask import plan
from bayesscale.questions.plan.candidates import Prices
from bayesscale.questions.plan.quantities import Query

__all__ = ["Plan", "Prices", "Query", "plan"]
