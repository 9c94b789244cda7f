"""Greedy search: the most likely token at every position."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from bayesscale.harness.model.cache import Decoder

_STILL = 0.75
"""On a CPU, sentences that have ended are dropped when at most this share of the batch is still going."""
_LOOK = 8
"""On a GPU, steps between two looks at whether all have ended; looking means waiting for the device."""


def greedy_search(
    decoder: Decoder,
    batch: int,
    longest: int,
    device: torch.device,
    *,
    pad: int,
    eos: int,
    record: bool = False,
) -> Tensor:
    """Return the chosen tokens, pad after EOS, (batch, longest) or shorter.

    Parameters
    ----------
    decoder : Decoder
        At its first position.
    batch : int
        Number of sentences.
    longest : int
        Tokens after which a translation is cut.
    device : torch.device
        Where the decoder is.
    pad, eos : int
        Special ids.
    record : bool
        Whether the step is recorded once as a CUDA graph and replayed.
    """
    if device.type == "cpu":
        return _shrinking(decoder, batch, longest, pad, eos)
    return _fixed(decoder, batch, longest, device, pad, eos, record)


def _shrinking(decoder: Decoder, batch: int, longest: int, pad: int, eos: int) -> Tensor:
    """Drop sentences that have ended, as work on a CPU is in proportion to the batch."""
    chosen = torch.full((batch, longest), pad)
    rows, tokens = torch.arange(batch), torch.full((batch,), pad)
    going = torch.ones(batch, dtype=torch.bool)
    for position in range(longest):
        tokens = decoder.step(tokens, position).argmax(-1)
        chosen[rows, position] = torch.where(going, tokens, pad)
        going &= tokens != eos
        count = int(going.sum())
        if count == 0:
            return chosen[:, : position + 1]
        if count <= _STILL * len(rows):
            left = going.nonzero().flatten()
            decoder.keep(left)
            rows, tokens, going = rows[left], tokens[left], going[left]
    return chosen


def _fixed(
    decoder: Decoder, batch: int, longest: int, device: torch.device, pad: int, eos: int, record: bool
) -> Tensor:
    """Keep every shape, so that the device need not be asked anything."""
    tokens = torch.full((batch,), pad, device=device)
    position = torch.zeros(1, dtype=torch.int64, device=device)
    ended = torch.zeros(batch, dtype=torch.bool, device=device)
    chosen = torch.full((batch, longest), pad, device=device)

    def step() -> None:
        best = decoder.static_step(tokens, position).argmax(-1).masked_fill(ended, pad)
        chosen.index_copy_(1, position, best[:, None])
        ended.logical_or_(best == eos)
        tokens.copy_(best)
        position.add_(1)

    again: Callable[[], None] = step
    if record:
        again = _recorded(step)
        for tensor in (tokens, chosen):
            tensor.fill_(pad)
        position.zero_()
        ended.fill_(False)
    for number in range(longest):
        again()
        if number % _LOOK == _LOOK - 1 and bool(ended.all()):
            break
    return chosen


def _recorded(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step as a CUDA graph; it runs a few times on the way, so what it changes must be reset."""
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay
