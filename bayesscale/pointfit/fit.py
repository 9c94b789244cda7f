"""The paper's fit of all curves of a metrics table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayesscale.errors import UsageError
from bayesscale.laws import LAWS, Law, LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.table import Metrics
from bayesscale.pointfit.huber import DELTAS, fit_curve, log_residuals, mean_huber
from bayesscale.pointfit.result import CurveFit, PointFit

Array = NDArray[np.float64]

_PARAMETERS = 3


def fit_huber(metrics: Metrics, *, first: int | None = 4) -> PointFit:
    """Fit each curve alone, as the paper does, and test the fit on the larger sizes.

    The Huber loss of the logarithms is minimised by L-BFGS from a grid of initial values, on the points of
    the `first` smallest sizes, at least 3; None fits all, and the other points are held out. Values that are
    not above 0 have no logarithm and are left out, which the curve's message says, as why a curve has no fit.
    The rows of the non-pretrained baseline are no points of a curve. Source: Isik et al., arXiv 2402.04177,
    section 5.
    """
    if first is not None and first < _PARAMETERS:
        raise UsageError(
            f"a law has {_PARAMETERS} parameters and needs as many sizes; received first={first}"
        )
    rows = metrics.frame[~metrics.is_baseline]
    columns = [*metrics.curve_columns, "metric"]
    fits = []
    # L-BFGS-B calls LAPACK on tiny matrices; on a busy machine its threads make that ten times slower.
    with threadpool_limits(1, user_api="blas"):
        for _, points in rows.groupby(columns, sort=True, dropna=False):
            *curve, metric = points[columns].iloc[0].tolist()
            law = LAWS[CATALOGUE[metric].law]
            size, value = (points[name].to_numpy(dtype=float) for name in (metrics.axis, "value"))
            fits.append(_fit(tuple(curve), metric, law, size, value, first))
    return PointFit(tuple(fits), metrics.curve_columns, metrics.axis, first)


def _fit(
    curve: tuple[str | float, ...],
    metric: str,
    law: Law,
    size: Array,
    value: Array,
    first: int | None,
) -> CurveFit:
    """Fit one metric of one curve to its smallest sizes and test it on the others."""
    usable = value > 0
    sizes = np.unique(size[usable])
    lost, count = int(np.sum(~usable)), len(sizes)
    note = [f"{lost} {'value' if lost == 1 else 'values'} not above 0 left out"] * bool(lost)
    if len(sizes) < _PARAMETERS:
        reason = (
            f"not fitted: {law.name} has {_PARAMETERS} parameters, the curve has {count} "
            f"{'size' if count == 1 else 'sizes'} with values above 0; measure at least {_PARAMETERS}"
        )
        return CurveFit(curve, metric, law.name, 0, int(usable.sum()), "; ".join([reason, *note]))
    axis, delta = LogAxis(sizes[0], sizes[: first or len(sizes)][-1]), DELTAS[law.name]
    fitted, held_out = usable & (size <= axis.hi), usable & (size > axis.hi)
    optimum = fit_curve(law, axis.u(size[fitted]), value[fitted], delta)
    loss, rmsle = None, None
    if held_out.any():
        log_value = np.log(value[held_out])
        residuals = log_residuals(law, axis.u(size[held_out]), log_value, optimum.parameters)
        loss, rmsle = mean_huber(residuals, delta), float(np.sqrt(np.mean(residuals**2)))
    return CurveFit(
        curve,
        metric,
        law.name,
        int(fitted.sum()),
        int(held_out.sum()),
        "; ".join([*filter(None, [optimum.message]), *note]),
        axis,
        optimum,
        loss,
        rmsle,
    )
