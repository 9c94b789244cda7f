"""Run a grid: prepare, then batch after batch, every result on record as soon as it is there."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from bayesscale.engine import Failed, Finished, Needs, run_jobs, session
from bayesscale.errors import TrainingError
from bayesscale.harness.grid.cell import describe, run_cell
from bayesscale.harness.grid.clock import Clock
from bayesscale.harness.grid.keys import cell_key
from bayesscale.harness.grid.layout import GridFolder, cannot_write, read_json
from bayesscale.harness.grid.opening import Settings, open_grid
from bayesscale.harness.grid.order import Job, batches
from bayesscale.harness.grid.pretraining import Stretch, delete_weights, pretrain_stretch
from bayesscale.harness.grid.store import MetricsFile
from bayesscale.harness.grid.workplace import Workplace
from bayesscale.harness.study.cells import Cell
from bayesscale.harness.study.config import Study

# With less room than this, a checkpoint or the metrics file would be the next thing that fails.
_LEAST_ROOM = 16 * 1024**2


@dataclass(frozen=True)
class GridResult:
    """How a grid ended.

    Parameters
    ----------
    cells, finished, diverged, failed, skipped : int
        Cells of this part: all, with scores, with a divergence as their result, with an error, and those
        whose pretraining failed.
    errors : tuple of str
        What went wrong, for people.
    folder : GridFolder
        Where everything is.
    """

    cells: int
    finished: int
    diverged: int
    failed: int
    skipped: int
    errors: tuple[str, ...]
    folder: GridFolder


def run_grid(
    study: Study,
    folder: GridFolder,
    settings: Settings | None = None,
    *,
    report: Callable[[str], None] | None = None,
    show: Callable[[str], None] | None = None,
) -> GridResult:
    """Run the cells of a study that are not finished.

    Parameters
    ----------
    study : Study
        The study.
    folder : GridFolder
        Where everything goes; a folder that an earlier run left is gone on with.
    settings : Settings, optional
        How it is run. Default: one job at a time, on the CPU.
    report : callable, optional
        Receives a line for each phase and job.
    show : callable, optional
        Receives the state of the job that runs in this process, many times a minute.

    Raises
    ------
    StudyError, CorpusError
        The study cannot be run, or not in this folder. Nothing has been trained then.
    TrainingError
        The disk is full. What is finished is on record.
    """
    return _Grid(study, folder, settings or Settings(), report or _silent, show).run()


def _do(place: Workplace, show: Callable[[str], None] | None, job: Job) -> dict[str, Any]:
    """Do one job; called in whatever process the engine has for it."""
    if isinstance(job, Stretch):
        done = pretrain_stretch(place, job, show=show)
        return {"summary": done.summary}
    return run_cell(place, job, show=show)


class _Grid:
    """One run of a grid: what is finished, what failed, how long things took."""

    def __init__(
        self,
        study: Study,
        folder: GridFolder,
        settings: Settings,
        report: Callable[[str], None],
        show: Callable[[str], None] | None,
    ) -> None:
        self.report, self.show, self.settings = report, show, settings
        self.study, self.folder = study, folder
        self.place = open_grid(study, folder, settings, report)
        self.cells = settings.part.of(study)
        self.keys = {cell: cell_key(study, self.place.data_hash, cell) for cell in self.cells}
        self.metrics = MetricsFile(folder, folder.metrics)
        self.domains = MetricsFile(folder, folder.domains)
        self.broken: set[tuple[str | None, int]] = set()
        self.errors: list[str] = []
        self.failed = 0
        self.records: dict[Cell, str] = {}

    def run(self) -> GridResult:
        """Run what is not finished."""
        self._collect()
        todo = [cell for cell in self.cells if cell not in self.records]
        self.report(self._beginning(len(todo)))
        self.clock = Clock(self.study, todo, self.settings.workers or 1)
        self._prune()
        settings = self.settings
        with session(
            settings.backend, workers=settings.workers, needs=self._needs(), address=settings.address
        ):
            for batch in batches(self.study, todo, side_by_side=settings.workers != 1):
                self._run_batch(self._possible(batch))
                self._prune()
        return self._result()

    def _collect(self) -> None:
        """Put finished cells into the metrics file that are not there; in the order of the grid."""
        there = self.folder.finished()
        found = {cell: read_json(self.folder.cell(key)) for cell, key in self.keys.items() if key in there}
        self.records = {cell: record["status"] for cell, record in found.items()}
        self._add(found)

    def _add(self, found: dict[Cell, dict[str, Any]]) -> None:
        """Append the rows of cells to both tables."""
        self.metrics.add_missing({self.keys[cell]: record["rows"] for cell, record in found.items()})
        self.domains.add_missing({self.keys[cell]: record["domains"] for cell, record in found.items()})

    def _possible(self, batch: Sequence[Job]) -> list[Job]:
        """Leave out what cannot be done because its pretraining failed."""
        runs = [(job, (job.mixture, job.seed)) for job in batch]
        return [job for job, run in runs if run not in self.broken]

    def _run_batch(self, jobs: Sequence[Job]) -> None:
        """Run independent jobs; everything they give is on record before the next one is looked at."""
        settings = self.settings
        alone = settings.backend == "joblib" and settings.workers == 1
        # Only what runs in this process can be shown; other processes leave files for `harness status`.
        do = partial(_do, self._travelling(), self.show if alone else None)
        for outcome in run_jobs(
            do,
            jobs,
            backend=settings.backend,
            workers=settings.workers,
            needs=self._needs(),
            address=settings.address,
        ):
            if isinstance(outcome, Failed):
                self._note_failure(outcome)
            else:
                self._note(outcome)

    def _needs(self) -> Needs:
        """Return what one job needs."""
        gpu = self.settings.backend == "ray" and self.settings.devices[0].startswith("cuda")
        return Needs(cpus=self.settings.threads or 1, gpus=float(gpu))

    def _travelling(self) -> Workplace:
        """Return what travels to other processes, with absolute paths since they may be elsewhere."""
        return replace(
            self.place,
            folder=GridFolder(self.folder.path.resolve()),
            study=self.study.model_copy(update={"folder": self.study.folder.resolve()}),
        )

    def _note(self, outcome: Finished[Job, dict[str, Any]]) -> None:
        """Put a result into the tables and say so."""
        job, record = outcome.job, outcome.value
        if isinstance(job, Stretch):
            self.clock.pretrained(job, outcome.seconds)
            self.report(f"{job}: {record['summary']}; {outcome.seconds:.0f} s{self.clock.left()}")
            return
        self._add({job: record})
        self.records[job] = record["status"]
        self.clock.scored(job, outcome.seconds)
        count = f"[{len(self.records)}/{len(self.cells)}]"
        self.report(f"{count} {describe(job)}: {_scores(record)}; {outcome.seconds:.0f} s{self.clock.left()}")

    def _note_failure(self, outcome: Failed[Job]) -> None:
        """Put a failure on record and say so; stop where nothing else could succeed."""
        job = outcome.job
        what = str(job) if isinstance(job, Stretch) else describe(job)
        if isinstance(job, Stretch):
            self.broken.add((job.mixture, job.seed))
        else:
            self.failed += 1
        self.errors.append(f"{what}: {outcome}")
        self.report(f"FAILED {what}: {outcome}")
        line = {
            "time": datetime.now(UTC).isoformat(),
            "job": what,
            "error": str(outcome),
            "trace": outcome.trace,
        }
        try:
            with self.folder.failures.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise cannot_write(self.folder.failures, error) from error
        if shutil.disk_usage(self.folder.path).free < _LEAST_ROOM:
            raise TrainingError(
                f"the disk of {self.folder.path} is full; what is finished is kept: make room and run the "
                f"same command again ({what}: {outcome})"
            )

    def _prune(self) -> None:
        """Delete weights whose cells are all finished, where the study wants that."""
        if self.study.pretraining.keep != "grid":
            return
        needed = {
            (cell.mixture, cell.seed, cell.pretrain_tokens) for cell in self.cells if cell not in self.records
        }
        done = {(c.mixture, c.seed, c.pretrain_tokens) for c in self.records} - needed
        for mixture, seed, tokens in done:
            if mixture is not None:
                delete_weights(self.place, mixture, seed, [tokens])

    def _beginning(self, todo: int) -> str:
        """Return what is to be done."""
        part, cells = self.settings.part, len(self.cells)
        share = f", part {part.number} of {part.count}" if part.count > 1 else ""
        return (
            f"grid {self.study.name}{share}: {cells} cells, {cells - todo} of them finished; "
            f"scores go to {self.folder.metrics}"
        )

    def _result(self) -> GridResult:
        """Count how it ended."""
        statuses = list(self.records.values())
        skipped = len(self.cells) - len(statuses) - self.failed
        return GridResult(
            len(self.cells),
            statuses.count("finished"),
            statuses.count("diverged"),
            self.failed,
            skipped,
            tuple(self.errors),
            self.folder,
        )


def _scores(record: dict[str, Any]) -> str:
    """Return the scores of a cell in words."""
    if record["status"] == "diverged":
        return f"DIVERGED ({record['reason']})"
    return ", ".join(f"{row['metric']} {row['value']:.2f}" for row in record["rows"])


def _silent(line: str) -> None:
    """Say nothing."""
