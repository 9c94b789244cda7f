"""Evaluation and comparison with real fits: the same numbers in processes and on Ray."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from bayesscale.evaluation import Evaluation, compare, evaluate, split_last
from bayesscale.evaluation.backtest import backtest
from bayesscale.evaluation.comparison import SHARE
from bayesscale.evaluation.pointwise import LOO
from bayesscale.evaluation.refit import WHOLE
from bayesscale.inference import Sampler, fit
from bayesscale.inference.track_record import TrackRecord
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.models.model import SCORE_LAWS
from bayesscale.questions.backtest import HELD, backtest_picture
from tests.models.tables import table

pytestmark = pytest.mark.slow

SHORT = Sampler(draws=150, chains=2, seed=3, longest=1)
SIZES = np.geomspace(1e9, 6.4e10, 6).tolist()
MODELS = ("log", "huber")


def tiny() -> Metrics:
    """Return two curves of one score at six sizes."""
    frame = table(("en-fr",), ("en",), metrics=("bleu",), sizes=SIZES, baseline=False)
    return read_metrics(frame)


def run(jobs: int, backend: str = "joblib") -> Evaluation:
    return evaluate(tiny(), first=[4], models=MODELS, sampler=SHORT, jobs=jobs, backend=backend)


@pytest.fixture(scope="module")
def one() -> Evaluation:
    return run(1)


def test_two_processes_give_the_numbers_of_one(one: Evaluation) -> None:
    pd.testing.assert_frame_equal(one.rows, run(2).rows)
    assert not one.failures
    log = one.frame().query("model == 'log'").iloc[0]
    assert (log["n"], log["curves"]) == (4, 2)
    assert 0 < log["width_50"] < log["width_80"] < log["width_90"] < 40
    assert np.isfinite(log[["rmsle", "crps", "log_score"]].to_numpy(float)).all()


@pytest.fixture
def cluster() -> Iterator[None]:
    """Start a cluster of two cores, or skip."""
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'bayesscale[ray]'")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(num_cpus=2, include_dashboard=False, object_store_memory=100 * 1024**2, log_to_driver=False)
    yield
    ray.shutdown()


# Ray leaves pipes and sockets of its own processes to the garbage collector.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_ray_gives_the_numbers_of_joblib(cluster: None, one: Evaluation) -> None:
    pd.testing.assert_frame_equal(one.rows, run(2, "ray").rows)


def test_laws_of_a_fit_are_compared_by_refits() -> None:
    fitted = fit(tiny(), sampler=SHORT)
    found = compare(fitted, lfo=1)
    assert found.lfo == 1
    table = found.frame()
    future = table[(table["criterion"] == "LFO, last 1") & (table["metric"] == "bleu")]
    assert set(future["law"]) == {*SCORE_LAWS, WHOLE}
    assert future["n"].tolist() == [2] * len(future)
    # Scores of about 20 with noise of about 0.5: no density is large, and tiny ones come from laws far off.
    assert future["elpd"].between(-20, 2).all()
    shares = table[table["criterion"] == SHARE]
    assert shares["p_law"].sum() == pytest.approx(1.0)
    assert (table.loc[table["criterion"] == LOO, "p_loo"] > 0).all()


def test_a_track_record_is_that_of_the_same_model_on_fewer_sizes() -> None:
    metrics = tiny()
    found = backtest(fit(metrics, sampler=SHORT, law="saturating"))
    record = TrackRecord.of(found.provenance)
    assert record is not None
    # Two curves of six sizes: the last two of each.
    assert record.held == 4
    assert 0 <= record.inside_50 <= record.inside_90 <= 4
    again = evaluate(metrics, splits=[split_last(metrics, 0.25)], models=["saturating"], sampler=SHORT)
    own = again.rows
    assert record.inside_90 == own["inside_90"].sum()
    assert record.crps == pytest.approx({"bleu": own["crps"].mean()})
    kept = found.provenance[HELD]
    assert [row["median"] for row in kept] == own["median"].tolist()
    assert len(backtest_picture(found).frame()) == 4
