"""Options and steps that the commands on a fit share: read it, choose what is asked, end with its code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer as Printed
from bayesscale.cli.output import print_answer
from bayesscale.errors import UsageError
from bayesscale.units import parse_tokens

if TYPE_CHECKING:
    from bayesscale.inference import Fit
    from bayesscale.questions.answer import Answer

_THOUSANDS = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)
NOT_CONVERGED = 4
"""Exit code of an answer from draws whose diagnostics failed."""

FitFile = Annotated[Path, typer.Argument(metavar="FIT", help="A file written by 'bayesscale fit'.")]
IntervalOption = Annotated[
    float, typer.Option("--interval", metavar="PROB", help="Probability of the equal-tailed intervals.")
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace a file that exists.")]
NoiseSeedOption = Annotated[
    int | None,
    typer.Option(
        "--seed",
        metavar="N",
        min=0,
        help="Seed of noise and of what was not measured. Default: that of the fit.",
    ),
]


class Choice(NamedTuple):
    """The options that say which curves and metrics of a fit are asked about, and with which intervals."""

    interval: IntervalOption = 0.9
    task: Annotated[
        list[str] | None, typer.Option("--task", metavar="NAME", help="Only this task. Repeatable.")
    ] = None
    mixture: Annotated[
        list[str] | None,
        typer.Option("--mixture", metavar="NAME", help="Only this mixture, measured or new. Repeatable."),
    ] = None
    finetune_tokens: Annotated[
        list[str] | None,
        typer.Option(
            "--finetune-tokens",
            metavar="SIZE,...",
            help="D_f of the curves, measured or not. Default: all measured.",
        ),
    ] = None
    pretrain_tokens: Annotated[
        list[str] | None,
        typer.Option(
            "--pretrain-tokens",
            metavar="SIZE,...",
            help="D_p, where the curves are in D_f. Default: all measured.",
        ),
    ] = None
    metric: Annotated[
        list[str] | None,
        typer.Option("--metric", metavar="NAME,...", help="Only these metrics. Repeatable."),
    ] = None

    def curves(self, fit: Fit) -> dict[str, Any]:
        """Return the choice of curves as the questions take it."""
        sizes = other_sizes(fit, self.finetune_tokens, self.pretrain_tokens)
        return {"tasks": self.task, "mixtures": self.mixture, "other_sizes": sizes}

    def asked(self, fit: Fit) -> dict[str, Any]:
        """Return curves, metrics and probability as most questions take them."""
        return {**self.curves(fit), "metrics": parse_names(self.metric), "prob": self.interval}

    def one_metric(self) -> str | None:
        """Return the metric, for questions that are about one."""
        names = parse_names(self.metric) or []
        if len(names) > 1:
            raise UsageError(f"--metric is one metric here; received {', '.join(names)}; name one of them")
        return names[0] if names else None


class NewCurves(NamedTuple):
    """The options that describe curves that were not measured."""

    share: Annotated[
        list[str] | None,
        typer.Option(
            "--share", metavar="LANG=SHARE,...", help="Language shares of a new mixture, fr=0.5,en=0.5."
        ),
    ] = None
    alignment: Annotated[
        float | None,
        typer.Option(
            "--alignment",
            metavar="VALUE",
            help="Alignment of a new mixture and its task, where shares are not known.",
        ),
    ] = None
    seed: NoiseSeedOption = None

    def asked(self) -> dict[str, Any]:
        """Return the options as the questions take them."""
        return {"shares": parse_shares(self.share), "alignment": self.alignment, "seed": self.seed}


class Printing(NamedTuple):
    """The options that say how an answer is printed."""

    as_json: JsonOption = False
    as_csv: CsvOption = False
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Print all notes, further columns and tables, and what they mean."
        ),
    ] = False

    def show(self, answer: Answer) -> None:
        """Print the answer to a question, and end with the exit code of its fit."""
        if self.as_json or self.as_csv:
            printed = Printed(answer.frame(), answer.document())
            print_answer(printed, as_json=self.as_json, as_csv=self.as_csv)
        else:
            print(answer.text(verbose=self.verbose))
        end(answer.fit)


class Drawing(NamedTuple):
    """The options that ask for a picture of an answer."""

    picture: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the answer: .png, .pdf or .svg.")
    ] = None
    force: ForceOption = False

    def check(self) -> None:
        """Refuse a file that is no picture, before anything takes time."""
        from bayesscale.figures.picture import check_suffix

        if self.picture:
            check_suffix(self.picture)

    def draw(self, answer: Answer) -> None:
        """Write the picture of an answer, and its name to stderr, where one is asked for."""
        if self.picture:
            for written in answer.plot().save(self.picture, force=self.force):
                typer.echo(str(written), err=True)


def load_fit(path: Path) -> Fit:
    """Return the fit in a file; FitFileError if there is none."""
    from bayesscale.inference import load

    return load(path)


def one_size(option: str, text: str) -> float:
    """Return the size of an option that takes one."""
    sizes = parse_sizes(option, [text])
    if len(sizes) != 1:
        raise UsageError(f"{option} is one size here; received {text!r}; write one size")
    return sizes[0]


def parse_sizes(option: str, texts: Sequence[str]) -> list[float]:
    """Return the sizes of an option such as `--tokens 1e12,1T`."""
    sizes = []
    for text in texts:
        parts = [part.strip() for part in text.split(",")]
        if _THOUSANDS.fullmatch(text.strip()):
            raise UsageError(
                f"{option} takes sizes separated by commas; received {text!r}, in which the commas may group "
                f"thousands; write {text.replace(',', '')}, or repeat {option} for each size"
            )
        sizes += [parse_tokens(part) for part in parts]
    return sizes


def parse_names(texts: Iterable[str] | None) -> list[str] | None:
    """Return the names of an option that may be repeated or hold several, None if it was not used."""
    if texts is None:
        return None
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def other_sizes(fit: Fit, finetune: list[str] | None, pretrain: list[str] | None) -> list[float] | None:
    """Return the values asked for of the size that is constant on a curve."""
    along = fit.curves.axis_name
    given = {"finetune_tokens": finetune, "pretrain_tokens": pretrain}
    if given.pop(along) is not None:
        option = f"--{along.replace('_', '-')}"
        raise UsageError(
            f"sizes along the curves, here {along}, are given by --tokens; received {option}; use --tokens"
        )
    ((name, texts),) = given.items()
    return None if texts is None else parse_sizes(f"--{name.replace('_', '-')}", texts)


def end(fit: Fit) -> None:
    """Say on stderr that a fit did not converge, and stop with the exit code that says the same."""
    if not fit.status.ok:
        typer.echo(f"warning: {fit.status}", err=True)
        raise typer.Exit(NOT_CONVERGED)


def parse_shares(texts: list[str] | None) -> dict[str, float] | None:
    """Return the shares of `--share fr=0.5,en=0.5`, None if it was not used."""
    if texts is None:
        return None
    shares: dict[str, float] = {}
    for part in (part for text in texts for part in text.split(",")):
        language, sign, number = (piece.strip() for piece in part.partition("="))
        try:
            shares[language] = float(number)
        except ValueError:
            sign = ""
        if not (language and sign):
            raise UsageError(
                f"--share is language=share; received {part!r}; write for instance --share fr=0.5"
            )
    return shares
