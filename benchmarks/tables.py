"""Real tables that other people measured, read from shared/data beside the repository.

Rows that are exact copies of others are dropped (the language models of the Google benchmark are in its file
two to four times).
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
_SMALLEST_CORPUS = 1000
# The score of each task of bigscience_1b3 that is taken.
_SCORES = {
    "lambada": "acc", "hellaswag": "acc_norm", "piqa": "acc", "arc_easy": "acc", "sciq": "acc",
    "triviaqa": "acc", "boolq": "acc",
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """A table by what `bayesscale fit` is told of it.

    Parameters
    ----------
    file : str
        Name of the file in shared/data, without its ending.
    axis, columns, where, ignore
        As in `read_metrics`.
    prepare : callable, optional
        Makes the rows that are read from those of the file, where options do not suffice.
    """

    file: str
    axis: str = "pretrain_tokens"
    columns: Mapping[str, str] = field(default_factory=dict)
    where: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    prepare: Callable[[pd.DataFrame], pd.DataFrame] | None = None

    def rows(self) -> pd.DataFrame:
        """Return the rows, each once, as text."""
        rows = file_rows(self.file)
        return self.prepare(rows) if self.prepare else rows

    def read(self) -> Metrics:
        """Return the table; `line` counts the rows from 1."""
        return read_metrics(self.rows(), axis=self.axis, columns=self.columns, where=self.where,
                            ignore=self.ignore)  # fmt: skip

    @property
    def command(self) -> str:
        """The command that a user would type."""
        columns = ",".join(f"{new}={old}" for new, old in self.columns.items())
        parts = ["bayesscale", "fit", f"{self.file}.csv"]
        parts += ["--axis", self.axis] if self.axis != "pretrain_tokens" else []
        parts += ["--columns", columns] if columns else []
        parts += [part for condition in self.where for part in ("--where", condition)]
        parts += [part for column in self.ignore for part in ("--ignore", column)]
        prepared = f" (after benchmarks.tables.{self.prepare.__name__})" if self.prepare else ""
        return f"{shlex.join(parts)} -o fit.nc{prepared}"


@cache
def file_rows(name: str) -> pd.DataFrame:
    """Return the rows of a file, each once, as text.

    Parameters
    ----------
    name : str
        Name of the file in shared/data, without its ending.
    """
    rows = pd.read_csv(DATA / f"{name}.csv", dtype=str, keep_default_na=False)
    return rows.drop_duplicates(ignore_index=True)


def bigscience(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracy of seven tasks, and the loss of LAMBADA: nats a word, from its perplexity.

    Parameters
    ----------
    rows : pandas.DataFrame
        The rows of the file.
    """
    loss = rows[(rows["task"] == "lambada") & (rows["metric"] == "ppl")]
    value, se = (loss[name].astype(float) for name in ("value", "se"))
    loss = loss.assign(metric="cross_entropy", value=np.log(value), se=se / value)
    scores = rows[rows["task"].map(_SCORES) == rows["metric"]].assign(metric="accuracy")
    return pd.concat([scores, loss], ignore_index=True)


def loss_everywhere(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the same with the loss beside the accuracy of every task, as a user would have it.

    Parameters
    ----------
    rows : pandas.DataFrame
        The rows of the file.
    """
    rows = bigscience(rows)
    loss = rows[rows["metric"] == "cross_entropy"]
    others = [loss.assign(task=task) for task in _SCORES if task != "lambada"]
    return pd.concat([rows, *others], ignore_index=True)


def schram(model: str) -> Table:
    """Return BLEU and chrF of thirty language pairs against D_f, from 1,000 on.

    Parameters
    ----------
    model : str
        mBart50, pretrained, or Transformer, from scratch.
    """
    columns = {"task": "src+tgt", "mixture": "model", "finetune_tokens": "D_f_train_size"}
    where = (f"model={model}", f"D_f_train_size>={_SMALLEST_CORPUS}")
    return Table("schram_mt_bilingual", "finetune_tokens", columns, where)


def google(domain: str) -> Table:
    """Return a domain of the Google benchmark.

    Parameters
    ----------
    domain : str
        NMT (log-perplexity), LM (normalised log loss) or BB (one minus a metric, between 0 and 1).
    """
    metric = "error_rate" if domain == "BB" else "cross_entropy"
    columns = {"pretrain_tokens": "seen_examples", "mixture": "model", metric: "loss"}
    # The column says which sizes its authors held out.
    return Table("google_benchmark_lang", "pretrain_tokens", columns, (f"domain={domain}",), ("training",))


NUSA = {
    "task": "source_lang+target_lang", "mixture": "model", "finetune_tokens": "D_f_sentences",
    "bleu": "BLEU_mean", "chrf": "chrF2_mean", "comet": "COMET_mean",
}  # fmt: skip
OTHER_SCORES = tuple(f"{name}_{part}" for name in ("spBLEU", "chrFpp", "TER") for part in ("mean", "se"))
RESNET = {"pretrain_tokens": "D_p", "finetune_tokens": "fratio_pct", "accuracy": "value", "task": "ftask"}
CLASSIFIERS = ("model=r50", "pdata=bop", "pscale=64k", "ftask=sinclass")

TABLES: dict[str, Table] = {
    "schram mBart50": schram("mBart50"),
    "schram Transformer": schram("Transformer"),
    "proxylm": Table("proxylm_nusa_mt", "finetune_tokens", NUSA, ("finetuned=True",), OTHER_SCORES),
    "syn2real": Table(
        "syn2real_finetune_last", "pretrain_tokens", {**RESNET, "mixture": "ptask"}, CLASSIFIERS
    ),
    **{f"google {domain}": google(domain) for domain in ("NMT", "LM", "BB")},
    "bigscience_1b3": Table("bigscience_1b3", prepare=bigscience),
    "olmo_ladder": Table("olmo_ladder", columns={"mixture": "schedule"}),
}
"""Every table by its name."""
