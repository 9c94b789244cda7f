"""Log predictive densities of held-out values: what a fit to other rows had said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats

from bayesscale.models.effects import noise_scales
from bayesscale.models.measurement import FEWEST_DEGREES, RESOLUTION, total_sd
from bayesscale.questions.asked import target_effects
from bayesscale.questions.predictive import Predictive
from bayesscale.questions.targets import Selection

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]


def log_densities(fit: Fit, held: pd.DataFrame) -> FloatArray:
    """Return the log predictive density of held-out values.

    The density of one value is the mean over the draws of its Student-t density around the draw's law with
    its break and discrepancy at that size, both of which go on beyond the fitted sizes.

    Parameters
    ----------
    fit : Fit
        Fitted to other rows of the same curves.
    held : pandas.DataFrame
        Rows as in `Metrics.frame`.

    Returns
    -------
    array, shape (rows,)
        In the order of `held`.
    """
    effects, _ = target_effects(fit, Selection(), None)
    predictive, columns = Predictive(effects, 0.9), list(fit.metrics.curve_columns)
    table = effects.targets.table[columns]
    places = {row: place for place, row in enumerate(table.itertuples(index=False, name=None))}
    rows = held.reset_index(drop=True)
    found = np.empty(len(rows))
    for key, own in rows.groupby([*columns, "metric"], sort=True, dropna=False):
        *curve, name = key
        chosen = slice(places[tuple(curve)], places[tuple(curve)] + 1)
        metric = fit.curves.names.index(str(name))
        law = predictive.law(own[fit.metrics.axis].to_numpy(float)[None], metric, chosen)[0]
        scale = _scales(fit, own, metric, effects.noise_factor(chosen, metric)[:, 0])
        degrees = FEWEST_DEGREES + fit.draws("noise_tails")[:, metric]
        each = stats.t.logpdf(own["value"].to_numpy(float)[:, None], degrees, law, scale)
        found[own.index] = special.logsumexp(each, axis=1) - np.log(each.shape[1])
    return found


def _scales(fit: Fit, rows: pd.DataFrame, metric: int, factor: FloatArray) -> FloatArray:
    """Return the scale of the noise of each row in each draw, shape (rows, draws)."""
    se = rows["se"].fillna(0.0).to_numpy(float) if "se" in rows else np.zeros(len(rows))
    independent = fit.draws("se_independent")[:, metric] if fit.has("se_independent") else None
    floor = RESOLUTION * noise_scales((fit.curves.names[metric],), fit.priors)[0]
    own = fit.draws("noise_sd")[:, metric] * np.exp(factor)
    scale = total_sd(own[None], se[:, None], independent, floor=floor)
    return np.asarray(np.broadcast_to(scale, (len(rows), len(own))))
