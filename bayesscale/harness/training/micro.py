"""One gradient of a whole batch, from micro-batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor

from bayesscale.harness.device import memory_for


def gradients(
    loss: Callable[[int, int], Tensor],
    rows: int,
    parts: int,
    parameters: Sequence[Tensor],
    unsynchronised: Callable[[], AbstractContextManager[Any]] = nullcontext,
) -> Tensor:
    """Fill in the gradients of the mean loss over all rows of a batch, and return that loss.

    `loss` is that of the rows from start to stop, in such a scale that the losses of all rows sum to the
    mean. The batch is cut into so many parts; `unsynchronised` is a context for all of them but the last, in
    which devices do not exchange gradients.
    """
    for parameter in parameters:
        parameter.grad = None
    size = -(-rows // parts)
    losses = []
    with memory_for(f"{size} sequences at once", "raise accumulate in the study, which changes no result,"):
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            with nullcontext() if stop == rows else unsynchronised():
                part = loss(start, stop)
                part.backward()  # type: ignore[no-untyped-call]
            losses.append(part.detach())
    total: Tensor = sum(losses[1:], losses[0])
    return total
