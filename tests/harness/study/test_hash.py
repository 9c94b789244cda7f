"""Hashes change with what they are of, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayesscale.harness.study.config import Study
from bayesscale.harness.study.load import parse_study
from bayesscale.harness.study.values import digest


def _digest(study: Study) -> str:
    """Return the hash of all sections of a study."""
    return digest(study.model_dump(mode="json"))


def test_the_order_of_a_file_and_the_way_of_writing_do_not_matter(small_text: str) -> None:
    one = parse_study(small_text)
    other = parse_study(
        small_text.replace("batch = 4\nlength = 32\n", "length = 32\nbatch = 4\n").replace(
            '["1K", "4K"]', "[1000, 4e3]"
        )
    )
    changed = parse_study(small_text.replace("steps = 12", "steps = 13"))
    assert _digest(one) == _digest(other) != _digest(changed)


def test_the_folder_does_not_matter(small_text: str) -> None:
    hashes = {_digest(parse_study(small_text, folder=Path(folder))) for folder in ("/a", "/b", ".")}
    assert len(hashes) == 1


def test_digests_see_values_and_not_containers() -> None:
    assert digest({"a": (1, 2), "b": 3}) == digest({"b": 3, "a": [1, 2]})
    assert len({digest(value) for value in (1, 1.5, "1", [1], {"1": 1}, None, True)}) == 7
    with pytest.raises(TypeError, match="set is not JSON serializable"):
        digest({1, 2})


def test_a_digest_is_pinned() -> None:
    # Cells of grids that were run before are found by it.
    assert digest({"name": "x", "sizes": [1, 2.5, None]}) == "f7764aa3ae38c7e6"
