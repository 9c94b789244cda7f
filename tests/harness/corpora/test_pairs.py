"""Parallel text: pairs that belong together, and files that cannot belong together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.pairs import Pair, pairs

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes a file and returns its path."""

    def write_file(name: str, content: str) -> Path:
        (tmp_path / name).write_text(content, encoding="utf-8")
        return tmp_path / name

    return write_file


def test_a_moses_pair_with_labels(write: Write) -> None:
    files = [write("a.en", "one\ntwo\n"), write("a.de", "eins\nzwei\n")]
    assert list(pairs(files)) == [Pair("one", "eins"), Pair("two", "zwei")]
    labelled = pairs(files, write("a.domain", "news\n talk \n"))
    assert list(labelled) == [Pair("one", "eins", "news"), Pair("two", "zwei", "talk")]


def test_a_table_with_and_without_labels(write: Write) -> None:
    assert list(pairs([write("a.tsv", "one\teins\ntwo\tzwei")])) == [Pair("one", "eins"), Pair("two", "zwei")]
    assert list(pairs([write("b.tsv", "one\teins\tnews\n")])) == [Pair("one", "eins", "news")]
    own = pairs([write("b.tsv", "one\teins\tnews\n")], write("labels", "talk\n"))
    assert list(own) == [Pair("one", "eins", "talk")]


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        ("a\nb\nc\n", "a\nb\n", r"a\.en has 3, .*a\.de has 2; pair them again"),
        ("a\n", "a\nb\nc\nd\n", r"a\.en has 1, .*a\.de has 4"),
        ("", "a\n", r"a\.en has 0, .*a\.de has 1"),
        ("", "", "have none"),
    ],
)
def test_files_of_different_length_are_refused_with_both_lengths(
    write: Write, source: str, target: str, told: str
) -> None:
    with pytest.raises(CorpusError, match=told):
        list(pairs([write("a.en", source), write("a.de", target)]))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("one\n", "line 1 of .* has 1 columns"),
        ("one\teins\ntwo\n", "line 2 of .* has 1 columns"),
        ("one\teins\tuno\tun\n", "line 1 of .* has 4 columns; is it a table of another number of languages"),
        ("one\teins\ntwo\tzwei\tnews\n", "line 2 of .* has 3 columns"),
        ("", "have none"),
    ],
)
def test_tables_of_another_shape_are_refused(write: Write, content: str, told: str) -> None:
    with pytest.raises(CorpusError, match=told):
        list(pairs([write("a.tsv", content)]))


@pytest.mark.parametrize(
    ("labels", "told"), [("x\n", r"a\.domain has 1; pair"), ("x\ny\nz\n", r"a\.domain has 3; pair")]
)
def test_labels_of_another_number_are_refused(write: Write, labels: str, told: str) -> None:
    files = [write("a.en", "one\ntwo\n"), write("a.de", "eins\nzwei\n")]
    with pytest.raises(CorpusError, match=r"a\.en has 2, .*" + told):
        list(pairs(files, write("a.domain", labels)))
    with pytest.raises(CorpusError, match=r"a\.tsv has 2, .*" + told):
        list(pairs([write("a.tsv", "one\teins\ntwo\tzwei\n")], write("a.domain", labels)))


def test_a_missing_side_is_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(CorpusError, match=r"there is no file .*b\.de"):
        list(pairs([write("a.en", "one\n"), tmp_path / "b.de"]))
