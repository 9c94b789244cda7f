"""`bayesscale harness plan`: what a study will cost, before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.harness.options import PresetOption, StudyFile, chosen_study
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer


def plan(
    file: StudyFile = None,
    preset: PresetOption = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", help="Prepared data; says whether there are enough tokens."),
    ] = None,
    gpu: Annotated[
        bool | None, typer.Option("--gpu/--cpu", help="What it will run on. Default: what there is here.")
    ] = None,
    devices: Annotated[
        int, typer.Option("--devices", metavar="N", min=1, help="Devices that work side by side.")
    ] = 1,
    flops: Annotated[
        float | None,
        typer.Option(
            "--flops", metavar="N", help="Operations a second that a device was seen to sustain in training."
        ),
    ] = None,
    cells: Annotated[bool, typer.Option("--cells", help="List every cell, in the order of running.")] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Say what a study will cost, before anything runs: cells, tokens, time and disk."""
    from dataclasses import replace

    from bayesscale.harness.study.plan import plan as make_plan
    from bayesscale.units import format_bytes, format_seconds

    study = chosen_study(file, preset)
    made = make_plan(study, gpu=gpu, devices=devices, flops=flops)
    if data is not None:
        from bayesscale.harness.tokens.prepared import Prepared
        from bayesscale.harness.tokens.supply import supply_problems

        made = replace(made, problems=(*made.problems, *supply_problems(study, Prepared(data))))
    if cells:
        frame = made.cell_frame()
        sizes: tuple[str, ...] = ()
    else:
        frame, sizes = made.frame(), ("tokens",)
        if not (as_json or as_csv):
            frame["seconds"] = [format_seconds(value) for value in frame["seconds"]]
            frame["disk"] = [format_bytes(value) for value in frame["disk"]]
            frame = frame.rename(columns={"seconds": "time"})
    answer = Answer(frame, made.document(), made.sentences(), sizes)
    print_answer(answer, as_json=as_json, as_csv=as_csv)
