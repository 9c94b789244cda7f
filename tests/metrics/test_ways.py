"""What a refusal suggests is open, and is never another quantity."""

from __future__ import annotations

import json

import pytest

from bayesscale.metrics.names import labelled_score, score_name, suggested_declaration
from tests.metrics.doors import TOKENS, Written, asked, door, sizes, values


@pytest.mark.parametrize("name", ["BLEU gain", "1-acc", "not_acc", "nll_sum", "log2 loss", "acc_norm@5"])
def test_what_alters_a_metric_is_no_label(name: str) -> None:
    assert score_name(name) is None
    assert labelled_score(name) is None


@pytest.mark.parametrize("name", ["BLEU±", "BLEU +/-", "bleu +-"])
def test_a_sign_of_a_spread_is_part_of_a_name(name: str) -> None:
    found = score_name(name)
    assert found is not None
    assert (found.metric, found.beside) == ("bleu", "other")


def test_negative_values_are_not_declared(written: Written) -> None:
    assert suggested_declaration([-1, 2]) == ""
    path = written("tokens,metric,value\n1M,reward,-1\n2M,reward,2\n1M,bleu,20\n2M,bleu,21\n")
    error = asked(path, TOKENS)
    assert "no values below 0" in error.problems[0].hint
    assert error.accepted == (*TOKENS.split(), "--where", "metric!=reward")


@pytest.mark.parametrize(
    ("metric", "value", "limit"), [("bleu", -1, ">=0"), ("bleu", 105, "<=100"), ("ppl", 0.5, ">=1")]
)
def test_values_outside_their_range_can_be_left_out(
    written: Written, metric: str, value: float, limit: str
) -> None:
    path = written(f"tokens,{metric}\n1M,{value}\n2M,21\n4M,22\n")
    assert asked(path, TOKENS).accepted == (*TOKENS.split(), "--where", f"{metric}{limit}")


def test_lists_of_one_document_are_told_apart_by_their_names(written: Written) -> None:
    web, code = ([{"tokens": n * size, "bleu": 20 + n} for n in (1, 2)] for size in (1, 3))
    lists = {"web": web, "code": code}
    path = written(json.dumps(lists), "m.json")
    error = asked(path, TOKENS)
    assert error.problems[0].options[0] == "--columns mixture=group"
    read = door(path, f"{TOKENS},mixture=group --where mixture=code")
    assert (sizes(read), values(read)) == ([3, 6], [21, 22])


def test_objects_named_by_a_size_are_rows(written: Written) -> None:
    path = written(json.dumps({"1000": {"bleu": 20}, "2000": {"bleu": 21}}), "m.json")
    assert sizes(door(path, "--columns pretrain_tokens=size")) == [1000, 2000]
    index = {"0": {"tokens": 5, "bleu": 20}, "1": {"tokens": 7, "bleu": 21}}
    assert sizes(door(written(json.dumps(index), "i.json"), TOKENS)) == [5, 7]


@pytest.mark.parametrize("end", ["BE", "LE"])
def test_text_in_utf_16_without_its_mark(written: Written, end: str) -> None:
    path = written("tokens,bleu\n1,2\n3,4\n".encode(f"utf-16-{end}"))
    assert f"iconv -f UTF-16{end} " in asked(path).problems[0].hint


def test_a_title_above_the_header_is_one_problem(written: Written) -> None:
    (problem,) = asked(written("Results\ntokens,bleu\n1,20\n2,21\n")).problems
    assert (problem.line, problem.rule, problem.value) == (1, "header", "Results")
    assert "delete the line" in problem.hint


def test_sizes_that_cannot_be_read_are_one_problem(written: Written) -> None:
    error = asked(written("tokens,bleu\nsmall,20\nlarge,21\n"), TOKENS)
    assert {problem.rule for problem in error.problems} == {"number"}


def test_a_column_of_counts_can_be_named(written: Written) -> None:
    path = written("tokens,bleu,std,seeds\n1M,20,1.5,9\n2M,21,2,4\n")
    assert list(door(path, f"{TOKENS},n=seeds").frame["se"]) == [0.5, 1.0]


def test_points_between_thousands_are_sizes_all_the_same(written: Written) -> None:
    path = written("D;bleu;epoch\n1.000.000;20,5;1\n2.000.000;21,5;2\n")
    assert asked(path).problems[0].options[0] == "--columns pretrain_tokens=D"
