"""Translate sentences by greedy search, in large batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from bayesscale.harness.batches import pad, sorted_batches
from bayesscale.harness.device import autocast, memory_for
from bayesscale.harness.model.cache import Decoder
from bayesscale.harness.model.config import EOS, PAD
from bayesscale.harness.model.t5 import IGNORED, T5
from bayesscale.harness.tokens.parallel import lengths

if TYPE_CHECKING:
    from bayesscale.harness.study.training import DecodingConfig

# Sentences that have ended are dropped when at most this share of the batch is still going.
_STILL = 0.75


@torch.no_grad()
def translate(
    model: T5, sources: Sequence[NDArray[Any]], config: DecodingConfig, *, eos: int = EOS
) -> list[list[int]]:
    """Return a translation of every source, without pad and EOS, in the order of the sources.

    `eos` ends a translation; -1 lets all go on to the longest, to measure speed.
    """
    found: list[list[int]] = [[] for _ in sources]
    training = model.training
    model.eval()
    with memory_for(f"{config.batch} sentences at once", "lower decoding.batch"):
        for rows in sorted_batches(lengths(sources), config.batch):
            padded = pad([sources[row] for row in rows]).to(model.embedding.device)
            mask = padded != IGNORED
            tokens = padded.masked_fill(~mask, PAD)
            for row, chosen in zip(rows, _greedy(model, tokens, mask, config, eos).tolist(), strict=True):
                ended = chosen[: chosen.index(eos)] if eos in chosen else chosen
                found[row] = [token for token in ended if token != PAD]
    model.train(training)
    return found


def _greedy(model: T5, sources: Tensor, mask: Tensor, config: DecodingConfig, eos: int) -> Tensor:
    """Return the most likely token at every position, pad after EOS, (sentences, longest) or shorter."""
    place, batch, longest = sources.device, len(sources), config.max_length
    with autocast(place, config.precision):
        memory = model.encode(sources, mask)
    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    decoder = Decoder(model, memory.float(), mask, longest, dtype=dtype)
    chosen = torch.full((batch, longest), PAD, device=place)
    rows, tokens = torch.arange(batch, device=place), torch.full((batch,), PAD, device=place)
    going = torch.ones(batch, dtype=torch.bool, device=place)
    for position in range(longest):
        tokens = decoder.step(tokens, position).argmax(-1)
        chosen[rows, position] = torch.where(going, tokens, PAD)
        going &= tokens != eos
        count = int(going.sum())
        if count == 0:
            return chosen[:, : position + 1]
        if count <= _STILL * len(rows):
            left = going.nonzero().flatten()
            decoder.keep(left)
            rows, tokens, going = rows[left], tokens[left], going[left]
    return chosen
