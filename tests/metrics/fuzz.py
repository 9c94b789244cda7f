"""Faults of the reader in a stream of mutated files: `python -m tests.metrics.fuzz 0 10000 log.txt`."""

from __future__ import annotations

import contextlib
import io
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bayesscale.cli.main import main
from bayesscale.errors import UsageError
from bayesscale.metrics.options import Options
from bayesscale.metrics.problems import MetricsError
from bayesscale.metrics.read import read_metrics
from tests.metrics.mutations import stream
from tests.metrics.oracle import changed_numbers

LONGEST = 10.0


def faults(folder: Path, start: int, stop: int, *, every: int) -> Iterator[tuple[int, int, str]]:
    """Yield for each mutated file its number, the exit code of `check`, and what is wrong, if anything.

    Parameters
    ----------
    folder : Path
        An empty folder.
    start, stop : int
        The first number, and the one after the last.
    every : int
        Through the command itself, not only what it calls, go those whose number is a multiple of it.
    """
    for number, (name, content, text) in enumerate(stream(folder / "whole", start, stop), start=start):
        path = folder / (name or "table")
        path.write_bytes(content)
        begin = time.process_time()  # what others do on the machine does not count
        try:
            code, fault = read(path, content, text)
        except Exception as error:
            code, fault = 1, f"{type(error).__name__}: {error}"
        if (taken := time.process_time() - begin) > LONGEST:
            fault = f"took {taken:.1f} s of CPU"
        if number % every == 0 and not fault:
            fault = by_command(path, text, code)
        yield number, code, fault


def read(path: Path, content: bytes, text: str) -> tuple[int, str]:
    """Return the exit code that reading a file has, and which numbers were changed."""
    options = Options().with_option(text)
    try:
        metrics = read_metrics(
            path, **{name: getattr(options, name) for name in Options.__dataclass_fields__}
        )
    except MetricsError as error:
        return error.exit_code, ""
    except UsageError as error:  # an option names what the mutated file does not have
        return error.exit_code, "" if text else f"a usage error without an option: {error}"
    return 0, "; ".join(changed_numbers(metrics, path.name, content, options)[:3])


def by_command(path: Path, text: str, expected: int) -> str:
    """Return what is wrong with how the command ends."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as printed:
        try:
            main(["check", str(path), *shlex.split(text)])
            code = 0
        except SystemExit as ended:
            code = int(ended.code or 0)
    if code != expected or "Traceback" in printed.getvalue():
        return f"exit code {code} where {expected} was expected: {printed.getvalue()[-300:]}"
    return ""


if __name__ == "__main__":
    first, last, log = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
    done = [line.split("\t") for line in log.read_text().splitlines()] if log.exists() else []
    first = max([first, *(int(line[0]) + 1 for line in done)])
    with tempfile.TemporaryDirectory() as place, log.open("a") as file:
        for found in faults(Path(place), first, last, every=4):
            file.write("\t".join(map(str, found)).replace("\n", " ") + "\n")
            file.flush()
