"""AdamW whose steps are in proportion to the size of the weights they change, and the rate of every step.

An embedding of T5 has s.d. 1 and a matrix 1 / sqrt(width): one absolute rate that suits the matrices hardly
moves the embedding. So the rate is multiplied by the root mean square of each weight, as Adafactor does
(arXiv 1804.04235) and as nanoT5 does with AdamW (arXiv 2309.02373), where its loss is below Adafactor's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

SMALLEST = 1e-3
"""Weights count as at least this large, so that those that start at 0 can move."""

# Decay of the two moments, and what keeps the division finite.
_FIRST, _SECOND, _EPSILON = 0.9, 0.999, 1e-8


class ScaledAdamW(torch.optim.Optimizer):
    """AdamW with the rate times the root mean square of each weight."""

    def __init__(self, weights: Iterable[Tensor], lr: float = 0.01, weight_decay: float = 0.0) -> None:
        super().__init__(weights, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change every weight that has a gradient."""
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            moments = [self._moments(weight) for weight in weights]
            time = moments[0]["step"] = moments[0].get("step", 0) + 1
            for other in moments[1:]:
                other["step"] = time
            self._update(group, weights, moments, time)

    def _moments(self, weight: Tensor) -> dict[str, Any]:
        """Return the moments of a weight, zeros at first."""
        state: dict[str, Any] = self.state[weight]
        if not state:
            state["first"], state["second"] = torch.zeros_like(weight), torch.zeros_like(weight)
        return state

    def _update(
        self, group: dict[str, Any], weights: list[Tensor], moments: list[dict[str, Any]], time: int
    ) -> None:
        """Apply one step to all weights of a group, on a GPU in a few kernels for all of them."""
        if all(weight.device.type == "cpu" for weight in weights):
            _update_on_cpu(group, weights, moments, time)
            return
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        first, second = [m["first"] for m in moments], [m["second"] for m in moments]
        torch._foreach_lerp_(first, gradients, 1 - _FIRST)
        torch._foreach_mul_(second, _SECOND)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - _SECOND)
        rates = _sizes(weights)
        torch._foreach_mul_(rates, group["lr"])
        if group["weight_decay"]:
            shrink = torch._foreach_mul(rates, -group["weight_decay"])
            torch._foreach_add_(shrink, 1.0)
            torch._foreach_mul_(weights, shrink)
        divisors = torch._foreach_sqrt(second)
        torch._foreach_add_(divisors, _EPSILON * (1 - _SECOND**time) ** 0.5)
        torch._foreach_mul_(rates, -((1 - _SECOND**time) ** 0.5) / (1 - _FIRST**time))
        update = torch._foreach_div(first, divisors)
        torch._foreach_mul_(update, rates)
        torch._foreach_add_(weights, update)


def inverse_sqrt(rate: float, warmup: int, step: int) -> float:
    """Return the rate of a step, counted from 0: a rise to `rate` in `warmup` steps, then 1 / sqrt(step).

    No checkpoint of a run has a rate of its own in it, as it would with a schedule that falls to 0.
    """
    now, warmup = step + 1, max(warmup, 1)
    return rate * min(now / warmup, math.sqrt(warmup / now))


def _update_on_cpu(
    group: dict[str, Any], weights: list[Tensor], moments: list[dict[str, Any]], time: int
) -> None:
    """Apply one step to one weight after the other, each in a single pass through memory."""
    sizes = torch.stack(_sizes(weights)).tolist()
    for weight, moment, size in zip(weights, moments, sizes, strict=True):
        assert weight.grad is not None
        step = torch.tensor(float(time))
        torch._fused_adamw_(
            [weight], [weight.grad], [moment["first"]], [moment["second"]], [], [step],
            lr=group["lr"] * size, beta1=_FIRST, beta2=_SECOND, weight_decay=group["weight_decay"],
            eps=_EPSILON, amsgrad=False, maximize=False,
        )  # fmt: skip


def _sizes(weights: list[Tensor]) -> list[Tensor]:
    """Return the root mean square of each weight, at least SMALLEST."""
    norms = list(torch._foreach_norm(weights))
    torch._foreach_div_(norms, [weight.numel() ** 0.5 for weight in weights])
    torch._foreach_clamp_min_(norms, SMALLEST)
    return norms
