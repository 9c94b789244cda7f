"""Who may import what: two halves, a room for each large library, arrows in one direction."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"bayesscale": "bayesscale", "models": "bayesscale.models", "cli": "bayesscale.cli"}

# A library that is listed here is imported, even inside a function, by these packages and no others.
ROOMS = {
    "torch": {"harness"},
    "sacrebleu": {"harness"},
    "sentencepiece": {"harness"},
    "ray": {"engine"},
    "arviz": {"inference"},
    "nutpie": set(),  # a tool of the tests
    "numba": {"particles"},
    "pymc": {"inference", "models"},
    "pytensor": {"inference", "models"},
    "jinja2": {"report"},
    "matplotlib": {"figures"},
    "typer": {"cli"},
}
# What a package may import of this one; others are bound by the arrows alone.
OWN = {
    "particles": {"laws", "models"},
    "posterior": {"errors", "laws", "metrics", "models"},
}
# The halves meet in the metrics table; only the command line knows both.
ANALYSIS = {"figures", "inference", "models", "particles", "pointfit", "posterior", "questions", "report"}


@cache
def _imports() -> dict[str, set[str]]:
    """Return the imported names of every module, wherever in the module they are imported."""
    found: dict[str, set[str]] = {}
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            name = ".".join((package, *parts)).removesuffix(".__init__")
            found[name] = set(_imported_names(ast.parse(path.read_text())))
    return found


def _imported_names(tree: ast.Module) -> list[str]:
    """Return the modules that a syntax tree imports; `from a import b` may be the module a.b."""
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return names


def _room(module: str) -> str:
    """Return the package or plain module directly below bayesscale that a module belongs to."""
    return module.split(".")[1] if "." in module else module


@pytest.mark.parametrize("library", ROOMS)
def test_a_large_library_is_imported_only_in_its_room(library: str) -> None:
    users = {
        name for name, imported in _imports().items() if any(i.split(".")[0] == library for i in imported)
    }
    assert {name for name in users if _room(name) not in ROOMS[library]} == set()


def test_the_harness_imports_nothing_of_the_analysis() -> None:
    harness = [imported for name, imported in _imports().items() if _room(name) == "harness"]
    assert {
        i for imported in harness for i in imported if i.startswith("bayesscale.") and _room(i) in ANALYSIS
    } == set()


@pytest.mark.parametrize("room", OWN)
def test_a_room_builds_on_what_it_may(room: str) -> None:
    own = [imported for name, imported in _imports().items() if _room(name) == room]
    assert own
    used = {_room(i) for imported in own for i in imported if i.startswith("bayesscale.")}
    assert used - {room} <= OWN[room]


def test_nothing_but_the_sampler_of_a_fit_runs_particles() -> None:
    users = {
        _room(name) for name, imported in _imports().items()
        if any(_room(i) == "particles" for i in imported if i.startswith("bayesscale."))
    }  # fmt: skip
    assert users - {"particles"} == {"inference"}


def test_laws_are_pure_formulas() -> None:
    laws = [imported for name, imported in _imports().items() if _room(name) == "laws"]
    foreign = {i.split(".")[0] for imported in laws for i in imported} - set(sys.stdlib_module_names)
    assert foreign == {"bayesscale", "numpy"}


def test_imports_between_packages_point_one_way() -> None:
    graph: dict[str, set[str]] = {}
    for name, imported in _imports().items():
        targets = {_room(i) for i in imported if i.startswith("bayesscale.")}
        graph.setdefault(_room(name), set()).update(targets - {_room(name)})
    # static_order raises CycleError, which names the cycle.
    assert set(TopologicalSorter(graph).static_order()) >= {"errors", "laws", "cli"}
    assert [room for room, targets in graph.items() if "cli" in targets] == ["__main__"]


def test_importing_everything_loads_no_top_level_models_or_cli_and_no_torch() -> None:
    modules = [name for name in _imports() if _room(name) != "harness"]
    code = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print(*sorted({'models', 'cli', 'torch'} & set(sys.modules)), 'bayesscale.models' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True"]


def test_modules_import_each_other_in_no_circle() -> None:
    known = _imports()
    graph = {
        # `from package import name` may be the module package.name or a name in the package.
        name: {target for i in imported if (target := i if i in known else i.rpartition(".")[0]) in known}
        for name, imported in known.items()
    }
    # The front door imports every room when its names are used; no room is behind it but by that door.
    graph.pop("bayesscale")
    for name, targets in graph.items():
        targets -= {name, "bayesscale"}
    assert set(TopologicalSorter(graph).static_order()) >= {
        "bayesscale.questions.answer",
        "bayesscale.report",
    }
