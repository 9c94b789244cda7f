"""Densities of the population's main quantities, before and after the data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import gaussian_kde

from bayesscale.questions.answer import framed, source_text
from bayesscale.questions.population import population_rows

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

_POINTS = 120


def posterior_picture(fit: Fit, *, columns: int = 3) -> Picture:
    """Return a picture of prior and posterior of the population: means, slopes, shares of laws, noise."""
    from bayesscale.figures.calibration import draw_densities

    prior = xr.DataTree.from_dict({"posterior": fit.prior()["prior"].to_dataset()})
    parts = {"prior": replace(fit, tree=prior), "posterior": fit}
    table = pd.concat(
        [
            _density(f"{metric} {meaning}".strip(), name, draws)
            for name, source in parts.items()
            for metric, _, quantity, meaning, draws in population_rows(source)
            if quantity in ("mean", "noise_mean") or quantity.startswith(("slope of", "share of"))
        ],
        ignore_index=True,
    )
    caption = (
        f"{source_text(fit)}; {fit.count:,} draws, {fit.status.label}. Grey: prior; blue: posterior; scaled "
        "to their peaks."
    )
    frame = framed(fit, "Prior and posterior of the population", caption)
    return draw_densities(table, frame, columns=columns)


def _density(quantity: str, group: str, draws: np.ndarray) -> pd.DataFrame:
    """Return the density of draws between their 0.5% and 99.5% points, in units of its peak."""
    known = draws[np.isfinite(draws)]
    low, high = np.quantile(known, [0.005, 0.995])
    x = np.linspace(low, high, _POINTS)
    flat = high - low <= 1e-12 * max(1.0, abs(high))
    density = np.ones_like(x) if flat else gaussian_kde(known)(x)
    return pd.DataFrame({"quantity": quantity, "group": group, "x": x, "density": density / density.max()})
