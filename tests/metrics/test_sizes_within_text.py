"""Sizes within text: read where it can mean one thing, else asked about."""

from __future__ import annotations

import pytest

from bayesscale.metrics.tidy.within import size_within
from tests.metrics.doors import TOKENS, Written, asked, door, sizes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("model-1B", "1B"),
        ("llama-2-7b", "7b"),
        ("gpt2_1.5B_v0.1", "1.5B"),
        ("run-10B-seed1", "10B"),
        ("300B-tokens", "300B"),
        ("100/1000", "100"),
        ("2K / 8K", "2K"),
        ("7b-4k", ""),
        ("model-1.2.3B", ""),
        ("model1B", ""),
        ("3Base", ""),
        ("1000/100", ""),
        ("1/2/2024", ""),
        ("seed1", ""),
    ],
)
def test_the_size_in_a_text(text: str, size: str) -> None:
    assert size_within(text) == size


def rows(*labels: str, column: str = "model") -> str:
    """Return a table of labels with a score each."""
    return f"{column},bleu\n" + "".join(f"{label},{20 + n}\n" for n, label in enumerate(labels))


@pytest.mark.parametrize(
    ("column", "label"), [("model", "model-{}"), ("run", "run-{}-seed1"), ("name", "{}-x")]
)
def test_whether_a_label_counts_tokens_or_parameters_is_asked(
    written: Written, column: str, label: str
) -> None:
    path = written(rows(label.format("1B"), label.format("2B"), column=column))
    for options in ("", f"--columns pretrain_tokens={column}"):
        error = asked(path, options)
        assert error.accepted is None
        assert f"pretrain_tokens={column}" in (options or error.problems[0].hint)
    (problem,) = error.problems
    assert (problem.rule, problem.value) == ("size-unit", label.format("1B"))
    assert f"--columns model_params={column}" in problem.hint
    assert sizes(door(path, f"--columns pretrain_tokens={column} --scale pretrain_tokens=1")) == [1e9, 2e9]


@pytest.mark.parametrize(
    ("column", "label"),
    [("tokens", "up to {}"), ("ckpt", "{}-ckpt"), ("run", "{}-tokens"), ("step", "{}/9B")],
)
def test_sizes_that_can_mean_one_thing_are_read(written: Written, column: str, label: str) -> None:
    path = written(rows(label.format("1B"), label.format("2B"), column=column))
    read = door(path, f"--columns pretrain_tokens={column}")
    assert sizes(read) == [1e9, 2e9]
    note = f"{column!r}: sizes were read from text, such as 1B from {label.format('1B')}"
    assert note in read.notes


def test_sizes_of_models_are_read_from_their_names(written: Written) -> None:
    lines = [f"m-{n}B,{size}M,{20 + n}" for n in (1, 2) for size in (1, 2)]
    path = written("model,tokens,bleu\n" + "\n".join(lines))
    assert door(path, f"{TOKENS},model_params=model").curves()["model_params"].tolist() == [1e9, 2e9]


def test_labels_that_differ_in_more_than_their_size_are_not_read_as_sizes(written: Written) -> None:
    path = written(rows("small-1B", "large-1B", "small-2B"))
    problems = asked(path, "--columns pretrain_tokens=model --scale pretrain_tokens=1").problems
    assert {problem.rule for problem in problems} == {"number"}
    assert "the text around the sizes differs" in problems[0].hint


@pytest.mark.parametrize("column", ["tokens", "model"])
def test_a_label_among_plain_sizes_is_not_read(written: Written, column: str) -> None:
    path = written(rows("model-1B", "2B", "4B", column=column))
    (problem,) = asked(path, f"--columns pretrain_tokens={column}").problems
    assert (problem.rule, problem.value) == ("number", "model-1B")


def test_a_share_is_no_score_and_no_number_of_a_condition(written: Written) -> None:
    (score,) = asked(written("tokens,bleu\n1,3/4\n2,21\n3,22\n"), TOKENS).problems
    assert (score.rule, score.value) == ("number", "3/4")
    mixes = written("mixture,tokens,bleu\n20/80,1M,20\n20/80,2M,21\n20/90,1M,22\n20/90,2M,23\n")
    assert len(door(mixes, f"{TOKENS} --where mixture=20/80").frame) == 2
