"""Rows that break a rule: the line, the column, the rule, the value and the remedy that a person is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bayesscale.metrics.problems import MetricsError, Problem
from bayesscale.metrics.read import read_metrics

Check = Callable[..., None]
ProblemsOf = Callable[..., tuple[Problem, ...]]
Written = Callable[..., Path]

HEADER = "task,mixture,pretrain_tokens,finetune_tokens,metric,value,se,run,seed\n"
GOOD = HEADER + "t,m,1e9,1M,bleu,20,0.5,,\nt,m,1e10,1M,bleu,25,0.5,,\n"  # lines 2 and 3

# Name, row, column (- for the row as a whole), rule, value received (- for none), part of the remedy.
TABLE = """
negative size | t,m,-1e11,1M,bleu,26,,, | pretrain_tokens | size-not-negative | -1e11 | 0 stands for
negative with suffix | t,m,-1B,1M,bleu,26,,, | pretrain_tokens | size-not-negative | -1B | 0 stands
no size | t,m,,1M,bleu,26,,, | pretrain_tokens | not-missing |  | 0 stands for the model
placeholder for a size | t,m,NA,1M,bleu,26,,, | pretrain_tokens | not-missing |  | 0 stands for
nan size | t,m,NaN,1M,bleu,26,,, | pretrain_tokens | not-missing |  | 0 stands for
infinite size | t,m,inf,1M,bleu,26,,, | pretrain_tokens | finite | inf | leave the row out
minus infinity | t,m,-inf,1M,bleu,26,,, | pretrain_tokens | finite | -inf | leave the row out
overflowing size | t,m,1e999,1M,bleu,26,,, | pretrain_tokens | finite | 1e999 | leave the row out
text for a size | t,m,many,1M,bleu,26,,, | pretrain_tokens | number | many | 31M, 1.5B
bytes | t,m,10MB,1M,bleu,26,,, | pretrain_tokens | size-unit | 10MB | bytes are not tokens
unknown suffix | t,m,10Mq,1M,bleu,26,,, | pretrain_tokens | number | 10Mq | 31M, 1.5B
decimal comma | t,m,"6,5M",1M,bleu,26,,, | pretrain_tokens | number | 6,5M | decimal point
no finetuning | t,m,1e11,0,bleu,26,,, | finetune_tokens | size-positive | 0 | above 0
infinite value | t,m,1e11,1M,bleu,inf,,, | value | finite | inf | leave the row out
text value | t,m,1e11,1M,bleu,good,,, | value | number | good | such as 27.3
value comma | t,m,1e11,1M,bleu,"26,3",,, | value | number | 26,3 | decimal point
too high | t,m,1e11,1M,bleu,134.2,,, | value | value-in-range | 134.2 | (BLEU points) lies within 0 and 100
too low | t,m,1e11,1M,bleu,-1,,, | value | value-in-range | -1 | lies within 0 and 100
negative se | t,m,1e11,1M,bleu,26,-0.1,, | se | se-positive | -0.1 | leave the cell empty
infinite se | t,m,1e11,1M,bleu,26,inf,, | se | finite | inf | leave the cell empty
text se | t,m,1e11,1M,bleu,26,±0.5,, | se | number | ±0.5 | such as 27.3
no metric | t,m,1e11,1M,,26,,, | metric | not-missing |  | leave the row out
unknown metric | t,m,1e11,1M,blue,26,,, | metric | known-metric | blue | did you mean 'bleu'?
no task | ,m,1e11,1M,bleu,26,,, | task | not-missing |  | fill the cell
no mixture | t,,1e11,1M,bleu,26,,, | mixture | not-missing |  | only the baseline
duplicate | t,m,1e10,1M,bleu,26,,, | - | no-duplicates | t, m, 1M, 1e10, bleu | line 3 has the same
another spelling | t,m,10B,1e6,BLEU,27,,, | - | no-duplicates | t, m, 1e6, 10B, bleu | line 3 has
ragged | t,m,1e11,1M,bleu,26,,,, | - | column-count | 10 cells where the header has 9 | decimal comma
short | t,m,1e11,1M | - | column-count | 4 cells where the header has 9 | a separator too many
open quote | t,"m,1e11,1M,bleu,26,,, | - | quoting | - | not closed
quote inside | t,"m"x,1e11,1M,bleu,26,,, | - | quoting | - | quotation mark
"""
CASES = [[cell.strip() for cell in line.split(" | ")] for line in TABLE.strip().splitlines()]
# A broken quotation takes the rest of the file with it.
WHOLE = [case for case in CASES if case[3] != "quoting"]


@pytest.mark.parametrize(
    ("row", "column", "rule", "value", "remedy"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_one_bad_row(
    check: Check, written: Written, row: str, column: str, rule: str, value: str, remedy: str
) -> None:
    told = (None if column == "-" else column, rule, None if value == "-" else value, remedy)
    check(written(f"{GOOD}\n{row}\n"), (5, *told))


METRICS = {
    "accuracy in per cent": ("accuracy", "71.5", "divide by 100 if these are percentages"),
    "impossible accuracy": ("accuracy", "710", "lies within 0 and 1"),
    "comet in points": ("COMET", "83.1", "divide by 100"),
    "negative loss": ("cross_entropy", "-0.2", "lies within 0 and inf"),
    "perplexity below 1": ("ppl", "0.9", "lies within 1 and inf"),
    "error rate above 1": ("error_rate", "1.2", "divide by 100"),
}


@pytest.mark.parametrize(("metric", "value", "remedy"), METRICS.values(), ids=METRICS.keys())
def test_values_outside_the_range_of_their_metric(
    check: Check, written: Written, metric: str, value: str, remedy: str
) -> None:
    text = f"pretrain_tokens,{metric}\n1e9,1\n1e10,{value}\n"
    check(written(text), (3, metric, "value-in-range", value, remedy))


def test_the_files_own_names_are_told(check: Check, written: Written) -> None:
    path = written("tokens,score,dev\n-1,200,-1\n1,20,1\n2,22,1\n")
    check(
        path,
        (2, "dev", "se-positive", "-1", "leave the cell empty"),
        (2, "score", "value-in-range", "200", "within 0 and 100"),
        (2, "tokens", "size-not-negative", "-1", "0 stands for"),
        columns={"pretrain_tokens": "tokens", "bleu": "score", "bleu_se": "dev"},
    )


def test_every_violation_is_told_at_once(problems_of: ProblemsOf, written: Written) -> None:
    problems = problems_of(written(GOOD + "\n".join(row for _, row, *_ in WHOLE)))
    told = {(problem.line, problem.rule) for problem in problems}
    expected = {(line, rule) for line, (_, _, _, rule, *_) in enumerate(WHOLE, start=4)}
    assert expected <= told
    # Many of the rows have the size 1e11, and so repeat each other as well.
    assert {rule for _, rule in told - expected} <= {"no-duplicates"}


def test_every_violation_of_one_row_is_told(check: Check, written: Written) -> None:
    check(
        written(GOOD + ",m,x,-1,blue,y,-2,,\n"),
        (4, "finetune_tokens", "size-positive", "-1", "above 0"),
        (4, "metric", "known-metric", "blue", "did you mean"),
        (4, "pretrain_tokens", "number", "x", "such as"),
        (4, "se", "se-positive", "-2", "empty"),
        (4, "task", "not-missing", "", "fill"),
        (4, "value", "number", "y", "such as 27.3"),
    )


def test_duplicates_name_the_columns_that_differ(problems_of: ProblemsOf, written: Written) -> None:
    text = "pretrain_tokens,bleu,bleu_se,arch,date\n1,20,.1,a,x\n2,21,.1,a,x\n1,22,.2,b,x\n2,23,.2,b,x\n"
    (first, _) = problems_of(written(text))
    assert first.hint == "line 2 has the same; the two differ in arch"
    assert first.options == (
        "--columns mixture=arch", "--curve task,mixture,arch",
        "--duplicates best", "--duplicates mean", "--duplicates last",
    )  # fmt: skip


def test_contradictory_baselines(check: Check, written: Written) -> None:
    text = GOOD + "t,a,0,1M,bleu,10,,,\nt,b,0,1M,bleu,11,,,\nt,c,0,1M,bleu,10,,,\nt,a,0,1M,bleu,12,,,\n"
    check(
        written(text),
        (5, None, "one-baseline", "t, 1M, 0, bleu, 11", "another score under another mixture"),
        (7, None, "no-duplicates", "t, a, 1M, 0, bleu", "line 4 has the same"),
    )


def test_only_baselines(check: Check, written: Written) -> None:
    text = "pretrain_tokens,bleu\n0,20\n"
    check(written(text), (None, None, "two-sizes", None, "only rows with pretrain_tokens 0"))


def test_size_zero_on_the_finetuning_axis(check: Check, written: Written) -> None:
    text = "finetune_tokens,bleu\n0,3\n10,4\n20,5\n"
    found = (2, "finetune_tokens", "size-positive", "0", "above 0")
    check(written(text), found, axis="finetune_tokens")
    assert read_metrics(written(text), axis="finetune_tokens", where=["finetune_tokens>0"]).notes


@pytest.mark.parametrize("metric", ["bleu", "chrf", "rougel"])
def test_scores_on_a_scale_of_one_are_not_rescaled(check: Check, written: Written, metric: str) -> None:
    text = f"pretrain_tokens,{metric},comet\n1,0.21,.7\n2,0.35,.8\n3,0.31,.8\n"
    check(
        written(text),
        (3, metric, "value-scale", "0.35", "multiply them and their standard errors by 100 with --scale"),
    )


SIGNED = "pretrain_tokens,metric,value,signature\n"


def test_mixed_signatures(check: Check, written: Written) -> None:
    text = SIGNED + (
        "1,bleu,20,nrefs:1|bs:1000|seed:12345|case:mixed|tok:13a|version:2.4.0\n"
        "2,bleu,21,nrefs:1|bs:500|seed:1|case:mixed|tok:13a|version:2.6.0\n"
        "3,bleu,22,#:1|c:mixed|tok:13a|v:2.6.0\n"
        "4,bleu,23,nrefs:1|case:lc|tok:flores101|version:2.6.0\n"
        "5,bleu,24,nrefs:1|case:lc|tok:flores101|version:2.6.0\n"
        "1,chrf,40,nrefs:1|case:mixed|nc:6\n"
        "2,chrf,41,nrefs:1|case:mixed|nc:6\n"
    )
    value = "nrefs:1|case:lc|tok:flores101|version:2.6.0"
    remedy = "2 of 5 scores of bleu have case lc (usual: mixed), tok flores101 (usual: 13a)"
    check(written(text), (5, "signature", "one-signature", value, remedy))


def test_shares_and_alignment(check: Check, written: Written) -> None:
    text = (
        "mixture,pretrain_tokens,bleu,share_en,share_fr,alignment\n"
        "a,1,20,0.5,0.5,1\n"
        "a,2,21,0.5,0.4,1\n"
        "b,1,20,50,50,0.7\n"
        "b,2,21,0.33,0.66,0.8\n"
        "c,1,20,1,,3\n"
        "c,2,21,,1,x\n"
    )
    check(
        written(text),
        (3, "share_en", "shares-sum", "a sum of 0.9", "the column of the language that is missing"),
        (4, "share_en", "share-in-range", "50", "divide percentages by 100"),
        (4, "share_fr", "share-in-range", "50", "divide percentages by 100"),
        (5, "alignment", "alignment-constant", "0.8", "all with b had 0.7 before"),
        (6, "alignment", "alignment-in-range", "3", "leave the cell empty"),
        (7, "alignment", "number", "x", "such as"),
    )


def test_ten_thousand_bad_rows_make_a_message_for_a_person(problems_of: ProblemsOf, written: Written) -> None:
    rows = "".join(f"t,m,{i},1M,bleu,{100 + i},-1,,\n" for i in range(1, 10_001))
    problems = problems_of(written(HEADER + rows))
    assert len(problems) == 20_000
    message = str(MetricsError("m.csv", problems))
    assert message.startswith("m.csv cannot be used: 20,000 problems\n")
    assert len(message.splitlines()) < 20
    assert len(message) < 1500
    assert message.count("and 9,997 more, the last in line 10,001") == 2


def test_what_was_received_is_cut_and_cannot_steer_the_terminal(
    problems_of: ProblemsOf, written: Written
) -> None:
    path = written(GOOD + f"t,m,\x1b[2J{'x' * 500},1M,bleu,26,,,\n")
    problems = problems_of(path)
    message = str(MetricsError("m.csv", problems))
    assert "\x1b" not in message
    assert max(map(len, message.splitlines())) < 150
    assert problems[0].value == f"\x1b[2J{'x' * 500}"
