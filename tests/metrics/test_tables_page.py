"""docs/tables.md: its commands print what it shows, its options are accepted, and its Python runs."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from bayesscale.cli.main import main
from bayesscale.metrics.read import read_metrics
from tests.metrics.walks import write_walks

BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(root: Path, kind: str) -> list[str]:
    """Return the blocks of one kind on the page."""
    text = (root / "docs" / "tables.md").read_text(encoding="utf-8")
    return [block["text"] for block in BLOCK.finditer(text) if block["kind"] == kind]


def commands(root: Path) -> list[tuple[list[str], list[str]]]:
    """Return the commands of the page, and the lines of output that it shows of each."""
    parts = [part for block in blocks(root, "console") for part in block.split("$ bayesscale ")[1:]]
    found = [part.splitlines() for part in parts]
    return [(shlex.split(command), shown) for command, *shown in found]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the files of the walks, in which the test runs."""
    write_walks(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Return the exit code of a command, and the lines that it prints."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    output = capsys.readouterr()
    return int(ended.value.code or 0), [line.rstrip() for line in (output.out + output.err).splitlines()]


def test_checks_print_what_the_page_shows(
    root: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checks = [(words, shown) for words, shown in commands(root) if words[0] == "check"]
    assert len(checks) == 5
    for words, shown in checks:
        assert printed(words, capsys)[1] == shown


def test_each_walk_is_accepted_and_ends_in_a_forecast_after_three_commands(
    root: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walks = [words for words, _ in commands(root)]
    assert [words[0] for words in walks] == ["check", "fit", "predict"] * 5
    for fit, predict in zip(walks[1::3], walks[2::3], strict=True):
        place = fit.index("-o")
        assert fit[place + 1] == predict[1]
        assert printed(["check", *fit[1:place]], capsys)[0] == 0


def test_first_lines_of_files_are_those_shown(root: Path, folder: Path) -> None:
    shown = [block.removesuffix("...\n") for block in blocks(root, "text")]
    texts = [(folder / name).read_text() for name in ("chart.csv", "sweep.csv", "systems.csv")]
    assert [text.startswith(block) for text, block in zip(texts, shown, strict=True)] == [True] * 3


def test_the_python_of_the_page(root: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reading, recording, _ = blocks(root, "python")
    names: dict[str, Any] = {}
    exec(compile(reading, "docs/tables.md", "exec"), names)
    rules, accepted = capsys.readouterr().out.splitlines()
    assert rules == "['required-columns']"
    assert accepted.startswith("('--columns', 'pretrain_tokens=tokens,model_params=n_params'")
    exec(compile(recording, "docs/tables.md", "exec"), names)
    assert (folder / "metrics.jsonl").read_text().startswith('{"pretrain_tokens": 20000000000, ')


# The Trainer warns of its own coming changes.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_callback_writes_what_the_trainer_logs(root: Path, folder: Path) -> None:
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    names: dict[str, Any] = {}
    exec(compile(blocks(root, "python")[2], "docs/tables.md", "exec"), names)
    config = transformers.GPT2Config(vocab_size=50, n_positions=16, n_embd=16, n_layer=1, n_head=2)
    torch.manual_seed(19)
    rows = [{"input_ids": row, "labels": row} for row in torch.randint(0, 50, (24, 16))]
    os.environ.setdefault("WANDB_MODE", "disabled")
    trainer = transformers.Trainer(
        model=transformers.GPT2LMHeadModel(config),
        args=transformers.TrainingArguments(
            "out", max_steps=6, eval_strategy="steps", eval_steps=2, report_to=[], use_cpu=True, seed=19
        ),
        train_dataset=rows,
        eval_dataset=rows[:4],
        callbacks=[names["RecordScores"]("metrics.jsonl", 128, {"mixture": "noise", "seed": 19})],
    )
    trainer.train()
    metrics = read_metrics("metrics.jsonl")
    logged = [entry["eval_loss"] for entry in trainer.state.log_history if "eval_loss" in entry]
    assert metrics.frame["value"].tolist() == logged
    assert metrics.frame["pretrain_tokens"].tolist() == [256, 512, 768]
    assert (metrics.metrics, set(metrics.frame["mixture"])) == (("cross_entropy",), {"noise"})
