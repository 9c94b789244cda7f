"""`bayesscale harness tokenize`: from text to tokens, with a report of what was dropped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bayesscale.cli.harness.options import PresetOption, StudyFile, chosen_study
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer

if TYPE_CHECKING:
    from bayesscale.harness.tokens.prepared import Prepared


def tokenize(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the prepared data go.")
    ],
    file: StudyFile = None,
    preset: PresetOption = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace data that were prepared for another study.")
    ] = False,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Clean the text, train the tokenizer and write the tokens; say what was dropped and why.

    What is prepared already is only opened. Afterwards the study is checked against the number of tokens.
    """
    from bayesscale.harness.tokens.prepare import prepare
    from bayesscale.harness.tokens.supply import check_supply

    study = chosen_study(file, preset)
    prepared = prepare(study, output, report=lambda line: typer.echo(line, err=True), force=force)
    print_answer(_answer(prepared), as_json=as_json, as_csv=as_csv)
    check_supply(study, prepared)


def _answer(prepared: Prepared) -> Answer:
    """Return the report."""
    import pandas as pd

    manifest = prepared.manifest
    rows = [
        _row(language, "text", entry["text"], entry["tokens"])
        for language, entry in manifest["languages"].items()
    ]
    for name, task in manifest["tasks"].items():
        rows += [
            _row(name, part, entry["text"], entry["source_tokens"] + entry["target_tokens"])
            for part, entry in task["parts"].items()
        ]
    document = {"folder": str(prepared.folder), **manifest}
    sentence = (
        f"{prepared.folder}: {manifest['tokenizer']['vocab_size']:,} ids, hash {prepared.hash}; documents "
        "and pairs:"
    )
    return Answer(pd.DataFrame(rows), document, [sentence], ("tokens",))


def _row(name: str, part: str, text: dict[str, Any], tokens: int) -> dict[str, Any]:
    """Return a row of the table."""
    counts = {key: text[key] for key in ("read", "empty", "duplicate", "contaminated", "kept")}
    return {"name": name, "part": part, **counts, "tokens": tokens}
