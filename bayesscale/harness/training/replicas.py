"""One run on several devices: torch DDP under torchrun, or a single process."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from bayesscale.errors import UsageError
from bayesscale.harness.device import find_device


@dataclass(frozen=True)
class Replicas:
    """The processes of a run: which one this is, of how many, and its device."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """Return the rows of a batch that belong to this process; all have the same number of them."""
        if rows % self.count:
            raise UsageError(
                f"a batch is shared out evenly among processes; received batch = {rows} and {self.count} "
                "processes; start another number of processes with torchrun --nproc-per-node"
            )
        each = rows // self.count
        return slice(self.rank * each, (self.rank + 1) * each)

    def wrap(self, model: nn.Module) -> tuple[Callable[..., Any], Callable[[], AbstractContextManager[Any]]]:
        """Return the model so that gradients are averaged, and a context in which they are not.

        The model must be the same in all processes.
        """
        if self.count == 1:
            return model, nullcontext
        devices = [self.device] if self.device.type == "cuda" else None
        wrapped = DistributedDataParallel(model, device_ids=devices, gradient_as_bucket_view=True)
        return wrapped, wrapped.no_sync

    def mean(self, value: torch.Tensor) -> torch.Tensor:
        """Return the mean of a number over the processes."""
        if self.count == 1:
            return value
        value = value.clone()
        dist.all_reduce(value)
        return value / self.count

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def replicas(device: str) -> Iterator[Replicas]:
    """Join the processes that torchrun has started; without it there is one.

    'cuda' means the device with the number of the process on its machine.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Replicas(0, 1, find_device(device))
        return
    name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if device == "cuda" else device
    found = find_device(name)
    began = not dist.is_initialized()
    if began:
        if found.type == "cuda":
            torch.cuda.set_device(found)
        dist.init_process_group("nccl" if found.type == "cuda" else "gloo")
    try:
        yield Replicas(dist.get_rank(), dist.get_world_size(), found)
    finally:
        if began:
            dist.destroy_process_group()
