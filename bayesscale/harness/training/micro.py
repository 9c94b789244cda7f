"""One gradient of a whole batch, from micro-batches that fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bayesscale.errors import TrainingError
from bayesscale.harness.device import free_memory, is_out_of_memory

Loss = Callable[[int, int], Tensor]
"""Loss of the rows from start to stop, in such a scale that the losses of all rows sum to the mean."""


@dataclass
class MicroBatches:
    """Into how many parts a batch is cut for a device; doubles when memory runs out, and the batch stays.

    Attributes
    ----------
    parts : int
        Micro-batches in a batch.
    halved : int
        How often memory ran out.
    """

    parts: int = 1
    halved: int = 0

    def size(self, rows: int) -> int:
        """Return the rows of a micro-batch where a batch has so many."""
        return -(-rows // self.parts)

    def gradients(
        self,
        loss: Loss,
        rows: int,
        parameters: Sequence[Tensor],
        *,
        unsynchronised: Callable[[], AbstractContextManager[Any]] = nullcontext,
        recover: bool = True,
    ) -> Tensor:
        """Fill in the gradients of the mean loss over all rows, and return that loss.

        Parameters
        ----------
        loss : callable
            Loss of a range of rows.
        rows : int
            Rows of the batch on this device.
        parameters : sequence of Tensor
            Their gradients are set.
        unsynchronised : callable
            A context for all micro-batches but the last, in which devices do not exchange gradients.
        recover : bool
            Whether a smaller micro-batch is tried when memory runs out.

        Raises
        ------
        TrainingError
            Not even one row fits, or memory ran out where it cannot be recovered.
        """
        while True:
            _clear(parameters)
            try:
                return self._accumulate(loss, rows, unsynchronised)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if not recover or self.size(rows) == 1:
                    raise TrainingError(self._message(rows, recover)) from error
            # Outside the handler, because the traceback of the error holds on to the tensors that filled the
            # memory.
            self.halve(parameters)

    def halve(self, parameters: Sequence[Tensor]) -> None:
        """Go on with half as many rows at once."""
        _clear(parameters)
        self.parts *= 2
        self.halved += 1
        for device in {parameter.device for parameter in parameters}:
            free_memory(device)

    def _accumulate(
        self, loss: Loss, rows: int, unsynchronised: Callable[[], AbstractContextManager[Any]]
    ) -> Tensor:
        """Add the gradients of all micro-batches up."""
        total: Tensor | None = None
        size = self.size(rows)
        for start in range(0, rows, size):
            stop = min(start + size, rows)
            with nullcontext() if stop == rows else unsynchronised():
                part = loss(start, stop)
                part.backward()  # type: ignore[no-untyped-call]
            total = part.detach() if total is None else total + part.detach()
        assert total is not None
        return total

    def _message(self, rows: int, recover: bool) -> str:
        """Return what is said when there is nothing left to halve."""
        where = "a single sequence does" if recover else f"{self.size(rows)} of {rows} sequences do"
        return (
            f"a micro-batch fits into the memory of the device; {where} not; use a smaller model, shorter "
            "sequences, a larger accumulate, or another device; what was saved before is whole"
        )


def _clear(parameters: Sequence[Tensor]) -> None:
    """Drop gradients, so that they take no memory."""
    for parameter in parameters:
        parameter.grad = None
