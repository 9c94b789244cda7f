"""The loop of finetuning."""

from __future__ import annotations

from bayesscale.harness.training.jobs import FinetuneJob, FinetuneResult


def finetune(job: FinetuneJob) -> FinetuneResult:
    """Run one job."""
    raise NotImplementedError
