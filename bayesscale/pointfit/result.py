"""What a Huber fit returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bayesscale.errors import UsageError
from bayesscale.laws import LAWS, LogAxis
from bayesscale.pointfit.huber import DELTAS, Optimum
from bayesscale.tables import table_text

KIND = "point estimate, no interval"
"""What the numbers of a Huber fit are."""


@dataclass(frozen=True)
class CurveFit:
    """The fit of one metric on one curve, given by the values of the curve-defining columns.

    The message says why the curve was not fitted, with neither axis nor optimum, or what is to be said of the
    fit. `axis` is the fitted range of sizes, on which the parameters are anchored. The held-out loss and
    RMSLE are mean Huber loss and root mean square of the held-out log residuals; None if nothing was held
    out.
    """

    curve: tuple[str | float, ...]
    metric: str
    law: str
    n_fit: int
    n_held_out: int
    message: str
    axis: LogAxis | None = None
    optimum: Optimum | None = None
    held_out_loss: float | None = None
    held_out_rmsle: float | None = None

    def coefficients(self) -> dict[str, float | None]:
        """Return the coefficients that papers print, None where the curve was not fitted."""
        law = LAWS[self.law]
        if self.optimum is None or self.axis is None:
            return dict.fromkeys(law.coefficient_names)
        level, gain, shape = self.optimum.parameters
        return {name: float(x) for name, x in law.coefficients(level, gain, shape, self.axis).items()}

    def row(self) -> dict[str, Any]:
        """Return the curve's row in `PointFit.frame`, without the curve's own columns."""
        return {
            "metric": self.metric,
            "law": self.law,
            **self.coefficients(),
            "loss": self.optimum.loss if self.optimum else None,
            "held_out_loss": self.held_out_loss,
            "held_out_rmsle": self.held_out_rmsle,
            "n_fit": self.n_fit,
            "n_held_out": self.n_held_out,
            "converged": self.optimum is not None and self.optimum.converged,
            "message": self.message,
        }

    def values(self, sizes: Any) -> NDArray[np.float64] | None:
        """Return the fitted law's values at sizes in tokens; None where the curve was not fitted."""
        if self.optimum is None or self.axis is None:
            return None
        return np.asarray(LAWS[self.law].value(self.axis.u(sizes), *self.optimum.parameters))


@dataclass(frozen=True)
class PointFit:
    """Huber fits of all curves of a table: one law and three numbers for each curve and metric.

    `first` is the number of smallest sizes that were fitted; None for all.
    """

    fits: tuple[CurveFit, ...]
    curve_columns: tuple[str, ...]
    size_column: str
    first: int | None

    def frame(self) -> pd.DataFrame:
        """Return one row for each curve and metric; numbers that do not apply to a row are missing."""
        rows = [self._labels(fit) | fit.row() for fit in self.fits]
        laws = {fit.law for fit in self.fits}
        names = [name for law in LAWS.values() if law.name in laws for name in law.coefficient_names]
        numbers = [*dict.fromkeys(names), "loss", "held_out_loss", "held_out_rmsle"]
        told = ("n_fit", "n_held_out", "converged", "message")
        columns = [*self.curve_columns, "metric", "law", *numbers, *told]
        return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(numbers, float))

    def predict(self, sizes: ArrayLike) -> pd.DataFrame:
        """Return the fitted laws' values at given sizes, a row a curve, metric and size.

        Curves that were not fitted are left out, `frame` says why. UsageError if a size is not a finite
        number above 0.
        """
        wanted = np.atleast_1d(np.asarray(sizes, dtype=float))
        if not np.all((wanted > 0) & (wanted < np.inf)):
            raise UsageError(f"sizes are finite numbers above 0; received {wanted.tolist()}")
        rows = [
            self._labels(fit) | {"metric": fit.metric, self.size_column: size, "value": float(value)}
            for fit in self.fits
            if (values := fit.values(wanted)) is not None
            for size, value in zip(wanted, values, strict=True)
        ]
        return pd.DataFrame(rows, columns=[*self.curve_columns, "metric", self.size_column, "value"])

    def _labels(self, fit: CurveFit) -> dict[str, Any]:
        """Return the curve's columns and their values."""
        return dict(zip(self.curve_columns, fit.curve, strict=True))

    def readable(self) -> pd.DataFrame:
        """Return the table that a person reads: coefficients in one column, and the points fitted."""
        rows = [
            self._labels(fit)
            | {
                "metric": fit.metric,
                "coefficients": ", ".join(f"{x:.3g}" for x in fit.coefficients().values() if x is not None),
                "points": f"{fit.n_fit} of {fit.n_fit + fit.n_held_out}",
                "RMSLE": fit.held_out_rmsle,
                "note": fit.message,
            }
            for fit in self.fits
        ]
        return pd.DataFrame(rows).astype({"RMSLE": float})

    def sentences(self) -> list[str]:
        """Return what the numbers are."""
        points = "all sizes" if self.first is None else f"the {self.first} smallest sizes"
        laws = [LAWS[name] for name in dict.fromkeys(fit.law for fit in self.fits)]
        deltas = ", ".join(f"{law.name} {DELTAS[law.name]:g}" for law in laws)
        names = "; ".join(f"{', '.join(law.coefficient_names)} of the {law.name}" for law in laws)
        return [
            f"Huber fit of {points} of each curve ({KIND}), as in arXiv 2402.04177; delta: {deltas}",
            f"coefficients: {names}; RMSLE: root mean square of the held-out log residuals",
        ]

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])
