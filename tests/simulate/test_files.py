from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bayesscale.errors import OutputExistsError, UsageError
from bayesscale.simulate import SMALL, Simulated, Truth, simulate, to_csv, truth_path, write


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(replace(SMALL, standard_errors=True, metrics=("bleu", "comet")), 0)


def test_table_and_truth_are_written_side_by_side(simulated: Simulated, tmp_path: Path) -> None:
    table = tmp_path / "new folder" / "simulated.csv"
    write(simulated, table)
    assert sorted(path.name for path in table.parent.iterdir()) == ["simulated.csv", "simulated.truth.json"]
    assert Truth.from_json(truth_path(table).read_text()) == simulated.truth
    read = pd.read_csv(table)
    assert list(read.columns) == list(simulated.frame.columns)
    np.testing.assert_allclose(read["value"], simulated.frame["value"], atol=0.005)


def test_values_have_the_decimals_of_their_metric(simulated: Simulated) -> None:
    rows = [line.split(",") for line in to_csv(simulated.frame).splitlines()[1:]]
    decimals = {(row[4], len(row[5].split(".")[1]), len(row[6].split(".")[1])) for row in rows}
    assert decimals == {("bleu", 2, 3), ("comet", 4, 5)}


def test_files_that_exist_are_kept(simulated: Simulated, tmp_path: Path) -> None:
    table, truth = tmp_path / "simulated.csv", tmp_path / "truth.json"
    truth.write_text("mine")
    with pytest.raises(OutputExistsError, match=r"--force .*truth\.json exists already"):
        write(simulated, table, truth)
    assert not table.exists()
    assert truth.read_text() == "mine"
    write(simulated, table, truth, force=True)
    assert Truth.from_json(truth.read_text()) == simulated.truth


def test_one_file_cannot_hold_both(simulated: Simulated, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="need two files"):
        write(simulated, tmp_path / "both", tmp_path / "both")


def test_a_place_that_cannot_be_written_is_named(simulated: Simulated, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file/simulated\.csv cannot be written"):
        write(simulated, tmp_path / "file" / "simulated.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError, match=r"folder\.csv cannot be written: Is a directory"):
        write(simulated, tmp_path / "folder.csv", force=True)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
