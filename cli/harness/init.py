"""`bayesscale harness init`: a study file to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the study goes.")] = Path("study.toml"),
    preset: Annotated[
        str,
        typer.Option(
            "--preset", metavar="NAME", help="tiny (seconds), synthetic (an hour) or isik (the paper)."
        ),
    ] = "tiny",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that exists.")] = False,
) -> None:
    """Write a study file to start from: a preset, with comments."""
    from bayesscale.files import write_files
    from bayesscale.harness.study.presets import PRESETS, preset_text

    write_files({file: preset_text(preset)}, force=force)
    print(f"{file}: {PRESETS[preset]}")
    print(f"change it, then: bayesscale harness plan {file}")
