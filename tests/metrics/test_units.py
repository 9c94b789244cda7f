"""Units of sizes and scales of scores: said by a name or a cell, or asked about."""

from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.tidy.units import size_factor
from tests.metrics.doors import TOKENS, Written, asked, door, sizes, values


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("tokens (1e9)", 1e9),
        ("tokens [10^6]", 1e6),
        ("sentences (x1000)", 1e3),
        ("Tokens ['000]", 1e3),
        ("words (1,000,000)", 1e6),
        ("size (M tokens)", 1e6),
        ("tokens (in thousands)", 1e3),
        ("GTokens", 1e9),
        ("Mio. Sätze", 1e6),
        ("tokens (млн)", 1e6),
        ("токены, тыс.", 1e3),
        ("tokens (亿)", 1e8),
        ("tokens (MM)", 1e6),
        ("million sentences", 1e6),
        ("tokens (mil)", 1e6),
        ("tokens_bil", 1e9),
        ("Tokens (bln)", 1e9),
        ("mil. tokens", 1e6),
        ("M tokens", 1e6),
        ("tokensM", 1e6),
        ("tokens × 10⁹", 1e9),
        ("tokens*1e6", 1e6),
        ("hundred sentences", 1e2),
        ("sents (x100)", 1e2),
        ("max 1e6", 1),
        ("tokens (seen)", 1),
        ("BLEU", 1),
        ("top (10)", 1),
    ],
)
def test_units_in_names(name: str, factor: float) -> None:
    assert size_factor(name) == factor


def test_a_unit_in_a_name_is_of_the_cells_without_a_suffix(written: Written) -> None:
    path = written("tokens (B),bleu\n500M,20\n2,21\n4,22\n")
    assert sizes(door(path, "--columns 'pretrain_tokens=tokens (B)'")) == [5e8, 2e9, 4e9]


@pytest.mark.parametrize(
    ("cells", "received"), [("500M 1B 2 4", "2"), ("1% 10% 100%", "1%"), ("2 million,3,4000000", "3")]
)
def test_sizes_of_several_units_are_asked_about(written: Written, cells: str, received: str) -> None:
    texts = cells.split(",") if "," in cells else cells.split()
    path = written("tokens,bleu\n" + "".join(f"{text},{20 + n}\n" for n, text in enumerate(texts)))
    (problem,) = asked(path, TOKENS).problems
    assert (problem.rule, problem.value) == ("size-unit", received)
    assert len(door(path, f"{TOKENS} --scale pretrain_tokens=1").frame) == len(texts)


@pytest.mark.parametrize("cells", ["100 500 1K 10K", "100 1K 1M", "0 1M 2M", "500000 1M"])
def test_small_sizes_without_a_suffix_are_plain(written: Written, cells: str) -> None:
    rows = [f"{text},{20 + n}" for n, text in enumerate(cells.split())]
    assert len(door(written("tokens,bleu\n" + "\n".join(rows)), TOKENS).frame) == len(rows)


def test_numbers_as_text_may_have_points_between_thousands(written: Written) -> None:
    rows = [{"tokens": "1.000", "loss": 3.5}, {"tokens": "2.000", "loss": 3.25}]
    path = written("\n".join(map(json.dumps, rows)), "m.jsonl")
    assert [problem.rule for problem in asked(path, TOKENS).problems] == ["thousands"]
    frame = pd.DataFrame({"pretrain_tokens": ["1.000", "2.000"], "loss": ["3,5", "3,25"]})
    assert sizes(read_metrics(frame)) == [1000, 2000]
    numbers = [{"tokens": 1.125, "loss": 3.5}, {"tokens": 2.125, "loss": 3.25}]
    plain = written("\n".join(map(json.dumps, numbers)), "n.jsonl")
    assert sizes(door(plain, TOKENS)) == [1.125, 2.125]


def test_fractions_under_a_name_that_says_percent_are_asked_about(written: Written) -> None:
    path = written("tokens,Accuracy (%)\n1M,.25\n2M,.5\n")
    (problem,) = asked(path, TOKENS).problems
    assert problem.options == ("--scale accuracy=1", "--scale accuracy=0.01")
    assert values(door(path, f"{TOKENS} --scale accuracy=1")) == [0.25, 0.5]
    assert values(door(path, f"{TOKENS} --scale accuracy=0.01")) == [0.0025, 0.005]


def test_one_factor_is_not_offered_for_tasks_of_two_scales(written: Written) -> None:
    path = written("task,tokens,acc\na,1M,.25\na,2M,.5\nb,1M,25\nb,2M,50\n")
    error = asked(path, TOKENS)
    assert all("--scale" not in text for problem in error.problems for text in problem.options)
    assert error.accepted is None


def test_that_values_are_right_is_never_the_way_that_is_tried(written: Written) -> None:
    for text in ("loss\n1M,300000\n2M,200000\n", "bleu\n1M,19\n2M,21\n4M,.22\n8M,.24\n"):
        assert asked(written(f"tokens,{text}"), TOKENS).accepted is None


@pytest.mark.parametrize("metric", ["cer", "bleu"])
def test_a_percent_sign_says_the_scale(written: Written, metric: str) -> None:
    assert values(door(written(f"tokens,{metric}\n1M,0.9%\n2M,0.4%\n"), TOKENS)) == [0.9, 0.4]


def test_a_curve_that_starts_at_a_hundredth_is_noted(written: Written) -> None:
    (note,) = door(written("tokens,bleu\n1M,.21\n2M,22\n4M,24\n8M,25\n"), TOKENS).notes
    assert note == "bleu starts at 0.21 and goes on 100 times as high: is it a fraction?"


def test_a_perplexity_alone_becomes_the_loss_that_it_is_the_power_of(written: Written) -> None:
    path = written("tokens,loss,ppl,ppl_se\n1M,3,20.086,\n2M,2.5,12.182,\n4M,,7.389,.7389\n")
    read = door(path, TOKENS)
    assert read.metrics == ("cross_entropy",)
    assert values(read) == pytest.approx([3, 2.5, 2], abs=1e-3)
    assert read.frame["se"].iloc[2] == pytest.approx(0.1)
    bits = written("tokens,loss,ppl\n1M,3,8\n2M,2,4\n4M,,2\n", "b.csv")
    assert values(door(bits, TOKENS)) == pytest.approx([3 * math.log(2), 2 * math.log(2), math.log(2)])


def test_text_beside_scores_can_be_left_out(written: Written) -> None:
    path = written('tokens,acc,acc_ci\n1M,.25,"[.2, .3]"\n2M,.5,"[.4, .6]"\n')
    assert asked(path, TOKENS).accepted == (*TOKENS.split(), "--ignore", "acc_ci")


@pytest.mark.parametrize(
    ("text", "size", "note"),
    [
        ("2^20", 2**20, "are powers"),
        ("2**21", 2**21, "are powers"),
        ("1.5x10^6", 1.5e6, "are powers"),
        ("3×10⁶", 3e6, "are powers"),
        ("$2\\times 10^{7}$", 2e7, "are powers"),
        ("10⁷ tokens", 1e7, "are powers"),
        ("~1M", 1e6, "are approximate"),
        ("ca. 2B", 2e9, "are approximate"),
        ("100 Mio", 1e8, ""),
        ("3 Mrd", 3e9, ""),
        ("40 Tsd", 4e4, ""),
        ("100 Mio.", 1e8, ""),
        ("2.5 млн", 2.5e6, ""),
        ("3 млрд", 3e9, ""),
        ("10 тыс. токенов", 1e4, ""),
        ("300万", 3e6, ""),
        ("1.5亿", 1.5e8, ""),
        ("5百万", 5e6, ""),
        ("2 lakh", 2e5, ""),
        ("3 crore", 3e7, ""),
        ("10MM", 1e7, ""),
        ("1bn", 1e9, ""),
        ("4 trn", 4e12, ""),
    ],
)
def test_sizes_as_people_write_them(written: Written, text: str, size: float, note: str) -> None:
    path = written(f"tokens;bleu\n{text};20\n5T;21\n")
    read = door(path, TOKENS)
    assert sizes(read) == [size, 5e12]
    assert [note in told for told in read.notes if text in told] == ([True] if note else [])


@pytest.mark.parametrize("text", ["2^20^2", "3^4", "2^1000", "x10^6", "10^6.5", "10^6 of 10^7", "~", "~many"])
def test_what_is_no_plain_power_is_no_size(written: Written, text: str) -> None:
    (problem,) = asked(written(f"tokens,bleu\n{text},20\n1M,21\n2M,22\n"), TOKENS).problems
    assert (problem.rule, problem.value) == ("number", text)


def test_m_beside_mm_may_be_thousands(written: Written) -> None:
    path = written("tokens,bleu\n500M,20\n1MM,21\n2MM,22\n")
    error = asked(path, TOKENS)
    assert [(problem.rule, problem.value) for problem in error.problems] == [("size-unit", "500M")]
    assert error.accepted is None
    assert sizes(door(path, f"{TOKENS} --scale pretrain_tokens=1")) == [1e6, 2e6, 5e8]


def test_a_comma_before_a_unit_stays_a_question(written: Written) -> None:
    (problem,) = asked(written('tokens,bleu\n"1,234M",20\n2000M,21\n4000M,22\n'), TOKENS).problems
    assert (problem.rule, problem.value) == ("number", "1,234M")


@pytest.mark.parametrize(
    ("text", "size"),
    [("10GB", 1e10), ("20 MB", 2e7), ("300 bytes", 300), ("3GiB", 3 * 2**30), ("5 MiB", 5 * 2**20)],
)
def test_bytes_are_tokens_only_where_it_is_said_how_many(written: Written, text: str, size: float) -> None:
    path = written(f"tokens,bleu\n{text},20\n40TB,21\n")
    error = asked(path, TOKENS)
    assert [(problem.rule, problem.value) for problem in error.problems] == [("size-unit", text)]
    assert error.accepted is None
    assert "--scale pretrain_tokens=0.25" in error.problems[0].hint
    assert sizes(door(path, f"{TOKENS} --scale pretrain_tokens=0.25")) == [size / 4, 1e13]


def test_units_of_steps_and_tokens_of_a_step_both_count(written: Written) -> None:
    path = written("step (k),loss\n1,3.5\n2,3.2\n")
    read = door(path, "--columns 'pretrain_tokens=step (k)' --tokens-per-step 2M")
    assert sizes(read) == [2e9, 4e9]
    own = "--columns 'pretrain_tokens=step (k)' --tokens-per-step 2M --scale pretrain_tokens=1"
    assert sizes(door(path, own)) == [2e6, 4e6]
    words = written("data,bleu\n1 billion,20\n2.5 bn,21\n3 trillion,22\n")
    assert sizes(door(words, "--columns pretrain_tokens=data")) == [
        1e9, 2.5e9, 3e12,
    ]  # fmt: skip


def test_a_unit_in_a_name_may_have_any_noun(written: Written) -> None:
    name = "Daten (Mio. Sätze)"
    read = door(written(f"{name};bleu\n0,5;12,5\n2;15,5\n"), f"--columns 'pretrain_tokens={name}'")
    assert sizes(read) == [5e5, 2e6]
    assert any("was multiplied by 1e+06" in note for note in read.notes)
