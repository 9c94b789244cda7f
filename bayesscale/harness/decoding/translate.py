"""Translate sentences in large batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from bayesscale.errors import TrainingError
from bayesscale.harness.batches import pad as padded
from bayesscale.harness.batches import sorted_batches
from bayesscale.harness.decoding.greedy import greedy_search
from bayesscale.harness.device import autocast, find_device, free_memory, is_out_of_memory
from bayesscale.harness.model.cache import Decoder
from bayesscale.harness.model.t5 import T5

if TYPE_CHECKING:
    from bayesscale.harness.study.config import DecodingConfig


@torch.no_grad()
def translate(
    model: T5,
    sources: Sequence[NDArray[Any]],
    config: DecodingConfig,
    *,
    device: str = "cpu",
    pad: int = 0,
    eos: int = 1,
) -> list[list[int]]:
    """Return a translation of every source, without pad and EOS, in the order of the sources.

    Parameters
    ----------
    model : T5
        The model; its mode is restored afterwards.
    sources : sequence of array of int
        Token ids, each ending with EOS.
    config : DecodingConfig
        Longest translation, sentences at once (halved if memory runs out), precision.
    device : str
        Where the model is.
    pad, eos : int
        Special ids.

    Raises
    ------
    TrainingError
        There is not enough memory for one sentence.
    """
    place = find_device(device)
    lengths = np.array([len(source) for source in sources], dtype=np.int64)
    found: list[list[int]] = [[] for _ in sources]
    waiting = sorted_batches(lengths, config.batch)[::-1]
    training = model.training
    model.eval()
    try:
        while waiting:
            rows = waiting.pop()
            try:
                for row, tokens in zip(
                    rows, _batch(model, sources, rows, config, place, pad, eos), strict=True
                ):
                    found[row] = tokens
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                if len(rows) == 1:
                    raise TrainingError(
                        f"a sentence fits into the memory of the device; one of {lengths[rows[0]]} tokens "
                        "does not; use a shorter max_length or another device"
                    ) from error
            free_memory(place)
            waiting += [rows[len(rows) // 2 :], rows[: len(rows) // 2]]
    finally:
        model.train(training)
    return found


def _batch(
    model: T5,
    sources: Sequence[NDArray[Any]],
    rows: NDArray[np.int64],
    config: DecodingConfig,
    place: torch.device,
    pad: int,
    eos: int,
) -> list[list[int]]:
    """Translate some sources at once."""
    lengths = torch.tensor([len(sources[row]) for row in rows])
    tokens = padded([sources[row] for row in rows], pad, multiple=1 if place.type == "cpu" else 32)
    mask = torch.arange(tokens.shape[1]) < lengths[:, None]
    tokens, mask = tokens.to(place), mask.to(place)
    with autocast(place, config.precision):
        memory = model.encode(tokens, mask)
    dtype = torch.bfloat16 if config.precision == "bf16" else torch.float32
    decoder = Decoder(model, memory.float(), mask, config.max_length, dtype=dtype)
    record = place.type == "cuda" and config.compile is not False
    result = greedy_search(decoder, len(rows), config.max_length, place, pad=pad, eos=eos, record=record)
    return [_without(tokens, pad, eos) for tokens in result.tolist()]


def _without(tokens: list[int], pad: int, eos: int) -> list[int]:
    """Cut a translation at its EOS, and drop padding."""
    if eos in tokens:
        tokens = tokens[: tokens.index(eos)]
    return [token for token in tokens if token != pad]
