"""Which settings determine a result: the key of a cell, and what one folder may not mix."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from bayesscale.errors import StudyError
from bayesscale.harness.study.cells import Cell
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.values import digest

# Raised when the same settings give other numbers than before.
_FORMAT = 2
# How something is computed, not what: a grid may move to another machine in the middle.
_COMPUTING = {"compile", "accumulate", "deterministic", "resume_every"}
_AXES = {"pretraining": {"checkpoints"}, "finetuning": {"sizes"}, "decoding": {"batch"}}
# What may grow or change without touching a finished cell.
_FREE = {"name", "seeds", "mixtures", "checkpoints", "tasks"}
_CHUNK = 1 << 20


def cell_key(study: Study, data_hash: str, cell: Cell) -> str:
    """Return the hash of everything that determines the result of a cell."""
    recipe = recipe_of(study)
    task = study.task(cell.task)
    parts = {
        "format": _FORMAT,
        "data": data_hash,
        "task": [task.name, task.source, task.target],
        "size": cell.size,
        "seed": cell.seed,
        "pretrained": _origin(study, data_hash, cell),
        "tokens": cell.pretrain_tokens,
        **{name: recipe[name] for name in ("model", "finetuning", "decoding", "scoring")},
    }
    return digest(parts)


def _origin(study: Study, data_hash: str, cell: Cell) -> str | None:
    """Return the hash of what a checkpoint came from, None for the model that was not pretrained."""
    if cell.mixture is None:
        return None
    given = study.given(cell.mixture, cell.pretrain_tokens)
    if given is None:
        return run_key(study, data_hash, cell.mixture, cell.seed)
    return digest([cell.mixture, study.init_tokens, _content_hash(str(given))])


def run_key(study: Study, data_hash: str, mixture: str, seed: int) -> str:
    """Return the hash of everything that determines a pretraining run, however long it is."""
    recipe = recipe_of(study)
    shares = {language: share for language, share in study.mixture(mixture).shares.items() if share}
    init = _content_hash(str(study.path(study.init))) if study.init else None
    parts = {"format": _FORMAT, "data": data_hash, "shares": shares, "seed": seed, "init": init}
    return digest(parts | {name: recipe[name] for name in ("model", "pretraining")})


def recipe_of(study: Study) -> dict[str, Any]:
    """Return the settings that all cells share, without those that only say how things are computed."""
    document = study.model_dump(mode="json")
    recipe = {name: value for name, value in document.items() if name not in _FREE}
    for name, value in recipe.items():
        if isinstance(value, dict) and name not in ("corpora", "artificial"):
            left_out = _COMPUTING | _AXES.get(name, set())
            recipe[name] = {key: item for key, item in value.items() if key not in left_out}
    return recipe


def check_same_recipe(study: Study, data_hash: str, recorded: Mapping[str, Any], folder: Path) -> None:
    """Refuse a study that would mix cells of two recipes in one metrics file, by a StudyError.

    `recorded` is what the folder was used for before: the study and the hash of its data.
    """
    before = Study.model_validate({**recorded["study"], "folder": study.folder})
    changes = list(_changes("", recipe_of(before), recipe_of(study)))
    for section in ("mixtures", "tasks"):
        old, new = _by_name(before, section), _by_name(study, section)
        for name in sorted(old.keys() & new.keys()):
            changes += _changes(f"{section}.{name}", old[name], new[name])
    if not changes and recorded["data_hash"] != data_hash:
        changes.append("the data are not the same")
    if changes:
        raise StudyError(
            f"one folder holds cells of one recipe; {folder} was used with another: {'; '.join(changes)}; "
            "use another folder (mixtures, tasks, checkpoints, sizes and seeds may be added to this one)"
        )


def _by_name(study: Study, section: str) -> dict[str, Any]:
    """Return mixtures or tasks by name, without what says only how many cells they have."""
    return {
        item["name"]: {key: value for key, value in item.items() if key not in ("limit", "sizes")}
        for item in study.model_dump(mode="json")[section]
    }


def _changes(name: str, old: Any, new: Any) -> Iterator[str]:
    """Yield what differs between two JSON values, by its place."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _changes(f"{name}.{key}".lstrip("."), old.get(key), new.get(key))
    elif old != new:
        yield f"{name} was {old} and is {new}"


@lru_cache(maxsize=8)
def _content_hash(text: str) -> str:
    """Return a hash of the weights that pretraining starts from: of a file, or of all files in a folder."""
    path, found = Path(text), hashlib.sha256()
    files = sorted(path.rglob("*.safetensors")) if path.is_dir() else [path]
    try:
        for file in files:
            with file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    found.update(chunk)
    except OSError as error:
        raise StudyError(f"init must be a checkpoint that can be read; {text}: {error.strerror}") from error
    return found.hexdigest()[:16]
