"""Options that several commands share: how to read a metrics table, and how to write the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.metrics.table import Metrics


def _one_format(context: typer.Context, wanted: bool) -> bool:
    """Refuse the second of --json and --csv."""
    if wanted and (context.params.get("as_json") or context.params.get("as_csv")):
        raise typer.BadParameter("--json and --csv both ask for stdout; choose one of them")
    return wanted


MetricsFile = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV, TSV, Parquet or JSONL; a row for each score, or wide.")
]
ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        metavar="NEW=OLD,...",
        help="Names for the columns, such as pretrain_tokens=D_p or task=src+tgt. Repeatable.",
    ),
]
AxisOption = Annotated[
    str,
    typer.Option(
        "--axis",
        metavar="COLUMN",
        help="Size along a curve: pretrain_tokens, or finetune_tokens for curves in D_f.",
    ),
]
CurveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--curve",
        metavar="COLUMN,...",
        help="What defines a curve. Default: task, mixture, the other size, model_params if it varies.",
    ),
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Rows to read: 'model=r50|r101', 'D_f>=1K', also != <= > <. Repeatable; all must hold.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", callback=_one_format, help="One JSON document."),
]
"""The parameter must be named `as_json`."""
CsvOption = Annotated[bool, typer.Option("--csv", callback=_one_format, help="A CSV table.")]
"""The parameter must be named `as_csv`."""


def parse_columns(options: Sequence[str]) -> dict[str, str]:
    """Return the pairs of `--columns new=old,new=old`.

    Parameters
    ----------
    options : sequence of str
        As given, one for each `--columns`. With one pair in it, an old name may contain commas.

    Raises
    ------
    UsageError
        A part is no pair, or a new name is given twice.
    """
    pairs: dict[str, str] = {}
    for option in options:
        for part in option.split(",") if option.count("=") > 1 else [option]:
            new, sign, old = (piece.strip() for piece in part.partition("="))
            if not (new and sign and old):
                raise UsageError(
                    f"--columns is new=old; received {part!r}; "
                    f"write for instance --columns pretrain_tokens=D_p"
                )
            if new in pairs:
                raise UsageError(f"--columns gives a name once; received {new!r} twice; keep one of them")
            pairs[new] = old
    return pairs


def read_table(
    file: Path,
    columns: Sequence[str] | None,
    axis: str,
    curve: Sequence[str] | None,
    where: Sequence[str] | None,
) -> Metrics:
    """Read a metrics table as the options say.

    Parameters
    ----------
    file : Path
        The table.
    columns, axis, curve, where
        Values of the options of the same name.
    """
    from bayesscale.metrics.read import read_metrics

    names = (
        None
        if curve is None
        else [name.strip() for part in curve for name in part.split(",") if name.strip()]
    )
    return read_metrics(file, columns=parse_columns(columns or ()), axis=axis, curve=names, where=where or ())
