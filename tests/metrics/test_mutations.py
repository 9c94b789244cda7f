"""Mutated files end with a table or a refusal, soon, and every number is that of the file or its multiple."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bayesscale.metrics.options import Options
from bayesscale.metrics.read import read_metrics
from tests.metrics.fuzz import faults
from tests.metrics.oracle import changed_numbers

COUNT = 500


def test_mutated_files(tmp_path: Path) -> None:
    found = list(faults(tmp_path, 0, COUNT, every=10))
    assert [(number, fault) for number, _, fault in found if fault] == []
    codes = [code for _, code, _ in found]
    assert set(codes) <= {0, 2, 3}
    assert codes.count(0) > 0.1 * COUNT  # mutations that break everything would test nothing


TABLE = b"step (k),acc,acc_stderr\n1,41.5,1.2\n2,50,1.1\n4,55.5,1\n"
OPTIONS = Options(columns={"pretrain_tokens": "step (k)"}, scale={"accuracy": 0.01}, tokens_per_step=2e6)


@pytest.mark.parametrize(
    ("column", "factor"),
    [("value", 1.0), ("value", 100.0), ("value", 1 + 1e-9), ("se", 100.0), ("pretrain_tokens", 1e-3)],
)
def test_a_number_that_is_not_the_stated_multiple_is_found(
    tmp_path: Path, column: str, factor: float
) -> None:
    path = tmp_path / "m.csv"
    path.write_bytes(TABLE)
    read = read_metrics(
        path, columns=OPTIONS.columns, scale=OPTIONS.scale, tokens_per_step=OPTIONS.tokens_per_step
    )
    assert read.frame["pretrain_tokens"].tolist() == [2e9, 4e9, 8e9]
    changed = replace(read, frame=read.frame.assign(**{column: read.frame[column] * factor}))
    assert (changed_numbers(changed, "m.csv", TABLE, OPTIONS) == []) is (factor == 1)
    exchanged = replace(read, frame=read.frame.assign(value=read.frame["value"].to_numpy()[[1, 0, 2]]))
    assert len(changed_numbers(exchanged, "m.csv", TABLE, OPTIONS)) == 2
