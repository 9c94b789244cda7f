"""`bayesscale harness sweep`: which rate of pretraining has the lowest loss after a while."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.harness.options import (
    DeviceOption,
    FolderOption,
    Lines,
    PresetOption,
    QuietOption,
    StudyFile,
    ThreadsOption,
    chosen_study,
)  # fmt: skip
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError


def sweep(
    output: FolderOption,
    study: StudyFile = None,
    preset: PresetOption = None,
    rates: Annotated[
        str | None,
        typer.Option(
            "--rates", metavar="RATE,...", help="Default: a third, once and three times that of the study."
        ),
    ] = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", metavar="N", help="How long. Default: the first checkpoint.")
    ] = None,
    mixture: Annotated[
        list[str] | None,
        typer.Option("--mixture", metavar="NAME", help="A mixture. Repeatable; default: the first."),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = 1,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Pretrain for a short while with several rates, and say which has the lowest loss.

    A loss near that of a unigram model says little of rates: give more tokens then.
    """
    from bayesscale.harness.grid.context import Settings, choose_devices, open_grid
    from bayesscale.harness.grid.sweep import sweep as run_sweep
    from bayesscale.units import parse_tokens

    chosen, lines = chosen_study(study, preset), Lines(quiet=quiet)
    if not chosen.mixtures:
        raise UsageError("a sweep pretrains a mixture; the study has none; add one")
    names = [chosen.mixture(name).name for name in mixture or [chosen.mixtures[0].name]]
    tried = _rates(rates, chosen.pretraining.rate)
    long = round(parse_tokens(tokens)) if tokens else chosen.pretraining.checkpoint_tokens[0]
    settings = Settings(devices=choose_devices(device)[:1], threads=threads)
    grid = open_grid(chosen, output, settings, lines.say)
    found = run_sweep(grid, tried, long, names, report=lines.say, show=lines.show)
    print_answer(Answer(found.frame(), found.document(), found.sentences()), as_json=as_json, as_csv=as_csv)


def _rates(text: str | None, usual: float) -> list[float]:
    """Return the rates that are tried."""
    if text is None:
        return [float(f"{usual * factor:.2g}") for factor in (1 / 3, 1, 3)]
    try:
        rates = [float(part) for part in text.split(",")]
    except ValueError:
        rates = []
    if not rates or not all(0 < rate < float("inf") for rate in rates):
        raise UsageError(
            f"--rates are numbers above 0 with commas between; received {text!r}; write 0.01,0.03"
        )
    return list(dict.fromkeys(rates))
