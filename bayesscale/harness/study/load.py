"""Read a study file, and say everything that is wrong with it at once."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError

from bayesscale.errors import StudyError, valid_names
from bayesscale.harness.model.config import ModelConfig
from bayesscale.harness.study.config import Study
from bayesscale.harness.study.rules import broken_rules

# What pydantic calls a violation, in words that name the rule.
_RULES = {
    "missing": "is missing",
    "int_from_float": "is a whole number",
    "int_parsing": "is a whole number",
    "int_type": "is a whole number",
    "float_parsing": "is a number",
    "float_type": "is a number",
    "string_type": "is text in quotes",
    "bool_parsing": "is true or false",
    "bool_type": "is true or false",
    "tuple_type": "is a list in [ ]",
    "dict_type": "is a table",
    "model_type": "is a table",
    "model_attributes_type": "is a table",
}
_UNCHECKED = {"folder"}


def load_study(path: Path | str) -> Study:
    """Return the study in a TOML file; a StudyError lists every rule that it breaks."""
    path = Path(path)
    try:
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise StudyError(
            f"a study is a TOML file; {path} cannot be read: {error.strerror}; 'bayesscale harness init' "
            "writes one"
        ) from error
    except UnicodeDecodeError as error:
        raise StudyError(f"a study is a TOML file in UTF-8; {path} is not text; name another file") from error
    return parse_study(text, folder=path.parent, name=str(path))


def parse_study(text: str, *, folder: Path | None = None, name: str = "the study") -> Study:
    """Return the study in the text of a TOML file; a StudyError lists every rule that it breaks.

    Relative paths in it begin in `folder`; messages call it `name`.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise StudyError(
            f"a study is a TOML file; {name} is not valid TOML: {error}; mend that place"
        ) from error
    folder = folder or Path()
    problems = list(_take_shape(raw, folder)) + _problems(raw)
    if problems:
        count = f"{len(problems)} rules are" if len(problems) > 1 else "a rule is"
        listed = "".join(f"\n  {problem}" for problem in problems)
        raise StudyError(f"{count} broken in {name}:{listed}")
    return Study.model_validate({**raw, "folder": folder})


def _take_shape(raw: dict[str, Any], folder: Path) -> Iterator[str]:
    """Fill in the section model from the first checkpoint that the study names, if it is left out."""
    points = [path for given in _tables(raw, "checkpoints") for path in _tables(given, "points")]
    named = [raw["init"]] if isinstance(raw.get("init"), str) else points
    if "model" in raw or not named:
        return
    file = folder / str(named[0]) / "config.json"
    try:
        raw["model"] = ModelConfig.from_huggingface(json.loads(file.read_text())).model_dump()
    except (OSError, ValueError) as error:
        yield (
            f"model: is that of the checkpoint {named[0]}, whose config.json cannot be used: {error}; give "
            "the folder of a Hugging Face T5 v1.1 or mT5, or add the section"
        )


def _tables(raw: Any, name: str) -> list[Any]:
    """Return the values of a table in a table, none if there is no such table."""
    inner = raw.get(name) if isinstance(raw, dict) else None
    return list(inner.values()) if isinstance(inner, dict) else []


def _problems(raw: dict[str, Any]) -> list[str]:
    """Return every violation: those of single sections, then those between the sections that are valid."""
    problems = [
        f"{name}: is no part of a study; {valid_names(name, set(Study.model_fields) - _UNCHECKED)}"
        for name in raw
        if name not in Study.model_fields or name in _UNCHECKED
    ]
    sections: dict[str, Any] = {}
    for name, field in Study.model_fields.items():
        if name in _UNCHECKED:
            continue
        if name not in raw:
            if field.is_required():
                problems.append(f"{name}: is missing; add it")
            else:
                sections[name] = field.get_default(call_default_factory=True)
            continue
        kind: TypeAdapter[Any] = TypeAdapter(_annotated(name))
        found, valid = _validated(kind, name, raw[name])
        problems += found
        if valid is not None:
            sections[name] = valid
    return problems + broken_rules(sections)


def _annotated(name: str) -> Any:
    """Return the type of a section together with its limits."""
    field = Study.model_fields[name]
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


def _validated(kind: TypeAdapter[Any], name: str, value: Any) -> tuple[list[str], Any]:
    """Return the violations of a section, and the section as far as it is valid."""
    try:
        return [], kind.validate_python(value)
    except ValidationError as error:
        problems = _messages(error, name)
        bad = {detail["loc"][0] for detail in error.errors() if detail["loc"]}
    # What is left of a list or a table of equals can still be checked against other sections.
    if isinstance(value, list) and bad:
        rest: Any = [item for index, item in enumerate(value) if index not in bad]
    elif name in ("corpora", "checkpoints") and isinstance(value, dict):
        rest = {key: item for key, item in value.items() if key not in bad}
    else:
        rest = None
    try:
        return problems, kind.validate_python(rest) if rest else None
    except ValidationError:
        return problems, None


def _messages(error: ValidationError, section: str) -> list[str]:
    """Return a line for each place that is wrong."""
    lines: dict[str, list[str]] = {}
    for detail in error.errors(include_url=False):
        if detail["type"] == "too_short" and len(detail["input"]) >= detail["ctx"]["min_length"]:
            continue  # too short only because its items are wrong, which is said already
        parts = [part for part in detail["loc"] if not (isinstance(part, str) and part.startswith("<"))]
        where = section + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts)
        lines.setdefault(where, []).append(_sentence(detail, section, parts))
    return [f"{where}: {'; or '.join(dict.fromkeys(said))}" for where, said in lines.items()]


def _sentence(detail: Any, section: str, parts: Sequence[int | str]) -> str:
    """Return rule, value received and advice for one violation."""
    kind = detail["type"]
    if kind == "extra_forbidden":
        settings = _settings(Study.model_fields[section].annotation, parts)
        return f"is no setting here; {valid_names(str(parts[-1]), settings)}"
    if kind == "missing":
        return "is missing; add it"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "too_short":
        return f"has at least {detail['ctx']['min_length']} entry; received {_short(detail['input'])}"
    rule = _RULES.get(kind) or re.sub(r"^Input should be", "is", detail["msg"])
    return f"{rule}; received {_short(detail['input'])}"


def _settings(kind: Any, parts: Sequence[int | str]) -> set[str]:
    """Return the settings that there are where the last part of a location is."""
    kinds = [kind]
    for part in parts[:-1]:
        kinds = [inner for outer in kinds for inner in _inside(outer, part)]
    models = [one for outer in kinds for one in _alternatives(outer) if _is_model(one)]
    return {name for model in models for name in model.model_fields}


def _inside(kind: Any, part: int | str) -> Iterator[Any]:
    """Yield the types that a part of a value of some type may have."""
    for one in _alternatives(kind):
        if _is_model(one):
            if part in one.model_fields:
                yield one.model_fields[part].annotation
        elif get_origin(one) in (tuple, dict):
            yield get_args(one)[1 if get_origin(one) is dict else 0]


def _alternatives(kind: Any) -> Iterator[Any]:
    """Yield the members of a union, without annotations."""
    if get_origin(kind) is Annotated:
        yield from _alternatives(get_args(kind)[0])
    elif get_origin(kind) in (Union, UnionType):
        for one in get_args(kind):
            yield from _alternatives(one)
    else:
        yield kind


def _is_model(kind: Any) -> bool:
    """Return whether a type is a section."""
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _short(value: Any) -> str:
    """Return a value as it is written, cut where it is long."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
