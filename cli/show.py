"""`bayesscale show`: what a fit says of its curves and of their population, and whether it converged."""

from __future__ import annotations

from bayesscale.cli.fit_options import FitFile, IntervalOption, VerboseOption, load_fit, print_and_end
from bayesscale.cli.options import CsvOption, JsonOption


def show(
    file: FitFile,
    interval: IntervalOption = 0.9,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Summarise a fit: each curve now, its forecast at ten times the tokens, P(broken), its law.

    --verbose adds diagnostics, the laws' coefficients and the population. Exit code 4 if the fit did not
    converge; the answer is printed all the same.
    """
    from bayesscale.questions import summary

    answer = summary(load_fit(file), prob=interval)
    print_and_end(answer, as_json=as_json, as_csv=as_csv, verbose=verbose)
