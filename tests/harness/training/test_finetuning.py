"""Finetuning: it learns, dev chooses the rate, memory and divergence are recorded."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="finetuning needs torch (extra train)")

from bayesscale.errors import CheckpointError, CorpusError
from bayesscale.harness.batches import collate, plan_batches
from bayesscale.harness.decoding import cross_entropy, translate
from bayesscale.harness.model.config import ModelConfig, Vocabulary
from bayesscale.harness.model.t5 import IGNORED
from bayesscale.harness.study.training import DecodingConfig, FinetuningConfig
from bayesscale.harness.tokens.parallel import Parallel
from bayesscale.harness.training.finetuning import finetune
from bayesscale.harness.training.jobs import FinetuneJob, FinetuneResult
from bayesscale.harness.training.weights import init_model, save_weights

VOCABULARY = Vocabulary(size=24, first_sentinel=23, sentinels=4)
MODEL = ModelConfig(layers=1, d_model=32, d_ff=64, heads=4, d_kv=8)


def _pairs(count: int, seed: int) -> Parallel:
    """Return pairs whose target is the source with every token moved up by one."""
    random = np.random.default_rng(seed)
    source = [random.integers(3, 18, random.integers(2, 6)) for _ in range(count)]
    ended = [np.append(tokens, 1).astype(np.uint16) for tokens in source]
    moved = [np.append(tokens + 1, 1).astype(np.uint16) for tokens in source]
    return Parallel(ended, moved, [], [], [])


def _job(**changes: Any) -> FinetuneJob:
    """Return a job; changes go to the configuration or the job."""
    fields = {name: changes.pop(name) for name in tuple(changes) if name in FinetuningConfig.model_fields}
    config = FinetuningConfig.model_validate(
        {
            "sizes": ("full",), "batch": 64, "length": 16, "epochs": 0, "steps": 20, "rates": (0.02,),
            "precision": "fp32", "compile": False, "dropout": 0.0, **fields,
        }
    )  # fmt: skip
    values: dict[str, Any] = {
        "model": MODEL, "weights": None, "train": _pairs(200, 1), "dev": _pairs(40, 2), "config": config,
        "vocabulary": VOCABULARY, "seed": 3, "deterministic": True, **changes,
    }  # fmt: skip
    return FinetuneJob(**values)


@pytest.fixture(scope="module")
def learned() -> FinetuneResult:
    """Return a model that translates; no test changes it."""
    return finetune(_job(steps=250, batch=256, train=_pairs(2000, 1)))


@pytest.fixture(scope="module")
def alone() -> FinetuneResult:
    """Return what comes of the usual job, with one rate; no test changes it."""
    return finetune(_job())


def test_it_learns_to_translate(learned: FinetuneResult) -> None:
    dev = _pairs(40, 2)
    assert learned.dev_loss < 0.3
    assert learned.dev_loss == pytest.approx(cross_entropy(learned.model, dev).per_token)
    config = DecodingConfig(precision="fp32", max_length=10)
    found = translate(learned.model, dev.source, config)
    right = [tokens == target[:-1].tolist() for tokens, target in zip(found, dev.target, strict=True)]
    assert np.mean(right) > 0.7


def test_dev_chooses_the_rate_and_the_model_is_that_of_the_rate(alone: FinetuneResult) -> None:
    rates = (1e-5, 0.02, 1e-4)
    result = finetune(_job(rates=rates))
    assert result.rate == 0.02
    assert [(trial.rate, trial.steps) for trial in result.trials] == [(1e-5, 5), (0.02, 20), (1e-4, 10)]
    assert result.dev_loss == min(trial.dev_loss for trial in result.trials)
    assert result.warning == "highest"
    assert alone.warning == "only"
    assert finetune(_job(rates=(1e-4, 0.02, 5.0))).warning is None
    # Nothing is lost where a rate stops and goes on again.
    assert alone.dev_loss == result.dev_loss
    for mine, other in zip(result.model.parameters(), alone.model.parameters(), strict=True):
        assert torch.equal(mine, other)
    assert not result.model.training


def test_the_same_seed_gives_the_same_bits_and_dropout_has_its_own_generator() -> None:
    before = torch.random.get_rng_state()
    one, other = (finetune(_job(dropout=0.2)) for _ in range(2))
    assert torch.equal(before, torch.random.get_rng_state())
    assert one.dev_loss == other.dev_loss
    assert finetune(_job(dropout=0.2, seed=4)).dev_loss != one.dev_loss


def test_a_checkpoint_helps_and_another_model_is_refused(
    learned: FinetuneResult, alone: FinetuneResult, tmp_path: Path
) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(learned.model, path)
    assert finetune(_job(weights=path)).dev_loss < alone.dev_loss - 0.5
    with pytest.raises(CheckpointError, match="of another model"):
        finetune(_job(weights=path, model=MODEL.model_copy(update={"d_ff": 32})))


def test_a_checkpoint_may_have_more_rows_than_there_are_tokens(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    save_weights(init_model(MODEL.model_copy(update={"vocab_size": 32}), 0), path)
    assert finetune(_job(weights=path, steps=2)).model.config.vocab_size == 32


def test_a_workspace_is_overwritten_and_changes_nothing(alone: FinetuneResult) -> None:
    workspace = init_model(MODEL.with_vocabulary(24), 99)
    result = finetune(_job(workspace=workspace))
    assert result.model is workspace
    assert result.dev_loss == alone.dev_loss
    other = finetune(_job(workspace=init_model(MODEL.with_vocabulary(30), 0)))
    assert other.dev_loss == result.dev_loss


def test_divergence_is_a_result() -> None:
    result = finetune(_job(rates=(0.02, 1e20), clip=None))
    assert result.rate == 0.02
    assert math.isnan(result.trials[1].dev_loss)
    lost = finetune(_job(rates=(1e20,), clip=None))
    assert lost.status == "diverged"
    assert math.isnan(lost.dev_loss)
    assert math.isnan(lost.rate)


def test_no_pairs_are_refused() -> None:
    with pytest.raises(CorpusError, match="train has 0 sources"):
        finetune(_job(train=Parallel([], [], [], [], [])))


def test_long_sequences_are_cut_with_their_eos_and_counted() -> None:
    assert finetune(_job(length=4, steps=2)).truncated > 0
    pairs = Parallel([np.array([5, 6, 7, 8, 1])], [np.array([9, 10, 11, 1])], [], [], [])
    batch = collate(pairs, np.array([0]), torch.device("cpu"), longest=3, multiple=4)
    assert batch.source.tolist() == [[5, 6, 1, 0]]
    assert batch.mask.tolist() == [[True, True, True, False]]
    assert batch.labels.tolist() == [[9, 10, 1, IGNORED]]
    assert batch.target_in.tolist() == [[0, 9, 10, 1]]


def test_batches_hold_tokens_and_go_through_all_pairs_before_any_comes_again() -> None:
    lengths = np.random.default_rng(0).integers(3, 50, 100)
    plan = plan_batches(lengths, tokens=250, steps=30, seed=1)
    assert len(plan) == 30
    tokens = [lengths[rows].sum() for rows in plan]
    assert np.mean(tokens) == pytest.approx(250, rel=0.02)
    assert max(tokens) <= 250 + 50
    assert min(tokens) >= 250 - 50
    counts = np.bincount(np.concatenate(plan), minlength=100)
    passes = 30 * 250 / lengths.sum()
    assert set(counts.tolist()) <= {int(passes), int(passes) + 1}
    spread = np.mean([np.ptp(lengths[rows]) for rows in plan])
    assert spread < 15
    # Fewer pairs than a batch has: they come more than once in it.
    few = plan_batches(lengths[:3], tokens=1000, steps=2, seed=1)
    assert [abs(lengths[rows].sum() - 1000) < 60 for rows in few] == [True, True]


@pytest.mark.parametrize(("steps", "epochs", "expected"), [(20, 0, 20), (20, 3, 43), (45, 3, 45)])
def test_steps_are_as_many_as_the_epochs_need(steps: int, epochs: float, expected: int) -> None:
    train = _pairs(100, 1)
    total = sum(map(len, train.source)) + sum(map(len, train.target))
    assert -(-3 * total // 64) == 43
    result = finetune(_job(steps=steps, epochs=epochs, train=train))
    assert result.steps == expected
    assert result.tokens_seen == pytest.approx(expected * 64, rel=0.02)
