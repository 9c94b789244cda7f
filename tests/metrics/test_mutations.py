"""Mutated files end with a table or a refusal, soon, and no number that was read was changed."""

from __future__ import annotations

import math
import re
import shlex
import time
from pathlib import Path

import pytest

from bayesscale.cli.main import main
from bayesscale.errors import DataError, UsageError
from bayesscale.metrics.options import Options
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from tests.metrics.mutations import stream

COUNT = 500
_LONGEST = 10.0
_NUMBER = re.compile(r"[+\-\u2212]?[\d.,_ ]*\d[\d.,_ ]*(?:[eE][+-]?\d+)?|[+\-\u2212]?\d+")


def read(path: Path, options: str) -> Metrics | None:
    """Read a file as the command does; None where it is refused."""
    chosen = Options().with_option(options)
    try:
        return read_metrics(path, **{name: getattr(chosen, name) for name in Options.__dataclass_fields__})
    except (DataError, UsageError):  # exit codes 3 and 2; anything else ends the test
        return None


def unchanged(metrics: Metrics, content: bytes, options: str) -> bool:
    """Return whether each score stands in the file, or a note or an option says what was done to it."""
    told = " ".join(metrics.notes)
    if re.search("multiplied|their mean|decimal comma|scale", told + options):
        return True
    text = content.decode("utf-8-sig")
    found = [*re.split(r"[\s,;|\"{}:\[\]%]+", text), *_NUMBER.findall(text)]
    written = {float(number) for piece in found if (number := _plain(piece))}
    return all(
        any(math.isclose(value, n, rel_tol=1e-12, abs_tol=0) for n in written)
        for value in metrics.frame["value"]
    )


def _plain(text: str) -> str:
    """Return a number as Python reads it, nothing where it is none."""
    plain = text.strip(" ,").replace("\u2212", "-").replace(",", "").replace(" ", "")
    try:
        float(plain)
    except ValueError:
        return ""
    return plain


def test_mutated_files(tmp_path: Path) -> None:
    slow, changed, accepted = [], [], 0
    for number, (name, content, options) in enumerate(stream(tmp_path / "whole", 0, COUNT)):
        path = tmp_path / (name or "table")
        path.write_bytes(content)
        start = time.perf_counter()
        metrics = read(path, options)
        if time.perf_counter() - start > _LONGEST:
            slow.append(number)
        if metrics is not None:
            accepted += 1
            if not unchanged(metrics, content, options):
                changed.append(number)
    assert (slow, changed) == ([], [])
    assert accepted > 0.1 * COUNT  # mutations that break everything would test nothing


def test_the_command_ends_with_0_or_3_and_without_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, content, options in stream(tmp_path / "whole", COUNT, COUNT + 40):
        path = tmp_path / (name or "table")
        path.write_bytes(content)
        with pytest.raises(SystemExit) as ended:
            main(["check", str(path), *shlex.split(options)])
        printed = capsys.readouterr()
        assert ended.value.code in (0, 2, 3), printed.err
        assert "Traceback" not in printed.err
        assert "internal error" not in printed.err
