"""One cell: finetune a checkpoint on a task, translate the test set, score, and put it on record."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bayesscale.harness.files import read_json, write_finished, write_json
from bayesscale.harness.grid.context import Grid
from bayesscale.harness.grid.keys import cell_key
from bayesscale.harness.grid.pretraining import checkpoint_of
from bayesscale.harness.grid.rows import metric_rows
from bayesscale.harness.progress import Reporter
from bayesscale.harness.study.cells import Cell
from bayesscale.harness.tokens.parallel import Parallel
from bayesscale.harness.tokens.subset import nested_subset

if TYPE_CHECKING:
    from bayesscale.harness.model.t5 import T5
    from bayesscale.harness.scoring import LossScore, Scored
    from bayesscale.harness.training.jobs import FinetuneResult

# A model is compiled for its shape once a process, and every cell loads its weights into it.
_workspace: dict[str, T5] = {}


def run_cell(grid: Grid, cell: Cell, *, show: Callable[[str], None] | None) -> dict[str, Any]:
    """Return the record of a cell, computed if it is not there yet."""
    key = cell_key(grid.study, grid.data_hash, cell)
    path = grid.cell(key)
    with grid.locked(f"cell-{key}.lock"):
        if not path.exists():
            record, hypotheses = _compute(grid, cell, key, show)
            if hypotheses is not None:
                write_finished({grid.hypotheses(key): hypotheses})
            write_json(path, record)  # last: a cell with a record is finished
    found: dict[str, Any] = read_json(path)
    return found


def _compute(
    grid: Grid, cell: Cell, key: str, show: Callable[[str], None] | None
) -> tuple[dict[str, Any], str | None]:
    """Return the record and the file of hypotheses; no hypotheses where training diverged."""
    start = time.perf_counter()
    train = grid.prepared().task(cell.task).train
    indices, counted = nested_subset(train, cell.size, cell.seed, length=grid.study.finetuning.length)
    record: dict[str, Any] = {
        "key": key,
        "status": "diverged",
        "cell": asdict(cell),
        "finetune": {"pairs": len(indices), "tokens": counted},
        "rows": [],
        "domains": [],
    }
    weights = None
    if cell.mixture is not None:
        record["checkpoint"], weights = checkpoint_of(grid, cell.mixture, cell.seed, cell.pretrain_tokens)
        if weights is None:
            return record | {"reason": "pretraining had diverged"}, None
    with Reporter(grid.progress, str(cell), show=show) as report:
        result = _finetune(grid, cell, train.chosen(indices), weights, report)
        record["finetune"] |= _facts(result, counted) | {"seconds": round(time.perf_counter() - start, 3)}
        if result.status == "diverged":
            return record | {"reason": "finetuning diverged at every rate"}, None
        report.say("translates")
        hypotheses, scored, loss = _test(grid, cell, result)
    rows, domains = metric_rows(grid.study, cell, record, result.model.config.parameters(), scored, loss)
    details = {"sentences": len(hypotheses), **_details(scored, loss)}
    record |= {"status": "finished", "rows": rows, "domains": domains, "test": details}
    record["seconds"] = round(time.perf_counter() - start, 3)
    return record, "".join(f"{line}\n" for line in hypotheses)


def _finetune(
    grid: Grid, cell: Cell, train: Parallel, weights: Path | None, report: Reporter
) -> FinetuneResult:
    """Hand the cell to the training loop; keep the model for the next cell."""
    from bayesscale.harness.training.finetuning import finetune
    from bayesscale.harness.training.jobs import FinetuneJob

    grid.prepare_torch()
    study, device = grid.study, grid.device()
    shape = f"{grid.data_hash} {study.model.model_dump_json()} {device} {study.finetuning.precision}"
    result = finetune(
        FinetuneJob(
            model=study.model,
            weights=weights,
            train=train,
            dev=grid.prepared().task(cell.task).dev,
            config=study.finetuning,
            vocabulary=grid.prepared().tokenizer.vocabulary,
            seed=cell.seed,
            device=device,
            deterministic=study.pretraining.deterministic,
            workspace=_workspace.get(shape),
            report=report,
        )
    )
    _workspace.clear()
    _workspace[shape] = result.model
    return result


def _test(grid: Grid, cell: Cell, result: FinetuneResult) -> tuple[list[str], Scored, LossScore]:
    """Translate the test set and score what came out."""
    from bayesscale.harness.decoding import cross_entropy, translate
    from bayesscale.harness.scoring import loss_score, score_hypotheses

    scoring, whole = grid.study.scoring, grid.prepared().task(cell.task).test
    test = whole.chosen(range(len(whole))[: scoring.sentences])
    ids = translate(result.model, test.source, grid.study.decoding)
    # Byte pieces can spell ends of lines.
    hypotheses = [" ".join(text.split()) for text in grid.prepared().tokenizer.decode(ids)]
    entropy = cross_entropy(result.model, test)
    scored = score_hypotheses(hypotheses, test.target_text, test.domain, scoring)
    return hypotheses, scored, loss_score(entropy.nats, entropy.tokens, test.target_text)


def _facts(result: FinetuneResult, counted: int) -> dict[str, Any]:
    """Return what is kept of finetuning on a D_f of so many tokens."""
    return {
        "steps": result.steps,
        "tokens_seen": result.tokens_seen,
        "epochs": round(result.tokens_seen / counted, 4),
        "rate": _finite(result.rate),
        "rate_warning": result.warning,
        "dev_loss": _finite(result.dev_loss),
        "trials": [{**asdict(each), "dev_loss": _finite(each.dev_loss)} for each in result.trials],
        "truncated": result.truncated,
    }


def _details(scored: Scored, loss: LossScore) -> dict[str, Any]:
    """Return the scores with all that belongs to them."""
    domains = {
        name: {"sentences": number, **asdict(score)} for name, (number, score) in scored.by_domain.items()
    }
    return {"scores": [asdict(each) for each in scored.scores], "loss": asdict(loss), "domains": domains}


def _finite(value: float) -> float | None:
    """Return a number that JSON has."""
    return value if math.isfinite(value) else None
