"""Backtest: forecasts of held-out last sizes of a fit's own curves, beside what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.questions.answer import framed, source_text

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

HELD = "held_out"
"""Where a fit's provenance keeps forecasts of held-out values, a row each."""
FORECAST = ("median", "lower_90", "upper_90")
"""Columns of a forecast: of a new measurement, with its 90% interval."""


def backtest_picture(fit: Fit, *, columns: int = 3) -> Picture:
    """Return a picture of forecasts against measured values, a panel a metric.

    QuestionError where nothing was held out, or the file of the fit does not have the forecasts.
    """
    from bayesscale.figures.calibration import draw_held_out

    rows = fit.provenance.get(HELD)
    if not rows:
        raise QuestionError(
            "a backtest compares forecasts with values that were held out; this fit has none; "
            "fit again, without --no-backtest, curves of three sizes or more"
        )
    caption = (
        f"The last quarter of each curve's sizes, forecast from the rest; 90% equal-tailed intervals. "
        f"{source_text(fit)}."
    )
    return draw_held_out(
        pd.DataFrame(rows), framed(fit, "Backtest: forecasts of held-out values", caption), columns=columns
    )
