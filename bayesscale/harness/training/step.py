"""One step of an optimiser on a whole batch, from micro-batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bayesscale.harness.device import memory_for

if TYPE_CHECKING:
    from bayesscale.harness.study.training import FinetuningConfig, PretrainingConfig


def take_step(
    optimizer: torch.optim.Optimizer,
    rate: float,
    loss: Callable[[int, int], Tensor],
    rows: int,
    config: PretrainingConfig | FinetuningConfig,
    unsynchronised: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Tensor:
    """Change the weights by the gradient of the mean loss over all rows of a batch, and return that loss.

    `loss` is that of the rows from start to stop, in such a scale that the losses of all rows sum to the
    mean. `unsynchronised` is a context for all micro-batches but the last, in which devices do not exchange
    gradients.
    """
    optimizer.zero_grad()
    size = -(-rows // config.accumulate)
    losses = []
    with memory_for(f"{size} sequences at once", "raise accumulate in the study, which changes no result,"):
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            with nullcontext() if stop == rows else unsynchronised():
                part = loss(start, stop)
                part.backward()  # type: ignore[no-untyped-call]
            losses.append(part.detach())
    (group,) = optimizer.param_groups
    if config.clip is not None:
        torch.nn.utils.clip_grad_norm_(group["params"], config.clip)
    group["lr"] = rate
    optimizer.step()
    total: Tensor = sum(losses[1:], losses[0])
    return total
