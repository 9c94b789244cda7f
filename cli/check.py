"""`bayesscale check`: what was understood of a metrics table, or every violation."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from bayesscale.cli.options import CsvOption, JsonOption, MetricsFile, Reading, takes_options
from bayesscale.cli.output import Answer, print_answer

if TYPE_CHECKING:
    from bayesscale.metrics.problems import MetricsError


@takes_options
def check(
    file: MetricsFile,
    reading: Reading,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Read a metrics table and say what was understood, or every violation.

    Exit code 3 if the table breaks a rule. With --json or --csv, all violations are on stdout. Without them,
    a message that groups them is on stderr.
    """
    from bayesscale.metrics.problems import MetricsError

    try:
        metrics = reading.read(file)
    except MetricsError as error:
        if not (as_json or as_csv):
            raise
        print_answer(_violations(error), as_json=as_json, as_csv=as_csv)
        raise typer.Exit(error.exit_code) from None
    from bayesscale.metrics.describe import curve_table, document, sentences

    table = curve_table(metrics)
    if not as_csv:  # a program finds every column, a person those that say something
        empty = table.assign(with_se=table["with_se"].where(table["with_se"] > 0)).isna().all()
        table = table.loc[:, ~empty]
    answer = Answer(table, document(metrics), sentences(metrics), sizes=("smallest", "largest"))
    print_answer(answer, as_json=as_json, as_csv=as_csv)


def _violations(error: MetricsError) -> Answer:
    """Return all violations for a program."""
    import pandas as pd

    problems = [asdict(problem) for problem in error.problems]
    document = {
        "status": "violations",
        "source": error.source,
        "unit": error.unit,
        "problems": problems,
        "accepted": None if error.accepted is None else list(error.accepted),
    }
    frame = pd.DataFrame(problems).drop(columns="options")
    return Answer(frame.astype({"line": "Int64"}), document)
