"""The prepared folder: complete or not valid, the same bytes every time, and what the study says in it."""

from __future__ import annotations

import json
import lzma
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")

from bayesscale.errors import CorpusError, OutputExistsError
from bayesscale.harness.corpora.sources import source_of
from bayesscale.harness.model.config import EOS
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.load import parse_study
from bayesscale.harness.study.presets import preset
from bayesscale.harness.tokens.prepare import prepare
from bayesscale.harness.tokens.prepared import Prepared
from bayesscale.harness.tokens.supply import check_supply, supply_problems


@pytest.fixture(scope="module")
def prepared(small_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return a prepared folder that no test changes."""
    return prepare(small_study, tmp_path_factory.mktemp("data") / "prepared")


FILES = """\
name = "files"
mixtures = ["50en+50de"]
[corpora.en]
files = ["mono.en.txt"]
[corpora.de]
files = ["mono.de.jsonl.xz"]
[tokenizer]
vocab_size = 30
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
domains = { test = "test.domain" }
[finetuning]
sizes = ["full"]
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with the files of the study above."""
    numbers = ["one", "two", "three", "four", "five", "six"]
    zahlen = ["eins", "zwei", "drei", "vier", "fünf", "sechs"]
    english = [f"{a} {b} {c}" for a in numbers for b in numbers for c in numbers]
    german = [f"{a} {b} {c}" for a in zahlen for b in zahlen for c in zahlen]
    (tmp_path / "mono.en.txt").write_text("\n".join([*english[100:], "", english[100], f"x {english[2]} y"]))
    records = "".join(json.dumps({"text": text}) + "\n" for text in german[100:])
    (tmp_path / "mono.de.jsonl.xz").write_bytes(lzma.compress(records.encode()))
    for name, texts in (("en", english), ("de", german)):
        (tmp_path / f"train.{name}").write_text("\n".join([*texts[10:100], texts[2]]) + "\n")
        (tmp_path / f"test.{name}").write_text("\n".join([*texts[:3], "four word test sentence"]) + "\n")
    rows = zip(english[3:10], german[3:10], strict=True)
    (tmp_path / "dev.tsv").write_text("".join(f"{one}\t{other}\tnumbers\n" for one, other in rows))
    (tmp_path / "test.domain").write_text("a\nb\na\na\n")
    return tmp_path


def test_blocks_are_the_documents_joined_with_eos(prepared: Prepared) -> None:
    for language in ("ka", "lo"):
        blocks = prepared.blocks(language, 32)
        assert blocks.shape == (prepared.counts[language] // 32, 32)
        assert blocks.dtype == np.uint16
        assert not blocks.flags.writeable
        assert int(blocks.max()) < 100
        ends = prepared.manifest["languages"][language]["text"]["kept"]
        every = prepared.blocks(language, 1).ravel()
        assert (every == EOS).sum() == ends
        assert every[-1] == EOS
    with pytest.raises(CorpusError, match="has no text of 'kaa'; did you mean 'ka'"):
        prepared.blocks("kaa", 32)


def test_the_text_is_that_of_the_languages(prepared: Prepared, small_study: Study) -> None:
    ids = prepared.blocks("ka", 1).ravel()[:500].tolist()
    end = ids.index(1)
    assert prepared.tokenizer.decode([ids[:end]]) == [next(source_of(small_study).documents("ka"))]


def test_tasks_have_ids_text_and_domains_in_step(prepared: Prepared) -> None:
    task = prepared.task("ka-lo")
    assert prepared.task("ka-lo") is task
    for part, pairs in (("train", 300), ("dev", 20), ("test", 40)):
        parallel = getattr(task, part)
        assert {name: len(side) for name, side in vars(parallel).items() if len(side) != pairs} == {}
        assert parallel.tokens == sum(len(ids) for side in (parallel.source, parallel.target) for ids in side)
        assert all(ids[-1] == 1 and 1 not in ids[:-1] for ids in (*parallel.source, *parallel.target))
        assert prepared.tokenizer.decode([ids.tolist() for ids in parallel.target]) == parallel.target_text
        assert prepared.tokenizer.decode([ids.tolist() for ids in parallel.source]) == parallel.source_text
        assert set(parallel.domain) <= {"topic0", "topic1", "topic2"}
    with pytest.raises(CorpusError, match="has no task 'lo-ka'"):
        prepared.task("lo-ka")


def test_the_same_study_gives_the_same_bytes(prepared: Prepared, small_study: Study, tmp_path: Path) -> None:
    again = prepare(small_study, tmp_path / "again")
    assert again.hash == prepared.hash
    assert _contents(again.folder) == _contents(prepared.folder)


def test_what_is_there_is_opened_and_not_made_again(prepared: Prepared, small_study: Study) -> None:
    said: list[str] = []
    times = {path: path.stat().st_mtime_ns for path in prepared.folder.rglob("*")}
    again = prepare(small_study, prepared.folder, report=said.append)
    assert said == [f"{prepared.folder} is prepared already"]
    assert again.hash == prepared.hash
    assert {path: path.stat().st_mtime_ns for path in prepared.folder.rglob("*")} == times


def test_settings_of_training_do_not_matter_and_those_of_text_do(
    prepared: Prepared, small_text: str, tmp_path: Path
) -> None:
    prepare(parse_study(small_text.replace("steps = 4", "steps = 9")), prepared.folder)
    other = parse_study(small_text.replace("stems = 60", "stems = 61"))
    with pytest.raises(OutputExistsError, match=r"prepared for another study.*--force"):
        prepare(other, prepared.folder)
    assert Prepared(prepared.folder).hash == prepared.hash


def test_force_replaces(small_study: Study, small_text: str, tmp_path: Path) -> None:
    first = prepare(small_study, tmp_path)
    second = prepare(
        parse_study(small_text.replace("relatedness = 0.5", "relatedness = 0.6")), tmp_path, force=True
    )
    assert second.hash != first.hash == prepare(small_study, tmp_path, force=True).hash


def test_nothing_else_is_left_in_the_folder(prepared: Prepared) -> None:
    names = {
        path.relative_to(prepared.folder).as_posix() for path in prepared.folder.rglob("*") if path.is_file()
    }
    parts = {f"tasks/ka-lo.{part}.jsonl" for part in ("train", "dev", "test")}
    assert names == {"prepared.json", "tokenizer.model", "languages/ka.ids", "languages/lo.ids", *parts}


def test_files_of_every_kind_become_tokens(files: Path) -> None:
    study = parse_study(FILES, folder=files)
    prepared = prepare(study, files / "prepared")
    english = prepared.manifest["languages"]["en"]["text"]
    assert [english[name] for name in ("read", "empty", "duplicate", "contaminated")] == [119, 1, 1, 0]
    assert prepared.manifest["languages"]["de"]["text"]["kept"] == 116
    parts = prepared.manifest["tasks"]["en-de"]["parts"]
    assert {name: part["pairs"] for name, part in parts.items()} == {"train": 90, "dev": 7, "test": 4}
    assert parts["train"]["text"]["contaminated"] == 1
    assert parts["test"]["domains"] == {"a": 3, "b": 1}
    assert prepared.task("en-de").dev.domain == ["numbers"] * 7
    assert set(prepared.manifest["inputs"]) == {path.name for path in files.iterdir() if path.is_file()}


def test_a_file_that_has_changed_is_noticed(files: Path) -> None:
    study = parse_study(FILES, folder=files)
    before = prepare(study, files / "prepared")
    text = (files / "train.de").read_text()
    (files / "train.de").write_text(text.replace("eins", "acht"))
    with pytest.raises(OutputExistsError, match="its text has changed since"):
        prepare(study, files / "prepared")
    assert prepare(study, files / "prepared", force=True).hash != before.hash


def test_the_hash_does_not_know_where_files_lie(files: Path, tmp_path: Path) -> None:
    one = prepare(parse_study(FILES, folder=files), tmp_path / "one")
    moved = FILES.replace('"mono', f'"{files}/mono').replace('"train', f'"{files}/train')
    moved = moved.replace('"dev.', f'"{files}/dev.').replace('"test.', f'"{files}/test.')
    assert prepare(parse_study(moved), tmp_path / "two").hash == one.hash


def test_a_tokenizer_that_is_given_is_used(files: Path, prepared: Prepared) -> None:
    given = FILES.replace("vocab_size = 30", f'path = "{prepared.folder}/tokenizer.model"')
    made = prepare(parse_study(given, folder=files), files / "prepared")
    assert made.tokenizer.model == prepared.tokenizer.model


def test_enough_tokens_for_every_mixture_are_made_up(prepared: Prepared, small_study: Study) -> None:
    check_supply(small_study, prepared)
    for mixture in small_study.mixtures:
        order = prepared.mixture(mixture.shares, 32, 0)
        assert order.limit * 32 >= small_study.pretraining.checkpoint_tokens[-1]


def test_everything_that_is_larger_than_the_text_is_said_at_once(prepared: Prepared, small_text: str) -> None:
    greedy = parse_study(
        small_text.replace('["1K", "4K"]', '["1K", "1M"]').replace('["1K", "full"]', '["1K", "2M", "3M"]')
    )
    problems = supply_problems(greedy, prepared)
    assert len(problems) == 3
    with pytest.raises(CorpusError) as caught:
        check_supply(greedy, prepared)
    message = str(caught.value)
    for told in ("50ka+50lo: 999,936 tokens", "mixture ka: ", "task ka-lo: ", "2000000 were", "3000000 were"):
        assert told in message
    assert f"ka {prepared.counts['ka']:,}" in message


@pytest.mark.parametrize("name", ["tiny", "synthetic"])
def test_the_vocabulary_of_a_preset_can_be_filled(name: str, tmp_path: Path) -> None:
    study = preset(name)
    assert study.artificial is not None
    # With less text than the preset has; SentencePiece refuses a vocabulary that the text cannot fill.
    less = study.artificial.model_copy(update={"words": 20_000, "train": 1000, "dev": 20, "test": 20})
    prepared = prepare(study.model_copy(update={"artificial": less}), tmp_path)
    assert prepared.tokenizer.vocab_size == (study.tokenizer.vocab_size or 0) + 100


KILLED = """\
import os, signal, sys
from pathlib import Path
from bayesscale.harness.study.load import load_study
from bayesscale.harness.tokens.prepare import prepare

remaining, sync = int(sys.argv[3]), os.fsync

def sync_or_die(descriptor):
    global remaining
    remaining -= 1
    if remaining == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    sync(descriptor)

os.fsync = sync_or_die
prepare(load_study(sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.parametrize("file", [1, 4, 9])
def test_a_run_that_is_killed_is_not_valid_and_the_next_one_makes_the_same_bytes(
    prepared: Prepared, small_text: str, tmp_path: Path, root: Path, file: int
) -> None:
    (tmp_path / "study.toml").write_text(small_text)
    folder = tmp_path / "prepared"
    # Killed when the n-th file is written and not yet in its place; the ninth and last is the manifest.
    command = [sys.executable, "-c", KILLED, str(tmp_path / "study.toml"), str(folder), str(file)]
    assert subprocess.run(command, cwd=root, check=False).returncode == -9
    with pytest.raises(CorpusError, match="has none; run"):
        Prepared(folder)
    assert list(folder.rglob(".*"))
    again = prepare(parse_study(small_text), folder)
    assert again.hash == prepared.hash
    assert _contents(folder) == _contents(prepared.folder)


def test_two_processes_may_prepare_the_same_folder(
    prepared: Prepared, small_text: str, tmp_path: Path, root: Path
) -> None:
    (tmp_path / "study.toml").write_text(small_text)
    folder = tmp_path / "prepared"
    command = [sys.executable, "-c", KILLED, str(tmp_path / "study.toml"), str(folder), "0"]
    both = [subprocess.Popen(command, cwd=root) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    assert _contents(folder) == _contents(prepared.folder)


def _contents(folder: Path) -> dict[str, bytes]:
    """Return the files of a folder."""
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
