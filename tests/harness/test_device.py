"""Devices that are there and that are not, determinism, and memory that ran out."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="devices are those of torch (extra train)")

from bayesscale.errors import TrainingError, UsageError
from bayesscale.harness.device import compile_model, determinism, find_device, memory_for, peak_flops


def test_a_device_that_is_not_there_is_refused() -> None:
    assert find_device("cpu") == torch.device("cpu")
    with pytest.raises(UsageError, match="received 'abacus'"):
        find_device("abacus")
    with pytest.raises(UsageError, match="received 'cuda:99'"):
        find_device("cuda:99")


def test_determinism_is_given_back() -> None:
    before = torch.are_deterministic_algorithms_enabled()
    with determinism(True):
        assert torch.are_deterministic_algorithms_enabled()
    assert torch.are_deterministic_algorithms_enabled() == before


def test_auto_compiles_nothing_on_a_cpu_and_its_peak_is_not_known() -> None:
    model = torch.nn.Linear(2, 2)
    compile_model(model, "auto")
    assert model._compiled_call_impl is None
    assert peak_flops(torch.device("cpu"), "fp32") is None


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_memory_that_ran_out_is_said_with_the_remedy(error: Exception) -> None:
    with (
        pytest.raises(TrainingError, match="9 pairs do not; take fewer"),
        memory_for("9 pairs", "take fewer"),
    ):
        raise error


def test_other_errors_are_not_about_memory() -> None:
    with pytest.raises(RuntimeError, match="shapes"), memory_for("x", "y"):
        raise RuntimeError("shapes cannot be multiplied")
