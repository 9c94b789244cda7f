"""The model of a metrics table in PyMC, for those who want to read it or to go on with it themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.table import Metrics
from bayesscale.models.breaks import usual_breaks
from bayesscale.models.model import ALL, chosen_model
from bayesscale.models.priors import Priors

if TYPE_CHECKING:
    import pymc as pm


def model(
    metrics: Metrics,
    *,
    law: str = ALL,
    breaks: str | None = None,
    discrepancy: bool = True,
    priors: Priors | None = None,
) -> pm.Model:
    """Return the model of a metrics table in PyMC, as `fit` understands it.

    `bayesscale.fit` is made to draw from the same posterior.

    Parameters
    ----------
    metrics : Metrics
        The data, from `bayesscale.read_metrics`.
    law : str
        Laws of scores: 'all'; 'log', 'saturating', 'rising' or several of them separated by commas; or
        'paper', the log-law without breaks and discrepancy.
    breaks : str, optional
        Which metrics may break: 'scores', 'all' or 'none'; default: scores along D_p, none along D_f.
    discrepancy : bool
        Let curves stray from their laws.
    priors : Priors, optional
        The priors; default: the documented ones.

    Returns
    -------
    pymc.Model
        All parameters are continuous: the law of every curve and metric is summed over. `law_probability`
        is what a draw says of it.

    Raises
    ------
    UsageError
        A law is unknown, or what may break.
    """
    # Imported late: reading a stored fit needs no PyMC.
    from bayesscale.models.plain import plain_model

    chosen = usual_breaks(metrics.axis) if breaks is None else breaks
    return plain_model(build_curves(metrics), chosen_model(law, chosen, discrepancy, priors or Priors()))
