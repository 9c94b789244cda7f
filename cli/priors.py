"""`bayesscale priors`: the priors of the joint model, with what each is about."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.models.priors import Priors

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def priors(
    file: Annotated[
        Path | None,
        typer.Option("--priors", metavar="FILE", help="A TOML file of priors that replace the defaults."),
    ] = None,
    as_toml: Annotated[
        bool,
        typer.Option("--toml", help="A TOML file to start from; 'fit --priors' and this command read it."),
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Print all priors: name, distribution and what it is about."""
    from bayesscale.models.priors import Priors, list_priors, load_priors

    if as_toml and (as_json or as_csv):
        raise UsageError("--toml, --json and --csv all ask for stdout; choose one of them")
    chosen = Priors() if file is None else load_priors(file)
    if as_toml:
        sys.stdout.write(_toml(chosen))
        return
    import pandas as pd

    rows = list_priors(chosen)
    document = {"priors": [row | {"parameters": _plain(chosen, row["prior"])} for row in rows]}
    print_answer(Answer(pd.DataFrame(rows), document, texts=True), as_json=as_json, as_csv=as_csv)


def _plain(chosen: Priors, name: str) -> Any:
    """Return the parameters of a prior by its dotted name."""
    value = attrgetter(name)(chosen)
    return value.model_dump() if hasattr(value, "model_dump") else value


def _toml(chosen: Priors) -> str:
    """Return all priors as TOML, one a line under what it is about."""
    from bayesscale.models.priors import list_priors

    lines = ["# Priors of bayesscale. What is left out keeps its default."]
    for row in list_priors(chosen):
        lines += ["", f"# {row['meaning']}", f"{row['prior']} = {_toml_value(_plain(chosen, row['prior']))}"]
    return "\n".join(lines) + "\n"


def _toml_value(value: Any) -> str:
    """Return a number, or an inline table of numbers; repr keeps every digit."""
    if isinstance(value, Mapping):
        pairs = (
            f"{name if _BARE.fullmatch(name) else json.dumps(name)} = {number!r}"
            for name, number in value.items()
        )
        return f"{{ {', '.join(pairs)} }}" if value else "{}"
    return repr(value)
