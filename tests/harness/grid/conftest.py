"""A study of made-up sizes, and stand-ins for data and training that need no torch and take no time."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bayesscale.harness.grid import context
from bayesscale.harness.progress import Progress
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.load import parse_study
from bayesscale.harness.tokens.parallel import Parallel, Task
from bayesscale.harness.training.jobs import Checkpoint, Trial

TEXTS = ["a b c", "d e", "f g h i", "j"]
STUDY = """\
name = "small"
seeds = [0, 1]
mixtures = ["50aa+50bb", "100cc"]
tasks = [{ name = "aa-bb", source = "aa", target = "bb" }]
artificial = { languages = { aa = {}, bb = { relatedness = 0.5 }, cc = {} } }
tokenizer = { vocab_size = 200 }
model = { layers = 1, d_model = 8, d_ff = 8, heads = 1, d_kv = 4 }
pretraining = { batch = 2, length = 8, checkpoints = [64, 128] }
finetuning = { sizes = [12, "full"], rates = [0.01, 0.1] }
scoring = { metrics = ["cross_entropy"] }
"""


@pytest.fixture
def study() -> Study:
    """Return two mixtures x two checkpoints x one task x two D_f x two seeds: 20 cells."""
    return parse_study(STUDY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder of a grid."""
    return tmp_path / "grid"


@dataclass
class Stand:
    """What the stand-ins were asked to do, and what they are to do wrong."""

    pretrained: list[tuple[str, int, tuple[int, ...]]] = field(default_factory=list)
    finetuned: list[tuple[str, int]] = field(default_factory=list)
    diverged_runs: set[str] = field(default_factory=set)
    diverged_rates: bool = False
    fail_pretraining: set[str] = field(default_factory=set)
    fail_finetuning: int | None = None
    found: dict[Path, tuple[Checkpoint, ...]] = field(default_factory=dict)
    losses: dict[float, float] = field(default_factory=dict)
    data_hash: str = "data"

    def pretrain(self, job: Any) -> Any:
        """Write a file for each checkpoint."""
        name, wanted = job.folder.name, job.config.checkpoint_tokens
        tokens = tuple(each for each in wanted if not (job.folder / f"{each}.json").exists())
        if not tokens:
            return self.found[job.folder]
        self.pretrained.append((name, job.seed, tokens))
        if name in self.fail_pretraining:
            raise RuntimeError("no memory")
        checkpoints = []
        for each in tokens:
            diverged = name in self.diverged_runs
            path = job.folder / f"{each}.safetensors"
            loss = float("nan") if diverged else self.losses.get(job.config.rate, 100 / each)
            found = Checkpoint(
                tokens=each,
                step=each // 16,
                path=None if diverged else path,
                loss=loss,
                unigram_loss=1.0,
                status="diverged" if diverged else "finished",
                hash="" if diverged else "ab",
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"weights")
            document = {**vars(found), "path": None, "loss": None if diverged else loss}
            path.with_suffix(".json").write_text(json.dumps({**document, "on_plateau": found.on_plateau}))
            checkpoints.append(found)
        job.report(
            Progress(
                step=1, steps=2, tokens=3, loss=4.0, seconds_left=5.0, tokens_per_second=1234.0, mfu=0.25
            )
        )
        self.found[job.folder] = tuple(checkpoints)
        return self.found[job.folder]

    def finetune(self, job: Any) -> Any:
        """Return a model that remembers what it was made of."""
        self.finetuned.append((str(job.weights and job.weights.name), len(job.train)))
        if self.fail_finetuning == len(self.finetuned):
            raise ValueError("something odd")
        count = sum(map(len, job.train.target))
        start = 9.0 if job.weights is None else 900 / float(job.weights.stem)
        model = SimpleNamespace(config=SimpleNamespace(parameters=lambda: 77), loss=start / count + job.seed)
        return SimpleNamespace(
            model=model,
            status="diverged" if self.diverged_rates else "finished",
            rate=0.01,
            dev_loss=float("nan") if self.diverged_rates else 1.5,
            trials=(Trial(0.01, 300, 1.5), Trial(0.1, 150, float("nan"))),
            warning="lowest",
            steps=300,
            tokens_seen=300 * 8192,
            truncated=0,
        )

    def cross_entropy(self, model: Any, pairs: Parallel) -> Any:
        """Return a loss that depends on the model alone."""
        tokens = np.array([len(ids) for ids in pairs.target])
        return SimpleNamespace(nats=tokens * model.loss, tokens=tokens)


class Data:
    """Stands for prepared data."""

    def __init__(self, data_hash: str) -> None:
        self.hash = data_hash
        self.tokenizer = SimpleNamespace(
            vocabulary=None, decode=lambda ids: [f"line\n{each[0]}" for each in ids]
        )

    def blocks(self, language: str, length: int) -> Any:
        """Return text of a language."""
        return np.zeros((100, length), dtype=np.uint16)

    def mixture(self, shares: Any, length: int, seed: int) -> Any:
        """Return a mixture."""
        return SimpleNamespace(languages=tuple(sorted(shares)))

    def task(self, name: str) -> Task:
        """Return a task of four pairs."""
        ids = [np.arange(2, 3 + len(text.split())) for text in TEXTS]
        pairs = Parallel(ids, ids, TEXTS, TEXTS, ["x", "y", "x", "y"])
        return Task(pairs, pairs, pairs)


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    """Replace data, training and decoding by stand-ins."""
    stand = Stand()

    modules: dict[str, dict[str, Any]] = {
        "bayesscale.harness.training.pretraining": {"pretrain": stand.pretrain},
        "bayesscale.harness.training.finetuning": {"finetune": stand.finetune},
        "bayesscale.harness.decoding": {
            "cross_entropy": stand.cross_entropy,
            "translate": lambda model, sources, config: [[int(ids[0])] for ids in sources],
        },
        "bayesscale.harness.tokens.prepare": {"prepare": lambda study, folder, report: Data(stand.data_hash)},
        "bayesscale.harness.tokens.supply": {"check_supply": lambda study, prepared: None},
    }
    for name, members in modules.items():
        module = ModuleType(name)
        vars(module).update(members)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(context, "find_spec", lambda name: True)
    monkeypatch.setattr(context, "_gpus", lambda: 0)
    monkeypatch.setattr(context.Grid, "prepare_torch", lambda grid: None)
    monkeypatch.setattr(context, "_prepared", lambda folder, data_hash: Data(data_hash))
    return stand
