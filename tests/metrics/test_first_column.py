"""A first column without a name is left out where it numbers the rows, else asked about."""

from __future__ import annotations

import pytest

from tests.metrics.doors import TOKENS, Written, asked, door, sizes, values


@pytest.mark.parametrize(
    "text",
    [",tokens,bleu\n{},1M,20\n{},2M,21\n", "Unnamed: 0,tokens,bleu\n{},1M,20\n{},2M,21\n",
     "| | tokens | bleu |\n|--|--|--|\n| {} | 1M | 20 |\n| {} | 2M | 21 |\n"],
)  # fmt: skip
def test_a_first_column_without_a_name_is_left_out_only_where_it_numbers_the_rows(
    written: Written, text: str
) -> None:
    for cells in ((0, 1), (1, 2), ("", "")):
        assert values(door(written(text.format(*cells)), TOKENS)) == [20, 21]
    for first, second in ("59", "98", "xy", ("", "1")):
        path = written(text.format(first, second))
        error = asked(path, TOKENS)
        assert [(problem.rule, problem.column) for problem in error.problems] == [("header", "Unnamed: 0")]
        assert error.accepted == (*TOKENS.split(), "--ignore", "Unnamed: 0")
        assert len(door(path, f"{TOKENS} --where tokens>=1M --ignore 'Unnamed: 0'").frame) == 2
    labels = door(written(text.format("x", "y")), f"{TOKENS},run='Unnamed: 0' --curve task")
    assert labels.frame["run"].tolist() == ["x", "y"]


def test_a_first_column_without_a_name_may_hold_the_sizes(written: Written) -> None:
    path = written(",bleu\n1000,20\n2000,21\n")
    assert asked(path).accepted == ("--columns", "pretrain_tokens=Unnamed: 0")
    assert sizes(door(path, "--columns 'pretrain_tokens=Unnamed: 0'")) == [1000, 2000]
