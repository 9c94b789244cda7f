"""The entry point: what it loads, and how it ends."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from bayesscale import __version__
from bayesscale.cli.main import COMMANDS, main
from bayesscale.cli.options import Reading
from bayesscale.errors import BayesscaleError, DataError, FitFileError, PriorError, UsageError

HEAVY = ("arviz", "matplotlib", "numba", "numpy", "pandas", "pymc", "scipy", "torch", "xarray")
PROGRAM = "from bayesscale.cli.main import main; main()"


def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in its own process."""
    command = [sys.executable, "-c", PROGRAM, *arguments]
    return subprocess.run(
        command, cwd=root, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def outcome(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a run in this process."""
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    printed = capsys.readouterr()
    return int(ended.value.code or 0), printed.out, printed.err


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], None]:
    """Return a function that makes `check` raise an exception."""

    def fail_with(error: BaseException) -> None:
        def fail(*arguments: object) -> None:
            raise error

        monkeypatch.setattr(Reading, "read", fail)

    return fail_with


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["check", "--help"]])
def test_help_loads_no_large_library(root: Path, arguments: list[str]) -> None:
    code = (
        f"import sys\ntry:\n from bayesscale.cli.main import main; main({arguments!r})\n"
        f"finally: print('loaded:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout.endswith("loaded:\n")


def test_help_lists_the_commands_in_full(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = outcome(capsys, "--help")
    assert (code, err) == (0, "")
    assert f"check {COMMANDS['check']}" in " ".join(out.split())
    assert "..." not in out.split("Commands:")[1]


def test_every_command_on_disk_is_in_the_table(root: Path) -> None:
    shared = {"__init__", "fit_options", "main", "options", "output", "progress"}
    assert {path.stem for path in (root / "cli").glob("*.py")} - shared <= set(COMMANDS)


@pytest.mark.parametrize(
    "arguments", [("check", ""), ("fit", "--law", "log", ""), ("predict", "", "--tokens", "1T")]
)
def test_an_empty_argument_is_not_the_present_folder(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = outcome(capsys, *arguments)
    assert (code, out) == (UsageError.exit_code, "")
    assert err.startswith("error: the name of a file is empty")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = outcome(capsys, "--version")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == f"bayesscale {__version__}"
    assert re.search(r"Python 3\.\d+\.\d+, pymc (\d|not installed)", out)


def test_the_package_is_run_as_a_module(root: Path) -> None:
    command = [sys.executable, "-m", "bayesscale", "--version"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"bayesscale {__version__}")


def test_version_where_the_analysis_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    code, out, _ = outcome(capsys, "--version")
    assert code == 0
    assert "pymc not installed" in out


def test_no_arguments_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, err = outcome(capsys)  # the exit code depends on the version of click
    assert "Commands:" in out + err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chekc"], "No such command 'chekc'"),
        (["check"], "Missing argument 'FILE'"),
        (["check", "a", "b"], "unexpected extra argument"),
        (["check", "--colums", "a=b", "x"], "No such option"),
        (["check", "x", "--json", "--csv"], "choose one of them"),
        (["check", "x", "--csv", "--json"], "choose one of them"),
    ],
)
def test_usage_errors(capsys: pytest.CaptureFixture[str], arguments: list[str], told: str) -> None:
    code, out, err = outcome(capsys, *arguments)
    assert code == 2
    assert told in out + err
    assert out == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BayesscaleError("it"), 1),
        (UsageError("it"), 2),
        (PriorError("it"), 2),
        (DataError("it"), 3),
        (FitFileError("it"), 3),
    ],
)
def test_errors_end_with_their_code_and_message(
    capsys: pytest.CaptureFixture[str],
    failing: Callable[[BaseException], None],
    error: BayesscaleError,
    code: int,
) -> None:
    failing(error)
    assert outcome(capsys, "check", "x") == (code, "", "error: it\n")


def test_an_unexpected_error_is_one_line_that_says_how_to_report_it(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    failing(ZeroDivisionError("division\nby zero"))
    code, out, err = outcome(capsys, "check", "x")
    assert (code, out) == (1, "")
    assert err.startswith(
        "internal error: ZeroDivisionError: division by zero - this is a bug; please report"
    )
    assert "bayesscale --version" in err
    assert "bayesscale --debug" in err
    assert err.count("\n") == 1


def test_debug_shows_the_traceback(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    failing(ZeroDivisionError("by zero"))
    code, out, err = outcome(capsys, "--debug", "check", "x")
    assert (code, out) == (1, "")
    assert err.startswith("Traceback (most recent call last):")
    assert "in fail" in err
    assert err.splitlines()[-1].startswith("internal error: ZeroDivisionError: by zero")


def test_an_interrupt_is_one_line(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    failing(KeyboardInterrupt())
    assert outcome(capsys, "check", "x") == (130, "", "interrupted\n")


def test_messages_cannot_steer_the_terminal(
    capsys: pytest.CaptureFixture[str], failing: Callable[[BaseException], None]
) -> None:
    failing(DataError("a\x1b[2Jb\nc"))
    assert outcome(capsys, "check", "x")[2] == "error: a\\x1b[2Jb\nc\n"


def test_a_terminal_without_unicode_is_no_error(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("task,pretrain_tokens,bleu\nfrançais→日本,1,20\nfrançais→日本,2,21\n", encoding="utf-8")
    done = run(root, "check", str(path), PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert r"fran\xe7ais\u2192\u65e5\u672c" in done.stdout
