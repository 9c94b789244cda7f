"""`bayesscale plan`: which next measurement teaches most about a question, per unit of cost."""

from __future__ import annotations

from typing import Annotated

import typer

from bayesscale.cli.fit_options import Choice, FitFile, Printing, load_fit, parse_names, parse_sizes
from bayesscale.cli.options import takes_options
from bayesscale.units import parse_tokens


@takes_options
def plan(
    file: FitFile,
    question: Annotated[
        str,
        typer.Option(
            "--question",
            metavar="NAME",
            help="forecast: a score at a size. break: whether the law breaks. better: which mixture is.",
        ),
    ],
    choice: Choice,
    printing: Printing,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="SIZE", help="Size that the question is about. Default for break: the last size."
        ),
    ] = None,
    versus: Annotated[
        str | None, typer.Option("--versus", metavar="MIXTURE", help="For better: the other mixture.")
    ] = None,
    candidate_tokens: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate-tokens",
            metavar="SIZE,...",
            help="Sizes to measure at. Default: some beyond, between and missing on each curve.",
        ),
    ] = None,
    candidate_mixture: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate-mixture",
            metavar="NAME,...",
            help="Mixtures to measure, old or new. Default: all measured.",
        ),
    ] = None,
    candidate_other: Annotated[
        list[str] | None,
        typer.Option(
            "--candidate-finetune-tokens",
            metavar="SIZE,...",
            help="D_f to measure, old or new (D_p where the curves are in D_f). Default: all measured.",
        ),
    ] = None,
    cost_pretrain: Annotated[
        float, typer.Option("--cost-pretrain", metavar="PRICE", help="Price of a token of pretraining.")
    ] = 1.0,
    cost_finetune: Annotated[
        float, typer.Option("--cost-finetune", metavar="PRICE", help="Price of a token of finetuning.")
    ] = 1.0,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Pretraining cannot be continued from old checkpoints.")
    ] = False,
    outcomes: Annotated[
        int, typer.Option("--outcomes", metavar="N", help="Simulated outcomes of each candidate.")
    ] = 400,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Seed of the simulation. Default: that of the fit."),
    ] = None,
) -> None:
    """Rank the next measurements by what they are expected to teach about a question, and by their cost.

    A measurement is one checkpoint, finetuned and scored. Nothing is fitted anew. Exit code 4 if the fit did
    not converge; the answer is printed all the same.
    """
    from bayesscale.questions.plan.ask import plan as ask
    from bayesscale.questions.plan.candidates import Prices
    from bayesscale.questions.plan.quantities import Query
    from bayesscale.questions.select import Selection

    size = None if at is None else parse_tokens(at)
    sizes = None if candidate_tokens is None else parse_sizes("--candidate-tokens", candidate_tokens)
    other = None if candidate_other is None else parse_sizes("--candidate-finetune-tokens", candidate_other)
    prices = Prices(cost_pretrain, cost_finetune, continued=not from_scratch)
    fit = load_fit(file)
    query = Query(question, Selection(**choice.curves(fit)), size, choice.one_metric(), versus)
    candidates = Selection(tasks=choice.task, mixtures=parse_names(candidate_mixture), other_sizes=other)
    answer = ask(
        fit, query, candidates=candidates, sizes=sizes, prices=prices, prob=choice.interval,
        outcomes=outcomes, seed=seed,
    )  # fmt: skip
    printing.show(answer)
