"""The statistics of the project: the model, its priors, and the parts that it is made of."""

from bayesscale.models.priors import Priors, load_priors

__all__ = ["Priors", "load_priors"]
