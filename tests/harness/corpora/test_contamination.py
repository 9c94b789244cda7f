"""Contamination is found where it is, by the definition, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.clean import Counts, words
from bayesscale.harness.corpora.cleaned import clean_documents, clean_pairs, held_out_sentences
from bayesscale.harness.corpora.contamination import HeldOut
from bayesscale.harness.corpora.pairs import Pair
from bayesscale.harness.study.data import CleaningConfig, TaskConfig

LONG = "one two three four five six seven eight nine ten eleven"


def _found(document: str, *sentences: str, shortest: int = 4, run: int = 9) -> bool:
    """Return whether one document is contaminated."""
    return bool(HeldOut(sentences, shortest=shortest, run=run).contaminated([document])[0])


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (f"before. {LONG}! after", True),
        (LONG.upper().replace(" ", ", "), True),
        ("x three four five six seven eight nine ten eleven y", True),  # nine words of it
        ("x four five six seven eight nine ten eleven y", False),  # eight
        ("the cat sat down", True),
        ("so the cat sat down and", True),
        ("the cat sat", False),
        ("the cat sat. Down it went", True),
        ("the small cat sat down", False),
        ("the dog", False),  # shorter than four words: no contamination of a document
        ("", False),
    ],
)
def test_documents(document: str, expected: bool) -> None:
    assert _found(document, LONG, "The cat sat down.", "the dog") is expected


def test_runs_do_not_reach_over_documents() -> None:
    held_out = HeldOut(["the cat sat down"])
    documents = ["the cat", "sat down", "the cat sat down", ""]
    assert held_out.contaminated(documents).tolist() == [False, False, True, False]


def test_nothing_held_out_finds_nothing() -> None:
    assert HeldOut([]).contaminated(["a b c d e f g h i j"]).tolist() == [False]
    assert HeldOut([]).contaminated([]).tolist() == []


WORDS = st.lists(st.sampled_from("abc"), max_size=14).map(" ".join)


@given(
    st.lists(WORDS, min_size=1, max_size=6), st.lists(WORDS, max_size=4), st.integers(1, 4), st.integers(4, 6)
)
def test_it_agrees_with_the_definition(
    documents: list[str], held: list[str], shortest: int, run: int
) -> None:
    def contains(document: list[str], part: list[str]) -> bool:
        return any(
            document[start : start + len(part)] == part for start in range(len(document) - len(part) + 1)
        )

    parts = []
    for sentence in map(words, held):
        if len(sentence) >= shortest:
            size = min(len(sentence), run)
            parts += [sentence[start : start + size] for start in range(len(sentence) - size + 1)]
    expected = [any(contains(words(document), part) for part in parts) for document in documents]
    assert HeldOut(held, shortest=shortest, run=run).contaminated(documents).tolist() == expected


def _texts(**parts: list[tuple[str, str]]) -> Callable[[str], Iterator[Pair]]:
    """Return a function that yields the pairs of a part."""
    return lambda part: (Pair(*pair) for pair in parts[part])


TASK = TaskConfig(name="en-de", source="en", target="de")


def test_what_becomes_of_pairs() -> None:
    texts = _texts(
        train=[
            ("new", "neu"),
            ("new", "neu"),
            ("TEST one!", "anders"),
            ("other", "Probe eins"),
            ("dev one", "x"),
            ("", "leer"),
            ("new", "anders"),
        ],
        dev=[("dev one", "dev eins"), ("test one", "probe eins"), ("test one", "probe zwei")],
        test=[("test one", "probe eins"), ("test one", "probe eins"), ("empty", " ")],
    )
    text = clean_pairs(texts, TASK, CleaningConfig())
    kept = {part: [(pair.source, pair.target) for pair in pairs] for part, pairs in text.parts.items()}
    assert kept == {
        "train": [("new", "neu"), ("new", "anders")],
        "dev": [("dev one", "dev eins"), ("test one", "probe zwei")],
        "test": [("test one", "probe eins"), ("test one", "probe eins")],
    }
    counts = text.counts["train"]
    assert (counts.read, counts.empty, counts.duplicate, counts.contaminated, counts.kept) == (7, 1, 1, 3, 2)
    assert counts.examples[0] == "TEST one! | anders"
    assert (text.counts["dev"].contaminated, text.counts["test"].empty) == (1, 1)


def test_cleaning_can_be_turned_off() -> None:
    texts = _texts(train=[("a", "b"), ("a", "b")], dev=[("a", "b")], test=[("a", "b")])
    text = clean_pairs(texts, TASK, CleaningConfig(deduplicate=False, decontaminate=False))
    assert [len(pairs) for pairs in text.parts.values()] == [1, 1, 2]


def test_a_part_of_which_nothing_is_left_is_an_error_that_says_why() -> None:
    texts = _texts(train=[("a", "x"), ("", "y")], dev=[("c", "d")], test=[("a", "b")])
    with pytest.raises(
        CorpusError, match=r"of the 2 in train of en-de, 1 have an empty side, 0 .* and 1 are in"
    ):
        clean_pairs(texts, TASK, CleaningConfig())


def test_documents_are_counted() -> None:
    text = clean_pairs(
        _texts(train=[("x", "y")], dev=[("a b c d", "e")], test=[("f g h i", "j")]), TASK, CleaningConfig()
    )
    held_out = held_out_sentences([text], CleaningConfig())
    assert held_out_sentences([text], CleaningConfig(decontaminate=False)) == {}
    counts = Counts()
    documents = ["kept", " kept ", "", "x f g h i", "also kept"]
    groups = clean_documents(documents, counts, CleaningConfig(), held_out["en"])
    assert [text for group in groups for text in group] == ["kept", "also kept"]
    assert (counts.read, counts.empty, counts.duplicate, counts.contaminated, counts.kept) == (5, 1, 1, 1, 2)
    assert counts.bytes == len("kept" + "also kept")
