"""`bayesscale simulate`: a metrics table of which the truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.errors import UsageError, valid_names


def simulate(
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="The table: a .csv file, or a folder for it.",
        ),
    ],
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="small: 15 curves; paper: all 81 of its grid.")
    ] = "small",
    seed: Annotated[
        int, typer.Option("--seed", metavar="N", min=0, help="The same seed gives the same table.")
    ] = 0,
    breaks: Annotated[
        str,
        typer.Option(
            "--breaks",
            metavar="WHERE",
            help="paper: where the paper saw breaks; none; or a probability for each curve.",
        ),
    ] = "paper",
    checkpoints: Annotated[
        int, typer.Option("--checkpoints", metavar="N", help="Sizes D_p on each curve.")
    ] = 10,
    metrics: Annotated[
        str,
        typer.Option("--metrics", metavar="NAME,...", help="Among bleu, chrf, comet and cross_entropy."),
    ] = "bleu,cross_entropy",
    standard_errors: Annotated[
        bool, typer.Option("--standard-errors", help="Add test-set error, and a column se that reports it.")
    ] = False,
    truth: Annotated[
        Path | None,
        typer.Option(
            "--truth", metavar="FILE", help="Where the truth goes (JSON). Default: beside the table."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> None:
    """Simulate a metrics table in the regime of the paper, and write the truth behind it beside it."""
    from dataclasses import replace

    from bayesscale.simulate import PRESETS, truth_path, write
    from bayesscale.simulate import simulate as draw

    if preset not in PRESETS:
        raise UsageError(f"--preset names a regime; received {preset!r}; {valid_names(preset, PRESETS)}")
    regime = replace(
        PRESETS[preset],
        breaks=_parse_breaks(breaks),
        checkpoints=checkpoints,
        metrics=tuple(name.strip() for name in metrics.split(",")),
        standard_errors=standard_errors,
    )
    table = _table_path(output, f"simulated-{preset}-{seed}.csv")
    simulated = draw(regime, seed)
    write(simulated, table, truth, force=force)
    curves = len(regime.curves())
    print(f"{table}: simulated, not measured; {curves} curves, {len(simulated.frame)} scores, seed {seed}")
    print(f"{truth or truth_path(table)}: the laws, noise and breaks behind it")


def _parse_breaks(text: str) -> str | float:
    """Return a probability, or the word as it is."""
    try:
        return float(text)
    except ValueError:
        return text


def _table_path(output: Path, name: str) -> Path:
    """Return the file that `--output` means: itself, or `name` in a folder."""
    if output.is_dir() or not output.suffix:
        return output / name
    if output.suffix.lower() != ".csv":
        raise UsageError(f"--output is a .csv file or a folder; received {str(output)!r}")
    return output
