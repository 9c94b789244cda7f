"""What docs/reference.md says: the metrics table, exit codes, the options of all commands, fields of JSON."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

from bayesscale.cli.fit_options import Choice, Drawing, NewCurves, Printing
from bayesscale.cli.main import COMMANDS, load_command
from bayesscale.cli.options import Fitting, Reading
from bayesscale.metrics.catalogue import CATALOGUE

SHARED: dict[Any, str] = {
    Reading: "Options that read a table",
    Fitting: "Options that fit a model",
    Choice: "Options that choose curves",
    NewCurves: "Options that describe new curves",
    Drawing: "Options that draw an answer",
    Printing: "Options that print an answer",
}
"""Bundles of options that several commands take, and the sections that list them."""

_COLUMNS = (
    ("`task`", "no: `all`", "what was finetuned for, such as `en-de`"),
    ("`mixture`", "no: `all`, or `none` if D_p is 0", "what was pretrained on, such as `50en+50de`"),
    (
        "`pretrain_tokens`",
        "yes, unless the curves are in D_f",
        "D_p, the size along a curve; 0 is the same model finetuned from random initialisation",
    ),
    (
        "`finetune_tokens`",
        "only with `--axis finetune_tokens`",
        "D_f, the other size; with this option the size along a curve",
    ),
    ("`pretrain_steps`, `finetune_steps`", "no", "sizes in steps, for `--tokens-per-step`"),
    ("`metric`, `value`", "yes, or a column for each metric", "a metric by its name, and its value"),
    ("`se`", "no", "standard error of the value, for instance from the bootstrap"),
    ("`run`, `seed`, `model_params`", "no", "which training it was, and its number of parameters"),
    ("`signature`", "no", "the sacreBLEU signature; scores with different ones are not pooled"),
    ("`share_en`, `share_de`, ...", "no", "shares of the languages in the mixture, which sum to 1"),
    ("`alignment`", "no: from the shares", "how well the mixture fits the task, between 0 and 2"),
)
_CODES = (
    (0, "done"),
    (
        1,
        "a defect of this program; in the harness, a cell failed, or memory or disk ran out; for `doctor`, "
        "something that is needed is missing or fails",
    ),
    (2, "an option or argument cannot be used, or a file cannot be written"),
    (3, "data, study or fit file break a rule, or the fit cannot answer the question"),
    (4, "a fit failed, or its diagnostics did: what was written or printed says so"),
    (130, "interrupted"),
)


_ABOVE = """\
# Reference

Generated from the program by `docs/generate.py`.

## The metrics table

A table is a file or a folder; [Your table](tables.md) lists all that is read. It is long, with a row for each
score, or wide, with a column for each metric (`bleu`, and its standard error in `bleu_se`). `--columns` gives
columns these names:
"""
_ALIGNMENT = """\
Alignment is `P_s * P_t + 0.7 * P_s + 0.8 * P_t` (arXiv 2402.04177, section 3). `P_s` and `P_t` are the shares
of the task's source and target language in the mixture. It is 0 if the mixture has neither language, 0.7 for
the source alone, 0.8 for the target alone, and 1 for half of each. It is computed only for tasks whose name
is, or ends in, a pair of language codes such as `en-fr`. Values in the table replace it.

Values are on the usual scale: BLEU 0-100, COMET 0-1, cross-entropy in nats per token. Metrics may be spelled
in any usual way; `--metric` declares others. These are known:
"""
_JSON = """\
## JSON

Fields of `--json`, by command. Fields may be added; none is taken away. Unknown is null. Of lists, and of
objects that hold others by name, the fields of an element are in brackets.
"""


def table(heads: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table in Markdown.

    Parameters
    ----------
    heads : sequence of str
        Headings.
    rows : iterable of sequences
        Cells.
    """
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines) + "\n"


def _cell(value: Any) -> str:
    """Return a cell; a bar would end it."""
    text = f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def commands() -> dict[str, Any]:
    """Return every command by its name, such as 'harness plan'; a group comes before its commands."""
    found = {}
    for name in COMMANDS:
        found[name] = load_command(name)
        for own in getattr(found[name], "commands", ()):
            found[f"{name} {own}"] = load_command(f"{name}.{own}")
    return found


def reference_page() -> str:
    """Return the page."""
    return "\n".join(
        [
            _ABOVE,
            table(("column", "required", "what it holds"), _COLUMNS),
            _ALIGNMENT,
            *_metrics(),
            "## Exit codes\n",
            table(("code", "meaning"), _CODES),
            "## Shared options\n",
            *_shared(),
            "## Commands\n",
            *_commands(),
            _JSON,
            *_schemas(),
        ]
    )


def _metrics() -> Iterator[str]:
    """Yield the metrics of the catalogue by their direction."""
    for improves, told in (("up", "larger is better"), ("down", "smaller is better")):
        names = ", ".join(f"`{name}`" for name, spec in CATALOGUE.items() if spec.improves == improves)
        yield f"- {told}: {names}"
    yield ""


def _bundles(name: str) -> list[Any]:
    """Return the bundles of options that a command takes, see `bayesscale.cli.options.takes_options`."""
    own = name.rpartition(" ")[2]
    function = getattr(import_module(f"bayesscale.cli.{name.replace(' ', '.')}"), own, None)
    original = getattr(function, "__wrapped__", None)
    if original is None:
        return []
    taken = [
        parameter.annotation for parameter in inspect.signature(original, eval_str=True).parameters.values()
    ]
    return [each for each in taken if hasattr(each, "_fields")]


def _shared() -> Iterator[str]:
    """Yield a section for each bundle of options."""
    known = commands()
    for bundle, title in SHARED.items():
        takers = [name for name in known if bundle in _bundles(name)]
        own = [parameter for parameter in known[takers[0]].params if parameter.name in bundle._fields]
        yield f"### {title}\n\nOf {', '.join(f'`{name}`' for name in takers)}.\n"
        yield table(("option", "meaning", "default"), map(_option, own))


def _commands() -> Iterator[str]:
    """Yield a section for each command."""
    for name, command in commands().items():
        if hasattr(command, "commands"):
            yield f"### {name}\n\n{COMMANDS[name]} [harness.md](harness.md) explains it.\n"
            continue
        bundles = _bundles(name)
        shared = {"help", *(field for bundle in bundles for field in bundle._fields)}
        own = [parameter for parameter in command.params if parameter.name not in shared]
        yield f"### {name}\n\n{' '.join((command.help or '').split())}\n"
        if own:
            yield table(("argument or option", "meaning", "default"), map(_option, _arguments_first(own)))
        if bundles:
            links = (
                f"[{SHARED[each].lower()}](#{SHARED[each].lower().replace(' ', '-')})" for each in bundles
            )
            yield f"Also {', '.join(links)}.\n"


def _arguments_first(parameters: Iterable[Any]) -> list[Any]:
    """Return arguments, then options, as the help lists them."""
    return sorted(parameters, key=lambda parameter: parameter.param_type_name != "argument")


def _option(parameter: Any) -> tuple[str, str, str]:
    """Return one option or argument: its names, its meaning, its default."""
    meaning = getattr(parameter, "help", "") or ""
    default = "required" if parameter.required else _default(parameter)
    if parameter.param_type_name == "argument":
        return f"`{parameter.metavar or parameter.name.upper()}`", meaning, default
    names = ", ".join([*parameter.opts, *parameter.secondary_opts])
    value = "" if parameter.is_flag else f" {parameter.metavar or 'VALUE'}"
    return f"`{names}{value}`", meaning, default


def _default(parameter: Any) -> str:
    """Return the default of an option that has one; of two flags the name of that which holds."""
    default = parameter.default
    if default is None or callable(default):
        return ""
    if getattr(parameter, "is_flag", False):
        chosen = parameter.opts if default else parameter.secondary_opts
        return chosen[0].lstrip("-") if parameter.secondary_opts else ""
    return str(default)


def _schemas() -> Iterator[str]:
    """Yield the fields of each document; those that all answers to a fit have once."""
    from tests.documents import documents

    found = documents()
    answers = [name for name in found if Printing in _bundles(name.partition(" --")[0])]
    common = [key for key in found[answers[0]] if all(key in found[name] for name in answers)]
    yield f"### Fields of every answer to a fit\n\n{_fields(found[answers[0]], common)}"
    for name, document in found.items():
        own = [key for key in document if name not in answers or key not in common]
        also = (
            "The [fields of every answer](#fields-of-every-answer-to-a-fit), and:\n\n"
            if name in answers
            else ""
        )
        yield f"### {name}\n\n{also}{_fields(document, own)}"


def _fields(document: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return some fields of a document, and what they are."""
    return table(("field", "value"), [(f"`{key}`", _kind(document[key])) for key in keys])


def _kind(value: Any) -> str:
    """Return what a value is."""
    if isinstance(value, list | dict):
        inner = list(value.values()) if isinstance(value, dict) else value
        name = "object" if isinstance(value, dict) else "list"
        if not inner or not all(isinstance(each, dict) for each in inner):
            return name
        return f"{name} of ({', '.join(dict.fromkeys(key for each in inner for key in each))})"
    kinds = {bool: "true or false", str: "text", int: "number", float: "number", type(None): "text or null"}
    return kinds[type(value)]
