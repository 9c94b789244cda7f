"""Cross-entropy per token and per byte, with standard errors over sentences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayesscale.errors import TrainingError


@dataclass(frozen=True)
class LossScore:
    """Cross-entropy of the references.

    Nats per target token, EOS included, and per byte of the references in UTF-8, which does not depend on the
    tokenizer; with standard errors and what was divided by.
    """

    per_token: float
    per_token_se: float | None
    per_byte: float
    per_byte_se: float | None
    tokens: int
    bytes: int


def loss_score(nats: ArrayLike, tokens: ArrayLike, texts: Sequence[str]) -> LossScore:
    """Return the cross-entropy of sentences, from nats and tokens of each, EOS included.

    Each text counts one byte more, for its end, which EOS predicts.
    """
    total = np.asarray(nats, dtype=np.float64)
    counts = np.asarray(tokens, dtype=np.float64)
    lengths = np.array([len(text.encode()) + 1 for text in texts], dtype=np.float64)
    if not len(total) == len(counts) == len(lengths) > 0:
        raise TrainingError(
            "every sentence has nats, tokens and text, and there is at least one; received "
            f"{len(total)}, {len(counts)} and {len(lengths)}"
        )
    return LossScore(*_ratio(total, counts), *_ratio(total, lengths), int(counts.sum()), int(lengths.sum()))


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> tuple[float, float | None]:
    """Return the ratio of two sums over sentences and its standard error by linearisation."""
    ratio = float(above.sum() / below.sum())
    number = len(above)
    if number < 2:
        return ratio, None
    residuals = above - ratio * below
    se = math.sqrt(number / (number - 1) * float(residuals @ residuals)) / float(below.sum())
    return ratio, se or None
