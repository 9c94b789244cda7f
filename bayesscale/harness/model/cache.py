"""One step of the decoder at a time, with keys and values of earlier steps kept in buffers of fixed size."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from bayesscale.harness.model.layers import Norm
from bayesscale.harness.model.positions import causal_mask
from bayesscale.harness.model.t5 import T5, DecoderBlock, padding_bias


class Decoder:
    """The decoder while it translates one batch, for at most so many positions.

    `memory` is the encoder's output, (batch, sources, d_model); `mask`, (batch, sources), is False where the
    source is padding. Weights are joined and cast once, here. Matrix products and buffers have `dtype`; sums
    and norms stay in float32.
    """

    def __init__(
        self, model: T5, memory: Tensor, mask: Tensor, positions: int, *, dtype: torch.dtype = torch.float32
    ) -> None:
        self._model, self._dtype = model, dtype
        batch, device = len(memory), memory.device
        bias = model.bias(model.decoder_bias, positions, both_ways=False)
        self._bias = (bias + causal_mask(positions, device)).to(dtype)
        self._padding = padding_bias(mask).to(dtype)
        self._embedding = model.embedding.detach()
        output = model.embedding * model.config.d_model**-0.5 if model.output is None else model.output
        self._output = output.detach().to(dtype)
        self._blocks = [
            _Block(block, memory.to(dtype), batch, positions)
            for block in model.decoder
            if isinstance(block, DecoderBlock)
        ]

    def step(self, tokens: Tensor, position: int) -> Tensor:
        """Return the scores of the next token, (batch, vocabulary).

        `tokens`, (batch,), were chosen last, pad at first; `position` is how many were chosen before.
        """
        bias = self._bias[:, :, position : position + 1, : position + 1]
        hidden = F.embedding(tokens, self._embedding)
        for block in self._blocks:
            hidden = block.run(hidden, position, bias, self._padding)
        last = self._model.decoder_norm(hidden).to(self._dtype)
        return F.linear(last, self._output).float()

    def keep(self, rows: Tensor) -> None:
        """Go on with some sentences only, by their rows in the batch."""
        self._padding = self._padding.index_select(0, rows)
        for block in self._blocks:
            block.keep(rows)


class _Block:
    """Weights and buffers of one block."""

    def __init__(self, block: DecoderBlock, memory: Tensor, rows: int, positions: int) -> None:
        attention, cross, gated = block.attention, block.cross, block.gated
        dtype, self.heads = memory.dtype, attention.heads
        joined: list[Tensor] = [attention.query, attention.key, attention.value]
        self.joined = torch.cat(joined).detach().to(dtype)
        self.out = attention.out.detach().to(dtype)
        self.query, self.found = cross.query.detach().to(dtype), cross.out.detach().to(dtype)
        self.gates = torch.cat([gated.gate, gated.up]).detach().to(dtype)
        self.down = gated.down.detach().to(dtype)
        self.norms: list[Norm] = [attention.norm, cross.norm, gated.norm]
        width = self.query.shape[0] // self.heads
        self.keys, self.values = (
            torch.zeros(rows, self.heads, positions, width, dtype=dtype, device=memory.device)
            for _ in range(2)
        )
        batch, sources, _ = memory.shape
        pair = F.linear(memory, torch.cat([cross.key, cross.value]).to(dtype))
        pair = pair.view(batch, sources, 2, self.heads, width).permute(2, 0, 3, 1, 4)
        self.source_keys, self.source_values = (part.contiguous() for part in pair.unbind(0))

    def run(self, hidden: Tensor, position: int, bias: Tensor, padding: Tensor) -> Tensor:
        """Return one position after the block."""
        rows, dtype = len(hidden), self.joined.dtype
        x = self.norms[0](hidden).to(dtype)
        query, key, value = F.linear(x, self.joined).view(rows, 3, self.heads, -1).unbind(1)
        self.keys[:, :, position], self.values[:, :, position] = key, value
        window = slice(position + 1)
        mixed = _attend(query.unsqueeze(2), self.keys[:, :, window], self.values[:, :, window], bias)
        hidden = hidden + F.linear(mixed.reshape(rows, -1), self.out)

        x = self.norms[1](hidden).to(dtype)
        query = F.linear(x, self.query).view(rows, self.heads, 1, -1)
        mixed = _attend(query, self.source_keys, self.source_values, padding)
        hidden = hidden + F.linear(mixed.reshape(rows, -1), self.found)

        x = self.norms[2](hidden).to(dtype)
        gate, up = F.linear(x, self.gates).chunk(2, dim=-1)
        return hidden + F.linear(F.gelu(gate, approximate="tanh") * up, self.down)

    def keep(self, rows: Tensor) -> None:
        """Drop the buffers of other sentences."""
        for name in ("keys", "values", "source_keys", "source_values"):
            setattr(self, name, getattr(self, name).index_select(0, rows))


def _attend(query: Tensor, keys: Tensor, values: Tensor, bias: Tensor) -> Tensor:
    """Attend from few queries to many keys, without a scale."""
    return F.scaled_dot_product_attention(query, keys, values, attn_mask=bias, scale=1.0)
