"""Beam search: the most likely whole translation, as far as a few hypotheses at a time can find it."""

from __future__ import annotations

import torch
from torch import Tensor

from bayesscale.harness.model.cache import Decoder


def beam_search(
    decoder: Decoder,
    batch: int,
    longest: int,
    device: torch.device,
    *,
    beams: int,
    penalty: float,
    vocabulary: int,
    pad: int,
    eos: int,
) -> Tensor:
    """Return the best translation found of every sentence, pad after EOS, (batch, longest).

    At every position the best continuations of all hypotheses are taken. Those that end with EOS among the
    first `beams` are finished and scored by log probability / length ** penalty, EOS counted; the best others
    go on. A sentence is done when `beams` of its hypotheses are finished, or when no open one can become
    better than the best finished one. With one beam this is greedy search.

    Parameters
    ----------
    decoder : Decoder
        At its first position, with `beams` rows a sentence.
    batch : int
        Number of sentences.
    longest : int
        Tokens after which a hypothesis is cut; it is then scored as it is.
    device : torch.device
        Where the decoder is.
    beams : int
        Hypotheses that go on.
    penalty : float
        Power of the length in the score; 0 compares sums of log probabilities.
    vocabulary : int
        Number of tokens.
    pad, eos : int
        Special ids.
    """
    rows = batch * beams
    wide = min(2 * beams, beams * vocabulary)
    first_row = torch.arange(batch, device=device)[:, None] * beams
    scores = torch.full((batch, beams), -torch.inf, device=device)
    scores[:, 0] = 0.0
    open_tokens = torch.full((batch, beams, longest), pad, device=device)
    best = torch.full((batch,), -torch.inf, device=device)
    best_tokens = torch.full((batch, longest), pad, device=device)
    finished = torch.zeros(batch, dtype=torch.int64, device=device)
    tokens = torch.full((rows,), pad, device=device)
    among = torch.arange(wide, device=device) < beams
    for position in range(longest):
        steps = torch.log_softmax(decoder.step(tokens, position), -1).view(batch, beams, vocabulary)
        candidates, index = (scores[:, :, None] + steps).flatten(1).topk(wide, dim=1)
        origin, token = index // vocabulary, index % vocabulary
        ends = (token == eos) & torch.isfinite(candidates)
        length = (position + 1) ** penalty

        # Only those of the first beams: what comes later would not have gone on either.
        ending = torch.where(ends & among & (finished < beams)[:, None], candidates / length, -torch.inf)
        value, which = ending.max(1)
        better = value > best
        best = torch.where(better, value, best)
        taken = open_tokens.gather(1, _wide(origin.gather(1, which[:, None]), longest)).squeeze(1)
        taken[:, position] = eos
        best_tokens = torch.where(better[:, None], taken, best_tokens)
        finished += (ends & among).sum(1)

        scores, order = candidates.masked_fill(token == eos, -torch.inf).topk(min(beams, wide), dim=1)
        origin, token = origin.gather(1, order), token.gather(1, order)
        open_tokens = open_tokens.gather(1, _wide(origin, longest))
        open_tokens[:, :, position] = token
        # No further token makes a sum of log probabilities larger; the longest length divides it by most.
        reach = scores[:, 0] / (longest**penalty)
        done = (finished >= beams) | (reach <= best)
        if bool(done.all()):
            return best_tokens
        scores = scores.masked_fill(done[:, None], -torch.inf)
        decoder.reorder((first_row + origin).flatten())
        tokens = token.flatten()
    cut = scores[:, 0] / longest**penalty
    return torch.where((cut > best)[:, None], open_tokens[:, 0], best_tokens)


def _wide(index: Tensor, length: int) -> Tensor:
    """Repeat an index for every token of a hypothesis."""
    return index[:, :, None].expand(-1, -1, length)
