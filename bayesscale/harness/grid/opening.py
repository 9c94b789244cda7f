"""Before anything is trained: settings, data, and whether the study can be run to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.util import find_spec

from bayesscale.engine import BACKENDS
from bayesscale.errors import UsageError
from bayesscale.harness.grid.keys import check_same_recipe
from bayesscale.harness.grid.layout import GridFolder, read_json, write_json
from bayesscale.harness.grid.order import Part
from bayesscale.harness.grid.progress import remove_stale
from bayesscale.harness.grid.workplace import Workplace
from bayesscale.harness.study.config import Study

_NEEDED = ("torch", "sentencepiece", "sacrebleu", "safetensors")


@dataclass(frozen=True)
class Settings:
    """How a grid is run; nothing here changes a result.

    Parameters
    ----------
    backend, workers, address
        As in `run_jobs`.
    devices : tuple of str
        Devices of this machine, one job a device; with Ray, 'cuda' is whatever GPU Ray gives to a job.
    threads : int, optional
        Threads of torch on the CPU.
    part : Part
        The share of the grid that is run here.
    loggers : tuple of str
        Names in `LOGGERS`.
    """

    backend: str = BACKENDS[0]
    workers: int | None = 1
    address: str | None = None
    devices: tuple[str, ...] = ("cpu",)
    threads: int | None = None
    part: Part = field(default_factory=Part)
    loggers: tuple[str, ...] = ()


def _check_packages() -> None:
    """Refuse to begin without what training and scoring need; say all that is missing."""
    if missing := [name for name in _NEEDED if find_spec(name) is None]:
        raise UsageError(
            f"the harness needs packages of the extra train; not installed: {', '.join(missing)}; "
            "pip install 'bayesscale[train]'"
        )


def open_grid(
    study: Study, folder: GridFolder, settings: Settings, report: Callable[[str], None]
) -> Workplace:
    """Prepare the data of a study, and refuse what could not be run to its end.

    Parameters
    ----------
    study, folder, settings, report
        As in `run_grid`.
    """
    _check_packages()
    from bayesscale.harness.tokens.prepare import prepare
    from bayesscale.harness.tokens.supply import check_supply

    with folder.locked("prepare.lock"):
        remove_stale(folder.progress)
        recorded = read_json(folder.study) if folder.study.exists() else None
        if recorded is not None:
            check_same_recipe(study, recorded["data_hash"], recorded, folder.path)
        prepared = prepare(study, folder.prepared, report=report)
        if recorded is not None:
            check_same_recipe(study, prepared.hash, recorded, folder.path)
        place = Workplace(folder, study, prepared.hash, settings.devices, settings.threads, settings.loggers)
        check_supply(study, prepared)
        document = {"study": study.model_dump(mode="json"), "data_hash": prepared.hash}
        if document != recorded:
            write_json(folder.study, document)
    return place
