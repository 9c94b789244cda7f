"""Fits find the law, and with it the forecast, of simulated curves of which both are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.inference import Fit, Sampler, fit
from bayesscale.laws import LAWS, LogAxis
from bayesscale.metrics.read import read_metrics
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.questions.forecast import forecast

pytestmark = pytest.mark.slow

SHORT = Sampler(draws=200, chains=2, seed=3, longest=8)
AXIS = LogAxis(1e9, 2.56e11)
SIZES = np.geomspace(AXIS.lo, AXIS.hi, 10)
BEYOND = 8 * AXIS.hi
TASKS = ("en-fr", "en-de", "en-ro", "en-cs", "en-fi", "en-et")
# Level, gain and shape: clearly bent, so that laws can be told apart.
CURVES = {
    "log-law": ("accuracy", np.log(0.5), 0.5, np.log(1.6)),
    "saturating-law": ("accuracy", np.log(0.6), 1.0, 1.2),
    "rising-power-law": ("accuracy", np.log(0.6), 1.2, 1.3),
    "power-law": ("error_rate", np.log(0.2), 1.0, 0.8),
}


def made(law: str, noise: float = 0.001) -> tuple[pd.DataFrame, dict[str, float]]:
    """Return curves of one law with little noise, and their true values beyond the data."""
    rng, rows, truth = np.random.default_rng(0), [], {}
    metric, level, gain, shape = CURVES[law]
    for place, task in enumerate(TASKS):
        own = level - 0.02 * place, gain + 0.03 * place, shape + 0.05 * rng.standard_normal()
        value = LAWS[law].value(AXIS.u(SIZES), *own) + noise * rng.standard_normal(len(SIZES))
        truth[task] = float(LAWS[law].value(AXIS.u(BEYOND), *own))
        rows += [
            {"task": task, "mixture": "simulated", "metric": metric, "pretrain_tokens": size, "value": v}
            for size, v in zip(SIZES, value, strict=True)
        ]
    return pd.DataFrame(rows), truth


def share(fitted: Fit, law: str) -> float:
    """Return the mean probability that a curve follows a law."""
    return float((fitted.draws(FOLLOWED) == fitted.laws.index(law)).mean())


@pytest.mark.parametrize("law", CURVES)
def test_the_law_that_made_the_data_is_found_and_goes_on(law: str) -> None:
    frame, truth = made(law)
    fitted = fit(read_metrics(frame), sampler=SHORT, breaks="none")
    found = {name: share(fitted, name) for name in fitted.laws}
    assert max(found, key=lambda name: found[name]) == law
    wide = forecast(fitted, [BEYOND], prob=0.95).table
    inside = [row["law_lower"] < truth[row["task"]] < row["law_upper"] for row in wide.to_dict("records")]
    assert sum(inside) >= len(TASKS) - 1
    # Where all laws but one are ruled out the forecast is narrow.
    alone = (
        fit(read_metrics(frame), sampler=SHORT, breaks="none", law=LAWS[law].option)
        if law != "power-law"
        else fitted
    )
    narrow = forecast(alone, [BEYOND], prob=0.95).table
    for row in narrow.to_dict("records"):
        assert row["law_upper"] - row["law_lower"] < 0.5 * truth[row["task"]]


def test_curves_of_two_laws_are_told_apart_one_by_one() -> None:
    first, second = made("log-law")[0], made("rising-power-law")[0]
    second["task"] = second["task"].str.replace("en-", "de-")
    fitted = fit(read_metrics(pd.concat([first, second])), sampler=SHORT, breaks="none")
    follows = (fitted.draws(FOLLOWED)[..., 0] == fitted.laws.index("log-law")).mean(axis=0)
    log = fitted.curves.table["task"].str.startswith("en-").to_numpy()
    assert follows[log].mean() > follows[~log].mean() + 0.5
    of_all = fitted.draws("law_share")[:, 0, fitted.laws.index("log-law")]
    assert 0.2 < of_all.mean() < 0.8


def test_the_paper_s_option_fits_the_paper_s_laws_and_no_others() -> None:
    frame, _ = made("log-law", noise=0.01)
    fitted = fit(read_metrics(frame), sampler=SHORT, law="paper")
    assert fitted.laws == ("log-law",)
    assert share(fitted, "log-law") == 1.0
    assert not any(fitted.has(name) for name in ("break_at", "discrepancy", "sharpness_mean"))
