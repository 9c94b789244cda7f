"""Sizes whose column says that they are logarithms, or count something else than tokens."""

from __future__ import annotations

import math

import pytest

from bayesscale.metrics.tidy.units import logarithm, other_unit, size_factor
from tests.metrics.doors import Written, asked, door, sizes


@pytest.mark.parametrize(
    ("name", "base"),
    [
        ("log10_tokens", 10),
        ("log2(D)", 2),
        ("lnD", math.e),
        ("ln(tokens)", math.e),
        ("log10(D_p)", 10),
        ("log10 tokens", 10),
        ("Log10Tokens", 10),
        ("tokens_log10", 10),
        ("LN_tokens", math.e),
        ("log2D", 2),
        ("log tokens", None),
        ("log_tokens", None),
        ("log(D)", None),
        ("tokens (log10)", 10),
        ("logD", None),
    ],
)
def test_names_of_logarithms(written: Written, name: str, base: float | None) -> None:
    path = written(f'"{name}";bleu\n8;11.5\n9.5;15.5\n11;20.2\n')
    option = f"--columns 'pretrain_tokens={name}'"
    if base is None:
        error = asked(path, option)
        assert [problem.rule for problem in error.problems] == ["size-unit"]
        assert error.accepted is None
    else:
        read = door(path, option)
        assert sizes(read) == pytest.approx([base**8, base**9.5, base**11])
        assert any("logarithms" in note for note in read.notes)
    assert sizes(door(path, f"{option} --scale pretrain_tokens=1")) == [8, 9.5, 11]


@pytest.mark.parametrize(
    "name", ["tokens", "logged_tokens", "logs", "log_step", "catalog", "lines", "blog_tokens"]
)
def test_names_of_no_logarithms(written: Written, name: str) -> None:
    path = written(f"{name},bleu\n1000000,11.5\n2000000,15.5\n")
    assert sizes(door(path, f"--columns pretrain_tokens={name}")) == [1e6, 2e6]
    assert name == "log_step" or logarithm(name) is None


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("tokens/1e9", 1e9),
        ("tokens / 10^6", 1e6),
        ("tokens/1000", 1e3),
        ("D/1,000,000", 1e6),
        ("kSteps", 1e3),
        ("ksteps", 1e3),
        ("train tokens (GT)", 1e9),
        ("tokens [MT]", 1e6),
        ("tokens/B", 1e9),
        ("steps", 1),
        ("train/tokens", 1),
        ("Ksamples", 1e3),
        ("data/10", 1),
        ("tokens", 1),
    ],
)
def test_factors_in_names(written: Written, name: str, factor: float) -> None:
    assert size_factor(name) == factor
    path = written(f'"{name}";bleu\n1;11.5\n2;15.5\n')
    assert sizes(door(path, f"--columns 'pretrain_tokens={name}'")) == [factor, 2 * factor]


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("PF-days", "PF-days"),
        ("FLOPs", "FLOPs"),
        ("compute", "compute"),
        ("total_flos", "FLOPs"),
        ("tokens per param", "tokens per parameter"),
        ("fraction", "fractions"),
        ("data_fraction", "fractions"),
        ("epoch", "epochs"),
        ("gpu_hours", "hours"),
        ("hours", "hours"),
        ("size_MB", "bytes"),
        ("GB", "bytes"),
        ("tokens", None),
        ("steps", None),
        ("D", None),
        ("sentences", None),
        ("size (M tokens)", None),
        ("train/epoch", "epochs"),
    ],
)
def test_units_that_are_no_tokens_are_named(written: Written, name: str, unit: str | None) -> None:
    assert other_unit(name) == unit
    path = written(f'"{name}";bleu\n0.5;11.5\n2;15.5\n')
    notes = door(path, f"--columns 'pretrain_tokens={name}'").notes
    assert any(f"sizes are {unit}, not tokens" in note for note in notes) is (unit is not None)


def test_spreads_and_versions_are_not_suggested_as_sizes(written: Written) -> None:
    path = written("task,Version,acc,Stderr\na,1,.25,.0043\nb,2,.31,.0046\nc,1,.6,.0114\n")
    (problem,) = asked(path).problems
    assert "Stderr" not in problem.hint
    assert "Version" not in problem.hint
