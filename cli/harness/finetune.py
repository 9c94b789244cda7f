"""`bayesscale harness finetune`: one cell of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesscale.cli.harness.options import PresetOption, StudyFile, chosen_study
from bayesscale.cli.harness.training_options import (
    DeviceOption,
    FolderOption,
    Lines,
    QuietOption,
    ThreadsOption,
)
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.harness.study import Cell, Study


def finetune(
    output: FolderOption,
    study: StudyFile = None,
    preset: PresetOption = None,
    task: Annotated[
        str | None, typer.Option("--task", metavar="NAME", help="Default: the only one of the study.")
    ] = None,
    mixture: Annotated[
        str | None,
        typer.Option("--mixture", metavar="NAME", help="Default: the model that was not pretrained."),
    ] = None,
    tokens: Annotated[
        str | None,
        typer.Option("--tokens", metavar="D_P", help="The checkpoint, such as 10M. Default: the largest."),
    ] = None,
    size: Annotated[
        str | None, typer.Option("--size", metavar="D_F", help="Such as 31K, or full. Default: the first.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", metavar="N", help="Default: the first of the study.")
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = 1,
    quiet: QuietOption = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Finetune one checkpoint on one task, translate its test set and score it.

    The cell is put on record in FOLDER like any cell of the grid, and printed.
    """
    import pandas as pd

    from bayesscale.harness.grid.cell import describe, run_cell
    from bayesscale.harness.grid.context import Settings, choose_devices, open_grid

    chosen, lines = chosen_study(study, preset), Lines(quiet=quiet)
    cell = _cell(chosen, task, mixture, tokens, size, seed)
    settings = Settings(devices=choose_devices(device)[:1], threads=threads)
    grid = open_grid(chosen, output, settings, lines.say)
    record = run_cell(grid, cell, show=lines.show)
    grid.add_rows(iter([record]))
    lines.say(f"{describe(cell)}: {record['status']}")
    columns = ["metric", "value", "se", "signature"]
    rows = [{name: row[name] for name in columns} for row in record["rows"]]
    print_answer(Answer(pd.DataFrame(rows, columns=columns), record), as_json=as_json, as_csv=as_csv)


def _cell(
    study: Study,
    task: str | None,
    mixture: str | None,
    tokens: str | None,
    size: str | None,
    seed: int | None,
) -> Cell:
    """Return the cell that the options name; refuse one that the study does not have."""
    from bayesscale.harness.study import Cell
    from bayesscale.units import parse_tokens

    if task is None and len(study.tasks) > 1:
        raise UsageError(f"--task is needed; the study has {', '.join(each.name for each in study.tasks)}")
    if tokens is not None and mixture is None:
        raise UsageError("--tokens goes with --mixture; received --tokens alone; name the mixture")
    checkpoints = study.pretraining.checkpoint_tokens
    pretrained = 0 if mixture is None else _one("--tokens", tokens, checkpoints, checkpoints[-1])
    wanted: Any = size if size in (None, "full") else round(parse_tokens(str(size)))
    return Cell(
        study.task(task).name if task else study.tasks[0].name,
        study.mixture(mixture).name if mixture else None,
        pretrained,
        _one("--size", wanted, study.finetuning.sizes, study.finetuning.sizes[0]),
        _one("--seed", seed, study.seeds, study.seeds[0]),
    )


def _one(option: str, wanted: Any, there: tuple[Any, ...], default: Any) -> Any:
    """Return the value among those of the study that an option names; a size may be written as 10M."""
    from bayesscale.units import format_tokens, parse_tokens

    if wanted is None:
        return default
    names = {format_tokens(each) if isinstance(each, int) else each: each for each in there}
    if isinstance(wanted, str) and wanted != "full":
        wanted = names.get(format_tokens(parse_tokens(wanted)), wanted)
    if wanted not in there:
        raise UsageError(
            f"{option} is one of the study; received {wanted}; valid: {', '.join(map(str, there))}"
        )
    return wanted
