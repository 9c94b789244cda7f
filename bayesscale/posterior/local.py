"""Parameters of one metric on some curves, draw by draw, and what follows from them at any size."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from bayesscale.laws import LAWS
from bayesscale.models.breaks import sign_of, with_break
from bayesscale.models.discrepancy import discrepancy_unit
from bayesscale.models.measurement import RESOLUTION, noise_scales, total_sd
from bayesscale.models.scale import above_zero, log_near_zero
from bayesscale.posterior.draws import FOLLOWED, Draws

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Gauge(NamedTuple):
    """What measures a metric, in its unit: its resolution, and below which value it is near zero.

    There noise and discrepancy vanish with the value.
    """

    floor: float
    near: float


@dataclass(frozen=True)
class Local:
    """What every draw says of one metric on some curves; all arrays have the shape (curves, draws).

    Parameters
    ----------
    metric : str
        Name of the metric.
    laws : tuple of str
        Names of the laws by number.
    gauge : Gauge
        What measures the metric.
    law : array of int
        Number of the law.
    level, gain, shape : array
        Anchored parameters, see `bayesscale.laws.Law`.
    sharpness, noise : array
        Logarithms of the law's sharpness, and of the noise scale in the metric's unit.
    se_share : array, optional
        Logit of the share of se^2 that is noise; None where nobody gave a standard error.
    straying : array, optional
        Logarithm of the scale of the discrepancy; None without one.
    break_u, break_slope : array, optional
        Place and slope change of the break; None for a metric that cannot break.
    """

    metric: str
    laws: tuple[str, ...]
    gauge: Gauge
    law: IntArray
    level: FloatArray
    gain: FloatArray
    shape: FloatArray
    sharpness: FloatArray
    noise: FloatArray
    se_share: FloatArray | None = None
    straying: FloatArray | None = None
    break_u: FloatArray | None = None
    break_slope: FloatArray | None = None

    def unbroken(self, u: FloatArray) -> FloatArray:
        """Return the laws as if they never broke, shape (curves, sizes, draws).

        Scaled positions have that shape, or are the same in all draws, (curves, sizes).
        """
        parameters = (self.level, self.gain, self.shape, np.exp(self.sharpness))
        every = u if u.ndim == 3 else u[..., None]
        numbers = np.unique(self.law)
        with np.errstate(over="ignore"):
            if len(numbers) == 1:
                law = LAWS[self.laws[numbers[0]]]
                return np.asarray(law.value(every, *(part[:, None] for part in parameters)))
            every = np.broadcast_to(every, (*every.shape[:2], self.level.shape[1]))
            found = np.empty(every.shape)
            for number in numbers:
                own = self.law == number
                curve, draw = np.nonzero(own)
                chosen = (part[own][:, None] for part in parameters)
                found[curve, :, draw] = LAWS[self.laws[number]].value(every[curve, :, draw], *chosen)
        return found

    def value(self, u: FloatArray, path: FloatArray | None = None) -> FloatArray:
        """Return the curves: the laws, their breaks and how far they stray, shape (curves, sizes, draws).

        `path`, of that shape, is how far they stray at u in units of their scale. By default they follow
        their laws.
        """
        found = self.unbroken(u)
        if self.break_u is not None and self.break_slope is not None:
            every = u if u.ndim == 3 else u[..., None]
            level, slope, at = self.level[:, None], self.break_slope[:, None], self.break_u[:, None]
            found = with_break(found, sign_of(self.metric), level, slope, every - at)
        if path is not None and self.straying is not None:
            scale = discrepancy_unit(self.level, self.gain) * np.exp(self.straying)
            found = found + scale[:, None] * above_zero(found, self.gauge.near) * path
        return np.asarray(found)

    def broken(self, u: FloatArray) -> NDArray[np.bool_] | None:
        """Return whether the laws broke before u, (curves, sizes, draws); None if they cannot break."""
        return None if self.break_u is None else self.break_u[:, None] < u[..., None]

    def scale(self, value: FloatArray, se: Any = 0.0) -> FloatArray:
        """Return the scale of measurements with a standard error, shape (curves, sizes, draws).

        `se` is that on the test set, 0 where unknown; an array has the shape (curves, sizes, 1).
        """
        share = None if self.se_share is None else self.se_share[:, None]
        return scale(value, self.noise[:, None], share, se, self.gauge)


def scale(
    value: FloatArray, noise: FloatArray, se_share: FloatArray | None, se: Any, gauge: Gauge
) -> FloatArray:
    """Return the scale of measurements of values.

    Arrays broadcast: values, log noise, logit of the share of se^2 (None where nobody gave any) and se.
    """
    share = None if se_share is None else expit(se_share)
    return np.asarray(total_sd(np.exp(noise), value, se, share, floor=gauge.floor, near=gauge.near))


def gauge_of(draws: Draws, metric: int) -> Gauge:
    """Return what measures a metric."""
    name = (draws.curves.names[metric],)
    floor = RESOLUTION * noise_scales(name, draws.priors)[0]
    return Gauge(float(floor), float(np.exp(log_near_zero(name, draws.priors)[0])))


def measured(draws: Draws, metric: int, curve: IntArray) -> Local:
    """Return the parameters of measured curves, whose positions may repeat, for the metric at a position."""

    def each(name: str) -> FloatArray | None:
        # Draws are stored in half the precision that laws are evaluated in.
        if name not in draws:
            return None
        return np.ascontiguousarray(draws[name][:, curve, metric].T, dtype=np.float64)

    found = {name: each(name) for name in ("level", "gain", "shape", "sharpness", "noise", "se_share")}
    if found["sharpness"] is None:
        found["sharpness"] = np.zeros((len(curve), draws.count))
    if draws.curves.names[metric] in draws.breakable:
        found["break_u"] = draws.curves.axis.u(each("break_at"))
        found["break_slope"] = each("break_slope")
    return Local(
        draws.curves.names[metric],
        draws.laws,
        gauge_of(draws, metric),
        law=np.ascontiguousarray(draws[FOLLOWED][:, curve, metric].T.astype(np.int64)),
        straying=each("discrepancy_scale"),
        **found,  # type: ignore[arg-type]
    )


def interleaved(first: Local, second: Local, of_first: NDArray[np.bool_]) -> Local:
    """Return the curves of two values in one: those of the first where `of_first` is true."""

    def merged(a: FloatArray, b: FloatArray) -> FloatArray:
        whole = np.empty((len(of_first), a.shape[1]), a.dtype)
        whole[of_first], whole[~of_first] = a, b
        return whole

    parts = {field.name: (getattr(first, field.name), getattr(second, field.name)) for field in fields(first)}
    arrays = {name: merged(*pair) for name, pair in parts.items() if isinstance(pair[0], np.ndarray)}
    return replace(first, **arrays)  # type: ignore[arg-type]
