"""Options that commands of the harness share: which study, and where its data are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.harness.study.config import Study

StudyFile = Annotated[
    Path | None, typer.Argument(metavar="STUDY", help="A study file; 'harness init' writes one.")
]
PresetOption = Annotated[
    str | None,
    typer.Option("--preset", metavar="NAME", help="tiny, synthetic or isik, instead of a study file."),
]


def chosen_study(file: Path | None, preset_name: str | None) -> Study:
    """Return the study of a file or of a preset."""
    from bayesscale.harness.study.load import load_study
    from bayesscale.harness.study.presets import preset

    if (file is None) == (preset_name is None):
        received = "both" if file else "neither"
        raise UsageError(
            f"a study file or --preset says what to do; received {received}; give exactly one of them, for "
            "instance --preset tiny"
        )
    return load_study(file) if file is not None else preset(str(preset_name))
