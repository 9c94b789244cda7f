"""The JSON documents of all commands, without fits or training: what the reference lists and tests pin."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import asdict, replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from bayesscale.cli.main import main
from bayesscale.evaluation.forecasters import MODELS
from bayesscale.harness.grid.context import Grid
from bayesscale.harness.grid.keys import cell_key
from bayesscale.harness.grid.sweep import Sweep
from bayesscale.harness.progress import Progress
from bayesscale.harness.scoring.text import TextScore
from bayesscale.harness.study.cells import cells
from bayesscale.inference import Fit, save
from bayesscale.inference.track_record import KEY, TrackRecord
from tests.evaluation.forecasting import fake
from tests.evaluation.several_laws import refit, several_laws
from tests.harness.grid.micro import micro
from tests.questions.breaking import breaking
from tests.questions.made_up import MadeUp, rows

ASKED = {
    "check --json": "check {failed}",
    "check --json, if the table breaks a rule": "check {broken}",
    "fit --json": "fit {table} -o {folder}/new.nc --no-backtest",
    "fit --method huber --json": "fit {table} --method huber",
    "show --json": "show {fit}",
    "predict --json": "predict {fit} --tokens 1T",
    "breaks --json": "breaks {fit}",
    "rank --json": "rank {fit} --tokens 1T",
    "conflict --json": "conflict {fit}",
    "value --json": "value {fit}",
    "advise --json": "advise {fit} --target 24 --budget 1T",
    "plan --json": "plan {fit} --question forecast --at 1T --task en-fr --mixture en --finetune-tokens 6M "
    "--candidate-tokens 1T --outcomes 20",
    "evaluate --json": "evaluate {table} --model joint --model log",
    "compare --json": "compare {laws} --lfo 1",
    "plot --data json": "plot {fit} --data json",
    "doctor --json": "doctor",
    "laws --json": "laws",
    "priors --json": "priors",
    "examples --json": "examples",
    "score --json": "score {text} {text} --task en-fr --pretrain-tokens 0 --finetune-tokens 6M "
    "-o {folder}/scores.jsonl",
    "harness plan --json": "harness plan --preset tiny --cpu",
    "harness tokenize --json": "harness tokenize --preset tiny -o {folder}/data",
    "harness sweep --json": "harness sweep --preset tiny -o {folder}/grid",
    "harness status --json": "harness status {folder}/grid --cells",
}
"""What is asked for each document, which is called by its command."""
_NEVER_OLD = 4e9
"""A time far from now."""


@cache
def documents() -> dict[str, dict[str, Any]]:
    """Return each document by the command that prints it."""
    with TemporaryDirectory() as folder, _stand_ins():
        names = _files(Path(folder))
        return {title: _printed(line.format(**names)) for title, line in ASKED.items()}


def _printed(line: str) -> dict[str, Any]:
    """Return the document that a command prints."""
    out, err = StringIO(), StringIO()
    formats = [] if "--data" in line else ["--json"]
    with redirect_stdout(out), redirect_stderr(err), suppress(SystemExit):
        main([*line.split(), *formats])
    assert out.getvalue(), f"{line}: {err.getvalue()}"
    return dict(json.loads(out.getvalue()))


def _files(folder: Path) -> dict[str, str]:
    """Write what the commands read; return the names."""
    names = {name: str(folder / name) for name in ("table", "failed", "broken", "fit", "laws", "text")}
    rows().to_csv(names["table"], index=False)
    rows().replace({"value": {20.2: 1.0}}).to_csv(names["failed"], index=False)
    rows().rename(columns={"pretrain_tokens": "step"}).to_csv(names["broken"], index=False)
    save(_breaking(), Path(names["fit"]))
    save(several_laws(), Path(names["laws"]))
    Path(names["text"]).write_text("a sentence\n")
    _write_grid(folder / "grid")
    return {**names, "folder": str(folder)}


def _breaking() -> Fit:
    """Return a fit of laws that may break, with its track record."""
    made = breaking(MadeUp(draws=100, width=0.05, noise=0.3).fit(), at=1e10)
    return replace(made, provenance=made.provenance | {KEY: asdict(TrackRecord(20, 18, 10))})


def _write_grid(folder: Path) -> None:
    """Write a grid that is at work: one cell is finished, another failed."""
    grid = Grid(folder, micro(), "0")
    first = cells(grid.study)[0]
    score = {"metric": "bleu", "value": 1.0, "brevity_penalty": 1.0, "precisions": [1.0] * 4}
    loss = {"per_token": 1.0, "per_byte": 1.0}
    record = {
        "status": "finished",
        "finetune": {"tokens": 1000, "pairs": 10, "epochs": 2.0, "rate_warning": None},
        "test": {"scores": [score], "loss": loss, "domains": {}},
    }
    files = {
        folder / "study.json": {"study": grid.study.model_dump(mode="json"), "data_hash": grid.data_hash},
        grid.cell(cell_key(grid.study, grid.data_hash, first)): record,
        grid.progress / "host-1.json": asdict(Progress("pretraining", time=_NEVER_OLD)),
        grid.failures: {"time": "2026-01-01T00:00:00", "job": "cell", "error": "no memory"},
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


@contextmanager
def _stand_ins() -> Iterator[None]:
    """Replace fits, refits, scoring, training and packages that need not be installed."""
    density = {"log,saturating": -2.0, "log": -9.0, "saturating": -1.0}
    found = Sweep(1000, {("a", 0.01): 2.0}, {"a": 3.0})
    replaced = [
        ("bayesscale.inference", "fit", _fitted),
        ("bayesscale.evaluation.compare", "run_refit", refit(density)),
        ("bayesscale.cli.score", "find_spec", lambda name: name),
        ("bayesscale.harness.scoring", "bleu", lambda *_, **__: TextScore("bleu", 1.0, 0.1, "signature")),
        ("bayesscale.harness.scoring", "chrf", lambda *_: TextScore("chrf", 1.0, 0.1, "signature")),
        ("bayesscale.harness.grid.context", "choose_devices", lambda _: ("cpu",)),
        ("bayesscale.harness.grid.context", "open_grid", lambda *_: None),
        ("bayesscale.harness.grid.sweep", "sweep", lambda *_, **__: found),
    ]
    with ExitStack() as stack:
        for module, name, stand_in in replaced:
            stack.enter_context(patch.object(import_module(module), name, stand_in))
        stack.enter_context(patch.dict(MODELS, {"joint": fake(), "log": fake(fails_below=10**6)}))
        stack.enter_context(patch.object(_tokenizer_module(), "sentencepiece", _SENTENCEPIECE))
        yield


def _fitted(*_: object, **__: object) -> Fit:
    """Return a fit that was made up, with all diagnostics."""
    made = _breaking()
    diagnostics = {"rhat": 1.0, "curve_rhat": 1.0, "ess_bulk": 900.0, "ess_tail": 900.0, "curve_ess": 900.0}
    return replace(made, provenance=made.provenance | {"diagnostics": diagnostics})


def _tokenizer_module() -> Any:
    """Import what encodes text, also where SentencePiece is not installed."""
    if find_spec("sentencepiece") is not None:
        return import_module("bayesscale.harness.tokens.tokenizer")
    sys.modules["sentencepiece"] = _SENTENCEPIECE  # type: ignore[assignment]
    try:
        return import_module("bayesscale.harness.tokens.tokenizer")
    finally:
        del sys.modules["sentencepiece"]


class _Pieces:
    """Encodes each letter as the same piece."""

    LoadFromSerializedProto = staticmethod(lambda model: True)
    pad_id, eos_id, unk_id = (staticmethod(lambda number=number: number) for number in range(3))
    get_piece_size = staticmethod(lambda: 4)
    id_to_piece = staticmethod(str)

    def encode(self, texts: list[str], out_type: type) -> list[list[int]]:
        """Return ids."""
        return [[3] * len(text) for text in texts]


_SENTENCEPIECE = SimpleNamespace(
    SentencePieceProcessor=_Pieces,
    SentencePieceTrainer=SimpleNamespace(train=lambda **given: given["model_writer"].write(b"model")),
)
