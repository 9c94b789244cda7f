"""Laws by the papers' coefficients, beside the same laws by their anchored parameters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bayesscale.inference import Fit
from bayesscale.inference.derived import drawn_law, law_blocks, location_scale
from bayesscale.laws import Law

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Both:
    """The values of scores or of losses, (chain, draw, row): by coefficients, and by parameters.

    `finite` says where all coefficients are numbers, `rising` where the gain is positive.
    """

    law: Law
    each: dict[str, FloatArray]
    by_coefficients: FloatArray
    by_parameters: FloatArray
    finite: NDArray[np.bool_]
    rising: NDArray[np.bool_]


def both_ways(fit: Fit, group: str) -> Iterator[Both]:
    """Yield the laws of scores and of losses of a group, without breaks and discrepancy."""
    posterior = fit.tree[group].to_dataset().drop_vars(["break_at", "discrepancy"])
    for name, rows, first in law_blocks(fit.curves):
        law = drawn_law(posterior, fit.curves, fit.priors, name == "score", first + rows.metric)
        mean = location_scale(posterior, fit.curves, fit.priors, name, slice(None))[0]
        picked = {"curve": xr.DataArray(rows.unit, dims="row"), name: xr.DataArray(rows.metric, dims="row")}
        each = {c: posterior[f"{name}_{c}"].isel(picked).to_numpy() for c in law.coefficient_names}
        with np.errstate(invalid="ignore", over="ignore"):
            again = law.at_size(rows.size, each)
        # Where the law's exponents overflow, the papers' coefficients have no value; anchored ones have.
        finite = np.isfinite(again) & np.isfinite(np.array(list(each.values()))).all(axis=0)
        effect = f"{'bleu' if name == 'score' else 'cross_entropy'}.gain"
        rising = posterior["curve_effect"].sel(effect=effect).to_numpy()[..., rows.unit] > 0
        yield Both(law, each, again, mean, finite, rising)
