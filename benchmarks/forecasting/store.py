"""Results on disk: one file for each model and split as soon as it is done, and one document of all."""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bayesscale.evaluation import Split
from bayesscale.inference.sampler import Sampler
from bayesscale.metrics.table import data_hash
from benchmarks.forecasting.models import Model

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
PARTS = ROOT / "out" / "forecast"
DOCUMENT = ROOT / "benchmarks" / "results" / "forecast.json"


def signature(model: Model, split: Split, sampler: Sampler) -> str:
    """Return what a result depends on: the data, the split, the settings, and the sources of the model.

    Parameters
    ----------
    model : Model
        The model.
    split : Split
        What is fitted and forecast.
    sampler : Sampler
        Its settings; of a baseline the seed alone.
    """
    settings = asdict(sampler) if model.ours else {"seed": sampler.seed}
    parts = [split.train.data_hash, data_hash(split.held), json.dumps(settings, sort_keys=True)]
    for path in _files(model.sources):
        parts.append(path.relative_to(ROOT).as_posix())
        parts.append(_code(path))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def stored(model: str, split: str, key: str) -> dict[str, Any] | None:
    """Return the result of an earlier run, None if there is none or it is old.

    Parameters
    ----------
    model, split : str
        Names.
    key : str
        The signature that it must have.
    """
    path = _part(model, split)
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found if found["key"] == key else None


def keep(result: dict[str, Any]) -> None:
    """Write a result.

    Parameters
    ----------
    result : dict
        With the names `model` and `split`, and `key`, its signature.
    """
    _write(_part(result["model"], result["split"]), result)


def merged(results: Iterable[dict[str, Any]], order: tuple[list[str], list[str]]) -> list[dict[str, Any]]:
    """Return results together with those of the document that they do not replace, in order.

    Parameters
    ----------
    results : iterable of dict
        New ones.
    order : (list, list) of str
        Names of splits, and of models.
    """
    old = json.loads(DOCUMENT.read_text())["results"] if DOCUMENT.exists() else []
    found = {(result["split"], result["model"]): result for result in [*old, *results]}
    return [found[split, model] for split in order[0] for model in order[1] if (split, model) in found]


def publish(document: dict[str, Any]) -> None:
    """Write the document.

    Parameters
    ----------
    document : dict
        With `results`.
    """
    _write(DOCUMENT, document)


def _part(model: str, split: str) -> Path:
    """Return the file of a result."""
    return PARTS / f"{split}, {model}.json".replace(" ", "-")


def _files(sources: Iterable[str]) -> list[Path]:
    """Return the Python files below sources, each of this folder or of the repository."""
    roots = [HERE / name if (HERE / name).exists() else ROOT / name for name in sources]
    found = {path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py"))}
    return sorted(path for path in found if not path.is_symlink())


def _code(path: Path) -> str:
    """Return what a Python file does, whatever its layout, comments and docstrings."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value = ast.Constant("")
    return ast.dump(tree)


def _write(path: Path, content: dict[str, Any]) -> None:
    """Write JSON at once, so that an interrupted run leaves no half of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(content, indent=1) + "\n")
    fresh.replace(path)
