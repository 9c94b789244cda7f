"""What depends on the device: precision, determinism, compilation, peak arithmetic, memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn

from bayesscale.errors import TrainingError, UsageError

BACKEND = "inductor"
"""What compiles; tests count with another one."""

# Dense peak in operations a second, as the manufacturer states it; fp32 without TF32, as in torch.
_PEAKS = {
    "H200": {"bf16": 989e12, "fp32": 67e12},
    "H100 PCIe": {"bf16": 756e12, "fp32": 51e12},
    "H100": {"bf16": 989e12, "fp32": 67e12},
    "A100": {"bf16": 312e12, "fp32": 19.5e12},
    "L40": {"bf16": 181e12, "fp32": 90.5e12},
    "L4": {"bf16": 121e12, "fp32": 30.3e12},
}


def find_device(name: str) -> torch.device:
    """Return a device; a UsageError says where there is none of this name."""
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(
            f"a device is 'cpu', 'cuda' or 'cuda:N'; received {name!r}; valid: cpu, cuda"
        ) from error
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device.type == "cuda" and (device.index or 0) >= count:
        raise UsageError(
            f"a device must be there; received {name!r}, and there are {count} CUDA devices; use another "
            "one, for instance cpu"
        )
    return device


def peak_flops(device: torch.device, precision: str) -> float | None:
    """Return the peak of a device in operations a second, None where it is not known, as for CPUs."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peaks[precision] for key, peaks in _PEAKS.items() if key in name), None)


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Return a context in which matrix products are computed in bf16, if that is the precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")


def compile_model(model: nn.Module, wanted: bool | Literal["auto"]) -> None:
    """Compile the forward pass of a model in place if that is wanted; 'auto' compiles on a GPU only.

    As one graph, so that a break in it is an error and not a slow run that nobody notices. It is compiled
    once for all models of a shape and, where dimensions are marked by `of_any_size`, for all sizes.
    """
    on_gpu = next(model.parameters()).is_cuda
    if (on_gpu if wanted == "auto" else wanted) and model._compiled_call_impl is None:
        model.compile(fullgraph=True, backend=BACKEND)


def of_any_size(model: nn.Module, tensors: Iterable[Tensor]) -> None:
    """Let the compilation of a model, if it is compiled, not depend on the sizes of some matrices."""
    for tensor in tensors if model._compiled_call_impl is not None else ():
        for dimension in range(2):
            torch._dynamo.maybe_mark_dynamic(tensor, dimension)


@contextmanager
def determinism(wanted: bool) -> Iterator[None]:
    """Use deterministic algorithms only, inside the context."""
    if not wanted:
        yield
        return
    before = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    # cuBLAS reads this when its first handle is made.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


@contextmanager
def memory_for(what: str, remedy: str) -> Iterator[None]:
    """Turn memory of the device that runs out into a TrainingError: what did not fit, and what to do."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        # On a CPU it has no type of its own.
        if not (
            isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)
        ):
            raise
        raise TrainingError(
            f"what is computed fits into the memory of the device; {what} do not; {remedy} and run the same "
            "command again, which goes on from what is finished"
        ) from error
