"""The loop of pretraining."""

from __future__ import annotations

from bayesscale.harness.training.jobs import PretrainJob, PretrainResult


def pretrain(job: PretrainJob) -> PretrainResult:
    """Run one job."""
    raise NotImplementedError
