"""The real corpora beside the repository: what is in them comes through unharmed."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")

from bayesscale.harness.corpora.clean import clean, key
from bayesscale.harness.corpora.files import lines
from bayesscale.harness.corpora.pairs import pairs
from bayesscale.harness.model.config import UNK
from bayesscale.harness.study.load import parse_study
from bayesscale.harness.tokens.prepare import prepare
from bayesscale.harness.tokens.prepared import Prepared
from bayesscale.harness.tokens.subset import nested_subset
from bayesscale.harness.tokens.supply import check_supply

LANGUAGES = ("en", "de", "fr", "ro")
STUDY = """\
name = "real"
mixtures = ["100en", "50en+50ro"]
[tokenizer]
vocab_size = 1000
megabytes = 0.05
[pretraining]
batch = 4
length = 64
checkpoints = ["4K", "32K"]
[finetuning]
sizes = ["10K", "100K", "full"]
[corpora.en]
files = ["mono.en.txt.xz"]
documents = 600
[corpora.ro]
files = ["mono.ro.txt.xz"]
documents = 600
[[tasks]]
name = "en-ro"
source = "en"
target = "ro"
train = ["train.en-ro.en.xz", "train.en-ro.ro.xz"]
dev = ["dev.en-ro.en", "dev.en-ro.ro"]
test = ["test.en-ro.en", "test.en-ro.ro"]
domains = { train = "train.en-ro.domain.xz", dev = "dev.en-ro.domain", test = "test.en-ro.domain" }
"""


@pytest.fixture(scope="module")
def prepared(shared_corpora: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Return a small study on real text."""
    return prepare(parse_study(STUDY, folder=shared_corpora), tmp_path_factory.mktemp("real"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_lines_are_clean_already(shared_corpora: Path, language: str) -> None:
    # The README says NFC and one segment a line; 'clean' may only join runs of spaces and drop invisible
    # signs.
    for line in islice(lines(shared_corpora / f"mono.{language}.txt.xz"), 2000):
        assert key(clean(line)) == key(line)


@pytest.mark.parametrize("pair", ["en-de", "en-fr", "en-ro"])
def test_pairs_are_in_step_and_their_english_is_the_same(shared_corpora: Path, pair: str) -> None:
    other = pair.split("-")[1]
    for part, count in (("dev", 1412), ("test", 2824)):
        files = [shared_corpora / f"{part}.{pair}.{language}" for language in ("en", other)]
        read = list(pairs(files, shared_corpora / f"{part}.{pair}.domain"))
        assert len(read) == count
        assert all(item.domain for item in read)
        assert [item.source for item in read] == list(lines(shared_corpora / f"{part}.en-de.en"))


def test_the_test_set_is_whole_and_the_training_set_shares_nothing_with_it(prepared: Prepared) -> None:
    task = prepared.task("en-ro")
    assert (len(task.test), len(task.dev)) == (2824, 1412)
    held = {key(text) for text in (*task.test.source_text, *task.dev.source_text)}
    assert held.isdisjoint(map(key, task.train.source_text))
    assert len(task.train) > 40_000
    assert set(task.test.domain) >= {"tatoeba", "mozilla_ui", "eforms", "scratch"}


def test_text_survives_tokenization(prepared: Prepared) -> None:
    task = prepared.task("en-ro")
    whole = 0
    decoded = prepared.tokenizer.decode([ids.tolist() for ids in task.test.target])
    for ids, text, expected in zip(task.test.target, decoded, task.test.target_text, strict=True):
        if UNK not in ids:
            assert text == expected
            whole += 1
    assert whole > 0.95 * len(task.test)


def test_the_report_counts_everything(prepared: Prepared) -> None:
    for entry in prepared.manifest["languages"].values():
        text = entry["text"]
        assert text["read"] == 600 == text["kept"] + text["empty"] + text["duplicate"] + text["contaminated"]
        assert entry["unknown"] < 0.01 * entry["tokens"]


def test_there_is_enough_for_the_study_and_subsets_are_nested(
    prepared: Prepared, shared_corpora: Path
) -> None:
    check_supply(parse_study(STUDY, folder=shared_corpora), prepared)
    train = prepared.task("en-ro").train
    small, counted = nested_subset(train, 10_000, 0)
    large, _ = nested_subset(train, 100_000, 0)
    assert np.array_equal(large[: len(small)], small)
    assert 9_000 < counted <= 10_000
