"""Run a grid: prepare, then batch after batch, every result on record as soon as it is there."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from bayesscale.engine import Failed, Finished, Needs, run_jobs, session
from bayesscale.errors import TrainingError
from bayesscale.harness.files import cannot_write, read_json, write_rows
from bayesscale.harness.grid.cell import run_cell
from bayesscale.harness.grid.context import Grid, Settings, open_grid
from bayesscale.harness.grid.keys import cell_key
from bayesscale.harness.grid.order import Job, batches, cells_of
from bayesscale.harness.grid.pretraining import Stretch, pretrain_stretch, read_records
from bayesscale.harness.progress import TimeLeft
from bayesscale.harness.study.cells import Cell, cells
from bayesscale.harness.study.config import Study
from bayesscale.units import format_seconds

# With less room than this, a checkpoint or the metrics file would be the next thing that fails.
_LEAST_ROOM = 16 * 1024**2
_PRETRAINING = "pretraining"


@dataclass(frozen=True)
class GridResult:
    """How a grid ended: the cells of this part, and sentences for people.

    Cells are finished with scores, diverged as their result, failed with an error, or skipped because their
    pretraining failed.
    """

    cells: int
    finished: int
    diverged: int
    failed: int
    skipped: int
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    grid: Grid


def run_grid(
    study: Study,
    path: Path,
    settings: Settings | None = None,
    *,
    report: Callable[[str], None] | None = None,
    show: Callable[[str], None] | None = None,
) -> GridResult:
    """Run the cells of a study that are not finished; a folder that an earlier run left is gone on with.

    `report` receives a line for each phase and job, `show` the state of the job in this process, many times a
    minute.

    A study that cannot be run, or not in this folder, is a StudyError or CorpusError before anything is
    trained. A full disk is a TrainingError; what is finished is on record.
    """
    say = report or (lambda line: None)
    return _Run(open_grid(study, path, settings or Settings(), say), say, show).run()


def _do(grid: Grid, show: Callable[[str], None] | None, job: Job) -> dict[str, Any]:
    """Do one job; called in whatever process the engine has for it."""
    if isinstance(job, Stretch):
        return {"summary": pretrain_stretch(grid, job, show=show)}
    return run_cell(grid, job, show=show)


class _Run:
    """One run of a grid: what is finished, what failed, how long things took."""

    def __init__(self, grid: Grid, report: Callable[[str], None], show: Callable[[str], None] | None) -> None:
        self.grid, self.report, self.show = grid, report, show
        self.settings, self.study = grid.settings, grid.study
        self.cells = cells_of(self.study, self.settings.part)
        self.keys = {cell: cell_key(self.study, grid.data_hash, cell) for cell in cells(self.study)}
        self.broken: set[tuple[str | None, int]] = set()
        self.errors: list[str] = []
        self.failed = 0
        self.known: dict[str, dict[str, Any]] = {}

    @property
    def records(self) -> dict[Cell, dict[str, Any]]:
        """Records of the finished cells of this part."""
        return {cell: self.known[self.keys[cell]] for cell in self.cells if self.keys[cell] in self.known}

    def run(self) -> GridResult:
        """Run what is not finished."""
        self._write_tables()
        done = self.records
        todo = [cell for cell in self.cells if cell not in done]
        self.report(self._beginning(len(todo)))
        self.left = TimeLeft(self._work(todo), self.settings.workers or 1)
        with session(**self._where()):
            for batch in batches(self.study, todo, side_by_side=self.settings.workers != 1):
                # What cannot be done because its pretraining failed is left out.
                self._run_batch([job for job in batch if (job.mixture, job.seed) not in self.broken])
        return self._result()

    def _work(self, todo: Sequence[Cell]) -> dict[str, float]:
        """Return what is to be done: tokens of pretraining, and cells of each size."""
        work: dict[str, float] = dict(Counter(_kind(cell) for cell in todo))
        ends: dict[tuple[str, int], int] = {}
        for cell in todo:
            if cell.mixture is not None:
                run = (cell.mixture, cell.seed)
                ends[run] = max(ends.get(run, 0), cell.pretrain_tokens)
        self.reached = {run: max(read_records(self.grid, *run), default=0) for run in ends}
        work[_PRETRAINING] = sum(max(end - self.reached[run], 0) for run, end in ends.items())
        return work

    def _run_batch(self, jobs: Sequence[Job]) -> None:
        """Run independent jobs; everything they give is on record before the next one is looked at."""
        settings = self.settings
        alone = settings.backend == "joblib" and settings.workers == 1
        # Only what runs in this process can be shown; other processes leave files for `harness status`.
        do = partial(_do, self._travelling(), self.show if alone else None)
        for outcome in run_jobs(do, jobs, **self._where()):
            if isinstance(outcome, Failed):
                self._note_failure(outcome)
            else:
                self._note(outcome)

    def _where(self) -> dict[str, Any]:
        """Return where jobs run and what one of them needs, as the engine wants it."""
        settings = self.settings
        gpu = settings.backend == "ray" and settings.devices[0].startswith("cuda")
        needs = Needs(cpus=settings.threads, gpus=float(gpu))
        places = {"backend": settings.backend, "workers": settings.workers, "address": settings.address}
        return {**places, "needs": needs}

    def _travelling(self) -> Grid:
        """Return what travels to other processes, with absolute paths since they may be elsewhere."""
        study = self.study.model_copy(update={"folder": self.study.folder.resolve()})
        return replace(self.grid, path=self.grid.path.resolve(), study=study)

    def _note(self, outcome: Finished[Job, dict[str, Any]]) -> None:
        """Put a result into the tables and say so."""
        job, record, seconds = outcome.job, outcome.value, outcome.seconds
        if isinstance(job, Stretch):
            run, tokens = (job.mixture, job.seed), job.checkpoints[-1]
            if tokens > self.reached[run]:
                self.left.note(_PRETRAINING, tokens - self.reached[run], seconds)
                self.reached[run] = tokens
            self.report(f"{job}: {record['summary']}; {format_seconds(seconds)}{self.left}")
            return
        self._write_tables()
        self.left.note(_kind(job), 1, seconds)
        count = f"[{len(self.records)}/{len(self.cells)}]"
        self.report(f"{count} {job}: {_scores(record)}; {format_seconds(seconds)}{self.left}")

    def _write_tables(self) -> None:
        """Write the tables from the records of all cells in the folder, those of other processes too."""
        with self.grid.locked("tables.lock"):
            for key in self.grid.finished() - self.known.keys():
                self.known[key] = read_json(self.grid.cell(key))
            # In the order of the study; cells that were of it before come last.
            order = [*self.keys.values(), *sorted(self.known)]
            found = {key: self.known[key] for key in order if key in self.known}
            for path, part in ((self.grid.metrics, "rows"), (self.grid.domains, "domains")):
                write_rows(path, ({**row, "cell": key} for key, each in found.items() for row in each[part]))

    def _note_failure(self, outcome: Failed[Job]) -> None:
        """Put a failure on record and say so; stop where nothing else could succeed."""
        job = outcome.job
        if isinstance(job, Stretch):
            self.broken.add((job.mixture, job.seed))
        else:
            self.failed += 1
        self.errors.append(f"{job}: {outcome}")
        self.report(f"FAILED {job}: {outcome}")
        now = datetime.now(UTC).isoformat()
        line = {"time": now, "job": str(job), "error": str(outcome), "trace": outcome.trace}
        try:
            with self.grid.failures.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except OSError as error:
            raise cannot_write(error) from error
        if shutil.disk_usage(self.grid.path).free < _LEAST_ROOM:
            raise TrainingError(
                f"the disk of {self.grid.path} is full; what is finished is kept: make room and run the "
                f"same command again ({job}: {outcome})"
            )

    def _beginning(self, todo: int) -> str:
        """Return what is to be done."""
        (number, count), cells = self.settings.part, len(self.cells)
        share = f", part {number} of {count}" if count > 1 else ""
        return (
            f"grid {self.study.name}{share}: {cells} cells, {cells - todo} of them finished; "
            f"scores go to {self.grid.metrics}"
        )

    def _result(self) -> GridResult:
        """Count how it ended."""
        statuses = [record["status"] for record in self.records.values()]
        return GridResult(
            cells=len(self.cells),
            finished=statuses.count("finished"),
            diverged=statuses.count("diverged"),
            failed=self.failed,
            skipped=len(self.cells) - len(statuses) - self.failed,
            errors=tuple(self.errors),
            warnings=tuple(warnings_of(self.records.values())),
            grid=self.grid,
        )


def warnings_of(records: Collection[dict[str, Any]]) -> Iterator[str]:
    """Yield what to know of the scores of cells: rates at an edge, epochs, checkpoints on the plateau."""
    finetuned = [record["finetune"] for record in records if record["status"] == "finished"]
    total = len(finetuned)
    rates = Counter(each["rate_warning"] for each in finetuned)
    if rates["only"]:
        yield f"{rates['only']} of {total} cells had one finetuning rate only; nobody knows whether it suits"
    for edge, remedy in (("lowest", "lower"), ("highest", "higher")):
        if rates[edge]:
            yield f"{rates[edge]} of {total} cells chose the {edge} finetuning rate: add a {remedy} one"
    if partial := sum(each["epochs"] < 1 for each in finetuned):
        yield f"{partial} of {total} cells saw less than one epoch of D_f"
    on_plateau = {
        (record["cell"]["mixture"], record["cell"]["seed"], record["cell"]["pretrain_tokens"])
        for record in records
        if record.get("checkpoint", {}).get("on_plateau")
    }
    if on_plateau:
        yield (
            f"{len(on_plateau)} checkpoints are still on the plateau of span corruption: pretraining has "
            "taught them little more than how frequent tokens are"
        )


def _scores(record: dict[str, Any]) -> str:
    """Return the scores of a cell in words."""
    if record["status"] == "diverged":
        return f"DIVERGED ({record['reason']})"
    return ", ".join(f"{row['metric']} {row['value']:.2f}" for row in record["rows"])


def _kind(cell: Cell) -> str:
    """Return what the duration of a cell depends on most."""
    return f"{cell.task} {cell.size}"
