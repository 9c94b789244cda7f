"""Checkpoints from elsewhere: continued, or finetuned as they are, from a study of few lines."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bayesscale[train]'")
pytest.importorskip("sentencepiece", reason="sentencepiece is not installed: pip install 'bayesscale[train]'")
pytest.importorskip("sacrebleu", reason="sacrebleu is not installed: pip install 'bayesscale[train]'")

from bayesscale.errors import StudyError
from bayesscale.harness.grid.run import run_grid
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.model.huggingface import save_pretrained
from bayesscale.harness.study.load import load_study
from bayesscale.harness.training.weights import init_model
from bayesscale.metrics.read import read_metrics

SHAPE = ModelConfig(layers=1, decoder_layers=2, d_model=16, d_ff=24, heads=2, d_kv=8, vocab_size=256)
STUDY = """\
name = "continued"
init = "start"
init_tokens = "1M"
mixtures = ["aa+bb"]
tokenizer = { vocab_size = 80, megabytes = 0.05 }
tasks = [{ name = "aa-bb", source = "aa", target = "bb" }]

[checkpoints.elsewhere]
points = { "3M" = "start", "5M" = "later" }
shares = { aa = 1.0 }

[artificial]
languages = { aa = {}, bb = { relatedness = 0.5 } }
stems = 40
train = 100
dev = 8
test = 8

[pretraining]
batch = 4
length = 32
checkpoints = ["1K"]

[finetuning]
sizes = ["1K"]
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Return the study in a file beside two checkpoints."""
    for seed, name in enumerate(("start", "later")):
        save_pretrained(init_model(SHAPE, seed), tmp_path / name)
    (tmp_path / "study.toml").write_text(STUDY + "batch = 256\nsteps = 4\nrates = [0.01]\n")
    return tmp_path / "study.toml"


def test_the_shape_is_that_of_the_checkpoint(study: Path) -> None:
    assert load_study(study).model == SHAPE
    (study.parent / "start" / "config.json").write_text("{}")
    with pytest.raises(StudyError, match=r"model: is that of the checkpoint start, .*gated-gelu"):
        load_study(study)


@pytest.mark.slow
def test_checkpoints_are_continued_finetuned_scored_and_tabled(study: Path, tmp_path: Path) -> None:
    assert len(STUDY.splitlines()) <= 26
    result = run_grid(load_study(study), tmp_path / "grid")
    assert result.errors == ()
    assert (result.cells, result.finished) == (5, 5)
    frame = read_metrics(tmp_path / "grid" / "metrics.jsonl").frame
    frame = frame.loc[frame["metric"] == "cross_entropy"]
    losses = frame.set_index(["mixture", "pretrain_tokens"])["value"]
    assert sorted(losses.index) == [
        ("aa+bb", 1_000_000), ("aa+bb", 1_001_024), ("elsewhere", 3_000_000),
        ("elsewhere", 5_000_000), ("none", 0),
    ]  # fmt: skip
    # The same weights on the same data, whatever they are called; others give another loss.
    assert losses["aa+bb", 1_000_000] == losses["elsewhere", 3_000_000] != losses["elsewhere", 5_000_000]
    records = [json.loads(path.read_text()) for path in (tmp_path / "grid" / "cells").glob("*.json")]
    assert {record["rows"][0]["model_params"] for record in records} == {SHAPE.parameters()}


def test_given_checkpoints_alone_need_no_corpora_and_no_pretraining(study: Path) -> None:
    text = study.read_text()
    begin, end = text.index("[artificial]"), text.index("[finetuning]")
    alone = text[:begin] + text[end:]
    alone = alone.replace('init = "start"\ninit_tokens = "1M"\nmixtures = ["aa+bb"]\n', "")
    alone = alone.replace(
        'target = "bb" }', 'target = "bb", train = "t.tsv", dev = "d.tsv", test = "e.tsv" }'
    )
    study.write_text(alone)
    loaded = load_study(study)
    assert loaded.points() == (("elsewhere", 3_000_000), ("elsewhere", 5_000_000))
    assert loaded.model == SHAPE


def test_the_study_of_the_guide_is_one(study: Path, root: Path) -> None:
    guide = (root / "docs" / "harness.md").read_text(encoding="utf-8")
    first, second = re.findall(r"```toml\n(.*?)```", guide, flags=re.DOTALL)
    (study.parent / "start").rename(study.parent / "mt5-small")
    study.write_text(first)
    loaded = load_study(study)
    assert loaded.model == SHAPE
    assert loaded.points()[0] == ("50en+50de", 0)
    (study.parent / "runs").mkdir()
    (study.parent / "later").rename(study.parent / "runs" / "step-20000")
    kept = [line for line in first.splitlines() if line.startswith(("name", "tasks", "tokenizer"))]
    study.write_text("\n".join([*kept, first[first.index("[finetuning]") :], second]))
    assert load_study(study).points()[0] == ("c4", 10_000_000_000)
