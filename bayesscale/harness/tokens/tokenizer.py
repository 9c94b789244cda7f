"""The SentencePiece tokenizer, with T5's special ids and sentinels."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import sentencepiece

from bayesscale.errors import CorpusError
from bayesscale.harness.model.config import EOS, PAD, SENTINELS, UNK, Vocabulary
from bayesscale.harness.study.data import TokenizerConfig

_SENTINEL = re.compile(r"[\u2581 ]?<extra_id_(\d+)>")
# SentencePiece leaves out longer lines without a word.
_LONGEST_LINE = 4000
# Fixed, because the sums of the EM steps depend on how lines are divided among threads.
_TRAINING_THREADS = 2
_TOO_MANY = "the text has no more than {0} pieces; set vocab_size = {0} or less, or add text"
_TOO_FEW = "the characters alone need {1} pieces; set a larger vocab_size, or a smaller character_coverage"
_TRAINING_ERRORS = {r"set it to a value <= (\d+)": _TOO_MANY, r"required_chars\. (\d+) vs (\d+)": _TOO_FEW}


class Tokenizer:
    """A SentencePiece model with pad 0, eos 1, unk 2 and 100 sentinels, the first of which is the highest id.

    `vocab_size` counts sentinels too; `sentinels` are their ids, that of the first span first. Any other
    model is a CorpusError, in which it is called `name`.
    """

    def __init__(self, model: bytes, name: str = "tokenizer") -> None:
        self.model = model
        self._pieces = sentencepiece.SentencePieceProcessor()
        try:
            self._pieces.LoadFromSerializedProto(model)
        except RuntimeError as error:
            raise CorpusError(
                f"{name} is no SentencePiece model; give a file such as spiece.model"
            ) from error
        special = (self._pieces.pad_id(), self._pieces.eos_id(), self._pieces.unk_id())
        if special != (PAD, EOS, UNK):
            raise CorpusError(
                f"a tokenizer has the ids of T5: pad 0, eos 1, unk 2; {name} has {special}; "
                "leave tokenizer.path out and give vocab_size, so that one is trained"
            )
        self._size = self._pieces.get_piece_size()
        self.sentinels = self._own_sentinels() or tuple(range(self._size + SENTINELS - 1, self._size - 1, -1))
        self.vocab_size = max(self._size, self.sentinels[0] + 1)

    @classmethod
    def load(cls, path: Path) -> Tokenizer:
        """Return the tokenizer in a file; a CorpusError if it cannot be used."""
        try:
            return cls(path.read_bytes(), str(path))
        except OSError as error:
            raise CorpusError(f"the tokenizer {path} cannot be read: {error.strerror}") from error

    @property
    def vocabulary(self) -> Vocabulary:
        """What a model has to know."""
        return Vocabulary(
            size=self.vocab_size, first_sentinel=self.sentinels[0], sentinels=len(self.sentinels)
        )

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Return the ids of each text, without EOS."""
        ids: list[list[int]] = self._pieces.encode(texts, out_type=int)
        return ids

    def decode(self, ids: list[list[int]]) -> list[str]:
        """Return the text of each list of ids, up to its first EOS; special ids are left out."""
        texts: list[str] = self._pieces.decode([self._textual(sequence) for sequence in ids]) if ids else []
        return texts

    def _textual(self, ids: Iterable[int]) -> list[int]:
        """Return the ids that stand for text."""
        kept = []
        for number in map(int, ids):
            if number == EOS:
                break
            if number != PAD and 0 <= number < self._size and number not in self.sentinels:
                kept.append(number)
        return kept

    def _own_sentinels(self) -> tuple[int, ...]:
        """Return the sentinels that the SentencePiece model has itself, as that of mT5."""
        found = {}
        for number in range(self._size - 1, -1, -1):
            match = _SENTINEL.fullmatch(self._pieces.id_to_piece(number))
            if match is None:
                break
            found[int(match[1])] = number
        return tuple(found[index] for index in sorted(found))


def train_tokenizer(texts: Iterable[str], config: TokenizerConfig) -> Tokenizer:
    """Return a unigram tokenizer trained on text; the same text gives the same tokenizer.

    Lines that are too long for SentencePiece are cut at spaces. Text that does not suffice for so many
    pieces, or has too many characters for so few, is a CorpusError.
    """
    written = io.BytesIO()
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_lines(texts),
            model_writer=written,
            model_type="unigram",
            vocab_size=config.vocab_size,
            character_coverage=config.character_coverage,
            byte_fallback=config.byte_fallback,
            pad_id=PAD,
            eos_id=EOS,
            unk_id=UNK,
            bos_id=-1,
            # Text is NFC already, and compatibility forms are meant by whoever wrote them.
            normalization_rule_name="identity",
            max_sentence_length=16 * _LONGEST_LINE,
            num_threads=_TRAINING_THREADS,
            train_extremely_large_corpus=False,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise CorpusError(_training_message(str(error), config)) from error
    return Tokenizer(written.getvalue(), "the trained tokenizer")


def _lines(texts: Iterable[str]) -> Iterator[str]:
    """Cut long texts at spaces."""
    for text in texts:
        while len(text) > _LONGEST_LINE:
            cut = text.rfind(" ", 0, _LONGEST_LINE)
            cut = cut if cut > 0 else _LONGEST_LINE
            yield text[:cut]
            text = text[cut:].lstrip(" ")
        if text:
            yield text


def _training_message(message: str, config: TokenizerConfig) -> str:
    """Return what to do about an error of the trainer."""
    for pattern, advice in _TRAINING_ERRORS.items():
        if match := re.search(pattern, message):
            return (
                f"a tokenizer with tokenizer.vocab_size = {config.vocab_size} cannot be trained: "
                f"{advice.format(*match.groups())}"
            )
    return f"the tokenizer cannot be trained: {' '.join(message.split())}"
