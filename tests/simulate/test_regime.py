from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from bayesscale.errors import UsageError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.simulate import PAPER, PRESETS, SMALL, Mixture, Regime, sized
from bayesscale.simulate.population import POPULATION


def test_paper_has_its_tasks_sizes_and_mixtures() -> None:
    assert {task.name: task.finetune_tokens for task in PAPER.tasks} == {
        "en-de": (6_000_000, 31_000_000, 3_000_000_000),
        "en-fr": (42_000_000, 210_000_000, 21_000_000_000),
        "en-ro": (625_000, 3_000_000, 312_000_000),
    }
    shares = [dict(mixture.shares) for mixture in PAPER.mixtures]
    assert [{language: 1.0} for language in ("en", "de", "fr", "ro")] == shares[:4]
    assert {"en": 0.3, "fr": 0.7} in shares
    assert {"en": 0.7, "fr": 0.3} in shares
    assert len(PAPER.curves()) == 3 * 9 * 3


def test_small_is_a_part_of_the_paper() -> None:
    paper = {curve.key for curve in PAPER.curves()}
    assert len(SMALL.curves()) == 15
    assert {curve.key for curve in SMALL.curves()} <= paper


def test_alignments_of_the_small_preset() -> None:
    alignments = {curve.mixture.name: curve.alignment for curve in SMALL.curves()}
    assert alignments == {
        "en50-fr50": pytest.approx(1.0),
        "en30-fr70": pytest.approx(0.98),
        "en70-fr30": pytest.approx(0.94),
        "fr100": pytest.approx(0.8),
        "en100": pytest.approx(0.7),
    }


def test_checkpoints_cover_the_papers_range_evenly_in_log() -> None:
    sizes = SMALL.pretrain_tokens()
    assert len(sizes) == 10
    assert sizes[0] == pytest.approx(1e9, rel=0.05)
    assert sizes[-1] == pytest.approx(1.3e11, rel=0.01)
    ratios = [later / earlier for earlier, later in pairwise(sizes)]
    assert max(ratios) / min(ratios) < 1.02


def test_romanian_text_ends_early() -> None:
    romanian = next(mixture for mixture in PAPER.mixtures if mixture.name == "ro100")
    assert PAPER.pretrain_tokens(romanian) == PAPER.pretrain_tokens()[:8]


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS.keys())
def test_labels_are_unique_and_shares_are_whole(preset: Regime) -> None:
    names = [mixture.name for mixture in preset.mixtures]
    assert len(set(names)) == len(names)
    assert all(sum(mixture.shares.values()) == pytest.approx(1.0) for mixture in preset.mixtures)


@pytest.mark.parametrize("curves", [1, 5, 15, 60, 240, 960])
def test_any_number_of_curves_can_be_had(curves: int) -> None:
    assert len({curve.key for curve in sized(curves).curves()}) == curves


def test_every_simulated_metric_is_in_the_catalogue() -> None:
    assert set(POPULATION) <= set(CATALOGUE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": ("blue",)}, "no metric 'blue' is simulated; did you mean 'bleu'"),
        ({"checkpoints": 1}, "at least 2 checkpoints; received 1"),
        ({"noise": -1.0}, "at least 0; received -1"),
        ({"noise": float("nan")}, "received nan"),
        ({"breaks": "always"}, "'paper', 'none' or a probability between 0 and 1; received 'always'"),
        ({"breaks": 1.5}, "received 1.5"),
    ],
)
def test_impossible_regimes_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        replace(SMALL, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("curves", [0, 961])
def test_sizes_out_of_range_are_refused(curves: int) -> None:
    with pytest.raises(UsageError, match=f"1 to 960 curves; received {curves}"):
        sized(curves)


def test_a_mixture_is_a_value() -> None:
    assert Mixture("fr100", {"fr": 1.0}) == Mixture("fr100", {"fr": 1.0})
