"""`bayesscale show`: what a fit says of its curves and of their population, and whether it converged."""

from __future__ import annotations

from bayesscale.cli.fit_options import FitFile, IntervalOption, end, load_fit
from bayesscale.cli.options import CsvOption, JsonOption
from bayesscale.cli.output import Answer, print_answer, printable


def show(
    file: FitFile,
    interval: IntervalOption = 0.9,
    as_json: JsonOption = False,
    as_csv: CsvOption = False,
) -> None:
    """Summarise a fit: status, the laws' coefficients for each curve, the population, noise.

    Exit code 4 if the fit did not converge; the answer is printed all the same.
    """
    from bayesscale.questions import summary
    from bayesscale.questions.describe import TOKENS

    fit = load_fit(file)
    answer = summary(fit, prob=interval)
    if as_json or as_csv:
        print_answer(Answer(answer.frame(), answer.document()), as_json=as_json, as_csv=as_csv)
    else:
        parts = [(f"\n{metric}, for each curve", answer.readable(metric)) for metric in fit.curves.names]
        tables = [*parts, ("\npopulation of curves", answer.readable_population())]
        for sentence in answer.sentences():
            print(printable(sentence))
        for title, table in tables:
            print_answer(Answer(table, {}, [title], sizes=TOKENS))
    end(fit)
