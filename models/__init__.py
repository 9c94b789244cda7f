"""The PyMC models: the statistics of the project in one place."""

from bayesscale.models.priors import Priors, load_priors

__all__ = ["Priors", "load_priors"]
