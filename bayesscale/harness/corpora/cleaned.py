"""Documents and pairs as they go into training: clean, each once, and none that is in a dev or test set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from bayesscale.errors import CorpusError
from bayesscale.harness.corpora.clean import Counts, Seen, clean, key
from bayesscale.harness.corpora.contamination import HeldOut
from bayesscale.harness.corpora.pairs import Pair
from bayesscale.harness.study.data import PARTS, CleaningConfig, TaskConfig

_AT_ONCE = 2000


@dataclass
class TaskText:
    """The pairs of a task by part ('train', 'dev', 'test'), and what became of those that were read."""

    task: TaskConfig
    parts: dict[str, list[Pair]] = field(default_factory=dict)
    counts: dict[str, Counts] = field(default_factory=dict)


def clean_documents(
    texts: Iterable[str], counts: Counts, config: CleaningConfig, held_out: HeldOut
) -> Iterator[list[str]]:
    """Yield documents in groups, and count what is dropped, as documents go by."""
    seen = Seen()
    remaining = iter(texts)
    while group := list(islice(remaining, _AT_ONCE)):
        counts.read += len(group)
        fresh = []
        for text in map(clean, group):
            if not text:
                counts.empty += 1
            elif config.deduplicate and seen.add(text):
                counts.duplicate += 1
            else:
                fresh.append(text)
        kept = []
        for text, contaminated in zip(fresh, held_out.contaminated(fresh).tolist(), strict=True):
            if contaminated:
                counts.contaminate(text)
            else:
                counts.keep(text)
                kept.append(text)
        yield kept


def clean_pairs(read: Callable[[str], Iterable[Pair]], task: TaskConfig, config: CleaningConfig) -> TaskText:
    """Return the pairs of a task; that nothing is left of a part is a CorpusError.

    Test pairs are kept unless a side is empty. A dev pair is dropped if it is a test pair, a train pair if
    its source or its target is in dev or test. Case and punctuation do not count.
    """
    text = TaskText(task)
    sources: set[str] = set()
    targets: set[str] = set()
    whole: set[tuple[str, str]] = set()
    for part in reversed(PARTS):
        counts, kept, seen = Counts(), [], Seen()
        for raw in read(part):
            counts.read += 1
            pair = Pair(clean(raw.source), clean(raw.target), clean(raw.domain))
            keys = key(pair.source), key(pair.target)
            if not (pair.source and pair.target):
                counts.empty += 1
            elif part == "train" and config.deduplicate and seen.add(f"{pair.source}\t{pair.target}"):
                counts.duplicate += 1
            elif config.decontaminate and (
                (part == "dev" and keys in whole)
                or (part == "train" and (keys[0] in sources or keys[1] in targets))
            ):
                counts.contaminate(f"{pair.source} | {pair.target}")
            else:
                counts.keep(pair.source, pair.target)
                kept.append(pair)
                if part != "train":
                    sources.add(keys[0])
                    targets.add(keys[1])
                    whole.add(keys)
        if not kept:
            raise CorpusError(
                f"each part of a task has at least one pair; of the {counts.read} in {part} of {task.name}, "
                f"{counts.empty} have an empty side, {counts.duplicate} occur twice and "
                f"{counts.contaminated} are in a held-out set; look at the files, or change [cleaning]"
            )
        text.parts[part], text.counts[part] = kept, counts
    return text


def held_out_sentences(texts: Iterable[TaskText], config: CleaningConfig) -> dict[str, HeldOut]:
    """Return the dev and test sentences of each language; none if they may be in training text."""
    sentences: dict[str, list[str]] = {}
    for text in texts if config.decontaminate else ():
        for part in ("dev", "test"):
            sentences.setdefault(text.task.source, []).extend(pair.source for pair in text.parts[part])
            sentences.setdefault(text.task.target, []).extend(pair.target for pair in text.parts[part])
    return {
        language: HeldOut(some, shortest=config.words, run=config.run) for language, some in sentences.items()
    }
