"""Two columns that are one measurement are read once, and others are not taken for one."""

from __future__ import annotations

import math

import pytest

from tests.metrics.doors import TOKENS, Written, door, values


@pytest.mark.parametrize(
    ("names", "first", "second", "kept"),
    [
        ("loss,ppl", "3.2 2.9 2.5", "24.53 18.17 12.18", "cross_entropy"),
        ("loss,bits_per_token", "3.2 2.9 2.5", "4.617 4.184 3.607", "cross_entropy"),
        ("loss,bpb", "1.1 1.0 .9", "1.587 1.443 1.298", "cross_entropy"),
        ("bpb,loss", "1.1 1.0 .9", "1.1 1.0 .9", "bits_per_byte"),
        ("bpb,byte_ppl", "1.1 1.0 .9", "2.144 2 1.866", "bits_per_byte"),
        ("bpb,bpc", "1.1 1.0 .9", "1.1 1.0 .9", "bits_per_byte"),
        ("acc,error_rate", ".2 .3 .35", ".8 .7 .65", "accuracy"),
        ("acc,error_rate", "20% 30% 35%", "80% 70% 65%", "accuracy"),
        ("acc,f1_micro", ".2 .3 .35", ".2 .3 .35", "accuracy"),
        ("mse,rmse", ".04 .0225 .01", ".2 .15 .1", "mse"),
    ],
)
def test_one_measurement_is_read_once(
    written: Written, names: str, first: str, second: str, kept: str
) -> None:
    rows = [f"{2**n}M,{a},{b}" for n, (a, b) in enumerate(zip(first.split(), second.split(), strict=True))]
    path = written(f"tokens,{names}\n" + "\n".join(rows))
    read = door(path, TOKENS)
    assert read.metrics == (kept,)
    (note,) = [note for note in read.notes if "one measurement" in note]
    instead = note.partition("to read it instead: ")[2].removesuffix(")")
    other = door(path, f"{TOKENS} {instead}")
    assert other.metrics != read.metrics
    assert len(other.frame) == len(read.frame) == 3


@pytest.mark.parametrize(
    ("names", "first", "second"),
    [
        ("loss,ppl", "3 2.5 2", "30 15 9"),
        ("loss,bpb", "3 2.5 2", "1.1 .9 .7"),
        ("acc,error_rate", ".2 .3 .35", ".7 .65 .6"),
        ("acc,f1_micro", ".2 .3 .35", ".21 .3 .36"),
        ("acc,acc_norm", ".2 .3 .35", ".2 .3 .35"),
    ],
)
def test_two_measurements_are_two(written: Written, names: str, first: str, second: str) -> None:
    rows = [f"{2**n}M,{a},{b}" for n, (a, b) in enumerate(zip(first.split(), second.split(), strict=True))]
    assert len(door(written(f"tokens,{names}\n" + "\n".join(rows)), TOKENS).metrics) == 2


def test_a_perplexity_to_base_two_shows_that_the_loss_is_in_bits(written: Written) -> None:
    bits = door(written("tokens,loss,ppl\n1,3,8\n2,2.5,5.657\n"), TOKENS)
    assert values(bits) == pytest.approx([2.0794, 1.7329], abs=1e-4)
    assert "so the loss is in bits: multiplied by ln 2, into nats" in bits.notes


def test_what_stands_alone_is_turned_into_the_other_with_its_error(written: Written) -> None:
    path = written("tokens,acc,error_rate,error_rate_se\n1M,.2,.8,.01\n2M,.3,.7,.01\n4M,,.5,.02\n8M,,0,\n")
    read = door(path, TOKENS)
    assert values(read) == pytest.approx([0.2, 0.3, 0.5, 1])
    assert read.frame["se"].to_numpy()[2] == pytest.approx(0.02)
    assert "2 values of accuracy were computed from error_rate, which stands alone" in read.notes
    rows = "1M,3,20.0855,\n2M,2,7.389,\n4M,,2.71828,.1\n"
    powers = door(written("tokens,loss,ppl,ppl_se\n" + rows), TOKENS)
    assert values(powers) == pytest.approx([3, 2, 1], abs=1e-5)
    assert powers.frame["se"].to_numpy()[2] == pytest.approx(0.1 / math.e, rel=1e-4)
