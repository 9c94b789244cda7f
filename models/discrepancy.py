"""Discrepancy: how a curve strays from its law, and what that means for where it was not measured.

No law is exactly true. The slope of a curve in log D strays from that of its law by random steps, which die
out further on: the curve itself strays by their integral, an integrated Ornstein-Uhlenbeck process. Its scale
is a share of what the curve improves between the anchors, and varies between the curves of a metric. What
a curve strays linearly over its measured sizes is counted as the law's (level and gain take it up), so that
law and discrepancy stay apart. Inside the data the rest is almost wholly described by two smooth modes, whose
coefficients are drawn; beyond them it grows with the distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.models.layout import Layout

FloatArray = NDArray[np.float64]
MODES = 2
# The random walk steps this often in the length of a typical curve.
_STEPS = 16
# A change of slope dies out at this rate in the length of a typical curve: by 86%.
_REVERSION = 2.0
# A curve without any gain strays as if it had this one.
_FLAT = 0.02
# A mode with a smaller share of the largest mode's variance is rounding error.
_TINY = 1e-9


def discrepancy_unit(level: Any, gain: Any, xp: Any = np) -> Any:
    """Return what the scale of the discrepancy counts in: what a curve improves between the anchors.

    A law that is off by a share of what it describes; a flat curve strays little. The improvement is that
    relative to the mean of both ends, 2 tanh(gain / 2): the gain where this is small, and at most 2.
    """
    return xp.exp(level) * xp.sqrt((2.0 * xp.tanh(0.5 * gain)) ** 2 + _FLAT**2)


def steps(start: float, u: FloatArray, count: int) -> FloatArray:
    """Return the effect at u of each standardised step of the slope, from the first, shape (..., count).

    `start` is the u of the curve's first size, before which it does not stray.
    """
    at = start + (np.arange(count) + 0.5) / _STEPS
    behind = np.maximum(u[..., None] - at, 0.0)
    return np.asarray(-np.expm1(-_REVERSION * behind) / _REVERSION / np.sqrt(_STEPS))


def step_count(start: float, end: float) -> int:
    """Return the number of steps that matter up to a position."""
    return max(1, int(np.ceil((end - start) * _STEPS)))


@dataclass(frozen=True)
class Basis:
    """The discrepancy of one pair of curve and metric, in units of its scale.

    Parameters
    ----------
    u : array, shape (n,)
        Where it was measured, ascending.
    modes : array, shape (n, MODES)
        Effect of each mode there; zero for modes that so few values do not have.
    loading : array, shape (MODES, steps)
        The modes' coefficients as sums of the standardised steps inside the data.
    """

    u: FloatArray
    modes: FloatArray
    loading: FloatArray

    @classmethod
    def of(cls, u: FloatArray) -> Basis:
        """Return the basis of a curve measured at positions u."""
        inside = steps(u[0], u, step_count(u[0], u[-1]))
        strayed = inside - _fitted(u, u) @ inside
        left, scale, right = np.linalg.svd(strayed, full_matrices=False)
        modes, loading = np.zeros((len(u), MODES)), np.zeros((MODES, inside.shape[1]))
        known = min(
            MODES, int((scale**2 > _TINY * max(scale[0] ** 2, 1e-30)).sum()), max(len(np.unique(u)) - 2, 0)
        )
        # The sign of a mode is a convention that has to be the same wherever stored draws are read.
        sign = np.where(left[-1, :known] < 0, -1.0, 1.0)
        modes[:, :known], loading[:known] = (
            left[:, :known] * (sign * scale[:known]),
            right[:known] * sign[:, None],
        )
        return cls(u, modes, loading)

    def at(self, u: FloatArray, count: int) -> FloatArray:
        """Return the effect at u of each standardised step, the linear part taken out, (..., count)."""
        own = steps(self.u[0], self.u, count)
        return np.asarray(steps(self.u[0], u, count) - _fitted(self.u, u) @ own)

    def walks(self, coefficients: FloatArray, free: FloatArray) -> FloatArray:
        """Return standardised steps that agree with the modes, shape (draws, count).

        `coefficients`, shape (draws, MODES), are the modes'; `free`, shape (draws, count), standard normal
        draws, at least as many as there are steps inside the data.
        """
        inside = self.loading.shape[1]
        found = free.copy()
        found[:, :inside] += (coefficients - free[:, :inside] @ self.loading.T) @ self.loading
        return found


def _fitted(u: FloatArray, at: FloatArray) -> FloatArray:
    """Return the matrix that takes values at u to their least-squares line at other positions."""
    centre = u.mean()
    spread = ((u - centre) ** 2).sum()
    slope = (at[..., None] - centre) * (u - centre) / spread if spread > 0 else 0.0
    return np.asarray(1 / len(u) + slope) * np.ones((*np.shape(at), len(u)))


def bases(layout: Layout) -> list[Basis]:
    """Return the basis of every pair; pairs measured at the same positions share one."""
    known: dict[bytes, Basis] = {}
    found = []
    for u, real in zip(layout.u, layout.real, strict=True):
        key = u[real].tobytes()
        if key not in known:
            known[key] = Basis.of(u[real])
        found.append(known[key])
    return found


def modes(layout: Layout) -> FloatArray:
    """Return the modes of every value, shape (MODES, T, N); 0 where there is none."""
    found = np.zeros((MODES, *layout.real.shape))
    for pair, basis in enumerate(bases(layout)):
        found[:, pair, layout.real[pair]] = basis.modes.T
    return found
