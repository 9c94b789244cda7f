from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import store


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(store, "ROWS", tmp_path / "rows")
    monkeypatch.setattr(store, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(store, "processors", lambda: 1)


def test_a_run_goes_on_where_it_was_and_begins_anew_if_told_to() -> None:
    asked: list[int] = []

    def square(number: int) -> int:
        asked.append(number)
        return number**2

    assert store.resume("squares", square, {"two": 2, "three": 3}) == {"two": 4, "three": 9}
    assert store.resume("squares", square, {"three": 3, "four": 4}) == {"two": 4, "three": 9, "four": 16}
    assert store.resume("squares", square, {}) == {"two": 4, "three": 9, "four": 16}
    assert asked == [2, 3, 4]
    assert store.resume("squares", square, {"two": 2}, again=True) == {"two": 4}


def test_a_job_that_fails_is_told_and_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert store.resume("inverses", lambda number: 1 / number, {"0": 0, "2": 2}) == {"2": 0.5}
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_results_of_another_engine_are_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store.resume("same", abs, {"1": 1})
    monkeypatch.setattr(store, "code_hash", lambda _: "other")
    store.resume("same", abs, {})
    assert "1 of 1 kept results are of another engine" in capsys.readouterr().err


def test_a_hash_of_code_does_not_see_layout_and_words(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(store, "ROOT", tmp_path)
    hashes = []
    for text in ('"""Say."""\nx = 1\n', '"""Say more."""\n\nx = 1  # one\n', "'''Say.'''\nx = 2\n"):
        (tmp_path / "one.py").write_text(text)
        hashes.append(store.code_hash(["one.py"]))
    assert hashes[0] == hashes[1] != hashes[2]


def test_documents_say_what_made_them_and_name_no_place(tmp_path: Path) -> None:
    store.publish("found", {"answer": 42})
    text = (tmp_path / "results" / "found.json").read_text()
    document = json.loads(text)
    assert document["answer"] == 42
    assert {"bayesscale", "numba"} <= set(document["made"]["versions"])
    assert str(Path.home()) not in text
    assert str(store.ROOT) not in text
