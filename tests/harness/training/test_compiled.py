"""Compiled training: one graph without a break, compiled once for all shapes, rates, cells and stretches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="compilation needs torch (extra train)")

from torch._dynamo.testing import CompileCounter
from torch._dynamo.utils import counters

from bayesscale.harness import device
from bayesscale.harness.training.finetuning import finetune
from bayesscale.harness.training.pretraining import pretrain
from bayesscale.harness.training.weights import save_weights
from tests.harness.training.test_finetuning import _job, _pairs

# torch.compile of torch 2.13 imports what torch 2.13 has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Count compilations instead of generating code."""
    torch._dynamo.reset()
    counters.clear()
    counter = CompileCounter()
    monkeypatch.setattr(device, "BACKEND", counter)
    yield counter
    torch._dynamo.reset()


def test_finetuning_on_ragged_pairs_with_dropout_compiles_once(compilations: Any, tmp_path: Path) -> None:
    changes: dict[str, Any] = {"compile": True, "dropout": 0.1, "deterministic": False, "steps": 12}
    first = finetune(_job(rates=(0.01, 0.02), **changes))
    assert compilations.frame_count == 1
    save_weights(first.model, tmp_path / "weights.safetensors")
    # The next cell: other pairs, other lengths, from a checkpoint, in the same model or in a new one.
    for workspace in (first.model, None):
        other = {**changes, "train": _pairs(90, 7), "seed": 9, "batch": 70, "workspace": workspace}
        finetune(_job(weights=tmp_path / "weights.safetensors", **other))
    assert compilations.frame_count == 1
    assert not counters["graph_break"]


def test_compiled_finetuning_is_eager_finetuning(compilations: Any) -> None:
    eager, other = (finetune(_job(compile=wanted, steps=8)) for wanted in (False, True))
    assert other.dev_loss == pytest.approx(eager.dev_loss, abs=1e-3)


def test_all_stretches_of_a_pretraining_run_compile_once(
    make_job: Callable[..., Any], compilations: Any
) -> None:
    for checkpoints in ((3,), (3, 7), (3, 7, 12)):
        pretrain(make_job("run", checkpoints, compile=True))
    pretrain(make_job("next", (3,), compile=True, seed=6))
    assert compilations.frame_count == 1
    assert not counters["graph_break"]
