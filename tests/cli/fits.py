"""Files of made-up fits, and how a test calls a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bayesscale.cli.main import main
from bayesscale.inference import save
from tests.questions.made_up import MadeUp

Ran = tuple[int, str, str]
"""Exit code, stdout, stderr."""
Command = Callable[..., Ran]


def caller(capsys: pytest.CaptureFixture[str], command: str) -> Command:
    """Return a function that calls a command with arguments."""

    def call(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([command, *arguments])
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return call


def write_fit(folder: Path, made_up: MadeUp, name: str = "fit.nc") -> str:
    """Write a made-up fit to a file; return its name."""
    return str(save(made_up.fit(), folder / name))
