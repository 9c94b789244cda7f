"""Pretraining: prefixes, resumes, micro-batches, the plateau, and runs that go wrong."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="pretraining needs torch (extra train)")

from safetensors.torch import load_file

from bayesscale.errors import CheckpointError, CorpusError, TrainingError
from bayesscale.harness.model.huggingface import save_pretrained
from bayesscale.harness.model.t5 import T5
from bayesscale.harness.progress import Progress
from bayesscale.harness.training.jobs import Checkpoint
from bayesscale.harness.training.pretraining import pretrain
from bayesscale.harness.training.run import Run
from bayesscale.harness.training.weights import init_model, start_model
from tests.harness.training.conftest import small_job

Make = Callable[..., Any]
Checkpoints = tuple[Checkpoint, ...]
STEP = 4 * 32


def _weights(folder: Path, steps: int) -> dict[str, Any]:
    """Return the weights of a checkpoint."""
    return dict(load_file(folder / f"{steps * STEP}.safetensors"))


class Interrupted(Exception):
    """Stands for a process that ends."""


def _interrupt(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Make the run end before so many steps are taken."""
    step, taken = Run._step, [0]

    def stop(self: Run, number: int) -> None:
        if taken[0] == at:
            raise Interrupted
        taken[0] += 1
        step(self, number)

    monkeypatch.setattr(Run, "_step", stop)


def _break(job: Any, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Run a job that ends before so many steps are taken."""
    with monkeypatch.context() as patch:
        _interrupt(patch, at)
        with pytest.raises(Interrupted):
            pretrain(job)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Checkpoints:
    """Return the checkpoints of a run that nothing disturbed; no test changes them."""
    return pretrain(small_job(tmp_path_factory.mktemp("whole")))


def test_checkpoints_are_on_disk_with_what_they_are(make_job: Make) -> None:
    job = make_job()
    result = pretrain(job)
    assert [c.tokens for c in result] == [3 * STEP, 7 * STEP, 12 * STEP]
    last = result[-1]
    document = json.loads((job.folder / f"{last.tokens}.json").read_text())
    assert document["step"] == 12
    assert document["hash"] == last.hash
    assert last.path is not None
    start_model(job.model, job.vocabulary, 0, init=last.path, device="cpu")
    assert sorted(path.suffix for path in job.folder.iterdir()) == [".json"] * 3 + [".safetensors"] * 4


def test_the_loss_falls(make_job: Make) -> None:
    result = pretrain(make_job(checkpoints=(10, 49), rate=0.05))
    first, last = (c.loss for c in result)
    assert last < first - 0.3


def test_a_shorter_run_is_a_prefix_of_a_longer_one(make_job: Make) -> None:
    short = pretrain(make_job("short", (3,)))
    long = pretrain(make_job("long", (3, 8)))
    assert short[0].hash == long[0].hash


@pytest.mark.parametrize("at", [1, 4, 5, 11])
def test_an_interrupted_run_ends_with_the_same_bits(
    make_job: Make, whole: Checkpoints, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    _break(make_job(), monkeypatch, at)
    result = pretrain(make_job())
    assert [c.hash for c in result] == [c.hash for c in whole]
    assert [c.loss for c in result] == [c.loss for c in whole]


def test_what_is_finished_is_not_done_again(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = pretrain(make_job())
    _interrupt(monkeypatch, 0)
    assert pretrain(make_job()) == expected


def test_a_kept_state_lets_a_run_be_extended(
    make_job: Make, whole: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretrain(make_job("part", (3, 7)))
    _interrupt(monkeypatch, 5)
    result = pretrain(make_job("part", (3, 7, 12)))
    assert [c.hash for c in result] == [c.hash for c in whole]


def test_progress_of_a_run_that_goes_on_counts_from_its_beginning(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bayesscale.harness.progress._INTERVAL", 0.0)
    pretrain(make_job(checkpoints=(3, 7)))
    told: list[Progress] = []
    pretrain(make_job(checkpoints=(12,), report=told.append))
    assert (told[0].step, told[-1].step, told[-1].steps) == (8, 12, 12)
    assert told[-1].tokens == 12 * STEP


def test_stage_by_stage_and_pruned_on_the_way_is_one_run(make_job: Make, whole: Checkpoints) -> None:
    hashes = []
    for steps in (3, 7, 12):
        job = make_job("staged", (steps,))
        result = pretrain(job)
        hashes.append(result[0].hash)
        assert result[0].path is not None
        result[0].path.unlink()
        (job.folder / f"{steps * STEP}.json").unlink()
    assert hashes == [c.hash for c in whole]


# torch.compile of torch 2.13 imports what torch 2.13 has deprecated.
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.slow
def test_compilation_changes_nothing_but_the_last_bits(make_job: Make) -> None:
    pretrain(make_job("plain", (2,)))
    pretrain(make_job("compiled", (2,), compile=True, deterministic=False))
    plain, fast = (_weights(make_job(name).folder, 2) for name in ("plain", "compiled"))
    for name, weight in plain.items():
        torch.testing.assert_close(weight, fast[name], atol=2e-4, rtol=1e-3)


def test_a_checkpoint_that_knows_frequencies_only_is_on_the_plateau(make_job: Make) -> None:
    early, late = pretrain(make_job(checkpoints=(2, 49), rate=0.1))
    # Blocks count upwards from anywhere, so 70 tokens are equally frequent; 5 of 8 labels are no sentinels.
    assert early.unigram_loss == pytest.approx(math.log(70) * 5 / 8, rel=0.01)
    assert early.on_plateau
    assert replace(late, loss=0.8 * late.unigram_loss).on_plateau is False


def test_micro_batches_give_the_same_gradient(make_job: Make, whole: Checkpoints) -> None:
    pretrain(make_job(accumulate=4))
    assert whole[-1].path is not None
    four = _weights(make_job().folder, 12)
    for name, weight in _weights(whole[-1].path.parent, 12).items():
        torch.testing.assert_close(weight, four[name], atol=2e-4, rtol=1e-3)


def test_divergence_is_recorded_and_not_tried_again(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    forward = T5.forward
    with monkeypatch.context() as patch:
        calls = [0]

        def poisoned(self: T5, *inputs: Any) -> Any:
            calls[0] += 1
            return forward(self, *inputs) * (math.nan if calls[0] == 6 else 1.0)

        patch.setattr(T5, "forward", poisoned)
        result = pretrain(make_job())
    assert [c.status for c in result] == ["finished", "diverged", "diverged"]
    assert [c.path is None for c in result] == [False, True, True]
    document = json.loads((make_job().folder / f"{7 * STEP}.json").read_text())
    assert (document["diverged_at"], document["loss"]) == (6, None)
    _interrupt(monkeypatch, 0)
    again = pretrain(make_job())
    assert [c.status for c in again] == ["finished", "diverged", "diverged"]


def test_memory_that_does_not_suffice_is_said_with_the_remedy(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: Any) -> Any:
        raise torch.OutOfMemoryError("injected")

    monkeypatch.setattr(T5, "forward", never)
    with pytest.raises(TrainingError, match="4 sequences at once do not; raise accumulate"):
        pretrain(make_job())


def test_a_damaged_state_is_refused(make_job: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    _break(make_job(), monkeypatch, 5)
    (make_job().folder / "state.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(CheckpointError, match="remove it to begin again"):
        pretrain(make_job())


def test_more_tokens_than_there_are_is_an_error_before_the_first_step(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    _interrupt(monkeypatch, 0)
    with pytest.raises(CorpusError, match="asked for"):
        pretrain(make_job(checkpoints=(3, 1000)))


def test_a_full_disk_loses_nothing(
    make_job: Make, whole: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def full(self: Path, target: Path) -> Path:
        if "896" in self.name:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        with pytest.raises(TrainingError, match=r"No space left on device.*run the same command again"):
            pretrain(make_job("full"))
    folder = make_job("full").folder
    assert {path.name for path in folder.iterdir()} == {"384.safetensors", "384.json", "state.safetensors"}
    result = pretrain(make_job("full"))
    assert [c.hash for c in result] == [c.hash for c in whole]


def test_it_starts_from_a_hugging_face_checkpoint(make_job: Make, tmp_path: Path) -> None:
    shape = make_job().model.model_copy(update={"vocab_size": 104})
    save_pretrained(init_model(shape, 77), tmp_path / "theirs")
    result = pretrain(make_job(checkpoints=(1,), rate=1e-9, init=tmp_path / "theirs"))
    assert result[0].path is not None
    start = load_file(tmp_path / "theirs" / "model.safetensors")
    after = load_file(result[0].path)
    for name, weight in start.items():
        torch.testing.assert_close(weight, after[name], atol=1e-6, rtol=1e-6)


def test_dropout_and_bf16_and_accumulation_can_be_resumed(
    make_job: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes: dict[str, Any] = {"dropout": 0.1, "precision": "bf16", "accumulate": 2}
    expected = pretrain(make_job("whole", **changes))
    _break(make_job("broken", **changes), monkeypatch, 5)
    result = pretrain(make_job("broken", **changes))
    assert [c.hash for c in result] == [c.hash for c in expected]
