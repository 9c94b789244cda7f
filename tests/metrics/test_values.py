"""What values mean: sums, percentages, decimal commas, two scales, gaps, and numbers that cannot be used."""

from __future__ import annotations

import pytest

from tests.metrics.doors import TOKENS, Written, asked, door, sizes, values


def test_losses_that_are_no_means_of_nats(written: Written) -> None:
    sums = asked(written("steps,Loss,bleu\n1,398120.4,1\n2,331002.9,3\n"), "--columns pretrain_tokens=steps")
    assert sums.accepted == ("--columns", "pretrain_tokens=steps", "--ignore", "Loss")
    assert "is above 15, so these may be sums" in sums.problems[0].hint
    nats = door(written("tokens,loss,ppl\n1,3.2,24.53\n2,2.9,18.17\n", "n.csv"), TOKENS)
    assert (nats.metrics, values(nats)) == (("cross_entropy",), [3.2, 2.9])
    assert "perplexity is exp of cross_entropy" in nats.notes[0]
    bits = door(written("tokens,loss,ppl\n1,3,8\n2,2.5,5.657\n", "b.csv"), TOKENS)
    assert values(bits) == pytest.approx([2.0794, 1.7329], abs=1e-4)
    assert "so the loss is in bits: multiplied by ln 2, into nats" in bits.notes
    two = door(written("tokens,loss,ppl\n1,3,30\n2,2.5,15\n", "t.csv"), TOKENS)
    assert two.metrics == ("cross_entropy", "perplexity")


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
    value = asked(written("tokens;bleu\n1M;27,345\n2M;28,111\n"), TOKENS)
    assert "27,345 can be read in two ways" in value.problems[0].hint


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
