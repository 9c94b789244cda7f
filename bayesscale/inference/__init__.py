"""Compile, sample, diagnose and store; the only place that touches ArviZ and nutpie."""

from bayesscale.inference.fit import Fit
from bayesscale.inference.run import fit
from bayesscale.inference.sampler import Sampler
from bayesscale.inference.status import Status
from bayesscale.inference.store import load, save

__all__ = ["Fit", "Sampler", "Status", "fit", "load", "save"]
