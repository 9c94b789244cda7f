from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bayesscale.errors import UsageError
from bayesscale.metrics.problems import MetricsError
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics

LONG = """\
task,mixture,pretrain_tokens,finetune_tokens,metric,value,se
en-fr,en+fr,1e9,6M,bleu,20.5,0.4
en-fr,en+fr,1e10,6M,bleu,25,0.5
en-fr,en+fr,1e9,6M,cross_entropy,2.5,
en-fr,en+fr,1e10,6M,cross_entropy,2.1,
en-fr,,0,6M,bleu,11,0.3
en-fr,,0,6M,cross_entropy,4.4,
"""
WIDE = """\
task;mixture;pretrain_tokens;finetune_tokens;CE;BLEU;BLEU_se
en-fr;en+fr;10B;6000000;2.1;25.0;.5
en-fr;none;0;6000000;4.4;11.0;.3
en-fr;en+fr;1_000_000_000;6000000;2.5;20.5;.4
"""


def read(tmp_path: Path, text: str, name: str = "m.csv", **options: Any) -> Metrics:
    path = tmp_path / name
    path.write_text(text)
    return read_metrics(path, **options)


def test_a_long_table(tmp_path: Path) -> None:
    metrics = read(tmp_path, LONG)
    assert metrics.axis == "pretrain_tokens"
    assert metrics.curve_columns == ("task", "mixture", "finetune_tokens")
    assert metrics.source == str(tmp_path / "m.csv")
    assert metrics.metrics == ("bleu", "cross_entropy")
    assert metrics.notes == ()
    assert list(metrics.frame.columns) == [
        "task",
        "mixture",
        "finetune_tokens",
        "pretrain_tokens",
        "metric",
        "value",
        "se",
        "line",
    ]
    assert metrics.frame["line"].tolist() == [2, 4, 3, 5, 6, 7]
    assert metrics.frame["value"].tolist() == [20.5, 2.5, 25, 2.1, 11, 4.4]
    assert metrics.frame.index.tolist() == list(range(6))
    assert metrics.frame["se"].isna().tolist() == [False, True, False, True, False, True]
    assert metrics.frame.loc[metrics.is_baseline, "mixture"].unique().tolist() == ["none"]
    assert len(metrics.curves()) == 1
    assert str(metrics).endswith("1 curve in pretrain_tokens, 6 scores of bleu, cross_entropy")


def test_order_format_headers_and_shape_do_not_change_the_hash(tmp_path: Path) -> None:
    long = read(tmp_path, LONG)
    header, *rows = LONG.splitlines()
    reordered = read(tmp_path, "\n".join([header, "", *reversed(rows)]), "r.csv")
    tabs = read(tmp_path, LONG.replace(",", "\t"), "m.tsv")
    other_header = LONG.replace("pretrain_tokens", "D_p")
    renamed = read(tmp_path, other_header, "d.csv", columns={"pretrain_tokens": "D_p"})
    wide = read(tmp_path, WIDE, "wide.csv")
    for other in (reordered, tabs, renamed, wide):
        assert other.data_hash == long.data_hash
        pd.testing.assert_frame_equal(other.frame.drop(columns="line"), long.frame.drop(columns="line"))
    assert reordered.frame["line"].tolist() == [8, 6, 7, 5, 4, 3]
    assert wide.frame["line"].tolist() == [4, 4, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("old", "new"), [("20.5", "20.6"), ("en-fr", "en-de"), ("6M", "7M"), ("0.4", "0.41"), ("en+fr", "fr")]
)
def test_any_change_of_content_changes_the_hash(tmp_path: Path, old: str, new: str) -> None:
    assert read(tmp_path, LONG).data_hash != read(tmp_path, LONG.replace(old, new), "n.csv").data_hash


def test_jsonl_parquet_and_data_frames_are_the_same_table(tmp_path: Path) -> None:
    csv = read(tmp_path, WIDE)
    frame = pd.read_csv(tmp_path / "m.csv", sep=";")
    frame["pretrain_tokens"] = [1e10, 0.0, 1e9]
    frame.to_parquet(tmp_path / "m.parquet")
    lines = "\n\n".join(json.dumps(row) for row in frame.to_dict(orient="records"))
    assert read_metrics(frame).data_hash == csv.data_hash
    assert read_metrics(frame).source == "DataFrame"
    assert read_metrics(frame.set_index(["task", "mixture"])).data_hash == csv.data_hash
    assert read_metrics(tmp_path / "m.parquet").data_hash == csv.data_hash
    jsonl = read(tmp_path, lines, "m.jsonl")
    assert jsonl.data_hash == csv.data_hash
    assert sorted(jsonl.frame["line"].unique()) == [1, 3, 5]
    assert sorted(read_metrics(frame).frame["line"].unique()) == [1, 2, 3]


def test_lines_are_those_of_an_editor(tmp_path: Path) -> None:
    text = 'pretrain_tokens,bleu,task\n\n1e9,20,"a\nb"\n\n   \n1e10,21,"a\nb"\n'
    assert read(tmp_path, text).frame["line"].tolist() == [3, 7]
    windows = read(tmp_path, "﻿" + text.replace("\n", "\r\n"), "w.csv")
    assert windows.frame["line"].tolist() == [3, 7]


def test_the_least_table(tmp_path: Path) -> None:
    metrics = read(tmp_path, "pretrain_tokens,accuracy\n1M,.5\n2M,.6\n")
    assert metrics.curve_columns == ("task", "mixture")
    assert metrics.frame[["task", "mixture"]].drop_duplicates().to_numpy().tolist() == [["all", "all"]]
    assert "se" not in metrics.frame
    assert "run" not in metrics.frame


def test_optional_columns_are_kept_and_empty_ones_are_not(tmp_path: Path) -> None:
    text = (
        "pretrain_tokens,bleu,seed,run,share_fr,share_en,alignment,model_params,signature\n"
        "1e9,20,1,,0.5,0.5,1,770M,nrefs:1|version:2.4.0\n"
        "1e10,22,1,,0.5,0.5,1,770M,nrefs:1|version:2.6.0\n"
    )
    metrics = read(tmp_path, text)
    assert "run" not in metrics.frame
    assert metrics.frame["seed"].tolist() == ["1", "1"]
    assert metrics.frame["model_params"].tolist() == [770e6, 770e6]
    assert metrics.curve_columns == ("task", "mixture")
    assert metrics.notes == (
        "columns not read: 'run'",
        "bleu: scores of different versions of sacreBLEU: 2.4.0, 2.6.0",
    )
    assert [name for name in metrics.frame if str(name).startswith("share_")] == ["share_en", "share_fr"]


def test_the_model_size_defines_curves_where_it_varies(tmp_path: Path) -> None:
    text = "pretrain_tokens,bleu,model_params\n1e9,20,770M\n1e10,22,770M\n1e9,21,3B\n1e10,23,3B\n"
    metrics = read(tmp_path, text)
    assert metrics.curve_columns == ("task", "mixture", "model_params")
    assert len(metrics.curves()) == 2


def test_missing_scores_of_a_wide_table_are_left_out(tmp_path: Path) -> None:
    text = "pretrain_tokens,bleu,chrf,comet\n1e9,20,NA,\n1e10,22,45,\n1e11,,48,null\n"
    frame = read(tmp_path, text).frame
    assert frame[["metric", "value"]].to_numpy().tolist() == [
        ["bleu", 20],
        ["bleu", 22],
        ["chrf", 45],
        ["chrf", 48],
    ]


def test_columns_beside_a_metric(tmp_path: Path) -> None:
    text = "pretrain_tokens,chrF2,chrF2_se,bleu,bleu_signature\n1e9,40,.2,20,tok:13a\n1e10,45,.3,22,tok:13a\n"
    frame = read(tmp_path, text).frame
    bleu, chrf = (frame[frame["metric"] == name] for name in ("bleu", "chrf"))
    assert chrf["se"].tolist() == [0.2, 0.3]
    assert bleu["se"].isna().all()
    assert bleu["signature"].tolist() == ["tok:13a"] * 2
    assert chrf["signature"].tolist() == [""] * 2


def test_a_plain_se_belongs_to_the_only_metric(tmp_path: Path) -> None:
    assert read(tmp_path, "pretrain_tokens,bleu,se\n1,20,.2\n2,22,.3\n").frame["se"].tolist() == [0.2, 0.3]
    two = read(tmp_path, "pretrain_tokens,bleu,chrf,se\n1,20,30,.2\n2,22,32,.3\n", "t.csv")
    assert two.notes == ("spreads that were not read: 'se'",)
    assert "se" not in two.frame


def test_baseline_rows_repeated_under_mixtures_are_merged(tmp_path: Path) -> None:
    text = (
        "task,mixture,pretrain_tokens,finetune_tokens,bleu,alignment\n"
        "t,a,0,1M,11,1\nt,b,0,1M,11,0.7\nt,a,1e9,1M,20,1\nt,a,1e10,1M,25,1\nt,b,1e9,1M,15,.7\nt,b,1e10,1M,16,.7\n"
    )
    metrics = read(tmp_path, text)
    baseline = metrics.frame[metrics.is_baseline]
    assert baseline[["mixture", "value", "line"]].to_numpy().tolist() == [["none", 11, 2]]
    assert baseline["alignment"].isna().all()
    assert metrics.notes == ("1 baseline rows repeated under several mixtures were merged",)
    assert len(metrics.curves()) == 2


def test_baseline_replicates_are_kept(tmp_path: Path) -> None:
    rows = "t,,0,11,1\nt,,0,12,2\nt,a,1e9,20,1\nt,a,1e10,25,1\n"
    metrics = read(tmp_path, f"task,mixture,pretrain_tokens,bleu,seed\n{rows}")
    assert metrics.frame.loc[metrics.is_baseline, "value"].tolist() == [11, 12]


def test_curves_in_finetuning_size(tmp_path: Path) -> None:
    text = (
        "mixture,pretrain_tokens,finetune_tokens,bleu\n"
        "a,1e9,1M,20\na,1e9,2M,21\n,0,1M,5\n,0,2M,7\nscratch,0,1M,4\nscratch,0,2M,6\n"
    )
    metrics = read(tmp_path, text, axis="finetune_tokens")
    assert metrics.curve_columns == ("task", "mixture", "pretrain_tokens")
    assert not metrics.is_baseline.any()
    assert metrics.curves()["mixture"].tolist() == ["a", "none", "scratch"]


def test_other_peoples_headers(tmp_path: Path) -> None:
    text = "model,src,tgt,steps,value,chrF++\nm,en,fr,1K,.4,40\nm,en,fr,2K,.5,41\n"
    columns = {
        "task": "src+tgt",
        "pretrain_tokens": "steps",
        "accuracy": "value",
        "mixture": "model",
        "chrfpp": "chrF++",
    }
    metrics = read(tmp_path, text, columns=columns)
    assert metrics.metrics == ("accuracy", "chrfpp")
    assert metrics.frame["task"].unique().tolist() == ["en-fr"]
    assert metrics.notes == ()


def test_a_named_column_replaces_the_files_own(tmp_path: Path) -> None:
    text = "task,set,pretrain_tokens,bleu,sacrebleu,BLEU\nx,a,1,10,11,12\nx,a,2,10,12,13\n"
    frame = read(tmp_path, text, columns={"task": "set", "bleu": "sacrebleu"}).frame
    assert frame["task"].unique().tolist() == ["a"]
    assert frame["value"].tolist() == [11, 12]


def test_where_leaves_a_note(tmp_path: Path) -> None:
    metrics = read(tmp_path, LONG, where=["metric=bleu", "pretrain_tokens>=1B"])
    assert metrics.frame["line"].tolist() == [2, 3]
    assert metrics.notes == ("--where left out 4 of 6 rows",)


def test_other_curve_columns(tmp_path: Path) -> None:
    text = "pretrain_tokens,bleu,arch,depth,note\n1,20,a,6,x\n2,21,a,6,y\n1,22,b,6,x\n2,23,b,6,y\n"
    metrics = read(tmp_path, text, curve=["arch", "depth"])
    assert metrics.curve_columns == ("arch", "depth")
    assert metrics.curves().to_numpy().tolist() == [["a", "6"], ["b", "6"]]
    assert metrics.notes == ("columns not read: 'note'",)


def test_misspelt_columns_are_named_in_a_note(tmp_path: Path) -> None:
    metrics = read(tmp_path, "pretrain_tokens,bleu,finetun_tokens,BLEU_std,remark\n1,20,5,1,x\n2,21,5,1,y\n")
    deviations, note = metrics.notes
    assert "'BLEU_std' holds standard deviations" in deviations
    assert note == "columns not read: 'finetun_tokens' (did you mean 'finetune_tokens'?), 'remark'"


def test_a_task_on_another_scale_is_asked_about(tmp_path: Path) -> None:
    text = "task,pretrain_tokens,bleu\na,1,.2\na,2,.3\nb,1,20\nb,2,30\n"
    with pytest.raises(MetricsError, match="bleu of task a is never above this one") as caught:
        read(tmp_path, text)
    assert caught.value.accepted is None
    assert len(read(tmp_path, text, where=["task!=a"]).frame) == 2
    assert len(read(tmp_path, text, scale={"bleu": 1}).frame) == 4
    # Others score as little at first: a hard task.
    assert len(read(tmp_path, f"{text}b,.5,.4\n").frame) == 5


def test_scores_with_a_signature_of_sacrebleu_may_all_be_below_1(tmp_path: Path) -> None:
    signature = "nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"
    text = f"pretrain_tokens,bleu,bleu_signature\n0,.05,{signature}\n1,.2,{signature}\n2,.3,{signature}\n"
    assert read(tmp_path, text).notes == ()


def test_placeholders_are_labels_in_label_columns(tmp_path: Path) -> None:
    frame = read(tmp_path, "task,mixture,pretrain_tokens,bleu\nna,nan,1,20\nna,nan,2,21\n").frame
    assert frame[["task", "mixture"]].drop_duplicates().to_numpy().tolist() == [["na", "nan"]]


@pytest.mark.parametrize(
    ("options", "received", "remedy"),
    [
        ({"axis": "tokens"}, "'tokens'", "finetune_tokens, pretrain_tokens"),
        ({"curve": ["tusk"]}, "'tusk'", "did you mean 'task'?"),
        ({"curve": ["value"]}, "'value'", "valid:"),
        ({"curve": ["pretrain_tokens"]}, "'pretrain_tokens'", "valid:"),
        ({"curve": []}, "none", "--curve task,mixture"),
        ({"columns": {"task": "tsk"}}, "'tsk'", "did you mean 'task'?"),
        ({"columns": {"task": "task+nothing"}}, "'nothing'", "valid:"),
        ({"columns": {"pretrain_token": "task"}}, "'pretrain_token'", "did you mean 'pretrain_tokens'?"),
        ({"where": ["task"]}, "'task'", "--where 'model=r50|r101'"),
        ({"where": ["tsk=en-fr"]}, "'tsk'", "did you mean 'task'?"),
        ({"where": ["task=en-de"]}, "'task=en-de'", "'en-fr'"),
        ({"where": ["task>en"]}, "'task>en'", "use ="),
        ({"where": ["value>1|2"]}, "'value>1|2'", "one number"),
        ({"where": ["value>high"]}, "'value>high'", "one number"),
    ],
)
def test_options_that_cannot_be_used(
    tmp_path: Path, options: dict[str, Any], received: str, remedy: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, LONG, **options)
    assert f"received {received}" in str(caught.value)
    assert remedy in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_error_is_a_data_error_with_all_problems(tmp_path: Path) -> None:
    with pytest.raises(MetricsError) as caught:
        read(tmp_path, LONG.replace("20.5", "205").replace("6M", "-6M"))
    assert caught.value.exit_code == 3
    assert len(caught.value.problems) == 7


@pytest.mark.parametrize(
    ("text", "options", "rule"),
    [
        # The rows that are left hold text in the only column of scores, none of them a number.
        (
            "pretrain_tokens,bleu\n1,bad\n2,;\n3,21\n4,22\n",
            {"where": ["pretrain_tokens<=2"]},
            "required-columns",
        ),
        # They hold no score at all.
        ("pretrain_tokens,bleu\n1,NA\n2,\n3,21\n4,22\n", {"where": ["pretrain_tokens<=2"]}, "not-empty"),
        # No row of one size has a value that is a number.
        ("pretrain_tokens,bleu\n1,x\n1,y\n2,20\n3,21\n", {"duplicates": "best"}, "number"),
        # A score beside columns of runs has no number, and so no rows of its own.
        ("pretrain_tokens,bleu_sd,a - bleu\n1,,3\n", {}, "two-sizes"),
    ],
)
def test_what_becomes_empty_on_the_way_is_told(
    tmp_path: Path, text: str, options: dict[str, Any], rule: str
) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text)
    with pytest.raises(MetricsError) as caught:
        read_metrics(path, **options)
    assert {problem.rule for problem in caught.value.problems} == {rule}
