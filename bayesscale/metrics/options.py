"""How a table is to be read: the options of the command line and of Python as one value."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.catalogue import declared_metric, normalised
from bayesscale.metrics.names.columns import SIZES
from bayesscale.units import parse_tokens

DUPLICATES = ("error", "mean", "best", "last", "first")


@dataclass(frozen=True)
class Options:
    """How a table is to be read; `read_metrics` describes each part."""

    columns: Mapping[str, str] = field(default_factory=dict)
    axis: str = SIZES[0]
    curve: tuple[str, ...] | None = None
    where: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    melt: str | None = None
    metric: Mapping[str, str] = field(default_factory=dict)
    scale: Mapping[str, float] = field(default_factory=dict)
    duplicates: str = DUPLICATES[0]
    from_path: str | None = None
    tokens_per_step: float | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, whatever the table."""
        if self.axis not in SIZES:
            raise UsageError(
                f"--axis is a column of sizes; received {self.axis!r}; {valid_names(self.axis, SIZES)}"
            )
        if self.duplicates not in DUPLICATES:
            raise UsageError(
                f"--duplicates is a policy; received {self.duplicates!r}; "
                f"{valid_names(self.duplicates, DUPLICATES)}"
            )
        if self.decimal not in (None, ".", ","):
            raise UsageError(f"--decimal is a point or a comma; received {self.decimal!r}; write --decimal ,")
        if self.curve is not None and not self.curve:
            raise UsageError(
                "--curve needs at least one column, for instance --curve task,mixture; received none"
            )
        factors = [
            *self.scale.values(),
            *([self.tokens_per_step] if self.tokens_per_step is not None else []),
        ]
        if bad := [factor for factor in factors if not _is_factor(factor)]:
            raise UsageError(f"--scale and --tokens-per-step are numbers above 0; received {bad[0]!r}")

    @property
    def declared(self) -> dict[str, str]:
        """Normalised name to full name of each metric that is declared."""
        return {normalised(name): declared_metric(name, text).name for name, text in self.metric.items()}

    def with_option(self, text: str) -> Options:
        """Return the same with more options, as on the command line: `--columns pretrain_tokens=step`."""
        words = shlex.split(text)
        changed = self
        for name, value in zip(words[::2], words[1::2], strict=True):
            changed = changed._with(name.removeprefix("--").replace("-", "_"), value)
        return changed

    def _with(self, name: str, value: str) -> Options:
        """Return the same with one option more."""
        old = getattr(self, name)
        new: object = value
        if name == "columns":
            new = {**old, **parse_pairs([value], "columns", "pretrain_tokens=D_p")}
        elif name == "metric":
            new = {**old, **parse_declarations([value])}
        elif name == "scale":
            new = {**old, **parse_factors([value])}
        elif name in ("ignore", "where"):
            new = (*old, value)
        elif name == "curve":
            new = tuple(value.split(","))
        elif name == "tokens_per_step":
            new = parse_tokens(value)
        return replace(self, **{name: new})  # type: ignore[arg-type]

    def arguments(self) -> list[str]:
        """Return the options that are not the usual ones, as arguments of the command line."""
        usual, found = Options(), []
        plain = [f"{new}={old}" for new, old in self.columns.items() if "," not in old and "=" not in old]
        found += [("columns", ",".join(plain))] if plain else []
        found += [("columns", f"{n}={old}") for n, old in self.columns.items() if f"{n}={old}" not in plain]
        if self.axis != usual.axis:
            found.append(("axis", self.axis))
        found += [("curve", ",".join(self.curve))] if self.curve else []
        found += [("where", condition) for condition in self.where]
        found += [("ignore", column) for column in self.ignore]
        found += [("melt", self.melt)] if self.melt else []
        found += [("metric", f"{name}={text}") for name, text in self.metric.items()]
        found += [("scale", f"{name}={factor:g}") for name, factor in self.scale.items()]
        if self.duplicates != usual.duplicates:
            found.append(("duplicates", self.duplicates))
        found += [("from-path", self.from_path)] if self.from_path else []
        found += [("tokens-per-step", f"{self.tokens_per_step:g}")] if self.tokens_per_step else []
        found += [("decimal", self.decimal)] if self.decimal else []
        return [part for name, value in found for part in (f"--{name}", value)]


def _is_factor(factor: object) -> bool:
    """Return whether something is a finite number above 0; text is none, in Python as well."""
    return isinstance(factor, Real) and 0 < float(factor) < float("inf")


def option(name: str, value: str) -> str:
    """Return an option as it is written on the command line, quoted where a shell needs it."""
    return f"--{name} {shlex.quote(value)}"


def parse_pairs(options: Iterable[str], name: str, example: str) -> dict[str, str]:
    """Return the pairs of an option such as `--columns new=old,new=old`, given any number of times.

    Where a part between commas is no pair, the commas belong to the value before it. UsageError, with
    `example`, if a part is no pair or a new name is given twice.
    """
    pairs: dict[str, str] = {}
    for text in options:
        parts: list[str] = []
        for part in text.split(","):
            if parts and "=" not in part and name == "columns" and part.strip():
                parts[-1] += f",{part}"
            else:
                parts.append(part)
        for part in parts:
            new, sign, old = (piece.strip() for piece in part.partition("="))
            if not (new and sign and old):
                raise UsageError(
                    f"--{name} is new=old; received {part!r}; write for instance --{name} {example}"
                )
            if new in pairs:
                raise UsageError(f"--{name} gives a name once; received {new!r} twice; keep one of them")
            pairs[new] = old
    return pairs


def parse_factors(options: Iterable[str]) -> dict[str, float]:
    """Return the numbers of `--scale NAME=FACTOR,...`."""
    factors = {}
    for new, text in parse_pairs(options, "scale", "rouge1=100").items():
        try:
            factors[new] = float(text)
        except ValueError:
            raise UsageError(
                f"--scale is NAME=FACTOR; received {new}={text}; write for instance --scale rouge1=100"
            ) from None
    return factors


def parse_declarations(options: Iterable[str]) -> dict[str, str]:
    """Return the declarations of `--metric NAME=up,0,100`, one a time."""
    declarations = {}
    for text in options:
        name, _, declaration = text.partition("=")
        declared_metric(name, declaration)
        declarations[name.strip()] = declaration
    return declarations


def parse_names(options: Sequence[str] | None) -> tuple[str, ...] | None:
    """Return the names of an option that is a list with commas; None where it is not given."""
    if options is None:
        return None
    return tuple(dict.fromkeys(name.strip() for part in options for name in part.split(",") if name.strip()))
