"""The key of a cell changes with what determines its result, and with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bayesscale.errors import StudyError
from bayesscale.harness.grid.keys import cell_key, run_key
from bayesscale.harness.study.cells import Cell
from bayesscale.harness.study.config import Study

CELL = Cell("aa-bb", "50aa+50bb", 64, 12, 0)
BASELINE = Cell("aa-bb", None, 0, 12, 0)


def _changed(study: Study, section: str, **values: Any) -> Study:
    """Return a study with other settings in one section."""
    document = study.model_dump(mode="json")
    document[section] |= values
    return Study.model_validate(document)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("model", {"d_ff": 16}),
        ("pretraining", {"rate": 0.5}),
        ("finetuning", {"steps": 7}),
        ("decoding", {"max_length": 9}),
        ("scoring", {"bootstrap": 9}),
    ],
)
def test_a_setting_that_matters_changes_the_key(study: Study, section: str, values: dict[str, Any]) -> None:
    assert cell_key(_changed(study, section, **values), "data", CELL) != cell_key(study, "data", CELL)


@pytest.mark.parametrize(
    ("section", "values"),
    [
        ("pretraining", {"checkpoints": [64, 256]}),
        ("pretraining", {"compile": False, "accumulate": 2, "resume_every": 3}),
        ("finetuning", {"sizes": [12, 20]}),
        ("decoding", {"batch": 7}),
    ],
)
def test_other_cells_and_ways_of_computing_do_not(study: Study, section: str, values: dict[str, Any]) -> None:
    assert cell_key(_changed(study, section, **values), "data", CELL) == cell_key(study, "data", CELL)


def test_the_baseline_does_not_depend_on_pretraining(study: Study) -> None:
    other = _changed(study, "pretraining", rate=0.5)
    assert cell_key(other, "data", BASELINE) == cell_key(study, "data", BASELINE)


def test_every_cell_and_every_data_set_has_a_key_of_its_own(study: Study) -> None:
    others = [
        CELL,
        BASELINE,
        Cell("aa-bb", "100cc", 64, 12, 0),
        Cell("aa-bb", "50aa+50bb", 128, 12, 0),
        Cell("aa-bb", "50aa+50bb", 64, "full", 0),
        Cell("aa-bb", "50aa+50bb", 64, 12, 1),
    ]
    keys = [cell_key(study, data, cell) for cell in others for data in ("data", "other")]
    assert len(set(keys)) == len(keys)


def test_weights_to_start_from_count_by_their_content(study: Study, tmp_path: Path) -> None:
    def key(content: bytes, name: str) -> str:
        (tmp_path / name).write_bytes(content)
        changed = study.model_copy(update={"init": name, "folder": tmp_path})
        return run_key(changed, "data", "100cc", 0)

    assert key(b"one", "a.safetensors") == key(b"one", "b.safetensors")
    assert key(b"one", "c.safetensors") != key(b"two", "d.safetensors")
    missing = study.model_copy(update={"init": "missing", "folder": tmp_path})
    with pytest.raises(StudyError, match="init must be a checkpoint that can be read"):
        run_key(missing, "data", "100cc", 0)
