"""Rules of style that no linter knows: no **kwargs in public, docstrings that fit the signatures."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Public functions that take **kwargs. A new one needs a reason, and this list is where it is given.
KWARGS: set[str] = set()


class Function(NamedTuple):
    """A public function or method, with the place where it is defined."""

    place: str
    node: ast.FunctionDef | ast.AsyncFunctionDef

    @property
    def parameters(self) -> set[str]:
        """Names of the parameters, without self and cls."""
        spec = self.node.args
        everything = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]
        return {argument.arg for argument in everything if argument} - {"self", "cls"}


def _files() -> list[Path]:
    """Return the Python files of the package, each once."""
    return sorted(
        path for folder in ("bayesscale", "models", "cli") for path in (ROOT / folder).rglob("*.py")
    )


def _public_functions() -> Iterator[Function]:
    """Yield the public functions and the public methods of public classes."""
    for path in _files():
        if path.name.startswith("_") and path.name != "__init__.py":
            continue
        yield from _in_body(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text()).body)


def _in_body(place: str, body: list[ast.stmt]) -> Iterator[Function]:
    """Yield the public functions among some statements, going into classes."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield Function(f"{place}:{node.name}", node)
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from _in_body(f"{place}:{node.name}", node.body)


def _documented(docstring: str) -> set[str]:
    """Return the names that a numpydoc docstring has in its section Parameters."""
    section = re.search(r"^Parameters\n-+\n(.*?)(?=^\S[^\n]*\n-+\n|\Z)", docstring, re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^(\S.*)$", section[1], re.MULTILINE) if section else []
    names = ",".join(heading.split(" : ")[0] for heading in headings)
    return {name.strip().lstrip("*") for name in names.split(",") if name.strip()}


FUNCTIONS = list(_public_functions())


def test_no_public_function_takes_kwargs() -> None:
    assert {place for place, node in FUNCTIONS if node.args.kwarg} == KWARGS


def test_every_public_function_has_a_docstring() -> None:
    assert [place for place, node in FUNCTIONS if not ast.get_docstring(node)] == []


@pytest.mark.parametrize("function", FUNCTIONS, ids=[function.place for function in FUNCTIONS])
def test_documented_parameters_are_those_of_the_signature(function: Function) -> None:
    documented = _documented(ast.get_docstring(function.node) or "")
    assert documented in (set(), function.parameters)
