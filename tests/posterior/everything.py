"""Draws with all that a fit may have: several laws, breaks, discrepancy, sharpness, standard errors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.inference import Fit
from bayesscale.models.discrepancy import MODES
from bayesscale.posterior.draws import Draws
from tests.questions.made_up import MadeUp, rows

LAWS = ("log-law", "saturating-law", "rising-power-law")
SIZES = (1e9, 3e9, 1e10, 4e10, 1e11)
DRAWS = 60


def table(metrics: tuple[str, ...] = ("bleu", "cross_entropy")) -> pd.DataFrame:
    """Return curves of five sizes, some values with a standard error."""
    made = rows(metrics=metrics, sizes=SIZES)
    return made.assign(se=np.where(np.arange(len(made)) % 3 == 0, 0.2, np.nan))


def everything(**options: Any) -> Fit:
    """Return a fit with all parts, every one different in every draw."""
    rng = np.random.default_rng(11)

    def normal(*shape: int, mean: float = 0.0, sd: float = 0.3) -> NDArray[np.float64]:
        return mean + sd * rng.standard_normal((2, DRAWS // 2, *shape))

    of_curve, of_metric, may = ("curve", "metric"), ("metric",), ("break_metric",)
    replaced: dict[str, tuple[tuple[str, ...], Any]] = {
        "sharpness": (of_curve, normal(8, 2, mean=0.4)),
        "sharpness_mean": (of_metric, normal(2, mean=0.4)),
        "sharpness_spread": (of_metric, np.full(2, 0.3)),
        "noise": (of_curve, normal(8, 2, mean=-1.0)),
        "se_share": (of_curve, normal(8, 2)),
        "baseline_se_share": (("cell", "metric"), normal(4, 2)),
        "baseline_noise": (("cell", "metric"), normal(4, 2, mean=-1.0)),
        "discrepancy_scale": (of_curve, normal(8, 2, mean=-1.5)),
        "discrepancy_mean": (of_metric, normal(2, mean=-1.5)),
        "discrepancy_spread": (of_metric, np.full(2, 0.3)),
        "discrepancy": ((*of_curve, "mode"), normal(8, 2, MODES, sd=1.0)),
        "break_at": (("curve", "break_metric"), 1e11 * np.exp(normal(8, 1, sd=2.0))),
        "break_slope": (("curve", "break_metric"), normal(8, 1, mean=-0.4)),
        "break_log_hazard": (may, normal(1, mean=-3.0)),
        "break_scale": (may, normal(1, mean=0.4, sd=0.05)),
        "break_alignment": (may, normal(1, mean=-0.7)),
    }
    settings: dict[str, Any] = {"table": table(), "noise": 0.3, "laws": LAWS, "degrees": 5.0}
    return MadeUp(draws=DRAWS, width=0.1, replaced=replaced, **(settings | options)).fit()


def draws_in(fit: Fit) -> Draws:
    """Return the draws of a fit."""
    return fit.arrays
