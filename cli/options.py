"""Options that several commands share: how to read a metrics table, and how to write the answer."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, get_type_hints

import typer

from bayesscale.errors import UsageError

if TYPE_CHECKING:
    from bayesscale.inference import Sampler
    from bayesscale.metrics.table import Metrics
    from bayesscale.models.priors import Priors


def _one_format(context: typer.Context, wanted: bool) -> bool:
    """Refuse the second of --json and --csv."""
    if wanted and (context.params.get("as_json") or context.params.get("as_csv")):
        raise typer.BadParameter("--json and --csv both ask for stdout; choose one of them")
    return wanted


MetricsFile = Annotated[
    Path,
    typer.Argument(
        metavar="FILE",
        help="CSV, TSV, Markdown, Parquet, JSON, JSONL or a log, long or wide, or a folder of them. Also "
        "results of lm-evaluation-harness, sacreBLEU or a Hugging Face Trainer.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", callback=_one_format, help="Print one JSON document."),
]
"""The parameter must be named `as_json`."""
CsvOption = Annotated[bool, typer.Option("--csv", callback=_one_format, help="Print a CSV table.")]
"""The parameter must be named `as_csv`."""


class Reading(NamedTuple):
    """The options that say how a metrics table is read, in the order of the help; see `read_metrics`."""

    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--columns",
            metavar="NEW=OLD,...",
            help="Names for the columns, such as pretrain_tokens=D_p or task=src+tgt. Repeatable.",
        ),
    ] = None
    axis: Annotated[
        str,
        typer.Option(
            "--axis",
            metavar="COLUMN",
            help="Size along a curve: pretrain_tokens, or finetune_tokens for curves in D_f.",
        ),
    ] = "pretrain_tokens"
    curve: Annotated[
        list[str] | None,
        typer.Option(
            "--curve",
            metavar="COLUMN,...",
            help="What defines a curve. Default: task, mixture, the other size, model_params if it varies.",
        ),
    ] = None
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="CONDITION",
            help="Read only rows that meet a condition, such as 'model=r50|r101' or 'D_f>=1K' (also != <= > "
            "<). Repeatable; rows must meet all.",
        ),
    ] = None
    ignore: Annotated[
        list[str] | None,
        typer.Option("--ignore", metavar="COLUMN", help="A column to leave unread. Repeatable."),
    ] = None
    melt: Annotated[
        str | None,
        typer.Option(
            "--melt",
            metavar="LABEL[=METRIC]",
            help="For a table with a column for each run, system or task: which of these it is. Such as task "
            "for columns like 'en-de BLEU', or mixture=bleu if all hold one metric.",
        ),
    ] = None
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME=up|down,LOW,HIGH[,TYPICAL]",
            help="Declare a metric that is not in the catalogue: up if larger is better, else down. LOW is "
            "at least 0. If HIGH is inf, a typical value must follow. Repeatable.",
        ),
    ] = None
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            metavar="NAME=FACTOR",
            help="Multiply a metric or a size by a factor, such as rouge1=100; 1 says that it is right as it "
            "is. Repeatable.",
        ),
    ] = None
    duplicates: Annotated[
        str,
        typer.Option(
            "--duplicates",
            metavar="POLICY",
            help="What to do with rows that repeat a size of a curve: error, mean (with its standard error), "
            "best, last or first.",
        ),
    ] = "error"
    from_path: Annotated[
        str | None,
        typer.Option(
            "--from-path",
            metavar="PATTERN",
            help="Read columns from the path, as in '{mixture}/step{pretrain_steps}'.",
        ),
    ] = None
    tokens_per_step: Annotated[
        str | None,
        typer.Option(
            "--tokens-per-step",
            metavar="TOKENS",
            help="Tokens in a step, such as 2M, if the sizes along the curve are steps.",
        ),
    ] = None
    decimal: Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar="MARK",
            help="Decimal mark of the numbers, . or , if the file does not show it.",
        ),
    ] = None

    def table(self, file: Path | None, example: str | None, *, where: Sequence[str] = ()) -> Metrics:
        """Read the metrics table of a file or of a bundled example."""
        if (file is None) == (example is None):
            raise UsageError("give a metrics table or --example NAME, one of the two")
        if file is not None:
            return self.read(file, where=where)
        from dataclasses import replace

        from bayesscale.metrics.examples import example_path

        return replace(self.read(example_path(str(example)), where=where), source=f"example {example}")

    def read(self, file: Path, *, where: Sequence[str] = ()) -> Metrics:
        """Read a metrics table as the options say."""
        from bayesscale.metrics import options
        from bayesscale.metrics.read import read_metrics
        from bayesscale.units import parse_tokens

        return read_metrics(
            file,
            columns=options.parse_pairs(self.columns or (), "columns", "pretrain_tokens=D_p"),
            axis=self.axis,
            curve=options.parse_names(self.curve),
            where=[*(self.where or ()), *where],
            ignore=self.ignore or (),
            melt=self.melt,
            metric=options.parse_declarations(self.metric or ()),
            scale=options.parse_factors(self.scale or ()),
            duplicates=self.duplicates,
            from_path=self.from_path,
            tokens_per_step=None if self.tokens_per_step is None else parse_tokens(self.tokens_per_step),
            decimal=self.decimal,
        )


class Fitting(NamedTuple):
    """The options that say how a model is fitted, as `bayesscale fit` has them."""

    priors: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file of priors; see `bayesscale priors --toml`."),
    ] = None
    breaks: Annotated[
        str | None,
        typer.Option(
            metavar="WHICH",
            help="Laws that may break: scores, all or none. Default: scores along pretrain_tokens, none "
            "along finetune_tokens.",
        ),
    ] = None
    discrepancy: Annotated[
        bool,
        typer.Option(
            "--discrepancy/--no-discrepancy",
            help="Whether curves may deviate from their laws.",
        ),
    ] = True
    law: Annotated[
        str,
        typer.Option(
            metavar="NAME,...",
            help="Laws that scores may follow: log, saturating, rising, or several of them. all: each curve "
            "follows the law that suits it. paper: exactly the two laws of arXiv 2402.04177. `bayesscale "
            "laws` lists formulas.",
        ),
    ] = "all"
    draws: Annotated[int, typer.Option(metavar="N", help="Draws kept from each chain.")] = 500
    chains: Annotated[int, typer.Option(metavar="N", help="Number of independent chains.")] = 4
    cores: Annotated[
        int | None,
        typer.Option(metavar="N", help="Number of chains run in parallel. Does not change the draws."),
    ] = None
    longest: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Largest number of sweeps between two kept draws, on average. Chains go on, with draws "
            "further apart, until they converge or reach it.",
        ),
    ] = 20
    seed: Annotated[
        int, typer.Option(metavar="N", help="The same data, seed and version give the same draws.")
    ] = 0

    def sampler(self) -> Sampler:
        """Return the settings of the sampler."""
        from bayesscale.inference import Sampler

        return Sampler(self.draws, self.chains, self.cores, self.seed, self.longest)

    def read_priors(self) -> Priors:
        """Return the priors of the file, or the documented ones."""
        from bayesscale.models.priors import Priors, load_priors

        return load_priors(self.priors) if self.priors else Priors()


def takes_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of each bundle (a `NamedTuple`) that it takes as one parameter."""
    signature = inspect.signature(command, eval_str=True)
    bundles: dict[str, Any] = {
        name: parameter.annotation
        for name, parameter in signature.parameters.items()
        if hasattr(parameter.annotation, "_fields")
    }
    # First what only this command has, then what it shares with others.
    parameters = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for name, parameter in signature.parameters.items()
        if name not in bundles
    ]
    for bundle in bundles.values():
        hints, defaults = get_type_hints(bundle, include_extras=True), bundle._field_defaults
        parameters += [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, annotation=hints[name], default=defaults[name]
            )
            for name in bundle._fields
        ]

    @wraps(command)
    def called(**arguments: Any) -> None:
        for name, bundle in bundles.items():
            arguments[name] = bundle(**{each: arguments.pop(each) for each in bundle._fields})
        command(**arguments)

    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return called
