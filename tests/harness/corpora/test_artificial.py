"""Artificial languages: relatedness is exact, text the same every time, held-out sentences stay out."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from typing import Any

import pytest

from bayesscale.harness.corpora.artificial import Artificial, Language, languages, word_classes
from bayesscale.harness.corpora.contamination import HeldOut
from bayesscale.harness.study.data import ArtificialConfig

GRID = (0.0, 0.1, 0.25, 1 / 3, 0.5, 0.77, 1.0)


def relatedness(one: Language, other: Language) -> float:
    """Return the share of concepts that two languages say with the same stem."""
    return sum(a == b for a, b in zip(one.stems, other.stems, strict=True)) / len(one.stems)


def _config(**settings: Any) -> ArtificialConfig:
    """Return a configuration of some languages."""
    languages_ = settings.pop("languages", {"ka": {}, "lo": {"relatedness": 0.5, "order": "sov"}})
    return ArtificialConfig(**{"languages": languages_, "train": 200, "dev": 20, "test": 40, **settings})


@pytest.mark.parametrize("stems", [40, 60, 151, 400])
@pytest.mark.parametrize("seed", [0, 1])
def test_relatedness_is_exact(stems: int, seed: int) -> None:
    spec = {"ka": {}, **{f"l{index}": {"relatedness": share} for index, share in enumerate(GRID)}}
    made = languages(_config(languages=spec, stems=stems, seed=seed))
    for index, share in enumerate(GRID):
        assert relatedness(made["ka"], made[f"l{index}"]) * stems == pytest.approx(round(share * stems))
    # Relatives of one language share with each other what the farther one shares with it.
    for (one, near), (other, far) in combinations(enumerate(GRID), 2):
        shared = relatedness(made[f"l{one}"], made[f"l{other}"]) * stems
        assert shared == pytest.approx(round(min(near, far) * stems))


def test_relatedness_to_another_language_than_the_first() -> None:
    spec = {"ka": {}, "lo": {"relatedness": 0.0}, "mi": {"relatedness": 0.6, "like": "lo"}}
    made = languages(_config(languages=spec, stems=100))
    assert relatedness(made["lo"], made["mi"]) == pytest.approx(0.6)
    assert relatedness(made["ka"], made["mi"]) == 0


@pytest.mark.parametrize("share", GRID)
def test_the_share_of_running_words_is_close_to_it(share: float) -> None:
    text = Artificial(_config(languages={"ka": {}, "lo": {"relatedness": share}}, stems=200))
    counts = {
        name: Counter(
            word for document in text.documents(name, 20_000) for word in document.split() if word != "."
        )
        for name in ("ka", "lo")
    }
    shared = (
        sum(number for word, number in counts["lo"].items() if word in counts["ka"]) / counts["lo"].total()
    )
    if share == 0.0:
        assert shared == 0.0
    # Inflected words need stem and suffix in common, and few concepts make up most of the text.
    assert abs(shared - share) < 0.15


def test_stems_are_distinct_within_a_language_and_word_classes_cover_them() -> None:
    made = languages(_config(stems=400))["ka"]
    assert len(set(made.stems)) == 400
    assert [place for places in word_classes(400).values() for place in places] == list(range(400))


@pytest.mark.parametrize("share", GRID)
def test_false_friends_are_as_many_as_asked_for_and_mean_something_else(share: float) -> None:
    spec = {"ka": {}, "lo": {"relatedness": 0.8, "false_friends": share}}
    made = languages(_config(languages=spec, stems=200))
    ka, lo = made["ka"].stems, made["lo"].stems
    content = word_classes(200)["noun"].start
    shared = set(ka) & set(lo)
    assert len(shared) == 160
    assert len(set(lo)) == 200
    false = [stem for stem in shared if ka.index(stem) != lo.index(stem)]
    assert all(ka.index(stem) >= content for stem in false)
    words = sum(ka.index(stem) >= content for stem in shared)
    assert len(false) == round(share * words)


def test_a_script_shares_no_letter_with_another() -> None:
    spec = {"ka": {}, "lo": {"script": "greek"}, "mi": {"script": "cyrillic"}}
    made = languages(_config(languages=spec))
    letters = [set("".join(made[name].stems)) for name in spec]
    assert not any(one & other for one, other in combinations(letters, 2))


@pytest.mark.parametrize("order", ["sov", "vso", "vos", "ovs", "osv"])
def test_word_order_is_that_of_the_study(order: str) -> None:
    text = Artificial(_config(languages={"ka": {}, "lo": {"relatedness": 1.0, "order": order}}))
    stems, classes = text.languages["ka"].stems, word_classes(text.config.stems)
    verbs = [stems[place] for place in classes["verb"]]
    forms = {*verbs, *(verb + stems[classes["suffix"][1]] for verb in verbs)}
    ends = {".", *(stems[place] for place in classes["preposition"])}
    for pair in text.pairs("test", "ka", "lo"):
        words = pair.source.split()
        verb = next(place for place, word in enumerate(words) if word in forms)
        end = next(place for place, word in enumerate(words) if word in ends)
        parts = {"s": words[:verb], "v": words[verb : verb + 1], "o": words[verb + 1 : end]}
        expected = [word for role in order for word in parts[role]]
        assert pair.target.split()[: len(expected)] == expected


def test_text_is_the_same_every_time_and_other_with_another_seed() -> None:
    one, again, other = (Artificial(_config(seed=seed)) for seed in (0, 0, 1))
    assert list(one.documents("ka", 500)) == list(again.documents("ka", 500))
    assert list(one.pairs("train", "ka", "lo")) == list(again.pairs("train", "ka", "lo"))
    assert list(one.documents("ka", 500)) != list(other.documents("ka", 500))


def test_text_is_pinned() -> None:
    # A change would silently change every study on artificial languages.
    pair = next(Artificial(_config()).pairs("test", "ka", "lo"))
    assert (pair.source, pair.target, pair.domain) == PINNED


def test_less_text_is_a_prefix_of_more_and_there_is_as_much_as_asked_for() -> None:
    text = Artificial(_config())
    less, more = list(text.documents("lo", 1000)), list(text.documents("lo", 5000))
    assert more[: len(less)] == less
    for documents, wanted in ((less, 1000), (more, 5000)):
        said = [len(document.split()) for document in documents]
        assert sum(said) >= wanted > sum(said[:-1])


def test_every_task_says_the_same_and_word_order_differs() -> None:
    spec = {"ka": {}, "lo": {"relatedness": 1.0, "order": "sov"}, "mi": {"relatedness": 1.0}}
    text = Artificial(_config(languages=spec))
    to_lo, to_mi = (list(text.pairs("test", "ka", target)) for target in ("lo", "mi"))
    assert [pair.source for pair in to_lo] == [pair.source for pair in to_mi]
    assert all(pair.source == pair.target for pair in to_mi)
    assert all(sorted(pair.source.split()) == sorted(pair.target.split()) for pair in to_lo)
    assert sum(pair.source != pair.target for pair in to_lo) == len(to_lo)


def test_adjectives_stand_where_they_should() -> None:
    spec = {"ka": {}, "lo": {"relatedness": 1.0, "adjective": "after"}}
    text = Artificial(_config(languages=spec))
    places = word_classes(text.config.stems)["adjective"]
    adjectives = set(text.languages["ka"].stems[places.start : places.stop])
    differing = [pair for pair in text.pairs("train", "ka", "lo") if pair.source != pair.target]
    assert differing
    assert all(adjectives & set(pair.source.split()) for pair in differing)


def test_the_test_set_does_not_depend_on_the_size_of_the_training_set() -> None:
    few, many = (Artificial(_config(train=train)) for train in (10, 1000))
    assert list(few.pairs("test", "ka", "lo")) == list(many.pairs("test", "ka", "lo"))
    assert list(few.pairs("train", "ka", "lo")) == list(many.pairs("train", "ka", "lo"))[:10]


def test_parts_are_disjoint_and_documents_hold_no_held_out_sentence() -> None:
    text = Artificial(_config(train=1000))
    parts = {
        part: [pair.source for pair in text.pairs(part, "ka", "lo")] for part in ("train", "dev", "test")
    }
    assert [len(sentences) for sentences in parts.values()] == [1000, 20, 40]
    everything = [sentence for sentences in parts.values() for sentence in sentences]
    assert len(set(everything)) == len(everything)
    documents = list(text.documents("ka", 30_000))
    found = HeldOut([*parts["dev"], *parts["test"]], run=30).contaminated(documents)
    assert found.sum() <= len(documents) / 500


def test_domains_are_the_topics() -> None:
    domains = {pair.domain for pair in Artificial(_config(topics=4)).pairs("train", "ka", "lo")}
    assert domains == {"topic0", "topic1", "topic2", "topic3"}


PINNED = ("sa kube goke kek vonu pa sa tafe .", "de sazu kek bako goke de tafe pa .", "topic5")
