"""Breaks for fits that were made up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference import Fit


def breaking(fit: Fit, *, at: float | NDArray[np.float64], slope: float = -1.0) -> Fit:
    """Return a fit whose first metric breaks.

    Parameters
    ----------
    fit : Fit
        A fit without breaks.
    at : float or array, shape (draws,)
        Sizes in tokens at which the laws break: one of all curves, or one of each draw.
    slope : float
        Slope change, see `bayesscale.models.breaks.with_break`.
    """
    posterior = fit.tree["posterior"].to_dataset()
    chains, draws = posterior.sizes["chain"], posterior.sizes["draw"]
    shape = (chains, draws, len(fit.curves), 1)
    each = np.broadcast_to(np.asarray(at, dtype=float), (chains * draws,)).reshape(chains, draws, 1, 1)
    dims = ("chain", "draw", "curve", "break_metric")
    added = xr.Dataset(
        {
            "break_at": (dims, np.broadcast_to(each, shape)),
            "break_slope": (dims, np.full(shape, slope)),
            "break_log_hazard": (("chain", "draw", "break_metric"), np.full((*shape[:2], 1), np.log(0.1))),
            "break_scale": (("chain", "draw", "break_metric"), np.full((*shape[:2], 1), 0.4)),
        },
        coords={"break_metric": [fit.curves.names[0]]},
    )
    nodes = {name: node.to_dataset() for name, node in fit.tree.children.items()}
    return replace(fit, tree=xr.DataTree.from_dict({**nodes, "posterior": xr.merge([posterior, added])}))
