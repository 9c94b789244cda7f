"""Real curves that other people measured, read under their own headers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from benchmarks.tables import DATA, TABLES


def sizes(metrics: Metrics) -> pd.Series:
    """Return the number of sizes of each curve and metric."""
    frame = metrics.frame[~metrics.is_baseline]
    return frame.groupby([*metrics.curve_columns, "metric"])[metrics.axis].nunique()


def test_pretraining_and_finetuning_size_of_a_resnet(shared_data: Path) -> None:
    metrics = read_metrics(
        shared_data / "syn2real_finetune_last.csv",
        columns={
            "pretrain_tokens": "D_p",
            "finetune_tokens": "fratio_pct",
            "accuracy": "value",
            "task": "ftask",
            "mixture": "ptask",
        },
        where=["model=r50", "pdata=bop", "pscale=64k", "ftask=sinclass"],
    )
    assert metrics.curve_columns == ("task", "mixture", "finetune_tokens")
    assert metrics.metrics == ("accuracy",)
    assert len(metrics.curves()) == 15
    assert set(sizes(metrics)) == {7}
    assert metrics.is_baseline.sum() == 9
    assert metrics.notes[0] == "--where left out 323 of 437 rows"


def test_bleu_and_chrf_of_thirty_language_pairs(shared_data: Path) -> None:
    columns = {"task": "src+tgt", "mixture": "model", "finetune_tokens": "D_f_train_size"}
    path = shared_data / "schram_mt_bilingual.csv"
    metrics = read_metrics(path, axis="finetune_tokens", columns=columns)
    assert metrics.metrics == ("bleu", "chrf")
    assert len(metrics.curves()) == 60
    assert metrics.frame["task"].nunique() == 30
    assert set(metrics.frame["mixture"]) == {"Transformer", "mBart50"}
    assert len(metrics.frame) == 2 * 967
    large = read_metrics(path, axis="finetune_tokens", columns=columns, where=["D_f_train_size>=1000"])
    assert len(large.curves()) == 60
    assert large.frame["finetune_tokens"].min() == 1000


def test_translation_scores_with_standard_errors(shared_data: Path) -> None:
    metrics = read_metrics(
        shared_data / "proxylm_nusa_mt.csv",
        axis="finetune_tokens",
        columns={
            "task": "source_lang+target_lang",
            "mixture": "model",
            "finetune_tokens": "D_f_sentences",
        },
        where=["finetuned=True"],
    )
    assert metrics.metrics == ("bleu", "chrf", "chrfpp", "comet", "spbleu", "ter")
    assert len(metrics.curves()) == 224
    assert set(sizes(metrics)) == {4}
    assert metrics.frame["se"].notna().all()
    first = metrics.frame[metrics.frame["line"].eq(2) & metrics.frame["metric"].eq("chrf")]
    assert first[["value", "se"]].to_numpy().tolist() == [[19.5, 0.3]]


def test_cross_entropy_of_translation_models(shared_data: Path) -> None:
    metrics = read_metrics(
        shared_data / "google_benchmark_lang.csv",
        columns={"pretrain_tokens": "seen_examples", "mixture": "model", "cross_entropy": "loss"},
        where=["domain=NMT", "training=1"],
    )
    assert len(metrics.curves()) == 5
    assert sorted(sizes(metrics)) == [9, 9, 10, 10, 10]
    assert metrics.frame["pretrain_tokens"].max() == 2.56e8


def test_every_table_of_the_benchmarks_is_read(shared_data: Path) -> None:
    assert shared_data == DATA
    assert all(len(table.read().frame) > 0 for table in TABLES.values())
