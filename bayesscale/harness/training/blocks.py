"""Blocks of tokens in the order of a mixture, on the device."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from bayesscale.harness.mixture import Mixture

# Blocks by which frequencies are counted.
_SAMPLE = 20_000


class Blocks:
    """Blocks of a mixture by their position in the run; those of each language are (n, length)."""

    def __init__(self, mixture: Mixture, blocks: Mapping[str, NDArray[Any]], device: torch.device) -> None:
        self._mixture = mixture
        self._arrays = [blocks[language] for language in mixture.languages]
        self._device = device

    def rows(self, positions: NDArray[np.int64]) -> Tensor:
        """Return the blocks at consecutive positions, (positions, length), as int64 on the device."""
        languages, indices = self._mixture.take(int(positions[0]), int(positions[-1]) + 1)
        rows = np.empty((len(positions), self._arrays[0].shape[1]), dtype=np.int64)
        for number, array in enumerate(self._arrays):
            here = languages == number
            rows[here] = array[indices[here]]
        return torch.from_numpy(rows).to(self._device, non_blocking=True)

    def entropy(self) -> float:
        """Return the entropy of a token in nats, where its language and the frequencies in it are known."""
        found = 0.0
        for array, share in zip(self._arrays, self._mixture.shares.values(), strict=True):
            counts = np.bincount(np.asarray(array[:_SAMPLE]).ravel())
            shares = counts[counts > 0] / counts.sum()
            found -= share * float((shares * np.log(shares)).sum())
        return found
