"""What pretraining gains over no pretraining, up to which D_f, and what data it replaces."""

from bayesscale.questions.value.answer import Value
from bayesscale.questions.value.ask import value

__all__ = ["Value", "value"]
