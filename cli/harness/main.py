"""The group `bayesscale harness`; each command is the function `NAME` in `bayesscale.cli.harness.NAME`."""

from __future__ import annotations

import typer

from bayesscale.cli.main import LazyGroup, list_commands

COMMANDS = {
    "init": "Write a study file to start from.",
    "plan": "Say what a study will cost, before anything runs.",
    "tokenize": "Clean the text, train the tokenizer, write the tokens.",
    "sweep": "Find the rate of pretraining, by its loss after a while.",
    "pretrain": "Pretrain the checkpoints of a mixture.",
    "grid": "Run the whole study; finished cells are skipped.",
    "status": "Say how far a grid is.",
}


class HarnessGroup(LazyGroup):
    """The commands of the harness, imported only when they are called."""

    package = "bayesscale.cli.harness"


app = typer.Typer(
    cls=HarnessGroup,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def harness() -> None:
    """Pretrain on mixtures, finetune the checkpoints, score them: the table that `bayesscale fit` reads."""


list_commands(app, "bayesscale.cli.harness", COMMANDS)
