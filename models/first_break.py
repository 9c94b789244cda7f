"""A quick look for breaks: which values of a curve come before the place where its law seems to break.

It affects speed only: what a law loses by a break is no evidence on the law.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.models.first_look import Padded, jacobian

FloatArray = NDArray[np.float64]
# A break is seen where it explains this many variances of the noise: 3.5 standard errors.
_SEEN = 12.0
# The noise of one curve is shrunk to that of all as if this had as many degrees of freedom.
_SHRUNK = 4.0
# Of a law with a break; and how many more values a curve needs to tell its noise.
_PARAMETERS, _LONG = 5, 3
# A ramp that differs by less from what the law can do is no break.
_DISTINCT = 1e-4


def before_breaks(
    law: Law, data: Padded, theta: FloatArray, noise: FloatArray, precision: FloatArray
) -> FloatArray:
    """Return the weights of curves, 0 for values after a break, shape (curves, points).

    One ramp that begins at a measured size is added to the law, which is linear around the first look; the
    place where it explains most is the break.

    Parameters
    ----------
    law : Law
        The law of all curves.
    data : Padded
        The curves.
    theta : array, shape (curves, 3)
        Level, gain and shape of the first look.
    noise : array, shape (curves,)
        Its noise.
    precision : array, shape (3, 3)
        Of its weak prior.
    """
    typical = np.median(noise)
    slopes = data.weight[..., None] * jacobian(law, data.u, theta)
    residual = data.weight * (data.value - law.value(data.u, *(theta[:, i : i + 1] for i in range(3))))
    curvature = np.swapaxes(slopes, 1, 2) @ slopes + precision * typical**2
    ramps = np.maximum(data.u[:, None, :] - data.u[:, :, None], 0.0) * data.weight[:, None, :]
    seen = np.linalg.solve(curvature, np.swapaxes(slopes, 1, 2) @ np.swapaxes(ramps, 1, 2))
    own = ramps - np.swapaxes(slopes @ seen, 1, 2)
    size = (own * ramps).sum(axis=2)
    distinct = (size > _DISTINCT * (ramps**2).sum(axis=2)) & (data.weight > 0)
    explained = np.where(
        distinct, (own @ residual[..., None])[..., 0] ** 2 / np.where(distinct, size, 1.0), 0
    )
    place, best = explained.argmax(axis=1), explained.max(axis=1)
    rest = np.maximum((residual**2).sum(axis=1) - best, 0.0)
    free = np.maximum(data.weight.sum(axis=1) - _PARAMETERS, 0)
    if (long := free >= _LONG).any():
        # Where many curves are broken, the noise around laws without breaks is mostly that of the breaks.
        typical = min(typical, np.sqrt(np.median(rest[long] / free[long])))
    variance = (rest + _SHRUNK * typical**2) / (free + _SHRUNK)
    start = np.take_along_axis(data.u, place[:, None], axis=1)
    after = (best > _SEEN * variance)[:, None] & (data.u > start)
    return np.asarray(np.where(after, 0.0, data.weight))
