"""The paper's fit of all curves of a metrics table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from bayesscale.errors import UsageError, valid_names
from bayesscale.laws import LAWS, Law, LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.table import Metrics
from bayesscale.pointfit.huber import fit_curve, log_residuals, mean_huber
from bayesscale.pointfit.result import CurveFit, PointFit

Array = NDArray[np.float64]

DELTAS: Mapping[str, float] = MappingProxyType({"log-law": 0.1, "power-law": 1e-3})
"""The paper's deltas. For cross-entropy its text says 1e-3, the captions of its tables 4 and 6 say 1e-5."""
_PARAMETERS = 3


def fit_huber(metrics: Metrics, *, first: int | None = 4, deltas: Mapping[str, float] = DELTAS) -> PointFit:
    """Fit each curve alone, as the paper does, and test the fit on the larger sizes.

    The Huber loss of the logarithms is minimised by L-BFGS from a grid of initial values, on the points of
    the smallest sizes; the other points are held out. Values that are not above 0 have no logarithm and are
    left out, which the curve's message says.

    Parameters
    ----------
    metrics : Metrics
        The table; the rows of the non-pretrained baseline are no points of a curve.
    first : int or None
        Number of smallest sizes to fit, at least 3; None fits all.
    deltas : mapping of str to float
        Where the Huber loss turns from quadratic to linear, by name of the law, in log units; laws that are
        not named keep the paper's.

    Returns
    -------
    PointFit
        One fit, or the reason why there is none, for each curve and metric.

    Raises
    ------
    UsageError
        If `first` or a delta is out of range.

    References
    ----------
    Isik et al., arXiv 2402.04177, section 5.
    """
    all_deltas = _checked(first, deltas)
    rows = metrics.frame[~metrics.is_baseline]
    columns = [*metrics.curve_columns, "metric"]
    fits = []
    # L-BFGS-B calls LAPACK on tiny matrices; on a busy machine its threads make that ten times slower.
    with threadpool_limits(1, user_api="blas"):
        for _, points in rows.groupby(columns, sort=True, dropna=False):
            *curve, metric = points[columns].iloc[0].tolist()
            law = LAWS[CATALOGUE[metric].law]
            size, value = (points[name].to_numpy(dtype=float) for name in (metrics.axis, "value"))
            fits.append(_fit(tuple(curve), metric, law, size, value, first, all_deltas[law.name]))
    return PointFit(tuple(fits), metrics.curve_columns, metrics.axis, first, all_deltas)


def _checked(first: int | None, deltas: Mapping[str, float]) -> dict[str, float]:
    """Return the delta of every law; raise if an option is out of range."""
    if first is not None and first < _PARAMETERS:
        raise UsageError(
            f"a law has {_PARAMETERS} parameters and needs as many sizes; received first={first}"
        )
    for name, delta in deltas.items():
        if name not in LAWS:
            raise UsageError(f"deltas are given by law; received {name!r}; {valid_names(name, LAWS)}")
        if not 0 < delta < np.inf:
            raise UsageError(f"a Huber delta is a number above 0; received {delta!r} for {name}")
    return {**DELTAS, **deltas}


def _fit(
    curve: tuple[str | float, ...],
    metric: str,
    law: Law,
    size: Array,
    value: Array,
    first: int | None,
    delta: float,
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
    axis = LogAxis(sizes[0], sizes[: first or len(sizes)][-1])
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
