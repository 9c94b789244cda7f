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
        help="CSV, TSV, Markdown, Parquet, JSON or JSONL, long or wide; results of lm-evaluation-harness, "
        "sacreBLEU or a Hugging Face Trainer; or a folder of them.",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", callback=_one_format, help="One JSON document."),
]
"""The parameter must be named `as_json`."""
CsvOption = Annotated[bool, typer.Option("--csv", callback=_one_format, help="A CSV table.")]
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
            help="Rows to read: 'model=r50|r101', 'D_f>=1K', also != <= > <. Repeatable; all must hold.",
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
            help="Runs, systems or tasks are columns: what they are, such as task for columns like 'en-de "
            "BLEU', or mixture=bleu where all hold one metric.",
        ),
    ] = None
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric",
            metavar="NAME=up,LOW,HIGH",
            help="Declare a metric that is not in the catalogue (down for one that falls). Repeatable.",
        ),
    ] = None
    scale: Annotated[
        list[str] | None,
        typer.Option(
            "--scale",
            metavar="NAME=FACTOR",
            help="Multiply a metric or a size, such as rouge1=100; 1 says that it is right as it is. "
            "Repeatable.",
        ),
    ] = None
    duplicates: Annotated[
        str,
        typer.Option(
            "--duplicates",
            metavar="POLICY",
            help="Rows with one size in one curve: error, or their mean (with its standard error), the best, "
            "last or first of them.",
        ),
    ] = "error"
    from_path: Annotated[
        str | None,
        typer.Option(
            "--from-path",
            metavar="PATTERN",
            help="Columns from the path: '{mixture}/step{pretrain_steps}'.",
        ),
    ] = None
    tokens_per_step: Annotated[
        str | None,
        typer.Option(
            "--tokens-per-step",
            metavar="TOKENS",
            help="Tokens of a step, such as 2M, where the sizes along the curve are steps.",
        ),
    ] = None
    decimal: Annotated[
        str | None,
        typer.Option(
            "--decimal",
            metavar="MARK",
            help="Decimal mark of the numbers, . or , where the file does not show it.",
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
        Path | None, typer.Option(help="TOML file of priors; see `bayesscale priors --toml`.")
    ] = None
    breaks: Annotated[
        str | None,
        typer.Option(
            help="Laws that may break: scores, all or none. Default: scores along pretrain_tokens, none "
            "along finetune_tokens."
        ),
    ] = None
    discrepancy: Annotated[
        bool,
        typer.Option(
            "--discrepancy/--no-discrepancy",
            help="Let curves deviate from their laws, or hold them to these.",
        ),
    ] = True
    law: Annotated[
        str,
        typer.Option(
            help="Laws of scores: all (every curve follows the one that suits it), log, saturating, rising, "
            "several with commas between them, or paper (exactly the two laws of arXiv 2402.04177). "
            "`bayesscale laws` lists formulas."
        ),
    ] = "all"
    draws: Annotated[int, typer.Option(help="Draws kept of each chain.")] = 500
    chains: Annotated[int, typer.Option(help="Independent chains.")] = 4
    cores: Annotated[int | None, typer.Option(help="Chains at a time; the draws do not depend on it.")] = None
    longest: Annotated[
        int,
        typer.Option(
            help="Most sweeps between two kept draws: chains go on, with draws further apart, until they "
            "have converged or reach it."
        ),
    ] = 20
    seed: Annotated[int, typer.Option(help="Same data, seed and version: same draws.")] = 0

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
