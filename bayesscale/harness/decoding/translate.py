"""Translate sentences in large batches of similar length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from bayesscale.harness.model.t5 import T5

if TYPE_CHECKING:
    from bayesscale.harness.study.config import DecodingConfig


def translate(
    model: T5, sources: Sequence[NDArray[Any]], config: DecodingConfig, *, device: str = "cpu"
) -> list[list[int]]:
    """Return a translation of every source, without pad and EOS, in the order of the sources."""
    raise NotImplementedError
