"""The tokenizer: T5's ids, round trips, the same text the same tokenizer, and messages where it cannot be."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

sentencepiece = pytest.importorskip("sentencepiece", reason="sentencepiece is not installed (extra train)")

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.artificial import Artificial
from bayesscale.harness.model.config import EOS, PAD, SENTINELS, UNK
from bayesscale.harness.study.data import ArtificialConfig, TokenizerConfig
from bayesscale.harness.tokens.tokenizer import Tokenizer, train_tokenizer


@pytest.fixture(scope="module")
def texts() -> list[str]:
    """Return some text."""
    config = ArtificialConfig(languages={"ka": {}}, stems=60)  # type: ignore[dict-item]
    return [*Artificial(config).documents("ka", 3000), "Größe, „naïve“ café: 12,5 % (a/b)!"]


@pytest.fixture(scope="module")
def tokenizer(texts: list[str]) -> Tokenizer:
    """Return a tokenizer trained on it."""
    return train_tokenizer(texts, TokenizerConfig(vocab_size=100, character_coverage=1))


def _model(**settings: object) -> bytes:
    """Return a SentencePiece model with other special ids."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["ab cd ef gh"] * 20),
        model_writer=written,
        vocab_size=14,
        hard_vocab_limit=False,
        minloglevel=2,
        **settings,
    )
    return written.getvalue()


def test_ids_are_those_of_t5(tokenizer: Tokenizer) -> None:
    assert (PAD, EOS, UNK) == (0, 1, 2)
    assert tokenizer.decode([[5, EOS, 6]]) == tokenizer.decode([[5, PAD]])
    assert tokenizer.vocab_size == 100 + SENTINELS
    assert tokenizer.sentinels == tuple(range(199, 99, -1))
    vocabulary = tokenizer.vocabulary
    assert vocabulary.size == 200
    assert (vocabulary.first_sentinel, vocabulary.sentinels) == (199, 100)


def test_text_survives(tokenizer: Tokenizer, texts: list[str]) -> None:
    ids = tokenizer.encode(texts)
    assert tokenizer.decode(ids) == texts
    assert all(2 < number < 100 for sequence in ids for number in sequence)


def test_there_are_at_least_as_many_tokens_as_words(tokenizer: Tokenizer, texts: list[str]) -> None:
    # What artificial text is made by: so many words are enough for so many tokens.
    for text, ids in zip(texts, tokenizer.encode(texts), strict=True):
        assert len(ids) >= len(text.split())


def test_decoding_ends_at_eos_and_passes_over_what_is_no_text(tokenizer: Tokenizer) -> None:
    (ids,) = tokenizer.encode(["kek keko"])
    noisy = [0, *ids[:1], 199, 0, 100, 5000, *ids[1:], 1, *ids]
    assert tokenizer.decode([noisy, [], [1], [0, 0]]) == [*tokenizer.decode([ids]), "", "", ""]
    assert (tokenizer.decode([]), tokenizer.encode([])) == ([], [])


def test_unknown_characters_are_unknown_or_bytes(texts: list[str], tokenizer: Tokenizer) -> None:
    assert UNK in tokenizer.encode(["日本"])[0]
    config = TokenizerConfig(vocab_size=360, byte_fallback=True)
    with_bytes = train_tokenizer(texts, config)
    assert with_bytes.decode(with_bytes.encode(["日本 ka"])) == ["日本 ka"]


def test_the_same_text_gives_the_same_tokenizer(texts: list[str], tokenizer: Tokenizer) -> None:
    again = train_tokenizer(texts, TokenizerConfig(vocab_size=100, character_coverage=1))
    assert again.model == tokenizer.model


def test_lines_that_are_too_long_for_sentencepiece_are_not_left_out() -> None:
    # One line of a hundred thousand letters; SentencePiece alone would say that there is no text.
    long = " ".join(["abcd", "bcda", "cdab"] * 8000)
    assert train_tokenizer([long], TokenizerConfig(vocab_size=10)).vocab_size == 110


@pytest.mark.parametrize(
    ("size", "told"),
    [
        (10, r"the characters alone need \d+ pieces"),
        (50_000, r"no more than \d+ pieces; set vocab_size = \d+ or less"),
    ],
)
def test_a_vocabulary_that_is_too_small_or_too_large(texts: list[str], size: int, told: str) -> None:
    with pytest.raises(CorpusError, match=told):
        train_tokenizer(texts, TokenizerConfig(vocab_size=size))


def test_no_text_at_all() -> None:
    with pytest.raises(CorpusError, match="cannot be trained"):
        train_tokenizer([], TokenizerConfig(vocab_size=50))


def test_a_given_one_with_sentinels_of_its_own_keeps_them() -> None:
    # As in mT5, where they are the last pieces and <extra_id_0> is the highest.
    names = [f"<extra_id_{index}>" for index in range(99, -1, -1)]
    written = _model(pad_id=0, eos_id=1, unk_id=2, bos_id=-1)
    given = Tokenizer(_with_pieces(written, names))
    assert given.vocab_size == given.sentinels[0] + 1 == Tokenizer(written).vocab_size
    assert len(given.sentinels) == 100
    assert given.sentinels == tuple(range(given.vocab_size - 1, given.vocab_size - 101, -1))


def _with_pieces(model: bytes, names: list[str]) -> bytes:
    """Append user-defined pieces to a serialised model, by the wire format of protocol buffers."""
    for name in names:
        text = ("\u2581" + name).encode()
        piece = b"\x0a" + bytes([len(text)]) + text + b"\x15" + b"\x00" * 4 + b"\x18\x04"
        model += b"\x0a" + bytes([len(piece)]) + piece
    return model


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no SentencePiece model"),
        (b"hello", "no SentencePiece model"),
        (b"\x00" * 100, "no SentencePiece model"),
    ],
)
def test_a_file_that_is_no_tokenizer(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "spiece.model").write_bytes(content)
    with pytest.raises(CorpusError, match=told):
        Tokenizer.load(tmp_path / "spiece.model")


def test_a_file_that_is_not_there_or_has_other_ids(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cannot be read: No such file"):
        Tokenizer.load(tmp_path / "spiece.model")
    with pytest.raises(CorpusError, match=r"pad 0, eos 1, unk 2; .* has \(-1, 2, 0\)"):
        Tokenizer(_model(), "other.model")
