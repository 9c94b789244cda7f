"""`bayesscale harness pretrain`: the checkpoints of some mixtures."""

from __future__ import annotations

import os
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
from bayesscale.errors import UsageError


def pretrain(
    output: FolderOption,
    study: StudyFile = None,
    preset: PresetOption = None,
    mixture: Annotated[
        list[str] | None,
        typer.Option("--mixture", metavar="NAME", help="A mixture of the study. Repeatable; default: all."),
    ] = None,
    seed: Annotated[
        list[int] | None,
        typer.Option("--seed", metavar="N", help="A seed of the study. Repeatable; default: all."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            "--until", metavar="TOKENS", help="Stop at this D_p, such as 10M. Default: the largest."
        ),
    ] = None,
    device: DeviceOption = "auto",
    threads: ThreadsOption = 1,
    quiet: QuietOption = False,
) -> None:
    """Pretrain mixtures and keep their checkpoints in FOLDER, where `harness grid` finds them.

    Under torchrun, all processes train one model together:
    torchrun --nproc-per-node 4 -m bayesscale harness pretrain STUDY -o FOLDER
    """
    from bayesscale.harness.grid.context import Settings, choose_devices, open_grid
    from bayesscale.harness.grid.pretraining import Stretch, pretrain_stretch
    from bayesscale.units import parse_tokens

    chosen = chosen_study(study, preset)
    first = os.environ.get("RANK", "0") == "0"
    lines = Lines(quiet=quiet or not first)
    names = [chosen.mixture(name).name for name in mixture or [each.name for each in chosen.mixtures]]
    if unknown := [each for each in seed or () if each not in chosen.seeds]:
        raise UsageError(f"--seed is one of the study; received {unknown[0]}; valid: {_listed(chosen.seeds)}")
    limit = parse_tokens(until) if until else float("inf")
    checkpoints = tuple(each for each in chosen.pretraining.checkpoint_tokens if each <= limit)
    if not checkpoints:
        raise UsageError(
            f"--until is at least the first checkpoint; received {until}; "
            f"checkpoints: {_listed(chosen.pretraining.checkpoint_tokens)}"
        )
    devices = choose_devices(device)[:1]
    if os.environ.get("WORLD_SIZE", "1") != "1" and devices[0].startswith("cuda"):
        devices = ("cuda",)  # every process of torchrun takes the one with its own number
    grid = open_grid(chosen, output, Settings(devices=devices, threads=threads), lines.say)
    for number in seed or chosen.seeds:
        for name in names:
            stretch = Stretch(name, number, checkpoints)
            lines.say(f"{stretch}: {pretrain_stretch(grid, stretch, show=lines.show)}")
            if first:
                print(grid.run(name, number))


def _listed(numbers: tuple[int, ...]) -> str:
    """Return numbers as a list."""
    return ", ".join(map(str, numbers))
