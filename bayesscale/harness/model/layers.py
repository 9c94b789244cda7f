"""Parts of a block: norm, gated layer, attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bayesscale.harness.model.config import ModelConfig


class Norm(nn.Module):
    """Scale to unit mean square and by a learned weight; no mean is taken off and no bias added."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.d_model))
        self.epsilon = config.epsilon

    def forward(self, hidden: Tensor) -> Tensor:
        """Return the scaled positions."""
        return F.rms_norm(hidden, self.weight.shape, self.weight, self.epsilon)


class Gated(nn.Module):
    """The feed-forward layer of T5 v1.1: GELU(x W0) * (x W1), back by W2."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = Norm(config)
        self.gate = _matrix(config.d_ff, config.d_model)
        self.up = _matrix(config.d_ff, config.d_model)
        self.down = _matrix(config.d_model, config.d_ff)

    def forward(self, hidden: Tensor, dropout: float) -> Tensor:
        """Return what the layer adds."""
        x = self.norm(hidden)
        gate, up = F.linear(x, self.gate), F.linear(x, self.up)
        inner = F.dropout(F.gelu(gate, approximate="tanh") * up, dropout, self.training and dropout > 0)
        return F.linear(inner, self.down)


class Attention(nn.Module):
    """Multi-head attention without biases and, as in T5, without a scale of 1/sqrt(d_kv)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.norm = Norm(config)
        self.heads = config.heads
        self.query = _matrix(config.inner, config.d_model)
        self.key = _matrix(config.inner, config.d_model)
        self.value = _matrix(config.inner, config.d_model)
        self.out = _matrix(config.d_model, config.inner)

    def attend(self, hidden: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
        """Return what self-attention adds at each of the positions, (batch, positions, d_model).

        `bias` is added to the scores, broadcast to (batch, heads, positions, positions).
        """
        joined = F.linear(self.norm(hidden), torch.cat([self.query, self.key, self.value]))
        q, k, v = self._split(joined, 3)
        return self._mix(q, k, v, bias, dropout)

    def look_up(self, hidden: Tensor, memory: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
        """Return what attention to the encoder's output, (batch, sources, d_model), adds.

        `bias` is 0 for sources and -inf for padding, broadcast to (batch, heads, positions, sources).
        """
        k, v = self._split(F.linear(memory, torch.cat([self.key, self.value])), 2)
        (q,) = self._split(F.linear(self.norm(hidden), self.query), 1)
        return self._mix(q, k, v, bias, dropout)

    def _split(self, projected: Tensor, parts: int) -> tuple[Tensor, ...]:
        """Cut the last dimension into parts and heads, heads before positions."""
        batch, positions, _ = projected.shape
        return projected.view(batch, positions, parts, self.heads, -1).permute(2, 0, 3, 1, 4).unbind(0)

    def _mix(self, q: Tensor, k: Tensor, v: Tensor, bias: Tensor | None, dropout: float) -> Tensor:
        """Attend, join the heads and project back."""
        if bias is not None:
            bias = bias.to(q.dtype)
        mixed = F.scaled_dot_product_attention(
            q, k, v, attn_mask=bias, dropout_p=dropout if self.training else 0.0, scale=1.0
        )
        return F.linear(mixed.transpose(1, 2).flatten(2), self.out)


def _matrix(rows: int, columns: int) -> nn.Parameter:
    """Return an uninitialised weight."""
    return nn.Parameter(torch.empty(rows, columns))
