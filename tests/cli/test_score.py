"""`bayesscale score`: translations of any program become a row, with sacreBLEU's own numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import bayesscale
from bayesscale.cli.main import main

pytest.importorskip("sacrebleu", reason="scoring needs sacreBLEU (extra train)")

SAID = ["the cat sat on the mat today", "a dog barked at the moon", "nothing else happened here"]
MEANT = ["the cat sat on the mat today", "a dog barked at the sun", "nothing of note happened here"]


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Catch what is recorded."""
    caught: list[Any] = []

    def record(path: Path, scores: Any, **row: Any) -> None:
        caught.append((path, scores, row))

    monkeypatch.setattr(bayesscale, "record", record, raising=False)
    return caught


def _run(folder: Path, said: list[str], *more: str) -> int:
    """Score some translations, and return the exit code."""
    for name, lines in (("hyp", said), ("ref", MEANT)):
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    arguments = [
        "score",
        str(folder / "hyp"),
        str(folder / "ref"),
        "--task",
        "en-de",
        "--finetune-tokens",
        "6M",
    ]
    with pytest.raises(SystemExit) as caught:
        main([*arguments, "-o", str(folder / "table.jsonl"), *more])
    return int(caught.value.code or 0)


def test_a_row_has_the_scores_of_sacrebleu_and_what_they_are_of(
    tmp_path: Path, rows: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from sacrebleu import corpus_bleu, corpus_chrf

    assert _run(tmp_path, SAID, "--pretrain-tokens", "1B", "--mixture", "50en+50de", "--seed", "3") == 0
    ((path, scores, row),) = rows
    assert path == tmp_path / "table.jsonl"
    assert scores["bleu"] == pytest.approx(corpus_bleu(SAID, [MEANT]).score)
    assert scores["chrf"] == pytest.approx(corpus_chrf(SAID, [MEANT]).score)
    assert scores["bleu_se"] > 0
    assert (row["pretrain_tokens"], row["finetune_tokens"]) == (10**9, 6 * 10**6)
    assert {"task": "en-de", "mixture": "50en+50de", "seed": 3}.items() <= row["labels"].items()
    assert "nrefs:1" in row["labels"]["signature"]
    assert "bleu" in capsys.readouterr().out


def test_what_cannot_be_scored_is_refused_and_nothing_recorded(
    tmp_path: Path, rows: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(tmp_path, SAID[:2], "--pretrain-tokens", "0") == 3
    assert "has 2 lines and" in capsys.readouterr().err
    assert _run(tmp_path, SAID, "--pretrain-tokens", "1B") == 2
    assert "--mixture says what was pretrained on" in capsys.readouterr().err
    assert rows == []
