"""The presets: valid studies that keep their promises, and the sizes of the paper."""

from __future__ import annotations

import pytest

from bayesscale.errors import UsageError
from bayesscale.harness.study.cells import cells
from bayesscale.harness.study.plan import plan
from bayesscale.harness.study.presets import PRESETS, preset, preset_text


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_is_a_valid_study_of_its_name(name: str) -> None:
    assert preset(name).name == name
    assert preset_text(name).startswith("# ")


def test_an_unknown_preset_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(UsageError, match=r"did you mean 'tiny'.*isik, synthetic, tiny"):
        preset("tinny")


def test_tiny_is_two_mixtures_that_differ_in_alignment_and_costs_next_to_nothing() -> None:
    study = preset("tiny")
    assert study.artificial is not None
    assert len(study.mixtures) == 2
    assert len(study.pretraining.checkpoint_tokens) >= 4  # the point fit needs four
    assert len(study.finetuning.sizes) == 2
    assert plan(study, gpu=False).seconds < 100


def test_isik_has_the_sizes_of_the_paper() -> None:
    study = preset("isik")
    model, training = study.model, study.pretraining
    assert (model.depth, model.d_model, model.d_ff) == ((24, 24), 1024, 16384)
    assert (model.heads, model.d_kv) == (32, 128)
    assert 2.5e9 < model.parameters() < 4.2e9
    assert training.tokens_per_step == 256 * 568
    assert training.checkpoint_tokens[-1] == pytest.approx(131e9, rel=0.001)
    assert study.checkpoint_tokens(study.mixture("100ro"))[-1] <= 510_000 * 256 * 512
    assert study.finetuning.batch * study.finetuning.steps == pytest.approx(19.7e6, rel=0.01)
    assert [study.sizes(task)[-1] for task in study.tasks] == [3_000_000_000, 21_000_000_000, 312_000_000]
    assert len(study.mixtures) == 9
    assert {mixture.shares.get("fr") for mixture in study.mixtures} >= {0.3, 0.5, 0.7, 1.0}


def test_cells_are_the_whole_factorial_and_any_prefix_is_balanced() -> None:
    study = preset("synthetic")
    back = study.tasks[0].model_copy(update={"name": "lo-ka", "source": "lo", "target": "ka"})
    study = study.model_copy(update={"tasks": (*study.tasks, back)})
    every = cells(study)
    ways = len(study.tasks) * len(study.finetuning.sizes)
    checkpoints = study.pretraining.checkpoint_tokens
    assert len(set(every)) == len(every) == 2 * ways * (1 + len(study.mixtures) * len(checkpoints))
    assert {cell.seed for cell in every[: len(every) // 2]} == {0}
    assert all(cell.mixture is None and cell.pretrain_tokens == 0 for cell in every[:ways])
    # Whatever is reached of a checkpoint, the smaller ones are complete.
    sizes = [cell.pretrain_tokens for cell in every[: len(every) // 2]]
    assert sizes == sorted(sizes)


def test_a_limit_and_sizes_of_a_task_leave_cells_out() -> None:
    study = preset("isik")
    romanian = [cell for cell in cells(study) if cell.mixture == "100ro" and cell.task == "en-fr"]
    assert {cell.size for cell in romanian} == {42_000_000, 210_000_000, 21_000_000_000}
    assert max(cell.pretrain_tokens for cell in romanian) <= 67e9
