"""Cross-entropy of given translations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bayesscale.harness.model.t5 import T5
from bayesscale.harness.training.jobs import Pairs


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy by teacher forcing.

    Attributes
    ----------
    nats : array
        Sum over the target tokens of each sentence, EOS included.
    tokens : array of int
        Target tokens of each sentence, EOS included.
    """

    nats: NDArray[Any]
    tokens: NDArray[Any]

    @property
    def per_token(self) -> float:
        """Nats per target token over all sentences."""
        return float(self.nats.sum() / self.tokens.sum())


def cross_entropy(model: T5, parallel: Pairs, *, device: str = "cpu", batch: int = 64) -> CrossEntropy:
    """Return the cross-entropy of the translations given their sources."""
    raise NotImplementedError
