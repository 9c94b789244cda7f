"""Rules between the sections of a study; each takes the sections that are valid by themselves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from bayesscale.errors import valid_names
from bayesscale.harness.study.data import PARTS


def broken_rules(sections: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each rule between sections that is broken.

    A rule that needs a section that is missing, or not valid by itself, says nothing.
    """
    return [
        *_some_mixture(sections),
        *_one_source_of_text(sections),
        *_names_once(sections),
        *_known_languages(sections),
        *_files_of_tasks(sections),
        *_some_checkpoint(sections),
        *_whole_epochs(sections),
    ]


def _some_mixture(sections: Mapping[str, Any]) -> Iterator[str]:
    """There is something to finetune."""
    if not (sections.get("mixtures", True) or sections.get("checkpoints", True)):
        yield "mixtures: is missing; add mixtures to pretrain, or checkpoints that are given"


def _one_source_of_text(sections: Mapping[str, Any]) -> Iterator[str]:
    """Exactly one of corpora and artificial."""
    if not sections.get("mixtures") and sections.get("checkpoints"):
        return  # nothing is pretrained here
    if {"corpora", "artificial"} <= set(sections) and bool(sections["corpora"]) == bool(
        sections["artificial"]
    ):
        received = "both" if sections["corpora"] else "neither"
        yield f"a study has either corpora or artificial; received {received}; keep exactly one of them"


def _names_once(sections: Mapping[str, Any]) -> Iterator[str]:
    """Mixtures, tasks and seeds are told apart by name."""
    for section in ("mixtures", "tasks", "seeds"):
        names = [getattr(item, "name", item) for item in sections.get(section, ())]
        names += sections.get("checkpoints", ()) if section == "mixtures" else ()
        for name, count in Counter(names).items():
            if count > 1:
                yield f"{section}: {name!r} is there {count} times; give each a name of its own"


def _languages(sections: Mapping[str, Any]) -> list[str]:
    """Return the languages that there is text of; none if that is not known."""
    if sections.get("artificial"):
        return list(sections["artificial"].languages)
    return list(sections.get("corpora") or ())


def _known_languages(sections: Mapping[str, Any]) -> Iterator[str]:
    """Mixtures draw from languages that have text; artificial tasks translate between them."""
    known = _languages(sections)
    if not known:
        return
    for mixture in sections.get("mixtures", ()):
        for language, share in mixture.shares.items():
            if share and language not in known:
                yield (
                    f"mixtures: {mixture.name} has a share of {language!r}, of which there is no text; "
                    f"{valid_names(language, known)}"
                )
    for task in sections.get("tasks", ()) if sections.get("artificial") else ():
        for language in (task.source, task.target):
            if language not in known:
                yield f"tasks: {task.name} needs the language {language!r}; {valid_names(language, known)}"


def _files_of_tasks(sections: Mapping[str, Any]) -> Iterator[str]:
    """Tasks have files unless the languages are made up."""
    if "artificial" not in sections:
        return
    for task in sections.get("tasks", ()):
        given = [part for part in PARTS if getattr(task, part)]
        if sections["artificial"] and (given or task.domains):
            yield f"tasks: {task.name} has files, but its languages are made up; remove {', '.join(given)}"
        missing = [part for part in PARTS if part not in given]
        if not sections["artificial"] and missing:
            yield f"tasks: {task.name} has no files for {', '.join(missing)}; give a pair or a TSV file"


def _some_checkpoint(sections: Mapping[str, Any]) -> Iterator[str]:
    """Each mixture has a checkpoint below its limit."""
    if "pretraining" not in sections or not sections.get("mixtures"):
        return
    if not sections["pretraining"].checkpoint_tokens:
        yield "mixtures are pretrained up to pretraining.checkpoints; received none; add at least one size"
        return
    if sections.get("init_tokens") and not sections.get("init"):
        yield "init_tokens are those of the checkpoint init; received init_tokens alone; name it as init"
    first = sections["pretraining"].checkpoint_tokens[0]
    for mixture in sections.get("mixtures", ()):
        if mixture.limit is not None and mixture.limit < first:
            yield (
                f"mixtures: {mixture.name} has the limit {mixture.limit}, below the first checkpoint at "
                f"{first}; raise the limit or add a checkpoint"
            )


def _whole_epochs(sections: Mapping[str, Any]) -> Iterator[str]:
    """Finetuning sees each D_f at least once, unless the study says that it need not."""
    finetuning = sections.get("finetuning")
    if finetuning is None:
        return
    sizes = {size for task in sections.get("tasks", ()) for size in task.sizes or finetuning.sizes}
    for size in sorted(sizes - {"full"}):
        if problem := finetuning.too_few(size):
            yield f"finetuning: D_f = {size:,}: {problem}"
