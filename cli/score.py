"""`bayesscale score`: BLEU and chrF of translations made by any program, as a row of a metrics table."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer
from bayesscale.errors import DataError, UsageError


def score(
    hypotheses: Annotated[Path, typer.Argument(metavar="HYP", help="Translations, one a line.")],
    references: Annotated[Path, typer.Argument(metavar="REF", help="References, one a line.")],
    task: Annotated[str, typer.Option("--task", metavar="NAME", help="The task, such as en-de.")],
    pretrain_tokens: Annotated[
        str, typer.Option("--pretrain-tokens", metavar="D_P", help="Such as 1B; 0 is not pretrained.")
    ],
    finetune_tokens: Annotated[str, typer.Option("--finetune-tokens", metavar="D_F", help="Such as 6M.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Table in .jsonl, appended to.")
    ],
    mixture: Annotated[
        str | None,
        typer.Option("--mixture", metavar="NAME", help="What was pretrained on. Default: none, if D_p is 0."),
    ] = None,
    run: Annotated[str | None, typer.Option("--run", metavar="NAME", help="The training run.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="Its seed.")] = None,
    tokenize: Annotated[
        str, typer.Option("--tokenize", metavar="NAME", help="sacreBLEU's tokenizer for BLEU.")
    ] = "13a",
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Score translations with sacreBLEU, and append the scores to a metrics table."""
    import pandas as pd

    from bayesscale.harness.scoring import bleu, chrf
    from bayesscale.units import parse_tokens

    if find_spec("sacrebleu") is None:
        raise UsageError("score needs sacreBLEU, which is not installed: pip install 'bayesscale[train]'")
    tokens = round(parse_tokens(pretrain_tokens))
    if mixture is None and tokens:
        raise UsageError("--mixture says what was pretrained on; received none with D_p above 0; name it")
    translated, wanted = _lines(hypotheses), _lines(references)
    if len(translated) != len(wanted) or not wanted:
        raise DataError(
            f"every reference has one hypothesis, and there is at least one; {hypotheses} has "
            f"{len(translated)} lines and {references} {len(wanted)}; give files of the same test set"
        )
    found = [bleu(translated, wanted, tokenize=tokenize), chrf(translated, wanted)]
    scores = {each.metric: each.value for each in found}
    scores |= {f"{each.metric}_se": each.se for each in found if each.se is not None}
    labels = {"task": task, "mixture": mixture or "none", "run": run, "seed": seed}
    labels |= {"signature": "; ".join(each.signature for each in found)}
    import_module("bayesscale").record(
        output,
        scores,
        pretrain_tokens=tokens,
        finetune_tokens=round(parse_tokens(finetune_tokens)),
        labels={name: label for name, label in labels.items() if label is not None},
    )
    columns = ["metric", "value", "se", "signature"]
    rows = [{name: getattr(each, name) for name in columns} for each in found]
    answer = Answer(pd.DataFrame(rows), {"file": str(output), "scores": rows})
    print_answer(answer, as_json=as_json, as_csv=as_csv)


def _lines(path: Path) -> list[str]:
    """Return the lines of a text file."""
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path} must be text in UTF-8, a sentence a line; it cannot be read: {error}; name another file"
        ) from error
