"""Clean lines: Unicode NFC, single spaces, no control characters; and tell what occurred before."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field

# Controls, the byte order mark, soft hyphens and zero-width spaces; joiners are letters of some scripts and
# stay.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufeff\u00ad\u200b\u2060]")
_NOT_WORDS = re.compile(r"[\W_]+")
# "don't" is one word, as people count.
_APOSTROPHE = re.compile(r"(?<=\w)['\u2019](?=\w)")


def clean(text: str) -> str:
    """Return text in NFC, without control characters, with single spaces and none at its ends."""
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join(_CONTROL.sub("", unicodedata.normalize("NFC", text)).split())


def key(text: str) -> str:
    """Return what is left of a text if neither case nor punctuation matters.

    A text without letters and digits is its own key.
    """
    return " ".join(words(text)) or text


def words(text: str) -> list[str]:
    """Return the words of a text in lower case, without punctuation."""
    return _NOT_WORDS.sub(" ", _APOSTROPHE.sub("", text.casefold())).split()


class Seen:
    """Which texts occurred before, by eight bytes of a hash each.

    With a hundred million texts the probability that one is taken for another is below 1 in 3,000.
    """

    def __init__(self) -> None:
        self._hashes: set[bytes] = set()

    def add(self, text: str) -> bool:
        """Return whether a text occurred before, and remember it."""
        short = hashlib.blake2b(text.encode(), digest_size=8).digest()
        if short in self._hashes:
            return True
        self._hashes.add(short)
        return False


@dataclass
class Counts:
    """What became of the documents of a language or the pairs of a task.

    Dropped are those of which nothing is left, which occurred before, or which are in a dev or test set.
    `bytes` are UTF-8 bytes of what was kept, of both sides of pairs.
    """

    read: int = 0
    empty: int = 0
    duplicate: int = 0
    contaminated: int = 0
    kept: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def contaminate(self, text: str) -> None:
        """Count a text that is in a dev or test set."""
        self.contaminated += 1
        if len(self.examples) < 5:
            self.examples.append(text[:120])

    def keep(self, *texts: str) -> None:
        """Count a document, or the two sides of a pair, that is kept."""
        self.kept += 1
        self.bytes += sum(len(text.encode()) for text in texts)
