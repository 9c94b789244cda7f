"""A small real study: mixtures with both languages of a task against mixtures with one of them.

English and German, and English and Romanian, half each; three checkpoints; two D_f; English to German; and
the model that was not pretrained. Text from the folder shared/corpora beside the repository: old novels for
pretraining, short modern sentences for the task, so effects are small. 1.3 million parameters in fp32 on one
core: a few thousandths of the paper's size in every respect. BLEU of the first 800 test sentences (domain
tatoeba); one rate. The grid goes on where it was when it was interrupted.

Run: python benchmarks/real_study.py [folder]
"""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.harness.grid.layout import GridFolder
from bayesscale.harness.grid.opening import Settings
from bayesscale.harness.grid.run import run_grid
from bayesscale.harness.grid.status import grid_status
from bayesscale.harness.study import load_study

ROOT = Path(__file__).resolve().parents[1]
CORPORA = ROOT.parent / "shared" / "corpora"
RESULTS = ROOT / "benchmarks" / "results"
ALIGNED, OTHER = "50en+50de", "50en+50ro"
DEV = 400
COLUMNS = (
    "mixture", "pretrain_tokens", "size", "pretraining_loss", "rate", "bleu", "bleu_se", "chrf",
    "brevity_penalty", "nats_per_token", "nats_per_token_se", "nats_per_byte",
)  # fmt: skip
STUDY = """\
name = "real"
mixtures = ["50en+50de", "50en+50ro"]

[corpora.en]
files = ["{corpora}/mono.en.txt.xz"]
documents = 40000
[corpora.de]
files = ["{corpora}/mono.de.txt.xz"]
documents = 40000
[corpora.ro]
files = ["{corpora}/mono.ro.txt.xz"]
documents = 60000

[tokenizer]
vocab_size = 2000
megabytes = 1.0

[model]
layers = 2
d_model = 128
d_ff = 256
heads = 4
d_kv = 32

[pretraining]
batch = 16
length = 128
checkpoints = ["256K", "1024K", "4096K"]
rate = 0.02
warmup = 100
precision = "fp32"
resume_every = 50
deterministic = true

[[tasks]]
name = "en-de"
source = "en"
target = "de"
train = ["{corpora}/train.en-de.en.xz", "{corpora}/train.en-de.de.xz"]
dev = ["dev.en", "dev.de"]
test = ["{corpora}/test.en-de.en", "{corpora}/test.en-de.de"]
domains = {{ test = "{corpora}/test.en-de.domain" }}

[finetuning]
sizes = ["120K", "1M"]
batch = 64
steps = 1000
length = 48
rates = [0.006]
precision = "fp32"

[decoding]
max_length = 40
batch = 128
precision = "fp32"

[scoring]
bootstrap = 200
sentences = 800
"""


def main(folder: Path) -> None:
    """Run what is not finished, then print the table, say which way it moves, and write both down."""
    run_grid(
        load_study(write_study(folder)),
        GridFolder(folder / "grid"),
        Settings(threads=1),
        report=lambda line: print(line, file=sys.stderr, flush=True),
    )
    report(GridFolder(folder / "grid"))


def write_study(folder: Path) -> Path:
    """Write the study and its short dev set."""
    if not CORPORA.is_dir():
        raise UsageError(f"the study needs the text in {CORPORA}, which is not part of the repository")
    folder.mkdir(parents=True, exist_ok=True)
    for language in ("en", "de"):
        lines = (CORPORA / f"dev.en-de.{language}").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / f"dev.{language}").write_text("".join(lines[:DEV]), encoding="utf-8")
    path = folder / "study.toml"
    path.write_text(STUDY.format(corpora=CORPORA))
    return path


def report(folder: GridFolder) -> None:
    """Print what is finished and write it to results/real_study.json."""
    rows = table(folder)
    total = len(grid_status(folder).cells)
    print(rows.to_string(index=False, float_format=lambda value: f"{value:.4g}"))
    found = directions(rows)
    for sentence, holds in found.items():
        print(f"{'yes' if holds else 'NO '}  {sentence}")
    document = {
        "what": (__doc__ or "").strip(),
        "machine": f"{platform.machine()}, CPU, one thread",
        "cells": {"all": total, "finished": len(rows)},
        "directions": found,
        "rows": json.loads(rows.to_json(orient="records")),
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "real_study.json").write_text(json.dumps(document, indent=1) + "\n")


def table(folder: GridFolder) -> pd.DataFrame:
    """Return a row for every finished cell."""
    status = grid_status(folder)
    rows: list[dict[str, Any]] = []
    for record in filter(None, status.cells.values()):
        cell, test = record["cell"], record.get("test")
        row = {
            "mixture": cell["mixture"] or "none",
            "pretrain_tokens": cell["pretrain_tokens"],
            "size": cell["size"],
            "pretraining_loss": record.get("checkpoint", {}).get("loss"),
            "rate": record["finetune"].get("rate"),
        }
        for score in test["scores"] if test else ():
            row |= {score["metric"]: score["value"], f"{score['metric']}_se": score["se"]}
            row |= {"brevity_penalty": score["brevity_penalty"]} if score["metric"] == "bleu" else {}
        if test:
            loss = test["loss"]
            row |= {"nats_per_token": loss["per_token"], "nats_per_token_se": loss["per_token_se"]}
            row |= {"nats_per_byte": loss["per_byte"]}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLUMNS))


def directions(rows: pd.DataFrame) -> dict[str, bool]:
    """Return which of the expected directions hold, for what is finished."""
    loss = {(r.mixture, r.pretrain_tokens, r.size): r.nats_per_token for r in rows.itertuples()}
    bleu = {(r.mixture, r.pretrain_tokens, r.size): r.bleu for r in rows.itertuples()}
    found: dict[str, bool] = {}
    for size in sorted({key[2] for key in loss}):
        for mixture in (ALIGNED, OTHER):
            seen = sorted(key[1] for key in loss if key[0] == mixture and key[2] == size)
            if len(seen) > 1:
                first, last = (mixture, seen[0], size), (mixture, seen[-1], size)
                found[f"{mixture}, D_f {size}: cross-entropy falls with D_p"] = loss[last] < loss[first]
                found[f"{mixture}, D_f {size}: BLEU rises with D_p"] = bleu[last] > bleu[first]
            if seen and ("none", 0, size) in loss:
                last = (mixture, seen[-1], size)
                found[
                    f"{mixture}, D_f {size}: better cross-entropy than not pretrained, at D_p {seen[-1]}"
                ] = loss[last] < loss["none", 0, size]
        for tokens in sorted({key[1] for key in loss if key[2] == size}):
            here, there = (ALIGNED, tokens, size), (OTHER, tokens, size)
            if here in loss and there in loss:
                found[f"D_f {size}, D_p {tokens}: {ALIGNED} has the better cross-entropy"] = (
                    loss[here] < loss[there]
                )
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "real_study")
