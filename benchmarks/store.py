"""Results on disk: rows of long runs, which go on after a cut, and the documents in results/."""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from bayesscale.engine import Failed, processors, run_jobs
from bayesscale.inference.run import record
from bayesscale.inference.sampler import Sampler
from bayesscale.models.model import ALL, Model

J = TypeVar("J")
ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
ROWS = ROOT / "out" / "benchmarks"
ENGINE = tuple(f"bayesscale/{name}" for name in ("inference", "laws", "models", "particles", "posterior"))


def resume(
    name: str, function: Callable[[J], Any], jobs: Mapping[str, J], *, again: bool = False
) -> dict[str, Any]:
    """Run jobs side by side, each on one core, and keep what they return; those of earlier runs are read.

    Parameters
    ----------
    name : str
        Name of the file in out/benchmarks.
    function : callable
        Takes a job and returns plain values.
    jobs : mapping
        The jobs by name; none reads what is there.
    again : bool
        Forget earlier runs.

    Returns
    -------
    dict
        What the jobs of this and of earlier runs returned, by their names.
    """
    path, engine = ROWS / f"{name}.json", code_hash(ENGINE)
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() and not again else {}
    if others := sum(row["engine"] != engine for row in kept.values()):
        say(f"{name}: {others} of {len(kept)} kept results are of another engine; --again makes them anew")
    missing = [key for key in jobs if key not in kept]
    tasks = [jobs[key] for key in missing]
    for count, outcome in enumerate(run_jobs(function, tasks, workers=processors()), start=1):
        say(f"{name}: {count} of {len(tasks)} jobs")
        if isinstance(outcome, Failed):
            say(f"{name}, {missing[outcome.index]}: {outcome}\n{outcome.trace}")
            continue
        kept[missing[outcome.index]] = {"engine": engine, "value": outcome.value}
        write(path, kept)
    return {key: row["value"] for key, row in kept.items()}


def publish(name: str, content: Mapping[str, Any]) -> None:
    """Write a document of results, with what made it.

    Parameters
    ----------
    name : str
        Name of the file in results/.
    content : mapping
        What was found.
    """
    made = record(Sampler(), Model(), ALL, "", {})
    about = {
        "versions": made["versions"], "engine": code_hash(ENGINE), "created": made["created"],
        "cores": processors(),
    }  # fmt: skip
    write(RESULTS / f"{name}.json", {**content, "made": about})


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON at once, so that an interrupted run leaves no half of a file.

    Parameters
    ----------
    path : Path
        Where to.
    content : mapping
        What; numbers may be NumPy's.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part")
    fresh.write_text(json.dumps(content, indent=1, default=lambda value: value.item()) + "\n")
    fresh.replace(path)


def code_hash(sources: Iterable[str]) -> str:
    """Return a hash of what Python files do, whatever their layout, comments and docstrings.

    Parameters
    ----------
    sources : iterable of str
        Files and folders, relative to the repository.
    """
    roots = [ROOT / name for name in sources]
    texts = []
    for path in sorted(path for root in roots for path in ([root] if root.is_file() else root.rglob("*.py"))):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                node.value = ast.Constant("")
        # Versions of Python differ in the quotes that they write.
        texts.append(f"{path.relative_to(ROOT).as_posix()} {ast.unparse(tree)}".replace('"', "'"))
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(line, file=sys.stderr, flush=True)


def options(about: str | None, count: int, what: str) -> argparse.ArgumentParser:
    """Return a parser of the options that all long benchmarks have: how many, and whether anew.

    Parameters
    ----------
    about : str
        The docstring of the script.
    count : int
        How many if nothing is said.
    what : str
        What is counted.
    """
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, formatter_class=shape)
    help_ = f"number of {what}, default {count}; 0 reports what was done before"
    parser.add_argument("count", nargs="?", type=int, default=count, metavar=what.split()[0], help=help_)
    parser.add_argument("--again", action="store_true", help="forget what was done before")
    return parser
