"""What the simulated curves look like, over many seeds: the shape of the paper's figures."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.simulate import PAPER, simulate

SEEDS = range(40)


@pytest.fixture(scope="module")
def laws() -> pd.DataFrame:
    """Return the laws of the paper's grid over many seeds, with their end points and baselines."""
    frames = []
    for seed in SEEDS:
        truth = simulate(PAPER, seed).truth
        frame = truth.frame().assign(seed=seed)
        ends = [
            curve.law_value([truth.lowest_tokens, truth.highest_tokens], truth.axis) for curve in truth.curves
        ]
        frame[["first", "last"]] = np.array(ends)
        baselines = pd.DataFrame([vars(baseline) for baseline in truth.baselines])
        frames.append(
            frame.merge(
                baselines.rename(columns={"value": "baseline"}), on=["task", "finetune_tokens", "metric"]
            )
        )
    laws = pd.concat(frames, ignore_index=True)
    laws["rank"] = laws.groupby("task")["finetune_tokens"].rank(method="dense").astype(int)
    laws["gained"] = (laws["last"] - laws["first"]).where(
        laws["metric"] == "bleu", laws["first"] - laws["last"]
    )
    return laws


@pytest.fixture(scope="module")
def bleu(laws: pd.DataFrame) -> pd.DataFrame:
    return laws[laws["metric"] == "bleu"]


@pytest.fixture(scope="module")
def loss(laws: pd.DataFrame) -> pd.DataFrame:
    return laws[laws["metric"] == "cross_entropy"]


def between(values: pd.Series, low: float, high: float) -> float:
    """Return the fraction of values in a range."""
    return float(values.between(low, high).mean())


def test_ranges_are_those_of_the_paper(bleu: pd.DataFrame, loss: pd.DataFrame) -> None:
    for column in ("first", "last"):
        assert between(bleu[column], 10, 42) > 0.99
        assert between(loss[column], 1, 3) > 0.99


def test_noise_is_that_of_single_runs(bleu: pd.DataFrame, loss: pd.DataFrame) -> None:
    assert bleu["noise"].median() == pytest.approx(0.5, rel=0.02)
    assert between(bleu["noise"], 0.3, 0.7) > 0.95
    assert loss["noise"].median() == pytest.approx(0.01, rel=0.02)


def test_pretraining_helps_much_at_small_and_little_at_the_largest_finetuning_size(
    bleu: pd.DataFrame,
) -> None:
    small, largest = bleu[bleu["rank"] == 1], bleu[bleu["rank"] == 3]
    assert between(small["gained"], 2, 15) > 0.99
    assert between(largest["gained"], -1.5, 2) > 0.95
    assert between(largest["gained"], 0, 1) > 0.3
    assert bleu.groupby("rank")["gained"].median().is_monotonic_decreasing


def test_cross_entropy_improves_everywhere(loss: pd.DataFrame) -> None:
    assert (loss["gained"] > 0).mean() > 0.99
    assert loss.groupby("rank")["gained"].median().is_monotonic_decreasing


def test_more_finetuning_data_give_better_values(bleu: pd.DataFrame, loss: pd.DataFrame) -> None:
    assert bleu.groupby(["task", "rank"])["last"].median().groupby("task").is_monotonic_increasing.all()
    assert loss.groupby(["task", "rank"])["last"].median().groupby("task").is_monotonic_decreasing.all()


def test_alignment_raises_level_and_gain(bleu: pd.DataFrame, loss: pd.DataFrame) -> None:
    aligned, foreign = (bleu[bleu["alignment"] == value] for value in (1.0, 0.0))
    assert aligned["last"].mean() > foreign["last"].mean() + 2
    assert aligned["gain"].mean() == pytest.approx(foreign["gain"].mean() + 0.04, abs=0.01)
    aligned, foreign = (loss[loss["alignment"] == value] for value in (1.0, 0.0))
    assert aligned["last"].mean() < foreign["last"].mean() - 0.1
    assert aligned["gained"].mean() > foreign["gained"].mean()


def test_baseline_is_near_the_aligned_curves_at_the_largest_size_and_far_below_at_the_smallest(
    bleu: pd.DataFrame,
) -> None:
    aligned = bleu[bleu["alignment"] == 1.0]
    distance = (aligned["last"] - aligned["baseline"]).groupby(aligned["rank"]).median()
    assert 0 < distance[3] < 3
    assert distance[1] > 12
    assert distance.is_monotonic_decreasing


def test_baseline_loss_is_worse_than_that_of_pretrained_models(loss: pd.DataFrame) -> None:
    aligned = loss[loss["alignment"] == 1.0]
    assert (aligned["baseline"] > aligned["last"]).mean() > 0.95


def test_good_scores_go_with_low_losses_beyond_what_the_covariates_say(laws: pd.DataFrame) -> None:
    keys = ["seed", "task", "mixture", "finetune_tokens"]
    levels = laws.pivot_table(index=keys, columns="metric", values="level")
    # Differences of two D_f of one curve's task and mixture leave only residuals.
    residual = levels.groupby(["seed", "task", "mixture"]).diff().dropna()
    residual -= residual.groupby(["task", "finetune_tokens"]).transform("mean")
    assert residual["bleu"].corr(residual["cross_entropy"]) == pytest.approx(-0.64, abs=0.05)
