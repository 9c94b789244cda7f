"""Fixtures for tests of broken metrics tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bayesscale.metrics.problems import RULES, MetricsError, Problem
from bayesscale.metrics.read import read_metrics

Told = tuple[int | None, str | None, str, str | None, str]
"""What a problem must say: line, column, rule, value and a part of the remedy."""


@pytest.fixture
def problems_of() -> Callable[..., tuple[Problem, ...]]:
    """Return a function that reads a broken file and returns its problems."""

    def read(path: Path, **options: object) -> tuple[Problem, ...]:
        with pytest.raises(MetricsError) as caught:
            read_metrics(path, **options)  # type: ignore[arg-type]
        message = str(caught.value)
        assert message.startswith(f"{path} cannot be used: ")
        assert [problem.rule for problem in caught.value.problems if RULES[problem.rule] not in message] == []
        return caught.value.problems

    return read


@pytest.fixture
def check(problems_of: Callable[..., tuple[Problem, ...]]) -> Callable[..., None]:
    """Return a function that reads a broken file and compares its problems with those expected."""

    def compare(path: Path, *expected: Told, **options: object) -> None:
        problems = problems_of(path, **options)
        assert [(p.line, p.column, p.rule, p.value) for p in problems] == [told[:4] for told in expected]
        for problem, told in zip(problems, expected, strict=True):
            assert told[4] in problem.hint

    return compare


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file and returns its path."""

    def write(content: str | bytes, name: str = "m.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write
