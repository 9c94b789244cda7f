"""`bayesscale show`: what a fit says of its curves and of their population, and whether it converged."""

from __future__ import annotations

from bayesscale.cli.fit_options import FitFile, IntervalOption, Printing, load_fit
from bayesscale.cli.options import takes_options


@takes_options
def show(file: FitFile, printing: Printing, interval: IntervalOption = 0.9) -> None:
    """Summarise a fit: each curve now, its forecast at ten times the tokens, P(broken), its law.

    --verbose adds diagnostics, the laws' coefficients and the population. Exit code 4 if the fit did not
    converge; the answer is printed all the same.
    """
    from bayesscale.questions import summary

    printing.show(summary(load_fit(file), prob=interval))
