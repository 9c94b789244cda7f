from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from bayesscale.cli.main import main

TABLE = (
    "task,mixture,D_p,finetune_tokens,bleu,bleu_se,alignment,kind\n"
    "en-fr,en+fr,1e9,6M,20.123456,0.4,1,x\n"
    "en-fr,en+fr,1e10,6M,25,,1,x\n"
    "en-fr,,0,6M,11,0.3,,x\n"
    "en-fr,en+fr,1e9,6M,21,0.4,1,y\n"
)
OPTIONS = ("--columns", "pretrain_tokens=D_p", "--where", "kind=x")


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["check", *arguments])
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = tmp_path / "m.csv"
    path.write_text(TABLE)
    return str(path)


def test_what_was_understood(capsys: pytest.CaptureFixture[str], table: str) -> None:
    code, out, err = check(capsys, table, *OPTIONS)
    assert (code, err) == (0, "")
    sentences, head, row = out.splitlines()[:-2], *out.splitlines()[-2:]
    assert sentences == [
        f"{table}: 1 curve in pretrain_tokens, 3 scores of bleu",
        "a curve is one value of task, mixture, finetune_tokens",
        "baseline without pretraining: 1 scores",
        "standard errors: 2 of 3 scores",
        "alignment of mixture and task: 2 scores",
        "language shares of the mixtures: none",
        "note: --where left out 1 of 4 rows",
        "note: columns not read: 'kind'",
    ]
    assert head.split()[3:] == [
        "metric",
        "sizes",
        "smallest",
        "largest",
        "scores",
        "lowest",
        "highest",
        "with_se",
        "baseline",
    ]
    assert row.split() == ["en-fr", "en+fr", "6M", "bleu", "2", "1B", "10B", "2", "20.12", "25", "1", "11"]


def test_json(capsys: pytest.CaptureFixture[str], table: str) -> None:
    code, out, err = check(capsys, table, *OPTIONS, "--json")
    assert (code, err) == (0, "")
    answer: dict[str, Any] = json.loads(out)
    assert answer["status"] == "ok"
    assert answer["axis"] == "pretrain_tokens"
    assert answer["curve_columns"] == ["task", "mixture", "finetune_tokens"]
    assert (answer["scores"], answer["baseline_scores"], answer["scores_with_se"]) == (3, 1, 2)
    assert len(answer["data_hash"]) == 64
    assert answer["curves"] == [
        {
            "task": "en-fr",
            "mixture": "en+fr",
            "finetune_tokens": 6e6,
            "metric": "bleu",
            "sizes": 2,
            "smallest": 1e9,
            "largest": 1e10,
            "scores": 2,
            "lowest": 20.123456,
            "highest": 25.0,
            "with_se": 1,
            "baseline": 11.0,
        }
    ]


def test_what_is_not_known_is_null_in_json_and_empty_elsewhere(
    capsys: pytest.CaptureFixture[str], table: str
) -> None:
    options = (*OPTIONS, "--where", "D_p>0")
    assert json.loads(check(capsys, table, *options, "--json")[1])["curves"][0]["baseline"] is None
    assert "nan" not in check(capsys, table, *options)[1].lower()
    (row,) = csv.DictReader(io.StringIO(check(capsys, table, *options, "--csv")[1]))
    assert row["baseline"] == ""


def test_csv_is_not_rounded(capsys: pytest.CaptureFixture[str], table: str) -> None:
    code, out, _ = check(capsys, table, *OPTIONS, "--csv")
    (row,) = csv.DictReader(io.StringIO(out))
    assert code == 0
    assert (row["lowest"], row["smallest"]) == ("20.123456", "1000000000.0")


def test_violations_are_told_on_stderr(capsys: pytest.CaptureFixture[str], table: str) -> None:
    code, out, err = check(capsys, table, "--columns", "pretrain_tokens=D_p")
    assert (code, out) == (3, "")
    assert err.startswith(f"error: {table} cannot be used: 1 problem\n")
    assert "line 5: received 'en-fr, en+fr, 6M, 1e9'" not in err  # the metric belongs to it
    assert "line 5: received 'en-fr, en+fr, 6M, 1e9, bleu'" in err
    assert "line 2 has the same; the two differ in kind" in err
    assert "choose: --curve task,mixture,finetune_tokens,kind or --duplicates best" in err
    assert "one way that is accepted: --columns pretrain_tokens=D_p --curve task,mixture," in err


def test_violations_for_programs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("pretrain_tokens,bleu\n" + "".join(f"{n},{100 + n}\n" for n in range(1, 51)) + "51,99\n")
    code, out, err = check(capsys, str(path), "--json")
    assert (code, err) == (3, "")
    answer = json.loads(out)
    assert answer["status"] == "violations"
    assert [problem["line"] for problem in answer["problems"]] == list(range(2, 52))
    assert answer["problems"][0] == {
        "line": 2,
        "column": "bleu",
        "rule": "value-in-range",
        "value": "101",
        "hint": "bleu (BLEU points) lies within 0 and 100; leave out what is not: --where 'bleu<=100'",
        "options": ["--where 'bleu<=100'"],
    }
    code, out, err = check(capsys, str(path), "--csv")
    assert (code, err) == (3, "")
    assert [row["line"] for row in csv.DictReader(io.StringIO(out))] == [str(n) for n in range(2, 52)]
    assert check(capsys, str(path))[2].endswith("all of them: bayesscale check FILE --json\n")


def test_a_missing_file_has_no_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = check(capsys, str(tmp_path / "none.csv"), "--json")
    assert code == 3
    assert json.loads(out)["problems"][0]["line"] is None
    assert check(capsys, str(tmp_path / "none.csv"), "--csv")[1].splitlines()[1].startswith(",,readable,")


def test_columns_and_curves_may_be_repeated_or_separated_by_commas(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "m.csv"
    path.write_text('src,tgt,"a, b",score,arch\nen,fr,1,20,z\nen,fr,2,21,z\n')
    options = ["--columns", "task=src+tgt,bleu=score", "--columns", "pretrain_tokens=a, b", "--json"]
    code, out, _ = check(capsys, str(path), *options, "--curve", "task,arch", "--curve", "mixture")
    assert code == 0
    assert json.loads(out)["curve_columns"] == ["task", "arch", "mixture"]
    assert json.loads(out)["curves"][0]["task"] == "en-fr"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--columns", "D_p"], "received 'D_p'; write for instance --columns pretrain_tokens=D_p"),
        (["--columns", "=D_p"], "received '=D_p'"),
        (["--columns", "task=kind,mixture"], "received 'kind,mixture'"),
        (["--columns", "task=kind,mixture=,run=kind"], "received 'mixture='"),
        (["--columns", "task=kind", "--columns", "task=D_p"], "received 'task' twice"),
        (["--axis", "D_p"], "valid: finetune_tokens, pretrain_tokens"),
        ([*OPTIONS, "--curve", ","], "received none"),
        ([*OPTIONS, "--where", "kind"], "received 'kind'"),
    ],
)
def test_options_that_cannot_be_used(
    capsys: pytest.CaptureFixture[str], table: str, options: list[str], told: str
) -> None:
    code, out, err = check(capsys, table, *options)
    assert (code, out) == (2, "")
    assert err.startswith("error: --")
    assert told in err


@pytest.mark.parametrize(
    ("rows", "absent"),
    [
        ("0,20,0.1\n1e9,21,0.2\n2e9,22,0.3\n", set()),
        ("1e9,21,0.2\n2e9,22,\n", {"baseline"}),
        ("0,20,\n1e9,21,\n2e9,22,\n", {"with_se"}),
        ("1e9,21,\n2e9,22,\n", {"with_se", "baseline"}),
    ],
)
def test_columns_that_say_nothing_are_left_out_for_people_only(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: str, absent: set[str]
) -> None:
    path = tmp_path / "m.csv"
    path.write_text(f"pretrain_tokens,bleu,bleu_se\n{rows}")
    head = check(capsys, str(path))[1].splitlines()[-2].split()
    assert {"with_se", "baseline"} - {*head} == absent
    assert {"with_se", "baseline"} <= {*check(capsys, str(path), "--csv")[1].splitlines()[0].split(",")}
