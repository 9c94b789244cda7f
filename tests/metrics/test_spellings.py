"""Labels, settings and headers that are written twice, and cells that were merged."""

from __future__ import annotations

import pytest

from tests.metrics.doors import TOKENS, Written, asked, door


@pytest.mark.parametrize(
    ("column", "labels"), [("mixture", "en+fr|en + fr|en+fr|en + fr"), ("task", "en-de|EN-DE|en-de|En-De")]
)
def test_labels_that_differ_in_case_or_spaces_are_asked_about(
    written: Written, column: str, labels: str
) -> None:
    rows = [f"{label},{2**n}M,{20 + n}" for n, label in enumerate(labels.split("|"))]
    error = asked(written(f"{column},tokens,bleu\n" + "\n".join(rows)), TOKENS)
    (problem,) = [problem for problem in error.problems if problem.rule == "one-spelling"]
    assert (problem.line, problem.column) == (3, column)
    assert all(repr(label) in problem.hint for label in labels.split("|"))
    assert error.accepted is None


def test_labels_of_whole_curves_are_noted(written: Written) -> None:
    read = door(written("task,tokens,bleu\na,1M,20\na,2M,21\nA,1M,30\nA,2M,31\n"), TOKENS)
    assert len(read.curves()) == 2
    assert any("'a' and 'A' differ in case" in note for note in read.notes)


def test_settings_are_compared_as_numbers(written: Written) -> None:
    path = written("tokens,lr,loss\n1B,1e-3,3.1\n2B,0.001,2.9\n4B,.001,2.7\n8B,1e-03,2.6\n")
    read = door(path, TOKENS)
    assert len(read.curves()) == 1
    assert any("1e-3 and 0.001 and .001 and 1e-03 are one number" in note for note in read.notes)
    two = written("tokens,lr,loss\n1B,1e-3,3.1\n2B,0.001,2.9\n1B,.01,2.7\n2B,1e-02,2.6\n")
    assert len(door(two, f"{TOKENS} --curve lr").curves()) == 2


def test_seeds_are_compared_as_numbers(written: Written) -> None:
    path = written("tokens,seed,bleu\n1B,1,13.1\n1B,2.0,13.3\n2B,1.0,14.9\n2B,2,15\n4B,01,16.7\n4B,2,16.9\n")
    assert door(path, TOKENS).frame["seed"].nunique() == 2
    again = written("tokens,seed,bleu\n1B,1,13.1\n1B,01,13.3\n2B,1,14.9\n", "again.csv")
    assert "no-duplicates" in {problem.rule for problem in asked(again, TOKENS).problems}
    text = written("tokens,seed,bleu\n1B,01,13.1\n1B,1,13.3\n1B,a,14\n2B,1,14.9\n", "text.csv")
    assert door(text, TOKENS).frame["seed"].nunique() == 3


@pytest.mark.parametrize("second", ["tokens,chrf", "Tokens,chrF", "step,bleu", "tokens,bleu,chrf"])
def test_a_second_header_is_a_second_table(written: Written, second: str) -> None:
    more = ",5" * (second.count(",") - 1)
    path = written(f"tokens,bleu\n1M,20\n2M,22\n\n{second}\n1M,40{more}\n2M,43{more}\n")
    error = asked(path, TOKENS)
    assert [(problem.line, problem.rule) for problem in error.problems] == [(5, "one-table")]
    assert error.accepted is None
    assert "--where" not in str(error)


def test_labels_that_are_names_of_columns_are_no_header(written: Written) -> None:
    path = written("task,metric,tokens,bleu\na,bleu,1M,20\nb,task,1M,20\na,bleu,2M,21\nb,task,2M,21\n")
    assert "one-table" not in {problem.rule for problem in asked(path, "").problems}


@pytest.mark.parametrize("named", ["", ",task=Lang"])
def test_merged_cells_are_told(written: Written, named: str) -> None:
    rows = "en-de,1M,20\n,2M,22\n,4M,25\nen-fr,1M,30\n,2M,32\n,4M,35\n"
    error = asked(written(f"Lang,tokens,bleu\n{rows}"), f"{TOKENS}{named}")
    assert [(problem.line, problem.column, problem.rule) for problem in error.problems] == [
        (3, "Lang", "merged-cells")
    ]
    assert error.accepted is None
    assert "--where" not in str(error)


def test_a_table_of_the_harness_has_merged_cells(written: Written) -> None:
    path = written(
        "| step | Tasks |Version| Metric |   |Value |   |Stderr|\n|--|---|--:|---|---|--:|---|--:|\n"
        "|1000|arc|1|acc|↑|0.25|±|0.0043|\n|1000|   | |acc_norm|↑|0.31|±|0.0046|\n"
        "|1000|piqa|1|acc|↑|0.6|±|0.0114|\n"
        "|2000|arc|1|acc|↑|0.27|±|0.0043|\n|2000|   | |acc_norm|↑|0.33|±|0.0046|\n"
        "|2000|piqa|1|acc|↑|0.62|±|0.0114|\n",
        "m.md",
    )
    assert {problem.rule for problem in asked(path, "--columns pretrain_tokens=step").problems} == {
        "merged-cells"
    }


def test_a_single_empty_label_is_missing_and_not_merged(written: Written) -> None:
    path = written("task,tokens,bleu\na,1M,20\na,2M,21\n,4M,22\nb,1M,30\nb,2M,31\n")
    assert [problem.rule for problem in asked(path, TOKENS).problems] == ["not-missing"]
