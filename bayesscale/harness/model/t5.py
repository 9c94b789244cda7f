"""T5 v1.1: an encoder-decoder with gated GELU and relative position biases (arXiv 1910.10683)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.model.layers import Attention, Gated, Norm
from bayesscale.harness.model.positions import causal_mask, distance_buckets, pair_bias

IGNORED = -100
"""Label of positions that do not count."""


class EncoderBlock(nn.Module):
    """Self-attention and a gated layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.gated = Gated(config)

    def forward(self, hidden: Tensor, bias: Tensor, dropout: float) -> Tensor:
        """Return the positions after the block."""
        hidden = hidden + _drop(self.attention.attend(hidden, bias, dropout), dropout, self.training)
        return hidden + _drop(self.gated(hidden, dropout), dropout, self.training)


class DecoderBlock(nn.Module):
    """Causal self-attention, attention to the encoder and a gated layer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.cross = Attention(config)
        self.gated = Gated(config)

    def forward(
        self, hidden: Tensor, memory: Tensor, bias: Tensor, cross_bias: Tensor | None, dropout: float
    ) -> Tensor:
        """Return the positions after the block."""
        hidden = hidden + _drop(self.attention.attend(hidden, bias, dropout), dropout, self.training)
        found = self.cross.look_up(hidden, memory, cross_bias, dropout)
        hidden = hidden + _drop(found, dropout, self.training)
        return hidden + _drop(self.gated(hidden, dropout), dropout, self.training)


class T5(nn.Module):
    """The encoder-decoder; weights are uninitialised until `initialise` or a checkpoint fills them."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.vocab_size is None:
            raise ValueError("a model needs the size of its vocabulary: ModelConfig.with_vocabulary")
        self.config = config
        self.dropout = 0.0
        encoder, decoder = config.depth
        self.embedding = nn.Parameter(torch.empty(config.vocab_size, config.d_model))
        self.encoder_bias = nn.Parameter(torch.empty(config.buckets, config.heads))
        self.decoder_bias = nn.Parameter(torch.empty(config.buckets, config.heads))
        self.encoder = nn.ModuleList(EncoderBlock(config) for _ in range(encoder))
        self.decoder = nn.ModuleList(DecoderBlock(config) for _ in range(decoder))
        self.encoder_norm = Norm(config)
        self.decoder_norm = Norm(config)
        self.output = None if config.tied else nn.Parameter(torch.empty(config.vocab_size, config.d_model))

    def forward(
        self, source: Tensor, target_in: Tensor, labels: Tensor, source_mask: Tensor | None = None
    ) -> Tensor:
        """Return the sum of the cross-entropy over the labels, in nats.

        `target_in`, which the decoder reads, is the target shifted by one, beginning with pad. Labels that
        are IGNORED do not count; `source_mask` is False where the source is padding. All are (batch,
        positions).
        """
        hidden = self.decode(self.encode(source, source_mask), target_in, source_mask)
        return F.cross_entropy(
            self.logits(hidden).flatten(0, 1).float(), labels.flatten(), ignore_index=IGNORED, reduction="sum"
        )

    def encode(self, source: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the encoder's output, (batch, sources, d_model)."""
        bias = self.bias(self.encoder_bias, source.shape[1], both_ways=True)
        if mask is not None:
            bias = bias + padding_bias(mask)
        hidden = _drop(F.embedding(source, self.embedding), self.dropout, self.training)
        for block in self.encoder:
            hidden = block(hidden, bias, self.dropout)
        return _drop(self.encoder_norm(hidden), self.dropout, self.training)

    def decode(self, memory: Tensor, target_in: Tensor, source_mask: Tensor | None = None) -> Tensor:
        """Return the decoder's last hidden layer at every position, (batch, targets, d_model)."""
        positions = target_in.shape[1]
        bias = self.bias(self.decoder_bias, positions, both_ways=False)
        masked = causal_mask.__wrapped__ if torch.compiler.is_compiling() else causal_mask
        bias = bias + masked(positions, bias.device)
        cross = None if source_mask is None else padding_bias(source_mask)
        hidden = _drop(F.embedding(target_in, self.embedding), self.dropout, self.training)
        for block in self.decoder:
            hidden = block(hidden, memory, bias, cross, self.dropout)
        return _drop(self.decoder_norm(hidden), self.dropout, self.training)

    def logits(self, hidden: Tensor) -> Tensor:
        """Return the scores of every token after the decoder's last layer."""
        if self.output is None:
            return F.linear(hidden * self.config.d_model**-0.5, self.embedding)
        return F.linear(hidden, self.output)

    def bias(self, weight: Tensor, positions: int, *, both_ways: bool) -> Tensor:
        """Return the relative position bias of every pair, (1, heads, positions, positions).

        `weight` is `encoder_bias`, which looks both ways, or `decoder_bias`.
        """
        sizes = {"buckets": self.config.buckets, "max_distance": self.config.max_distance}
        # Caches and compilation do not go together; a graph keeps constants anyway.
        plain = torch.compiler.is_compiling()
        buckets = distance_buckets.__wrapped__ if plain else distance_buckets
        bucket = buckets(positions, both_ways=both_ways, device=weight.device, **sizes)
        return pair_bias(weight, bucket, positions)

    @torch.no_grad()
    def initialise(self, generator: torch.Generator) -> None:
        """Draw all weights as T5X does: the embedding with s.d. 1, matrices with 1 / sqrt(inputs)."""
        width, inner = self.config.d_model, self.config.inner
        deviations = {"query": (width * self.config.d_kv) ** -0.5, "out": inner**-0.5, "embedding": 1.0}
        deviations |= {"down": self.config.d_ff**-0.5}
        for name, weight in self.named_parameters():
            last = name.rsplit(".", 1)[-1]
            if last == "weight":
                weight.fill_(1.0)
            else:
                weight.normal_(0.0, deviations.get(last, width**-0.5), generator=generator)


def padding_bias(mask: Tensor) -> Tensor:
    """Return 0 where a mask is True and -inf elsewhere, (batch, 1, 1, positions)."""
    zeros = torch.zeros(mask.shape, device=mask.device)
    return zeros.masked_fill(~mask, -torch.inf)[:, None, None]


def _drop(x: Tensor, dropout: float, training: bool) -> Tensor:
    """Apply dropout where there is any."""
    return F.dropout(x, dropout) if training and dropout > 0 else x
