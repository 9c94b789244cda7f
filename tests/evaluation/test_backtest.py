"""The track record of a fit: what is held out, what it is compared with, and what is said of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from bayesscale.evaluation.backtest import backtest
from bayesscale.inference.track_record import KEY, TrackRecord
from tests.questions.made_up import MadeUp, rows

GOOD: dict[str, Any] = {
    "held": 40, "inside_90": 36, "inside_50": 21, "farthest": 4.0, "status": "converged",
}  # fmt: skip


def test_a_table_without_sizes_to_hold_out_says_why() -> None:
    fit = MadeUp(rows(sizes=(1e9, 1e10))).fit()
    found = TrackRecord.of(backtest(fit).provenance)
    assert found is not None
    assert found.held == 0
    (line,) = found.sentences()
    assert line.startswith("No track record: ")
    assert "the longest curve has 2 sizes" in line


def test_a_fit_that_nobody_tested_has_no_record() -> None:
    assert TrackRecord.of({}) is None
    record = TrackRecord(**GOOD)
    assert TrackRecord.of({KEY: asdict(record)}) == record


def test_a_good_record_is_one_sentence() -> None:
    record = TrackRecord(**GOOD, crps={"bleu": 0.5}, crps_last={"bleu": 0.9})
    assert record.sentences() == [
        "On your own curves, 90% intervals held 36 of 40 last values that were held out, at up to 4 times "
        "the sizes fitted."
    ]


@pytest.mark.parametrize(
    ("inside", "held", "poor"), [(32, 40, False), (31, 40, True), (3, 9, False), (3, 10, True)]
)
def test_a_poor_record_is_a_warning(inside: int, held: int, poor: bool) -> None:
    record = TrackRecord(held, inside, status="converged")
    assert record.poor is poor
    assert any("A POOR RECORD" in line for line in record.sentences()) is poor


def test_what_carrying_the_last_value_on_does_better_is_told() -> None:
    crps, last = {"bleu": 0.5, "chrf": 0.7}, {"bleu": 0.9, "chrf": 0.6}
    record = TrackRecord(**GOOD, crps=crps, crps_last=last)
    assert record.beaten == ("chrf",)
    assert record.sentences()[-1].endswith("of chrf.")


def test_a_record_of_a_fit_that_did_not_converge_says_so() -> None:
    record = TrackRecord(**GOOD | {"status": "not converged"})
    assert "not converged" in record.sentences()[0]
