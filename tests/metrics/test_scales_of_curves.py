"""Scales that differ between curves, and cells that are differences."""

from __future__ import annotations

import pytest

from tests.metrics.doors import TOKENS, Written, asked, door


def _rows(**curves: str) -> str:
    return "".join(
        f"{label},{size}M,{value}\n"
        for label, cells in curves.items()
        for size, value in zip((1, 2, 4, 8), cells.split(), strict=False)
    )


@pytest.mark.parametrize("label", ["system", "mixture", "task"])
@pytest.mark.parametrize(
    ("low", "high"),
    [("0.214 0.25 0.281", "22.1 26 29"), (".31 .35", "29.7 36.2"), ("0.12 0.31", "15.5 30.2")],
)
def test_fractions_in_one_curve_and_points_in_another(
    written: Written, label: str, low: str, high: str
) -> None:
    path = written(f"{label},tokens,bleu\n" + _rows(a=low, b=high))
    named = f"{TOKENS},mixture=system" if label == "system" else TOKENS
    (problem,) = asked(path, named).problems
    assert problem.rule in ("one-scale", "value-scale")
    assert problem.value == low.split()[-1]
    assert len(door(path, f"{named} --scale bleu=1").curves()) == 2


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ("0.1 0.2 0.4", "20 25 30"),
        ("0.02 0.1 0.9", "20 25 30"),
        ("0.71 0.75 0.83", "2.1 3.5 4"),
        ("0 0.21 0.3", "20 25 30"),
    ],
)
def test_curves_near_zero_are_points(written: Written, low: str, high: str) -> None:
    path = written("mixture,tokens,bleu\n" + _rows(a=low, b=high))
    assert len(door(path, TOKENS).curves()) == 2


@pytest.mark.parametrize(
    ("metric", "cells"),
    [("bleu", "+0.4 +1.3 +2.6"), ("bleu", "20.1 +1.3 +2.6"), ("accuracy", "-0.02 +0.01 +0.03")],
)
def test_differences_are_no_scores(written: Written, metric: str, cells: str) -> None:
    path = written(f"mixture,tokens,{metric}\n" + _rows(a=cells))
    error = asked(path, TOKENS)
    assert "no-difference" in {problem.rule for problem in error.problems}
    assert error.accepted is None
    assert "--where" not in str(error).replace("--where 'accuracy>=0'", "")


def test_a_row_without_a_sign_is_not_thrown_away(written: Written) -> None:
    error = asked(written("tokens,bleu\nbaseline,20.1\n2M,+1.3\n4M,+2.6\n"), TOKENS)
    assert {problem.rule for problem in error.problems} == {"no-difference", "number"}
    assert error.accepted is None
    assert "--where" not in str(error)


def test_plus_signs_that_mean_nothing_can_be_taken_as_scores(written: Written) -> None:
    path = written("tokens,bleu\n1M,+10.5\n2M,+12.5\n")
    assert asked(path, TOKENS).accepted is None
    assert len(door(path, f"{TOKENS} --scale bleu=1").frame) == 2


@pytest.mark.parametrize("label", ["mixture", "task"])
def test_leaving_a_whole_curve_out_is_the_second_choice(written: Written, label: str) -> None:
    path = written(f"{label},tokens,bleu\n" + _rows(a="0.214 0.25 0.281", b="22.1 26 29"))
    error = asked(path, TOKENS)
    (problem,) = error.problems
    assert error.accepted is None
    scale, where = problem.hint.index("--scale bleu=1"), problem.hint.index(f"--where '{label}!=a'")
    assert scale < where
    assert len(door(path, f"{TOKENS} --where '{label}!=a'").curves()) == 1
