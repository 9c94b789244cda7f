"""AdamW and Adafactor whose steps are in proportion to the size of the weights they change.

An embedding of T5 has s.d. 1 and a matrix 1 / sqrt(width): one absolute rate that suits the matrices hardly
moves the embedding. Both optimisers multiply the rate by the root mean square of each weight, as Adafactor
does (arXiv 1804.04235) and as nanoT5 (arXiv 2309.02373) does with AdamW.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

SMALLEST = 1e-3
"""Weights count as at least this large, so that those that start at 0 can move."""


class ScaledAdamW(torch.optim.Optimizer):
    """AdamW with the rate times the root mean square of each weight.

    Parameters
    ----------
    weights : iterable of Tensor
        What is trained.
    lr : float
        Rate, relative to the size of the weights.
    betas : tuple of float
        Decay of the two moments.
    eps : float
        Keeps the division finite.
    weight_decay : float
        Share of the weights, times the rate, taken off in every step.
    scaled : bool
        False gives plain AdamW, for comparison.
    """

    def __init__(
        self,
        weights: Iterable[Tensor],
        lr: float = 0.01,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        scaled: bool = True,
    ) -> None:
        values = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "scaled": scaled}
        super().__init__(weights, values)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change every weight that has a gradient.

        Parameters
        ----------
        closure : None
            Not used.
        """
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
        slow, fast = group["betas"]
        torch._foreach_lerp_(first, gradients, 1 - slow)
        torch._foreach_mul_(second, fast)
        torch._foreach_addcmul_(second, gradients, gradients, 1 - fast)
        rates = _sizes(weights) if group["scaled"] else [torch.ones((), device=w.device) for w in weights]
        torch._foreach_mul_(rates, group["lr"])
        if group["weight_decay"]:
            shrink = torch._foreach_mul(rates, -group["weight_decay"])
            torch._foreach_add_(shrink, 1.0)
            torch._foreach_mul_(weights, shrink)
        divisors = torch._foreach_sqrt(second)
        torch._foreach_add_(divisors, group["eps"] * (1 - fast**time) ** 0.5)
        torch._foreach_mul_(rates, -((1 - fast**time) ** 0.5) / (1 - slow**time))
        update = torch._foreach_div(first, divisors)
        torch._foreach_mul_(update, rates)
        torch._foreach_add_(weights, update)


class Adafactor(torch.optim.Optimizer):
    """Adafactor as T5 and the paper use it: factored second moments, clipped updates, no momentum.

    Parameters
    ----------
    weights : iterable of Tensor
        What is trained.
    lr : float
        Rate, relative to the size of the weights.
    decay : float
        The second moment of step t decays by 1 - t ** -decay.
    clip : float
        Root mean square of an update, before the rate, above which it is scaled down.
    eps : float
        Added to squared gradients.
    weight_decay : float
        Share of the weights, times the rate, taken off in every step.
    """

    def __init__(
        self,
        weights: Iterable[Tensor],
        lr: float = 0.01,
        decay: float = 0.8,
        clip: float = 1.0,
        eps: float = 1e-30,
        weight_decay: float = 0.0,
    ) -> None:
        values = {"lr": lr, "decay": decay, "clip": clip, "eps": eps, "weight_decay": weight_decay}
        super().__init__(weights, values)

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """Change every weight that has a gradient.

        Parameters
        ----------
        closure : None
            Not used.
        """
        for group in self.param_groups:
            weights = [weight for weight in group["params"] if weight.grad is not None]
            if not weights:
                continue
            sizes = _sizes(weights)
            torch._foreach_mul_(sizes, group["lr"])
            for weight, rate in zip(weights, sizes, strict=True):
                update = self._direction(weight, group)
                update.mul_(rate / (_rms(update) / group["clip"]).clamp_min(1.0))
                if group["weight_decay"]:
                    weight.mul_(1 - rate * group["weight_decay"])
                weight.sub_(update)

    def _direction(self, weight: Tensor, group: dict[str, Any]) -> Tensor:
        """Return the gradient over the root of its factored second moment, which is updated."""
        state, gradient = self.state[weight], weight.grad
        assert gradient is not None
        matrix = weight.ndim >= 2
        if not state:
            state["step"] = 0
            if matrix:
                state["rows"] = gradient.new_zeros(gradient.shape[:-1])
                state["columns"] = gradient.new_zeros(gradient.shape[:-2] + gradient.shape[-1:])
            else:
                state["second"] = torch.zeros_like(gradient)
        state["step"] += 1
        keep = 1.0 - state["step"] ** -group["decay"]
        square = gradient * gradient + group["eps"]
        if not matrix:
            second: Tensor = state["second"].lerp_(square, 1 - keep)
            return gradient * second.rsqrt()
        rows: Tensor = state["rows"].lerp_(square.mean(-1), 1 - keep)
        columns: Tensor = state["columns"].lerp_(square.mean(-2), 1 - keep)
        relative = (rows / rows.mean(-1, keepdim=True)).rsqrt_()
        return gradient * relative.unsqueeze(-1) * columns.rsqrt().unsqueeze(-2)


def make_optimizer(
    name: str, weights: Iterable[Tensor], *, weight_decay: float = 0.0
) -> ScaledAdamW | Adafactor:
    """Return an optimiser by its name in a study; its rate is set before every step by `set_rate`.

    Parameters
    ----------
    name : 'adamw' or 'adafactor'
        Both scale the rate with the size of the weights.
    weights : iterable of Tensor
        What is trained.
    weight_decay : float
        Share of the weights, times the rate, taken off in every step.
    """
    if name == "adamw":
        return ScaledAdamW(weights, weight_decay=weight_decay)
    return Adafactor(weights, weight_decay=weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the rate of the next step."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def _update_on_cpu(
    group: dict[str, Any], weights: list[Tensor], moments: list[dict[str, Any]], time: int
) -> None:
    """Apply one step to one weight after the other, each in a single pass through memory."""
    slow, fast = group["betas"]
    sizes = torch.stack(_sizes(weights)).tolist() if group["scaled"] else [1.0] * len(weights)
    for weight, moment, size in zip(weights, moments, sizes, strict=True):
        assert weight.grad is not None
        step = torch.tensor(float(time))
        torch._fused_adamw_(
            [weight], [weight.grad], [moment["first"]], [moment["second"]], [], [step],
            lr=group["lr"] * size, beta1=slow, beta2=fast, weight_decay=group["weight_decay"],
            eps=group["eps"], amsgrad=False, maximize=False,
        )  # fmt: skip


def _sizes(weights: list[Tensor]) -> list[Tensor]:
    """Return the root mean square of each weight, at least SMALLEST."""
    norms = list(torch._foreach_norm(weights))
    torch._foreach_div_(norms, [weight.numel() ** 0.5 for weight in weights])
    torch._foreach_clamp_min_(norms, SMALLEST)
    return norms


def _rms(x: Tensor) -> Tensor:
    """Return the root mean square."""
    root: Tensor = torch.linalg.vector_norm(x) / x.numel() ** 0.5
    return root
