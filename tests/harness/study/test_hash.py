"""Hashes change with what they are of, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayesscale.errors import StudyError
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.hashing import digest
from bayesscale.harness.study.load import parse_study


def test_the_order_of_a_file_and_the_way_of_writing_do_not_matter(small_text: str) -> None:
    one = parse_study(small_text)
    other = parse_study(
        small_text.replace("batch = 4\nlength = 32\n", "length = 32\nbatch = 4\n").replace(
            '["1K", "4K"]', "[1000, 4e3]"
        )
    )
    assert one.hash() == other.hash()


def test_the_folder_does_not_matter(small_text: str) -> None:
    hashes = {parse_study(small_text, folder=Path(folder)).hash() for folder in ("/a", "/b", ".")}
    assert len(hashes) == 1


def test_a_section_changes_its_own_hash_only(small_text: str, small_study: Study) -> None:
    changed = parse_study(small_text.replace("steps = 12", "steps = 13"))
    assert changed.hash("model", "pretraining", "mixtures") == small_study.hash(
        "model", "pretraining", "mixtures"
    )
    assert changed.hash("finetuning") != small_study.hash("finetuning")
    assert changed.hash() != small_study.hash()


def test_every_section_can_be_hashed_and_an_unknown_one_is_named(small_study: Study) -> None:
    sections = set(Study.model_fields) - {"folder"}
    assert len({small_study.hash(section) for section in sections}) == len(sections)
    with pytest.raises(StudyError, match="did you mean 'model'"):
        small_study.hash("modell")


def test_digests_see_values_and_not_containers(small_study: Study) -> None:
    assert digest({"a": (1, 2), "b": small_study.model}) == digest(
        {"b": small_study.model.model_dump(), "a": [1, 2]}
    )
    assert len({digest(value) for value in (1, 1.5, "1", [1], {"1": 1}, None, True)}) == 7
    with pytest.raises(TypeError, match="set has no canonical form"):
        digest({1, 2})


def test_a_digest_is_pinned() -> None:
    # Cells of grids that were run before are found by it.
    assert digest({"name": "x", "sizes": [1, 2.5, None]}) == "f7764aa3ae38c7e6"
