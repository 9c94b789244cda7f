"""Claims about draws: reproducible, stored whole or not at all, whatever the table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.inference import Fit, Sampler, fit, load, save
from bayesscale.metrics.read import read_metrics
from bayesscale.questions import forecast
from bayesscale.simulate import SMALL, simulate

pytestmark = pytest.mark.slow

REGIME = replace(SMALL, mixtures=SMALL.mixtures[:2], breaks="none", checkpoints=6)
SHORT = Sampler(draws=100, chains=2, seed=3, longest=1)


def table(seed: int) -> pd.DataFrame:
    return simulate(REGIME, seed).frame


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(read_metrics(table(0)), sampler=Sampler(draws=400, seed=3))


def test_the_same_seed_gives_the_same_draws_whatever_the_number_of_cores() -> None:
    metrics = read_metrics(table(0))
    one, two = (fit(metrics, sampler=replace(SHORT, cores=cores)) for cores in (1, 2))
    for group in ("posterior", "coefficients", "log_likelihood", "posterior_predictive"):
        for name, values in one.tree[group].data_vars.items():
            np.testing.assert_array_equal(two.tree[group][str(name)], values, err_msg=f"{group} {name}")
    other = fit(metrics, sampler=replace(SHORT, seed=4))
    assert not (other.draws("mean") == one.draws("mean")).any()
    chains = one.tree["posterior"]["mean"].to_numpy()
    assert not (chains[0] == chains[1]).any()


def test_the_order_of_rows_says_nothing() -> None:
    frame = table(0)
    shuffled = frame.sample(frac=1, random_state=0)
    first, second = (fit(read_metrics(each), sampler=SHORT) for each in (frame, shuffled))
    np.testing.assert_array_equal(first.draws("mean"), second.draws("mean"))


def test_a_fit_converges_follows_the_data_and_comes_back_from_its_file(fitted: Fit, tmp_path: Path) -> None:
    assert fitted.status.ok, str(fitted.status)
    replicated = fitted.tree["posterior_predictive"]["value"].mean(("chain", "draw"))
    observed = fitted.tree["observed_data"]["value"]
    metric = observed["observation_metric"].to_numpy()
    for name, noise in (("bleu", 0.7), ("cross_entropy", 0.015)):
        error = (replicated - observed).to_numpy()[metric == name]
        assert np.sqrt(np.mean(error**2)) < 2 * noise
    again = load(save(fitted, tmp_path / "fit.nc"))
    np.testing.assert_array_equal(again.draws("level"), fitted.draws("level"))
    assert (again.provenance, again.status, again.model) == (fitted.provenance, fitted.status, fitted.model)
    pd.testing.assert_frame_equal(
        forecast(again, [1e12]).frame(), forecast(fitted, [1e12]).frame(), check_dtype=False
    )


def test_chains_go_on_until_they_agree(fitted: Fit) -> None:
    found = fitted.provenance["diagnostics"]
    assert found["sweeps"] > 400
    assert found["rhat"] <= 1.01
    assert min(found["ess_bulk"], found["ess_tail"]) >= 400
    short = fit(fitted.metrics, sampler=SHORT)
    assert short.provenance["diagnostics"]["sweeps"] < found["sweeps"]
    assert not short.status.ok  # 200 draws have not 400 effective ones
    assert "--longest 4" in short.status.remedy


KILLED = """
import sys, threading
from bayesscale.cli.main import main
from bayesscale.particles.chain import Chain
sweep, begun = Chain.sweep, threading.Event()
def told(chain, count):
    if not begun.is_set():
        begun.set()
        print("sweeping", flush=True)
    sweep(chain, count)
Chain.sweep = told
main(["fit", sys.argv[1], "-o", sys.argv[2], "--draws", "5000"])
"""


@pytest.mark.parametrize("exists", [True, False])
def test_a_fit_that_is_killed_while_it_samples_leaves_what_was_there(tmp_path: Path, exists: bool) -> None:
    target = tmp_path / "out" / "fit.nc"
    target.parent.mkdir()
    table(0).to_csv(tmp_path / "table.csv", index=False)
    if exists:
        target.write_bytes(b"mine")
    force = ', "--force"])' if exists else "])"
    code = KILLED.replace("])\n", f"{force}\n")
    command = [sys.executable, "-c", code, str(tmp_path / "table.csv"), str(target)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "sweeping\n"
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    assert [path.name for path in target.parent.iterdir()] == (["fit.nc"] if exists else [])
    if exists:
        assert target.read_bytes() == b"mine"


def _variants() -> dict[str, pd.DataFrame]:
    """Return tables of every structure that a user may have."""
    whole = table(0)
    along = whole["pretrain_tokens"] > 0
    one = whole[along & (whole["finetune_tokens"] == 42_000_000)]
    sizes = sorted(whole["pretrain_tokens"].unique())
    no_shares = whole.drop(columns=[c for c in whole.columns if c.startswith("share_")])
    missing = (whole["metric"] == "cross_entropy") & (whole["finetune_tokens"] == 210_000_000)
    return {
        "scores alone, of unequal length": whole[
            (whole["metric"] == "bleu") & (~along | (whole.index % 3 > 0))
        ],
        "losses alone, no baseline": whole[along & (whole["metric"] == "cross_entropy")],
        "one curve of three points": one[
            (one["mixture"] == one["mixture"].iloc[0]) & one["pretrain_tokens"].isin(sizes[1:4])
        ],
        "zeros": whole[along].assign(value=np.where(whole.loc[along, "metric"] == "bleu", 0.0, 1.0)),
        "a metric missing on some curves, no alignment, standard errors": no_shares[~missing].assign(
            se=np.where(no_shares.loc[~missing, "metric"] == "bleu", 0.4, 0.01)
        ),
    }


@pytest.mark.parametrize("name", _variants())
def test_every_structure_of_data_can_be_fitted(name: str) -> None:
    breaks = "all" if name.startswith("a metric missing") else "scores"
    result = fit(read_metrics(_variants()[name]), sampler=SHORT, breaks=breaks)
    values = forecast(result, [1e12]).frame()[["median", "lower", "upper"]]
    assert np.isfinite(values.to_numpy()).all()
    assert (values["lower"] < values["upper"]).all()


def test_curves_that_broke_are_found_and_no_others() -> None:
    simulated = simulate(SMALL, 0)
    result = fit(read_metrics(simulated.frame), sampler=Sampler(seed=3))
    assert not result.status.problems
    keys = result.curves.table[["task", "mixture", "finetune_tokens"]].itertuples(index=False, name=None)
    truth = np.array([simulated.truth.curve(key, "bleu").break_tokens is not None for key in keys])
    assert truth.sum() == 2
    found = (result.draws("break_at")[..., 0] < result.curves.axis.hi).mean(axis=0)
    assert found[truth].min() > 0.9
    assert found[~truth].max() < 0.5
