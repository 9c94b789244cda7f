"""T5 v1.1."""

from __future__ import annotations

from torch import nn

from bayesscale.harness.model.config import ModelConfig


class T5(nn.Module):
    """The encoder-decoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
