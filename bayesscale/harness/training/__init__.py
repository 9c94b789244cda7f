"""Pretrain on a mixture, finetune on translations: loops, checkpoints, exact resume, memory that runs out."""

from bayesscale.harness.batches import Pairs
from bayesscale.harness.training.finetuning import finetune
from bayesscale.harness.training.jobs import (
    Checkpoint,
    FinetuneJob,
    FinetuneResult,
    PretrainJob,
)
from bayesscale.harness.training.pretraining import pretrain
from bayesscale.harness.training.weights import init_model, load_weights, save_weights

__all__ = [
    "Checkpoint",
    "FinetuneJob",
    "FinetuneResult",
    "Pairs",
    "PretrainJob",
    "finetune",
    "init_model",
    "load_weights",
    "pretrain",
    "save_weights",
]
