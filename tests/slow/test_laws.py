"""Laws that are not the usual ones, fitted: they find what made the (simulated) data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.evaluation import compare
from bayesscale.inference import Sampler, fit, load, save
from bayesscale.laws import LogAxis
from bayesscale.laws.exponential import EXPONENTIAL_LAW
from bayesscale.laws.multiplicative import MULTIPLICATIVE_LAW
from bayesscale.laws.shifted import ShiftedPowerLaw
from bayesscale.metrics.read import read_metrics
from bayesscale.questions.forecast import forecast
from bayesscale.questions.summary import summary

pytestmark = pytest.mark.slow

SHORT = Sampler(draws=300, tune=400, chains=2, target_accept=0.95, seed=3, retries=0)
AXIS = LogAxis(1e9, 2.56e11)
SIZES = np.geomspace(AXIS.lo, AXIS.hi, 9)
BEYOND = 8 * AXIS.hi
SHIFT = 4.0
TASKS = ("en-fr", "en-de", "en-ro", "en-cs")


def _table() -> tuple[pd.DataFrame, dict[tuple[str, str], float]]:
    """Return curves of two laws with little noise, and their true values beyond the data."""
    rng, rows, truth = np.random.default_rng(0), [], {}
    laws = {"accuracy": EXPONENTIAL_LAW, "error_rate": ShiftedPowerLaw(SHIFT, AXIS.span)}
    for place, task in enumerate(TASKS):
        for metric, law in laws.items():
            typical = (np.log(0.7), 0.5, 0.6) if metric == "accuracy" else (np.log(0.2), 1.0, 0.4)
            effects = typical[0] + 0.03 * place, typical[1] + 0.05 * place, typical[2]
            value = law.value(AXIS.u(SIZES), *effects) + 0.001 * rng.standard_normal(len(SIZES))
            truth[task, metric] = float(law.value(AXIS.u(BEYOND), *effects))
            rows += [
                {"task": task, "mixture": "simulated", "metric": metric, "pretrain_tokens": size, "value": v}
                for size, v in zip(SIZES, value, strict=True)
            ]
    return pd.DataFrame(rows), truth


def test_other_laws_find_what_made_the_data(tmp_path: Path) -> None:
    frame, truth = _table()
    made = fit(
        read_metrics(frame), sampler=SHORT, breaks="none", law="exponential,chance", loss_law="shifted,m4"
    )
    fitted = load(save(made, tmp_path / "fit.nc"))
    assert fitted.groups == ("posterior", "posterior_chance_m4")
    shift = fitted.draws("shift", "posterior")[:, 0]
    assert np.median(shift) == pytest.approx(SHIFT, rel=0.3)
    assert np.log(shift).std() < fitted.priors.shift.spread / 4
    wide = forecast(fitted, [BEYOND], prob=0.9).table
    for row in wide.to_dict("records"):
        true = truth[row["task"], row["metric"]]
        assert row["law_lower"] < true < row["law_upper"]
        assert row["law_upper"] - row["law_lower"] < 0.35 * true
    table = compare(fitted).table
    assert set(table["law"]) == {"exponential-link and shifted-power-law", "chance-logistic and m4"}
    assert np.isfinite(table[["elpd", "weight"]].to_numpy(float)).all()
    assert "shape of the m4" in set(summary(fitted).population["effect"])


def test_a_joint_law_tells_what_more_finetuning_brings() -> None:
    finetune, rate = LogAxis(1e6, 6.4e7), 0.12
    parameters = {"level": np.log(1.6), "gain_p": 0.25, "gain_f": rate * finetune.span * 0.7, "shape": 0.6}
    coefficients = MULTIPLICATIVE_LAW.coefficients(parameters, AXIS, finetune)
    rng = np.random.default_rng(1)
    rows = [
        {"task": task, "mixture": "simulated", "metric": "cross_entropy"}
        | {"pretrain_tokens": d_p, "finetune_tokens": d_f}
        | {"value": by * MULTIPLICATIVE_LAW.at_size(d_p, d_f, coefficients) + 0.005 * rng.standard_normal()}
        for task, by in zip(TASKS, (0.9, 1.0, 1.1, 1.2), strict=True)
        for d_f in np.geomspace(finetune.lo, finetune.hi, 4)
        for d_p in SIZES
    ]
    fitted = fit(read_metrics(pd.DataFrame(rows)), sampler=SHORT, breaks="none", joint="multiplicative")
    assert fitted.joint == "multiplicative"
    found = fitted.draws("joint_rate")[:, 0]
    assert np.median(found) == pytest.approx(coefficients["b"], rel=0.15)
    assert np.log(found).std() < fitted.priors.joint_rate.spread / 5
    ahead = 16 * finetune.hi
    answer = forecast(fitted, [BEYOND], tasks=["en-fr"], mixtures=["simulated"], other_sizes=[ahead]).table
    true = 0.9 * float(MULTIPLICATIVE_LAW.at_size(BEYOND, ahead, coefficients))
    row = answer.iloc[0]
    assert row["law_lower"] < true < row["law_upper"]
    assert row["law_upper"] - row["law_lower"] < 0.5 * true
    assert "exponent of finetune_tokens in the joint law" in set(summary(fitted).population["meaning"])
