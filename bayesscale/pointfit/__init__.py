"""The paper's point fit, with which everything is compared: Huber loss on logs, L-BFGS, held-out error."""

from bayesscale.pointfit.fit import fit_huber
from bayesscale.pointfit.huber import DELTAS, Optimum
from bayesscale.pointfit.result import KIND, CurveFit, PointFit

__all__ = ["DELTAS", "KIND", "CurveFit", "Optimum", "PointFit", "fit_huber"]
