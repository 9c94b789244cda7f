"""A grid with stand-ins for training: order, records, resuming, failures, divergence."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from bayesscale.errors import StudyError, TrainingError, UsageError
from bayesscale.harness.grid.context import Settings
from bayesscale.harness.grid.run import run_grid
from bayesscale.harness.study.config import Study
from bayesscale.metrics.alignment import mixture_shares
from bayesscale.metrics.read import read_metrics
from tests.harness.grid.conftest import Stand


def _rows(folder: Path) -> list[dict[str, object]]:
    """Return the rows of the metrics file."""
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_the_metrics_file_is_one_that_the_analysis_reads(study: Study, folder: Path, stand: Stand) -> None:
    result = run_grid(study, folder)
    assert (result.cells, result.finished, result.failed) == (20, 20, 0)
    metrics = read_metrics(folder / "metrics.jsonl")
    assert len(metrics.frame) == 20
    frame = metrics.frame
    assert set(frame["mixture"]) == {"none", "50aa+50bb", "100cc"}
    assert sorted(set(frame["finetune_tokens"])) == [12, 28]  # 'full' is counted
    assert sorted(set(frame["pretrain_tokens"])) == [0, 64, 128]
    assert set(frame["model_params"]) == {77}
    assert mixture_shares(frame) == {"50aa+50bb": {"aa": 0.5, "bb": 0.5}, "100cc": {"cc": 1.0}}


def test_finished_cells_are_those_of_whole_checkpoints_whenever_a_grid_stops(
    study: Study, folder: Path, stand: Stand
) -> None:
    run_grid(study, folder)
    order = [(row["seed"], row["pretrain_tokens"], row["mixture"]) for row in _rows(folder)]
    assert [(seed, tokens) for seed, tokens, _ in order] == sorted((s, t) for s, t, _ in order)
    first = [mixture for seed, tokens, mixture in order if (seed, tokens) == (0, 64)]
    assert first == ["50aa+50bb"] * 2 + ["100cc"] * 2
    # And no run is pretrained further than the cells that wait for it need.
    both = ("50aa+50bb-seed0", "100cc-seed0")
    expected = [(name, tokens) for tokens in (64, 128) for name in both]
    assert [(name, tokens[-1]) for name, _, tokens in stand.pretrained[:4]] == expected


def test_a_second_run_trains_nothing_and_changes_no_byte(study: Study, folder: Path, stand: Stand) -> None:
    run_grid(study, folder)
    before = (folder / "metrics.jsonl").read_bytes()
    stand.pretrained.clear()
    stand.finetuned.clear()
    assert run_grid(study, folder).finished == 20
    assert (folder / "metrics.jsonl").read_bytes() == before
    assert (stand.pretrained, stand.finetuned) == ([], [])


@pytest.mark.parametrize("cut", [0, 1, 200, -1, -5])
def test_a_metrics_file_cut_anywhere_is_completed(study: Study, folder: Path, stand: Stand, cut: int) -> None:
    run_grid(study, folder)
    whole = (folder / "metrics.jsonl").read_bytes()
    stand.finetuned.clear()
    (folder / "metrics.jsonl").write_bytes(whole[:cut])
    run_grid(study, folder)
    assert (folder / "metrics.jsonl").read_bytes() == whole
    assert stand.finetuned == []  # rows come from the records of the cells


def test_a_grid_grows_by_mixtures_sizes_checkpoints_and_seeds(
    study: Study, folder: Path, stand: Stand
) -> None:
    document = study.model_dump(mode="json")
    small = Study.model_validate({**document, "seeds": [0], "mixtures": document["mixtures"][:1]})
    run_grid(small, folder)
    stand.pretrained.clear()
    result = run_grid(study, folder)
    assert result.finished == 20
    assert ("50aa+50bb-seed0", 0, (64,)) not in stand.pretrained
    assert len({(row["cell"], row["metric"]) for row in _rows(folder)}) == 20


def test_another_recipe_in_the_same_folder_is_refused_and_says_what_differs(
    study: Study, folder: Path, stand: Stand
) -> None:
    run_grid(study, folder)
    before = (folder / "metrics.jsonl").read_bytes()
    document = study.model_dump(mode="json")
    document["pretraining"]["rate"] = 0.5
    document["mixtures"][0]["shares"] = {"aa": 0.3, "bb": 0.7}
    with pytest.raises(StudyError, match=r"pretraining.rate was 0.01 and is 0.5; mixtures.50aa\+50bb.shares"):
        run_grid(Study.model_validate(document), folder)
    stand.data_hash = "other"
    with pytest.raises(StudyError, match="the data are not the same"):
        run_grid(study, folder)
    assert (folder / "metrics.jsonl").read_bytes() == before


def test_how_a_thing_is_computed_is_no_part_of_the_recipe(study: Study, folder: Path, stand: Stand) -> None:
    run_grid(study, folder)
    stand.finetuned.clear()
    document = study.model_dump(mode="json")
    document["pretraining"] |= {"compile": False, "accumulate": 2, "resume_every": 7}
    document["decoding"]["batch"] = 3
    assert run_grid(Study.model_validate(document), folder).finished == 20
    assert stand.finetuned == []


def test_a_cell_that_fails_is_on_record_and_tried_again_the_others_are_finished(
    study: Study, folder: Path, stand: Stand
) -> None:
    stand.fail_finetuning = 3
    result = run_grid(study, folder)
    assert (result.finished, result.failed, result.skipped) == (19, 1, 0)
    assert "something odd" in result.errors[0]
    failure = json.loads((folder / "failures.jsonl").read_text())
    assert failure["error"] == "ValueError: something odd"
    assert "in finetune" in failure["trace"]
    stand.fail_finetuning = None
    assert run_grid(study, folder).finished == 20


def test_cells_of_a_run_that_failed_are_left_out(study: Study, folder: Path, stand: Stand) -> None:
    stand.fail_pretraining = {"100cc-seed0"}
    result = run_grid(study, folder)
    assert (result.finished, result.failed, result.skipped) == (16, 0, 4)
    assert sum(name == "100cc-seed0" for name, _, _ in stand.pretrained) == 1


def test_divergence_is_the_result_of_its_cells(study: Study, folder: Path, stand: Stand) -> None:
    stand.diverged_runs = {"100cc-seed1"}
    result = run_grid(study, folder)
    assert (result.finished, result.diverged, result.failed) == (16, 4, 0)
    assert not any(row["run"] == "100cc-seed1" for row in _rows(folder))
    read_metrics(folder / "metrics.jsonl")
    records = [json.loads(path.read_text()) for path in (folder / "cells").glob("*.json")]
    reasons = [record["reason"] for record in records if record["status"] == "diverged"]
    assert reasons == ["pretraining had diverged"] * 4
    stand.pretrained.clear()
    assert run_grid(study, folder).diverged == 4
    assert stand.pretrained == []  # it is not tried again


def test_finetuning_that_diverges_is_recorded_with_what_was_tried(
    study: Study, folder: Path, stand: Stand
) -> None:
    stand.diverged_rates = True
    assert run_grid(study, folder).diverged == 20
    record = json.loads(next((folder / "cells").glob("*.json")).read_text())
    assert record["finetune"]["trials"] == [
        {"rate": 0.01, "steps": 300, "dev_loss": 1.5},
        {"rate": 0.1, "steps": 150, "dev_loss": None},
    ]
    assert (folder / "metrics.jsonl").exists() is False


def test_hypotheses_are_kept_one_a_line(study: Study, folder: Path, stand: Stand) -> None:
    run_grid(study, folder)
    kept = sorted((folder / "cells").glob("*.hypotheses.txt"))
    assert len(kept) == 20
    assert kept[0].read_text() == "line 2\n" * 4


def test_parts_share_the_runs_and_make_the_same_table(study: Study, tmp_path: Path, stand: Stand) -> None:
    whole, shared = tmp_path / "whole", tmp_path / "shared"
    run_grid(study, whole)
    parts = [run_grid(study, shared, Settings(part=(number, 4))) for number in (3, 1, 4, 2)]
    assert sum(part.cells for part in parts) == 20
    assert (shared / "metrics.jsonl").read_bytes() == (whole / "metrics.jsonl").read_bytes()


def test_lines_say_speed_scores_and_time_left(study: Study, folder: Path, stand: Stand) -> None:
    lines: list[str] = []
    shown: list[str] = []
    run_grid(study, folder, report=lines.append, show=shown.append)
    assert lines[0].startswith("grid small: 20 cells, 0 of them finished")
    pretrained = next(line for line in lines if line.startswith("pretrain 50aa+50bb"))
    assert "loss 1.562, still on the plateau (1.000), 1.234K tokens/s, MFU 25.0%" in pretrained
    assert any("[1/20] aa-bb, not pretrained, D_f 12, seed 0: cross_entropy" in line for line in lines)
    assert any("step 1/2, loss 4.000, 1.234K tokens/s, MFU 25.0%, 5 seconds left" in line for line in shown)
    assert not list((folder / "progress").glob("*.json"))


def test_packages_that_are_missing_are_named_before_anything_is_written(
    study: Study, folder: Path, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = ("torch", "sacrebleu")
    monkeypatch.setattr(
        "bayesscale.harness.grid.context.find_spec", lambda name: None if name in missing else name
    )
    with pytest.raises(
        UsageError, match=r"not installed: torch, sacrebleu; pip install 'bayesscale\[train\]'"
    ):
        run_grid(study, folder)
    assert not folder.exists()


def test_a_full_disk_stops_the_grid_and_keeps_what_is_finished(
    study: Study, folder: Path, stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand.fail_finetuning = 5
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=0))
    with pytest.raises(TrainingError, match=r"the disk of .* is full; what is finished is kept"):
        run_grid(study, folder)
    assert len(_rows(folder)) == 4
    monkeypatch.undo()
