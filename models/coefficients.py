"""The basis in which the coefficients of the regression are sampled.

Its columns are strongly correlated a posteriori, so they are sampled in a basis in which a plug-in
approximation of their posterior is a standard normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.effects import Effects
from bayesscale.models.evidence import Evidence

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Whitening:
    """The basis in which the coefficients of each effect are sampled.

    Parameters
    ----------
    location : array, shape (effects, columns)
    factor : array, shape (effects, columns, columns)
        Lower triangular.
    centred : array of 0.0 and 1.0, shape (effects,)
        0 where the curves say too little of an effect; its coefficients are then standardised by their prior.
    """

    location: FloatArray
    factor: FloatArray
    centred: FloatArray

    def data(self, centred: bool) -> dict[str, FloatArray]:
        """Return the arrays that the model is given, by name; plain coordinates unless `centred`."""
        return {
            "whitening_location": self.location,
            "whitening_factor": self.factor,
            "whitened": self.centred * float(centred),
        }


def whitening(effects: Effects, evidence: Evidence) -> Whitening:
    """Return the sampling basis of the coefficients.

    Parameters
    ----------
    effects : Effects
        Order of the effects.
    evidence : Evidence
        What each curve says by itself.
    """
    columns = evidence.regressions[0].mean.size
    shape = len(effects.names), columns
    centred = (evidence.known.mean(axis=0) > 0.5).astype(float)
    location, factor = np.zeros(shape), np.tile(np.eye(columns), (shape[0], 1, 1))
    for effect in np.flatnonzero(centred):
        location[effect] = evidence.regressions[effect].mean
        factor[effect] = np.linalg.cholesky(evidence.regressions[effect].covariance)
    return Whitening(location, factor, centred)
