"""What values mean: sums, percentages, decimal commas, two scales, gaps, and numbers that cannot be used."""

from __future__ import annotations

import pytest

from bayesscale.errors import UsageError
from tests.metrics.doors import TOKENS, Written, asked, door, sizes, values


def test_losses_that_are_no_means_of_nats(written: Written) -> None:
    sums = asked(written("steps,Loss,bleu\n1,398120.4,1\n2,331002.9,3\n"), "--columns pretrain_tokens=steps")
    assert sums.accepted == ("--columns", "pretrain_tokens=steps", "--ignore", "Loss")
    assert "is above 15, so these may be sums" in sums.problems[0].hint


def test_numbers_of_one_country(written: Written) -> None:
    german = door(written("﻿tokens;bleu\n12.500;9,8\n50.000;15,1\n1.200.000;21,4\n"), TOKENS)
    assert (sizes(german), values(german)) == ([12500, 50000, 1200000], [9.8, 15.1, 21.4])
    english = door(written('tokens,bleu\n"12,500",9.8\n"1,200,000",15.1\n'), TOKENS)
    assert sizes(english) == [12500, 1200000]
    spaced = door(written("tokens;bleu\n12 500;9,8\n1 200 000;15,1\n"), TOKENS)
    assert (sizes(spaced), values(spaced)) == ([12500, 1200000], [9.8, 15.1])
    asked_about = asked(written("tokens;bleu\n12.500;9.8\n50.000;15.1\n"), TOKENS)
    assert asked_about.problems[0].rule == "thousands"
    assert sizes(
        door(written("tokens;bleu\n12.500;9.8\n50.000;15.1\n"), f"{TOKENS} --scale pretrain_tokens=1")
    ) == [12.5, 50]
    mixed = asked(written("tokens;bleu\n1M;9,8\n2M;15.1\n"), TOKENS)
    assert [(problem.line, problem.rule) for problem in mixed.problems] == [(2, "number")]


@pytest.mark.parametrize(
    ("text", "comma", "point"),
    [
        ("tokens;bleu\n1M;27,345\n2M;28,111\n", [27.345, 28.111], None),
        ("tokens;ter\n1M;1,234\n2M;1,111\n", None, [1234, 1111]),
        ("tokens;loss\n12.500;9,812\n50.000;8,123\n", [9.812, 8.123], None),
        ("tokens;loss\n1,500B;9\n2,500B;8\n", [1.5e9, 2.5e9], [1.5e12, 2.5e12]),
        ("tokens;loss\n1,500;9\n2,500;8\n", [1.5, 2.5], [1500, 2500]),
        ("tokens;loss\n1.500;9\n2.500;8\n", [1500, 2500], [1.5, 2.5]),
    ],
)
def test_a_mark_that_may_be_of_decimals_or_thousands_is_asked_about(
    written: Written, text: str, comma: list[float] | None, point: list[float] | None
) -> None:
    path = written(text)
    error = asked(path, TOKENS)
    assert all({"--decimal ,", "--decimal ."} <= set(problem.options) for problem in error.problems)
    assert all("--decimal ," in problem.hint for problem in error.problems)
    for mark, expected in ((",", comma), (".", point)):
        if expected:
            read = door(path, f"{TOKENS} --decimal {mark}")
            assert expected in (values(read), sizes(read))
    assert sizes(door(written("tokens,loss\n1.5,3\n2.5,2\n"), f"{TOKENS} --decimal .")) == [1.5, 2.5]


def test_the_decimal_mark_that_is_given_holds_for_every_number(written: Written) -> None:
    path = written("tokens;bleu\n1,5B;20.1\n2,5B;21.2\n")
    assert {problem.rule for problem in asked(path, f"{TOKENS} --decimal ,").problems} == {"number"}
    quoted = written('tokens,bleu\n"1,234",20\n"2,468",21\n')
    assert (
        "a comma as in 1,234 was read as one of thousands; if not: --decimal ,"
        in door(quoted, TOKENS).notes[0]
    )
    assert sizes(door(quoted, f"{TOKENS} --decimal ,")) == [1.234, 2.468]
    with pytest.raises(UsageError, match="--decimal is a point or a comma; received 'x'"):
        door(path, "--decimal x")


def test_conditions_have_the_decimal_mark_of_the_file(written: Written) -> None:
    path = written("tokens;bleu\n1.000;9,8\n2.000;11,2\n4.000;13,2\n")
    assert sizes(door(path, f"{TOKENS} --where 'tokens>=1500'")) == [2000, 4000]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("20.1*", "21.2"), ("**20.1**", "21.2†"), (r"\textbf{20.1}", "21.2"), ("$20.1$", "$21.2$"),
        ("_20.1_", "21.2 ↑"),
        ("20.1 ± 0.3", "21.2 ± .3"), ("20.1 (0.3)", "**21.2** (0.3)"), (r"$20.1_{\pm 0.3}$", r"21.2 \pm 0.3"),
        ("20.1 [19.8, 20.4]", "21.2 [20.9, 21.5]"), ("20.1 (+0.5)", "21.2 (19.8 - 21.9)"),
    ],
)  # fmt: skip
def test_what_decorates_a_number_is_taken_off_and_told(written: Written, first: str, second: str) -> None:
    read = door(written(f"tokens\tbleu\n1M\t{first}\n2M\t{second}\n"), TOKENS)
    assert values(read) == [20.1, 21.2]
    assert "se" not in read.frame
    assert any("have marks" in note or "have a spread behind" in note for note in read.notes)


@pytest.mark.parametrize("cell", ["<20.1", "20.1 / 40.2", "20.1 pts", "20.1 (2 runs)", "2^x"])
def test_what_says_more_than_a_number_is_no_number(written: Written, cell: str) -> None:
    assert asked(written(f"tokens\tbleu\n1M\t20\n2M\t{cell}\n"), TOKENS).problems[0].rule == "number"


@pytest.mark.parametrize("cell", ["20.1 (μ = 20.1 ± 0.98)", "(μ = 20.1 ± 0.98 (19.1 - 21.1))"])
def test_intervals_of_sacrebleu_become_standard_errors(written: Written, cell: str) -> None:
    read = door(written(f"tokens\tbleu\n1M\t{cell}\n2M\t{cell}\n"), TOKENS)
    assert values(read) == [20.1, 20.1]
    assert list(read.frame["se"]) == pytest.approx([0.5, 0.5])
    assert "2 half-widths of 95% intervals" in read.notes[0]


@pytest.mark.parametrize(
    "name", ["best_bleu", "bleu_best", "max_bleu", "eval/best bleu so far", "running_best_bleu"]
)
def test_the_best_so_far_is_no_score_at_its_size(written: Written, name: str) -> None:
    alone = written(f"tokens,{name}\n1M,10\n2M,11\n4M,11\n")
    (problem,) = asked(alone, TOKENS).problems
    assert "hold the best so far, not scores at their sizes" in problem.hint
    named = door(alone, f"{TOKENS} {problem.options[0]}")
    assert values(named) == [10, 11, 11]
    assert any("the best so far: it never falls" in note for note in named.notes)
    beside = door(written(f"tokens,bleu,{name}\n1M,10,10\n2M,11,11\n4M,10.5,11\n"), TOKENS)
    assert values(beside) == [10, 11, 10.5]
    assert any(repr(name) in note and "not read" in note for note in beside.notes)
    long = written(f"tokens,metric,value\n1M,{name},10\n2M,{name},11\n", "long.csv")
    assert "are the best so far" in asked(long, TOKENS).problems[0].hint


def test_a_second_column_of_one_name_is_asked_about(written: Written) -> None:
    path = written("tokens,bleu,bleu.1,x.1\n1M,20,30,1\n2M,21,31,2\n")
    (problem,) = asked(path, TOKENS).problems
    assert (problem.rule, problem.column) == ("unique-columns", "bleu.1")
    first, second = problem.options
    assert values(door(path, f"{TOKENS} {first}")) == [20, 21]
    assert values(door(path, f"{TOKENS} {second}")) == [30, 31]
    same = door(written("tokens,bleu,bleu.1\n1M,20,20\n2M,21,21\n"), TOKENS)
    assert "columns not read: 'bleu.1' (pandas writes a second 'bleu' so)" in same.notes


def test_percentages(written: Written) -> None:
    signs = door(written("tokens,accuracy,bleu\n1M,41.5%,20%\n2M,50%,21%\n"), TOKENS)
    assert values(signs) == [0.415, 20, 0.5, 21]
    header = door(written("tokens,accuracy (%),accuracy_stderr\n1M,0.5,.1\n2M,50,.2\n"), TOKENS)
    assert (values(header), list(header.frame["se"])) == ([0.005, 0.5], [0.001, 0.002])
    for metric, cells, factor in (("f1", ("61.2", "70"), "0.01"), ("wer", ("0.4", "0.31"), "100")):
        path = written(f"tokens,{metric}\n1M,{cells[0]}\n2M,{cells[1]}\n")
        error = asked(path, TOKENS)
        assert error.problems[0].options[0] == f"--scale {metric}={factor}"
        scaled = door(path, f"{TOKENS} --scale {metric}={factor}")
        assert values(scaled) == pytest.approx([float(cell) * float(factor) for cell in cells])


def test_two_scales_in_one_curve(written: Written) -> None:
    rows = ["1M,.61", "2M,.64", "4M,66.1", "8M,67.0"]
    error = asked(written("tokens,bleu\n" + "\n".join(rows)), TOKENS)
    assert [(problem.rule, problem.line) for problem in error.problems] == [("one-scale", 4)]
    learning = written("tokens,bleu\n1M,.2\n2M,21\n4M,24\n8M,26\n")
    assert len(door(learning, TOKENS).frame) == 4


def test_missing_values_are_counted_and_infinite_ones_asked_about(written: Written) -> None:
    path = written("tokens,bleu,chrf\n1M,10,-\n2M,NaN,30\n4M,20,#N/A\n8M,21,32\n")
    read = door(path, TOKENS)
    assert "3 cells without a score (empty, NaN or a placeholder) were left out" in read.notes
    assert "--where left out 1 of 4 rows" in door(path, f"{TOKENS} --where bleu!=nan").notes
    error = asked(written("tokens,loss\n1M,3\n2M,inf\n4M,2\n"), TOKENS)
    assert error.accepted == ("--columns", "pretrain_tokens=tokens", "--where", "loss<inf")


def test_comet_below_zero_cannot_be_used(written: Written) -> None:
    error = asked(written("tokens,comet\n1M,-.6\n2M,.1\n4M,.3\n"), TOKENS)
    assert "older COMET models" in error.problems[0].hint
    assert asked(written("tokens,comet,bleu\n1M,-.6,3\n2M,.1,4\n"), TOKENS).accepted == (
        "--columns", "pretrain_tokens=tokens", "--ignore", "comet",
    )  # fmt: skip


@pytest.mark.parametrize("word", ["OOM", "*", "diverged", "Failed", "crash", "TBD", "pending"])
@pytest.mark.parametrize("long", [False, True])
def test_words_for_what_was_not_measured(written: Written, word: str, long: bool) -> None:
    metric = "bleu," if long else ""
    header = "tokens,metric,value" if long else "tokens,bleu"
    path = written(f"{header}\n1M,{metric}{word}\n2M,{metric}20\n4M,{metric}21\n8M,{metric}-\n")
    read = door(path, TOKENS)
    assert values(read) == [20, 21]
    (note,) = [note for note in read.notes if word in note]
    assert note.startswith("2 ")
    assert note.endswith(f"taken as missing: {word}")
