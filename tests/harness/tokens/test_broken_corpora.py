"""Bad input to `prepare`: a message that says what to do, and nothing that could be mistaken for data."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")

from bayesscale.errors import BayesscaleError, CorpusError
from bayesscale.harness.study.load import parse_study
from bayesscale.harness.tokens.prepare import prepare
from bayesscale.harness.tokens.prepared import Prepared

STUDY = """\
name = "files"
mixtures = ["50en+50de"]
[corpora.en]
files = ["mono.en.txt"]
[corpora.de]
files = ["mono.de.txt.xz"]
[tokenizer]
vocab_size = 24
[pretraining]
batch = 1
length = 8
checkpoints = [16]
[[tasks]]
name = "en-de"
source = "en"
target = "de"
train = ["train.en", "train.de"]
dev = "dev.tsv"
test = ["test.en", "test.de"]
[finetuning]
sizes = ["full"]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with the files of the study above."""
    texts = [f"{a}{b} {b}{c} {c}{a}" for a in "bdfg" for b in "aeio" for c in "klmn"]
    (tmp_path / "mono.en.txt").write_text("\n".join(texts[30:]))
    (tmp_path / "mono.de.txt.xz").write_bytes(lzma.compress("\n".join(texts[30:]).encode()))
    for name in ("en", "de"):
        (tmp_path / f"train.{name}").write_text("\n".join(texts[10:30]))
        (tmp_path / f"test.{name}").write_text("\n".join(texts[:5]))
    (tmp_path / "dev.tsv").write_text("".join(f"{text}\t{text}\n" for text in texts[5:10]))
    return tmp_path


def _message(files: Path, text: str = STUDY) -> str:
    """Return what is said of the study, after making sure that no data are left behind."""
    with pytest.raises(BayesscaleError) as caught:
        prepare(parse_study(text, folder=files), files / "prepared")
    assert isinstance(caught.value, CorpusError)
    assert caught.value.exit_code == 3
    assert not (files / "prepared" / "prepared.json").exists()
    assert [path.name for path in (files / "prepared").rglob(".*")] == []
    return str(caught.value)


def test_the_files_are_fine_to_begin_with(files: Path) -> None:
    assert prepare(parse_study(STUDY, folder=files), files / "prepared").counts["en"] > 0


def test_all_missing_and_empty_files_are_named_at_once(files: Path) -> None:
    (files / "mono.en.txt").unlink()
    (files / "test.de").unlink()
    (files / "dev.tsv").write_text("")
    message = _message(files)
    assert f"there is no file {files}/mono.en.txt; there is no file {files}/test.de" in message
    assert f"{files}/dev.tsv is empty" in message
    assert f"(they begin at {files})" in message


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("mono.en.txt", b"\x7fELF\x00\x00", "zero byte in line 1 and is probably binary"),
        ("mono.en.txt", b"gut\n\xff\xfe\n", "a corpus is UTF-8; line 2"),
        ("mono.en.txt", b"\n \n\t\n", "of the 3 documents of en, 3 are empty"),
        ("mono.de.txt.xz", b"plain text", "cannot be read"),
        (
            "mono.de.txt.xz",
            lzma.compress(b"abc\n" * 10_000)[:-40],
            "ends in the middle of its compressed data",
        ),
        ("mono.de.txt.xz", lzma.compress(b""), "is empty; remove it"),
        ("train.en", b"one\n", "train.en has 1, .*train.de has 20"),
        ("train.de", b"x\n" * 25, "train.en has 20, .*train.de has 25"),
        ("train.de", b"\n" * 20, "of the 20 in train of en-de, 20 have an empty side"),
        ("test.de", b"\x00\n" * 5, "zero byte"),
        ("dev.tsv", b"one\n", "line 1 of .*dev.tsv has 1 columns"),
        ("dev.tsv", b"a\tb\tc\td\n", "has 4 columns; is it a table of another number of languages"),
    ],
)
def test_broken_files(files: Path, name: str, content: bytes, told: str) -> None:
    import re

    (files / name).write_bytes(content)
    assert re.search(told, _message(files))


def test_training_text_that_is_the_test_set(files: Path) -> None:
    for name in ("en", "de"):
        (files / f"train.{name}").write_bytes((files / f"test.{name}").read_bytes())
    assert (
        "of the 5 in train of en-de, 0 have an empty side, 0 occur twice and 5 are in a held-out"
        in _message(files)
    )


def test_a_vocabulary_that_the_text_cannot_fill(files: Path) -> None:
    text = STUDY.replace("vocab_size = 24", "vocab_size = 5000")
    assert "set vocab_size = " in _message(files, text)


def test_a_tokenizer_that_is_none(files: Path) -> None:
    (files / "spiece.model").write_bytes(b"hello")
    text = STUDY.replace("vocab_size = 24", 'path = "spiece.model"')
    assert "is no SentencePiece model" in _message(files, text)


def test_a_failed_run_can_be_repeated_when_the_cause_is_gone(files: Path) -> None:
    good = (files / "mono.en.txt").read_bytes()
    (files / "mono.en.txt").write_bytes(b"\x00")
    _message(files)
    (files / "mono.en.txt").write_bytes(good)
    assert prepare(parse_study(STUDY, folder=files), files / "prepared").hash


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(bytes(content))


@pytest.mark.parametrize(
    ("name", "damage", "told"),
    [
        ("languages/en.ids", _cut, "bytes instead of"),
        ("languages/de.ids", Path.unlink, "is missing"),
        ("tasks/en-de.test.jsonl", _cut, "bytes instead of"),
        ("tasks/en-de.test.jsonl", Path.unlink, "is missing"),
        ("tasks/en-de.train.jsonl", _flip, "damaged"),
        ("tokenizer.model", lambda path: path.write_bytes(b"x"), "no SentencePiece model"),
        ("tokenizer.model", Path.unlink, "cannot be read"),
        ("prepared.json", _cut, "is damaged"),
        ("prepared.json", Path.unlink, "has none; run 'bayesscale harness tokenize'"),
        ("prepared.json", lambda path: path.write_text("[]"), "of format 2; .* has None"),
        ("prepared.json", lambda path: path.write_text('{"format": 99}'), "of format 2; .* has 99"),
    ],
)
def test_a_damaged_folder_is_not_opened(
    files: Path, name: str, damage: Callable[[Path], object], told: str
) -> None:
    prepared = prepare(parse_study(STUDY, folder=files), files / "prepared")
    damage(prepared.folder / name)
    with pytest.raises(CorpusError, match=told):
        Prepared(prepared.folder).task("en-de")


def test_a_folder_with_a_damaged_manifest_is_not_silently_replaced(files: Path) -> None:
    study = parse_study(STUDY, folder=files)
    prepared = prepare(study, files / "prepared")
    _cut(prepared.folder / "prepared.json")
    with pytest.raises(BayesscaleError, match="--force"):
        prepare(study, prepared.folder)
    assert prepare(study, prepared.folder, force=True).hash == prepared.hash
