"""Cross-entropy of given translations, by teacher forcing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from bayesscale.harness.batches import collate, sorted_batches
from bayesscale.harness.device import memory_for
from bayesscale.harness.model.t5 import IGNORED, T5
from bayesscale.harness.tokens.parallel import lengths

if TYPE_CHECKING:
    from bayesscale.harness.tokens.parallel import Parallel


@dataclass(frozen=True)
class CrossEntropy:
    """Nats and number of the target tokens of each sentence by teacher forcing, EOS included."""

    nats: NDArray[Any]
    tokens: NDArray[Any]

    @property
    def per_token(self) -> float:
        """Nats per target token over all sentences."""
        return float(self.nats.sum() / self.tokens.sum())


@torch.no_grad()
def cross_entropy(model: T5, parallel: Parallel, *, batch: int = 128) -> CrossEntropy:
    """Return the cross-entropy of translations given their sources, over every target token including EOS.

    Nothing is cut, however long it is. Computed in float32, whatever the model was trained in.
    """
    tokens = lengths(parallel.target)
    nats = np.zeros(len(tokens))
    training = model.training
    model.eval()
    with memory_for(f"{batch} pairs at once", "use a device with more of it"):
        for rows in sorted_batches(tokens + lengths(parallel.source), batch):
            nats[rows] = _nats(model, parallel, rows)
    model.train(training)
    return CrossEntropy(nats, tokens)


def _nats(model: T5, parallel: Parallel, rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the cross-entropy of some pairs, summed over the tokens of each."""
    batch = collate(parallel, rows, model.embedding.device)
    hidden = model.decode(model.encode(batch.source, batch.mask), batch.target_in, batch.mask)
    logits = model.logits(hidden).transpose(1, 2)
    each = F.cross_entropy(logits, batch.labels, ignore_index=IGNORED, reduction="none")
    return each.double().sum(1).cpu().numpy()
