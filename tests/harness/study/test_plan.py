"""The plan: tokens counted right, and estimates that go the right way."""

from __future__ import annotations

import pytest

from bayesscale.harness.halving import stretches
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.load import parse_study
from bayesscale.harness.study.plan import plan


def _changed(text: str, old: str, new: str) -> Study:
    """Return a study in which something is replaced."""
    assert old in text
    return parse_study(text.replace(old, new))


def test_tokens_are_those_of_the_runs(small_study: Study) -> None:
    made = plan(small_study, gpu=False)
    last = small_study.pretraining.checkpoint_tokens[-1]
    assert made.tokens == 2 * last
    assert made.parameters == small_study.model.parameters(200)
    assert len(made.cells) == 2 * (1 + 2 * 2)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("layers = 1", "layers = 8"),
        ("d_model = 16", "d_model = 512"),
        ('["1K", "4K"]', '["1K", "400K"]'),
        ("steps = 12", "steps = 400"),
        ('target = "lo"', 'target = "lo"\n[[tasks]]\nname = "lo-ka"\nsource = "lo"\ntarget = "ka"'),
        ('name = "small"', 'name = "small"\nseeds = [0, 1, 2]'),
    ],
)
def test_more_work_takes_longer(small_text: str, small_study: Study, old: str, new: str) -> None:
    assert plan(_changed(small_text, old, new), gpu=False).seconds > plan(small_study, gpu=False).seconds


@pytest.mark.parametrize("steps", [1, 7, 96, 300])
@pytest.mark.parametrize("candidates", [1, 2, 3, 4, 5, 9])
def test_successive_halving_ends_with_one_and_costs_little(candidates: int, steps: int) -> None:
    found = stretches(candidates, steps)
    assert found[0][0] == candidates
    assert found[-1][0] == 1
    assert sum(more for _, more in found) == steps
    if steps > 50:
        assert sum(count * more for count, more in found) <= steps * (1 + len(found)) / 2 * 1.4


def test_the_epochs_of_each_size_are_said(small_study: Study) -> None:
    frame = plan(small_study, gpu=False).frame()
    said = frame.loc[frame["stage"] == "finetuning", "what"].tolist()
    assert said == ["D_f 1K, 12 steps, 1.2 epochs, 4 rates", "all of D_f, 12 steps or 0.1 epochs, 4 rates"]


def test_devices_and_speed_shorten_it(small_study: Study) -> None:
    slow = plan(small_study, gpu=False)
    two = plan(small_study, gpu=False, devices=2)
    data = slow.stages[0].seconds
    assert two.seconds - data == pytest.approx((slow.seconds - data) / 2)
    assert plan(small_study, gpu=True).seconds < slow.seconds
    assert plan(small_study, flops=1e6).seconds > 10 * slow.seconds


def test_the_numbers_of_the_table_add_up(small_study: Study) -> None:
    made = plan(small_study, gpu=False)
    frame = made.frame()
    assert frame["seconds"].sum() == pytest.approx(made.seconds)
    assert frame["disk"].sum() == made.disk == made.document()["disk_bytes"]
    assert len(made.cell_frame()) == len(made.cells) == len(made.document()["cells"])
