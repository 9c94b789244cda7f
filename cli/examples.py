"""`bayesscale examples`: list the bundled metrics tables, or write one out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError


def examples(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The example to write out.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where it goes. Default: standard output."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """List the bundled metrics tables; with a name, write that table as CSV."""
    if name is None and output is not None:
        raise UsageError("--output needs the name of an example; 'bayesscale examples' lists them")
    if name is None:
        _list(as_json=as_json, as_csv=as_csv)
    elif as_json or as_csv:
        raise UsageError("--json and --csv are for the list; an example is written as CSV in any case")
    else:
        _write(name, output, force=force)


def _list(*, as_json: bool, as_csv: bool) -> None:
    """Print what there is."""
    import pandas as pd

    from bayesscale.metrics.examples import list_examples

    rows = [example.model_dump() for example in list_examples()]
    columns = ["name", "origin", "title"] if not (as_json or as_csv) else list(rows[0])
    answer = Answer(pd.DataFrame(rows)[columns], {"examples": rows}, texts=True)
    print_answer(answer, as_json=as_json, as_csv=as_csv)


def _write(name: str, output: Path | None, *, force: bool) -> None:
    """Write one example to a file or to standard output."""
    from bayesscale.files import write_files
    from bayesscale.metrics.examples import find_example

    example = find_example(name)
    content = example.path.read_text(encoding="utf-8")
    if output is None:
        sys.stdout.write(content)
        return
    write_files({output: content}, force=force)
    print(f"{output}: {example.title}")
