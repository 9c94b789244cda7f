"""Bundled metrics tables, described in index.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bayesscale.errors import UsageError, valid_names

_FOLDER = Path(__file__).parent


class Example(BaseModel):
    """A bundled metrics table, as index.toml describes it.

    `origin` is 'simulated' or 'measured', `command` made it, `details` is a second file with a row for each
    measured model: rate, epochs, brevity penalty and more.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    file: str
    title: str
    origin: str
    command: str
    description: str
    seed: int | None = None
    details: str | None = None
    versions: dict[str, str] = Field(default_factory=dict)

    @property
    def path(self) -> Path:
        """Where the table lies."""
        return _FOLDER / self.file


def list_examples() -> tuple[Example, ...]:
    """Return the bundled tables, in the order of the index."""
    index = tomllib.loads((_FOLDER / "index.toml").read_text(encoding="utf-8"))
    return TypeAdapter(tuple[Example, ...]).validate_python(
        [{"name": name, **entry} for name, entry in index.items()]
    )


def find_example(name: str) -> Example:
    """Return the bundled table of a name; UsageError if there is none."""
    examples = {example.name: example for example in list_examples()}
    if name not in examples:
        raise UsageError(f"no example is called {name!r}; {valid_names(name, examples)}")
    return examples[name]


def example_path(name: str) -> Path:
    """Return the file of a bundled table; UsageError if there is none of that name."""
    return find_example(name).path
