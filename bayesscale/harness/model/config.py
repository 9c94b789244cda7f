"""Sizes of a T5 v1.1 model and its examples, with what follows: parameters, arithmetic. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

PAD, EOS, UNK = 0, 1, 2
"""Ids of T5: padding, which also starts every decoder; the end of a sequence; what has no piece."""


SENTINELS = 100
"""Ids of a tokenizer that stand for masked spans, where it says nothing else."""


class Vocabulary(BaseModel):
    """What the model has to know of a tokenizer.

    `first_sentinel` is the id of the first masked span; those of later spans count down from it, as in T5.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    size: int = Field(gt=2)
    first_sentinel: int = Field(gt=1)
    sentinels: int = Field(default=SENTINELS, ge=1)


class SpanCounts(NamedTuple):
    """How much of a block is masked, and the lengths that follow."""

    masked: int
    spans: int
    source: int
    target: int


def span_counts(length: int, corruption: float = 0.15, span: float = 3.0) -> SpanCounts:
    """Return how many tokens and spans of a block are masked, and the lengths of input and target with EOS.

    `corruption` is the share of tokens that is masked, at least one; `span` is the mean length of a span.
    """
    masked = min(max(round(length * corruption), 1), length - 1)
    spans = min(max(round(masked / span), 1), masked, length - masked)
    return SpanCounts(masked, spans, length - masked + spans + 1, masked + spans + 1)


HUGGINGFACE_SIZES = {
    "layers": "num_layers",
    "decoder_layers": "num_decoder_layers",
    "d_model": "d_model",
    "d_ff": "d_ff",
    "heads": "num_heads",
    "d_kv": "d_kv",
    "buckets": "relative_attention_num_buckets",
    "max_distance": "relative_attention_max_distance",
    "epsilon": "layer_norm_epsilon",
    "vocab_size": "vocab_size",
}
"""What Hugging Face calls the sizes of a model."""


class ModelConfig(BaseModel):
    """Shape of an encoder-decoder.

    The decoder has as many blocks as the encoder where `decoder_layers` is None. From `max_distance` on, all
    positions share the last of the `buckets` of the relative position bias. Where `tied`, the output uses the
    embedding, as in T5 1.0; T5 v1.1 and mT5 have an output of their own. `vocab_size`, the rows of the
    embedding, is None where the tokenizer decides, see `with_vocabulary`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: int = Field(default=4, ge=1)
    decoder_layers: int | None = Field(default=None, ge=1)
    d_model: int = Field(default=256, ge=8)
    d_ff: int = Field(default=512, ge=8)
    heads: int = Field(default=4, ge=1)
    d_kv: int = Field(default=64, ge=4)
    buckets: int = Field(default=32, ge=4, multiple_of=2)
    max_distance: int = Field(default=128, ge=8)
    tied: bool = False
    epsilon: float = Field(default=1e-6, gt=0)
    vocab_size: int | None = Field(default=None, gt=2)

    @model_validator(mode="after")
    def _distances_reach_beyond_the_exact_buckets(self) -> ModelConfig:
        if self.max_distance <= self.buckets:
            raise ValueError(
                f"max_distance is larger than buckets; received {self.max_distance} and {self.buckets}"
            )
        return self

    @classmethod
    def from_huggingface(cls, document: Mapping[str, Any]) -> ModelConfig:
        """Return the shape that the config.json of a T5 v1.1 or mT5 describes; any other is a ValueError.

        Whether the output uses the embedding is not taken from it, since releases of transformers disagree on
        what that field means: the weights decide.
        """
        layer = document.get("feed_forward_proj", "relu")
        if document.get("model_type") not in {"t5", "mt5"} or layer != "gated-gelu":
            raise ValueError(
                "weights to start from are those of T5 v1.1 or mT5, with feed_forward_proj 'gated-gelu'; "
                f"received model_type {document.get('model_type')!r} and feed_forward_proj {layer!r}; "
                "choose for instance google/t5-v1_1-small or google/mt5-small"
            )
        known = {ours: document[theirs] for ours, theirs in HUGGINGFACE_SIZES.items() if theirs in document}
        return cls.model_validate(known)

    @property
    def depth(self) -> tuple[int, int]:
        """Blocks of the encoder and of the decoder."""
        return self.layers, self.decoder_layers or self.layers

    @property
    def inner(self) -> int:
        """Width of all attention heads together."""
        return self.heads * self.d_kv

    def with_vocabulary(self, size: int) -> ModelConfig:
        """Return the same model with at least so many rows in its embedding."""
        return self if (self.vocab_size or 0) >= size else self.model_copy(update={"vocab_size": size})

    def parameters(self, vocab_size: int | None = None) -> int:
        """Return the number of weights; `vocab_size` is for a shape that does not have it."""
        rows = self.vocab_size or vocab_size or 0
        encoder, decoder = self.depth
        biases = 2 * self.buckets * self.heads
        embeddings = rows * self.d_model * (1 if self.tied else 2)
        norms = (2 * encoder + 3 * decoder + 2) * self.d_model
        return self._matrices(encoder, decoder) + biases + embeddings + norms

    def flops(self, sources: int, targets: int, vocab_size: int | None = None) -> float:
        """Return the floating-point operations of a forward pass of one sequence; training takes three times.

        Counts matrix products only: two operations a weight and position, and four a pair of attending
        positions and width. A causal half is counted whole, as it is computed.
        """
        encoder, decoder = self.depth
        cross = 2 * decoder * self.d_model * self.inner
        weights = self._matrices(encoder, 0) * sources + cross * sources
        weights += (self._matrices(0, decoder) - cross) * targets
        weights += (self.vocab_size or vocab_size or 0) * self.d_model * targets
        pairs = encoder * sources**2 + decoder * (targets**2 + sources * targets)
        return 2.0 * weights + 4.0 * self.inner * pairs

    def _matrices(self, encoder: int, decoder: int) -> int:
        """Return the weights in matrices of so many blocks."""
        attention, gated = 4 * self.d_model * self.inner, 3 * self.d_model * self.d_ff
        return encoder * (attention + gated) + decoder * (2 * attention + gated)
