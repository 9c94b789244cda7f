"""Names of the columns of a metrics table."""

from __future__ import annotations

from bayesscale.metrics.catalogue import find_metric

SIZES = ("pretrain_tokens", "finetune_tokens")
LABELS = ("task", "mixture", "run", "seed", "signature")
NUMBERS = ("value", "se", "alignment")
COLUMNS = (*LABELS, *SIZES, *NUMBERS, "metric", "model_params")
"""Columns of a long metrics table, besides `share_<language>`."""
NO_MIXTURE = "none"
"""Mixture of the rows that were not pretrained."""
COMPANIONS = ("se", "signature")
"""What a wide table may have beside a metric's column, for instance `bleu_se`."""


def companion(column: str) -> tuple[str, str] | None:
    """Return (metric, role) of a column such as `BLEU_se`; None if it stands beside no metric."""
    stem, _, role = column.rpartition("_")
    spec = find_metric(stem) if role in COMPANIONS else None
    return (spec.name, role) if spec else None
