"""The rows of the metrics table that a cell contributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bayesscale.harness.grid.context import run_name
from bayesscale.harness.study.cells import Cell
from bayesscale.harness.study.config import Study

if TYPE_CHECKING:
    from bayesscale.harness.scoring import LossScore, Scored

NO_MIXTURE = "none"
"""Mixture of the rows that were not pretrained, as the metrics table has it."""


def metric_rows(
    study: Study, cell: Cell, record: Mapping[str, Any], parameters: int, scored: Scored, loss: LossScore
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of the metrics table, and those of the table of domains."""
    facts = _facts(study, cell, record["finetune"], record.get("checkpoint"), parameters)
    rows = [_row(facts, each.metric, each.value, each.se, each.signature) for each in scored.scores]
    if "cross_entropy" in study.scoring.metrics:
        rows.append(_row(facts, "cross_entropy", loss.per_token, loss.per_token_se, None))
    domains = [
        _row({**facts, "task": f"{name}/{cell.task}"}, "bleu", each.value, each.se, each.signature)
        for name, (_, each) in scored.by_domain.items()
    ]
    return rows, domains


def _facts(
    study: Study,
    cell: Cell,
    finetune: Mapping[str, Any],
    checkpoint: Mapping[str, Any] | None,
    parameters: int,
) -> dict[str, Any]:
    """Return what all rows of a cell have in common.

    The tokens that were counted are written for 'full' only: subsets of one nominal size have up to a
    sentence less, by seed, and would become curves of their own.
    """
    # What the checkpoint was pretrained on that the mixtures of a study start from.
    before = study.init_tokens or 0 if cell.mixture and cell.mixture not in study.checkpoints else 0
    facts: dict[str, Any] = {
        "task": cell.task,
        "mixture": cell.mixture or NO_MIXTURE,
        "pretrain_tokens": before + (checkpoint["tokens"] if checkpoint else 0),
        "finetune_tokens": finetune["tokens"] if cell.size == "full" else cell.size,
        "run": run_name(cell.mixture, cell.seed),
        "seed": cell.seed,
        "model_params": parameters,
        "finetune_tokens_seen": finetune["tokens_seen"],
        "finetune_epochs": finetune["epochs"],
        "finetune_rate": finetune["rate"],
        "pretrain_loss": checkpoint["loss"] if checkpoint else None,
    }
    if cell.mixture is not None:
        shares = study.shares(cell.mixture)
        facts |= {f"share_{language}": shares.get(language, 0.0) for language in study.languages or shares}
    return facts


def _row(
    facts: Mapping[str, Any], metric: str, value: float, se: float | None, signature: str | None
) -> dict[str, Any]:
    """Return one row, its columns in the order of the documentation."""
    names = ("task", "mixture", "pretrain_tokens", "finetune_tokens")
    score = {"metric": metric, "value": value, "se": se}
    rest = {name: item for name, item in facts.items() if name not in names}
    return {name: facts[name] for name in names} | score | rest | {"signature": signature}
