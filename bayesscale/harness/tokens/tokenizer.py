"""The SentencePiece tokenizer, with T5's special ids and sentinels."""

from __future__ import annotations

from pathlib import Path

from bayesscale.harness.model.config import Vocabulary

SENTINELS = 100


class Tokenizer:
    """A SentencePiece model with pad 0, eos 1, unk 2 and 100 sentinels, the first of which is the highest id.

    Parameters
    ----------
    model : bytes
        The serialised SentencePiece model.
    name : str
        What it is called in messages.
    """

    pad_id = 0
    eos_id = 1
    unk_id = 2
    vocab_size: int
    sentinels: tuple[int, ...]

    def __init__(self, model: bytes, name: str = "tokenizer") -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Return the tokenizer in a file."""
        raise NotImplementedError

    @property
    def vocabulary(self) -> Vocabulary:
        """What a model has to know."""
        raise NotImplementedError

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of each text, without EOS."""
        raise NotImplementedError

    def decode(self, ids: list[list[int]]) -> list[str]:
        """Return the text of each list of ids, up to its first EOS; special ids are left out."""
        raise NotImplementedError
