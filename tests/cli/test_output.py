from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from bayesscale.cli.output import Answer, print_answer
from bayesscale.text import printable

FRAME = pd.DataFrame(
    {
        "task": ["a task with a rather long name that does not end soon", "日本語\x1b[2J"],
        "pretrain_tokens": [1.3e11, 0.0],
        "value": [27.31234, np.nan],
        "count": [1234567, 2],
        "ok": [True, False],
        "large": [123456.7, np.inf],
    }
)


def test_texts_are_printed_in_full_and_names_in_a_width(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(Answer(FRAME, {}, ["a sentence"]))
    out = capsys.readouterr().out
    sentence, head, first, second = out.splitlines()
    assert sentence == "a sentence"
    assert head.split() == ["task", "D_p", *FRAME.columns[2:]]
    assert first.split("  ")[0] == FRAME["task"][0]
    assert first.split()[-5:] == ["130B", "27.31", "1,234,567", "True", "123,457"]
    assert second.split() == ["日本語\\x1b[2J", "0", "2", "False", "inf"]
    assert "\x1b" not in out
    long = FRAME.assign(task=["a" * 90, "b"])
    print_answer(Answer(long, {}))
    assert max(map(len, capsys.readouterr().out.splitlines())) == 100
    print_answer(Answer(long, {}, texts=True))
    assert "a" * 90 in capsys.readouterr().out


def test_markup_in_data_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(Answer(pd.DataFrame({"[bold]a": ["[red]x[/red]", "[/]"]}), {}, ["[bold]s"]))
    assert capsys.readouterr().out.split() == ["[bold]s", "[bold]a", "[red]x[/red]", "[/]"]


def test_json_is_exact_and_valid(capsys: pytest.CaptureFixture[str]) -> None:
    document = {
        "a": np.float64(0.1) + 0.2,
        "b": [np.int64(3), np.nan, float("inf")],
        "c": {"d": np.array([1.5, np.nan])},
        "e": (True, None, "日"),
    }
    print_answer(Answer(FRAME, document), as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "a": 0.1 + 0.2,
        "b": [3, None, None],
        "c": {"d": [1.5, None]},
        "e": [True, None, "日"],
    }


def test_csv_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer(Answer(FRAME, {}, ["not printed"]), as_csv=True)
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == "task,pretrain_tokens,value,count,ok,large"
    assert lines[1].endswith(",130000000000.0,27.31234,1234567,True,123456.7")


@pytest.mark.parametrize(
    ("text", "shown"), [("plain ü\n", "plain ü\n"), ("\x1b[2J", "\\x1b[2J"), ("a\tb\r", "a\\tb\\r")]
)
def test_printable(text: str, shown: str) -> None:
    assert printable(text) == shown
