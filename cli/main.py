"""Entry point of `bayesscale`: finds the command, and turns errors into one message and an exit code.

Each command is the function `NAME` in the module `bayesscale.cli.NAME`, imported only when it is called, so
that the help appears at once; a group of commands is a package of such modules with a `main` of its own. Exit
codes: 0 ok, 1 internal error (or a failed cell), 2 usage, 3 bad data, 4 diagnostics failed.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Annotated, Any, TextIO

import typer
from typer.core import TyperGroup

from bayesscale import __version__
from bayesscale.errors import BayesscaleError, UsageError
from bayesscale.text import printable

COMMANDS = {
    "check": "Say what is understood of a metrics table, or what is wrong.",
    "fit": "Fit the model to a metrics table; write the posterior.",
    "show": "Summarise a fit: parameters and diagnostics.",
    "predict": "Forecast scores at other sizes, with intervals.",
    "breaks": "Say which laws have broken, where, and what it costs.",
    "rank": "Rank mixtures for a task, with probabilities.",
    "conflict": "Say where cross-entropy would mislead about the score.",
    "value": "Say what pretraining is worth against none.",
    "advise": "Continue or stop, for a target and a budget.",
    "plan": "Rank the next measurements by what they teach.",
    "evaluate": "Hold out, forecast and score: do the intervals cover?",
    "compare": "Compare the laws of a fit: shares, held-out values.",
    "plot": "Draw data, credible bands and forecasts of a fit.",
    "report": "Write all answers of a fit as one page of HTML.",
    "demo": "Fit a bundled example, forecast, and write a report.",
    "doctor": "Say what is installed, where caches are, and whether it works.",
    "laws": "List the laws that can be fitted.",
    "priors": "Print the priors and their reasons.",
    "simulate": "Simulate a metrics table of which the truth is known.",
    "examples": "List the bundled metrics tables, or write one.",
    "score": "Score translations of any program, into a table.",
    "harness": "Pretrain, finetune and score: mixtures in, a metrics table out.",
}
_VERSIONS_OF = ("pymc", "numba", "arviz", "numpy", "pandas")
_INTERRUPTED = 130


class LazyGroup(TyperGroup):
    """Commands that are imported only when they are called; the help comes from `COMMANDS`."""

    package = "bayesscale.cli"

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Replace the placeholder of the command that is called by the command itself."""
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, _load(f"{self.package}.{name}") if name else placeholder, rest

    def invoke(self, ctx: Any) -> Any:
        """Call the command; answer Ctrl-C with one line instead of a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(_INTERRUPTED) from None


def _load(path: str) -> Any:
    """Import a command, or the group that a package is."""
    module, name = import_module(path), path.rpartition(".")[2]
    if hasattr(module, "__path__"):
        return typer.main.get_command(import_module(f"{path}.main").app)
    single = typer.Typer(add_completion=False, rich_markup_mode=None)
    single.command(name)(getattr(module, name))
    return typer.main.get_command(single)


def _print_version(wanted: bool) -> None:
    """Print the versions that a bug report needs, and stop."""
    if wanted:
        python = ".".join(map(str, sys.version_info[:3]))
        typer.echo(f"bayesscale {__version__}")
        typer.echo(f"Python {python}, {', '.join(map(_version, _VERSIONS_OF))}")
        raise typer.Exit


def _version(package: str) -> str:
    """Return a package and its version; where the harness runs, PyMC need not be installed."""
    from importlib import metadata

    try:
        return f"{package} {metadata.version(package)}"
    except metadata.PackageNotFoundError:
        return f"{package} not installed"


# Plain help: rich would be imported for it, which takes as long as everything else.
app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_print_version, help="Print the versions and stop."
        ),
    ] = False,
) -> None:
    """Bayesian scaling laws for downstream tasks: from a metrics table to credible intervals."""
    context.obj["debug"] = debug


def load_command(name: str) -> Any:
    """Return a command of `COMMANDS`, imported."""
    return _load(f"{LazyGroup.package}.{name}")


def list_commands(group: typer.Typer, package: str, commands: Mapping[str, str]) -> None:
    """Add the commands that a package has to a group, without importing them."""
    for name, text in commands.items():
        if find_spec(f"{package}.{name}"):
            group.command(name, help=text)(_placeholder)


def _placeholder() -> None:
    """Stand for a command in the list of commands."""


list_commands(app, "bayesscale.cli", COMMANDS)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; always ends with SystemExit."""
    for stream in (sys.stdout, sys.stderr):
        _never_fail_to_encode(stream)
    settings: dict[str, bool] = {}
    try:
        given = sys.argv[1:] if arguments is None else arguments
        # As a path it would be the present folder. What options make of it they say themselves.
        if any(not now and not before.startswith("-") for before, now in pairwise(["", *given])):
            raise UsageError("the name of a file is empty, perhaps a shell variable without a value")
        typer.main.get_command(app)(args=arguments, prog_name="bayesscale", obj=settings)
    except Exception as error:
        if settings.get("debug"):
            traceback.print_exception(error)
        message, code = _outcome(error)
        typer.echo(printable(message), err=True)
        sys.exit(code)


def _never_fail_to_encode(stream: TextIO) -> None:
    """Escape characters that a terminal's encoding lacks, instead of stopping at them."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def _outcome(error: Exception) -> tuple[str, int]:
    """Return the message and the exit code of an error; one that nobody expected says how to report it."""
    if isinstance(error, BayesscaleError):
        return f"error: {error}", error.exit_code
    what = " ".join(f"{type(error).__name__}: {error}".split())
    return (
        f"internal error: {what} - this is a bug; please report it with the command, the output of "
        f"'bayesscale --version' and the traceback that 'bayesscale --debug ...' shows"
    ), BayesscaleError.exit_code
