"""Standard errors, deviations and intervals are read as what they are, and never as scores."""

from __future__ import annotations

import pytest

from tests.metrics.doors import STEP, TOKENS, Written, asked, door, values


def test_standard_errors_of_the_evaluation_harness_are_no_scores(written: Written) -> None:
    path = written('step,"acc,none","acc_stderr,none"\n500,.41,.02\n900,.47,.019\n')
    error = asked(path)
    assert error.accepted == ("--columns", "pretrain_tokens=step")
    read = door(path, STEP)
    assert (values(read), list(read.frame["se"])) == ([0.41, 0.47], [0.02, 0.019])
    assert door(path, "--columns pretrain_tokens=step,accuracy=acc,none").data_hash == read.data_hash


@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("bleu_se", 1.0),
        ("BLEU stderr", 1.0),
        ("bleu_sem", 1.0),
        ("bleu standard error", 1.0),
        ("bleu_ci", 1 / 1.96),
        ("BLEU 95% CI", 1 / 1.96),
        ("bleu_ci90", 1 / 1.645),
        ("bleu_confidence", 1 / 1.96),
        ("bleu_std", None),
        ("bleu_var", None),
        ("bleu_min", None),
        ("bleu_rank", None),
    ],
)
def test_spreads_are_converted_or_left_out(written: Written, name: str, factor: float | None) -> None:
    frame = door(written(f"tokens,bleu,{name}\n1M,20,.98\n4M,25,.49\n"), TOKENS).frame
    assert list(frame["metric"]) == ["bleu", "bleu"]
    assert list(frame["value"]) == [20, 25]
    assert ("se" in frame) == (factor is not None)
    if factor is not None:
        assert frame["se"].to_numpy() == pytest.approx([0.98 * factor, 0.49 * factor])


def test_deviations_and_intervals_become_standard_errors_where_enough_is_known(written: Written) -> None:
    several = door(written("tokens,bleu,bleu_std,n\n1M,20,1.5,9\n4M,25,2,4\n"), TOKENS)
    assert list(several.frame["se"]) == [0.5, 1.0]
    ends = door(written("tokens,bleu,bleu_ci_low,bleu_ci_high\n1M,20,19,22.92\n4M,25,24,25\n"), TOKENS)
    assert ends.frame["se"].to_numpy() == pytest.approx([1.0, 1 / 3.92])


def test_a_standard_error_of_zero_is_unknown_and_a_column_may_be_ignored(written: Written) -> None:
    path = written("tokens,loss,loss_se\n1M,3,0\n4M,2.5,0.0\n16M,2.2,.1\n")
    read = door(path, TOKENS)
    assert read.frame["se"].isna().tolist() == [True, True, False]
    assert "2 standard errors are 0 and were read as unknown" in read.notes
    assert "se" not in door(path, f"{TOKENS} --ignore loss_se").frame


@pytest.mark.parametrize(
    ("metric", "scores", "errors", "options", "offered"),
    [
        ("acc", "25.1 30.2 37.5", "0.012 0.012 0.011", "--scale accuracy=0.01", "--scale accuracy_se=1"),
        ("acc", ".251 .302 .375", "1.2 1.1 1.1", "", "--scale accuracy_se=0.01"),
        ("rouge1", ".31 .35 .38", ".4 .4 .3", "--scale rouge1=100", "--scale rouge1_se=1"),
        ("bleu", "25 27 30", ".004 .005 .004", "", "--scale bleu_se=100"),
    ],
)
def test_standard_errors_on_another_scale_than_their_scores(
    written: Written, metric: str, scores: str, errors: str, options: str, offered: str
) -> None:
    pairs = enumerate(zip(scores.split(), errors.split(), strict=True))
    path = written(f"tokens,{metric},{metric}_se\n" + "".join(f"{2**n}M,{v},{se}\n" for n, (v, se) in pairs))
    error = asked(path, f"{TOKENS} {options}")
    assert [problem.rule for problem in error.problems] == ["se-scale"]
    assert error.problems[0].options[0] == offered
    read = door(path, f"{TOKENS} {options} {offered}")
    factor = float(offered.partition("=")[2])
    assert list(read.frame["se"]) == pytest.approx([float(se) * factor for se in errors.split()])
    assert values(read) == values(door(path, f"{TOKENS} {options} {error.problems[0].options[1]}"))


def test_small_errors_of_scores_near_zero_are_read_as_they_are(written: Written) -> None:
    path = written("tokens,bleu,bleu_se\n1M,.31,.0104\n2M,.34,.0133\n4M,1.2,.063\n")
    assert door(path, TOKENS).frame["se"].tolist() == [0.0104, 0.0133, 0.063]


def test_standard_errors_that_follow_their_scores_are_no_question(written: Written) -> None:
    path = written("tokens,acc,acc_se\n1M,25.1,1.2\n2M,30.2,1.1\n")
    assert list(door(path, f"{TOKENS} --scale acc=0.01").frame["se"]) == pytest.approx([0.012, 0.011])
