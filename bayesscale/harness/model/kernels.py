"""Forward and backward passes by hand for training on a CPU, where memory is what takes the time.

Each is the same function as the line of torch that it stands for, which is what a GPU and torch.compile use:
fewer copies, and no search for rows that are masked throughout.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable


def by_hand(x: Tensor) -> bool:
    """Return whether these kernels are used for a tensor: float32 on a CPU, not compiled, with gradients."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and torch.is_grad_enabled()
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
    )


class RmsNorm(torch.autograd.Function):
    """x / sqrt(mean(x ** 2) + epsilon) * weight over the last dimension."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        """Return the scaled positions."""
        scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        """Return the gradients of x and weight."""
        x, weight, scale = ctx.saved_tensors
        unit = x * scale
        product = gradient * unit
        of_weight = product.flatten(0, -2).sum(0)
        along = torch.mv(product.flatten(0, -2), weight).div_(-x.shape[-1]).view_as(scale)
        of_x = (gradient * weight).addcmul_(unit, along).mul_(scale)
        return of_x, of_weight, None


class SelfAttention(torch.autograd.Function):
    """Attention with a bias that is learned, from queries, keys and values that lie side by side."""

    @staticmethod
    def forward(ctx: Any, joined: Tensor, bias: Tensor, heads: int, dropout: float) -> Tensor:
        """Return (batch, positions, heads * d_kv) from (batch, positions, 3 * heads * d_kv)."""
        batch, positions, width = joined.shape
        parts = joined.view(batch, positions, 3, heads, width // (3 * heads)).permute(2, 0, 3, 1, 4)
        q, k, v = parts.contiguous().flatten(1, 2).unbind(0)
        scores = torch.bmm(q, k.transpose(1, 2)).view(batch, heads, positions, positions)
        weights = torch.softmax(scores.add_(bias), -1).flatten(0, 1)
        kept = torch.empty_like(weights).bernoulli_(1 - dropout).div_(1 - dropout) if dropout else None
        used = weights if kept is None else weights * kept
        mixed = torch.bmm(used, v).view(batch, heads, positions, -1).transpose(1, 2)
        ctx.save_for_backward(q, k, v, weights, kept)
        ctx.shared = len(bias) == 1
        return mixed.reshape(batch, positions, -1)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        """Return the gradients of the joined input and of the bias."""
        q, k, v, weights, kept = ctx.saved_tensors
        batch, positions, inner = gradient.shape
        heads = len(q) // batch
        gradient = gradient.view(batch, positions, heads, -1).transpose(1, 2).reshape(q.shape)
        of_joined = torch.empty(3, *q.shape)
        torch.bmm((weights if kept is None else weights * kept).transpose(1, 2), gradient, out=of_joined[2])
        of_weights = torch.bmm(gradient, v.transpose(1, 2))
        if kept is not None:
            of_weights.mul_(kept)
        of_scores = torch._softmax_backward_data(of_weights, weights, -1, weights.dtype)
        torch.bmm(of_scores, k, out=of_joined[0])
        torch.bmm(of_scores.transpose(1, 2), q, out=of_joined[1])
        of_bias = None
        if ctx.needs_input_grad[1]:
            of_bias = of_scores.view(batch, heads, positions, positions)
            of_bias = of_bias.sum(0, keepdim=True) if ctx.shared else of_bias
        of_joined = of_joined.view(3, batch, heads, positions, -1).permute(1, 3, 0, 2, 4)
        return of_joined.reshape(batch, positions, 3 * inner), of_bias, None, None


class OutputLoss(torch.autograd.Function):
    """Sum of the cross-entropy of F.linear(hidden, output), without keeping the scores."""

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, output: Tensor, labels: Tensor, ignored: int) -> Tensor:
        """Return the loss; the gradients of a sum are known already in the forward pass."""
        counted = labels != ignored
        rows = torch.arange(len(labels))
        scores = F.linear(hidden, output)
        right = labels.clamp_min(0)
        largest = scores.amax(1, keepdim=True)
        scores.sub_(largest)
        chosen = scores[rows, right]
        total = scores.exp_().sum(1)
        loss = ((total.log() - chosen) * counted).sum()
        scores.mul_((counted / total)[:, None])
        scores[rows, right] -= counted.float()
        ctx.save_for_backward(scores, hidden, output)
        return loss

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients of hidden and output."""
        scores, hidden, output = ctx.saved_tensors
        return (scores @ output).mul_(gradient), (scores.t() @ (hidden * gradient)), None, None
