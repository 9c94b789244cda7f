"""The answer of a comparison of laws: densities, differences and weights, and how far to trust them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.evaluation.pointwise import ALL, LOO
from bayesscale.inference.loo import MAX_K
from bayesscale.questions.describe import plain_records, record, source_text, table_text, warning

if TYPE_CHECKING:
    from bayesscale.inference import Fit

_SHORT = {
    "p_loo": "p",
    "bad_k": f"k > {MAX_K}",
    "se": "s.e.",
    "difference_se": "s.e. of difference",
}
_CONDITIONAL = (
    "PSIS-LOO: each value given all others, from the stored draws. Their log likelihoods are conditional on "
    "the break and the discrepancy drawn with the value among the data, and one value is left out amid the "
    "others: it tells interpolation, not forecasts, and flatters a law that needs much discrepancy"
)
_FUTURE = (
    "leave-future-out: the last sizes of every curve given the earlier ones, from refits, as a forecast has "
    "to do: trust it where the two disagree; its s.e. take curves, not values, to be independent"
)


@dataclass(frozen=True)
class Comparison:
    """Laws of one fit, compared.

    Parameters
    ----------
    fit : Fit
        The fit.
    table : pandas.DataFrame
        The numbers, see `frame`.
    lfo : int or None
        How many last sizes of each curve were held out in refits.
    weights : dict of str to float, optional
        Stacking weight of each law by leave-future-out; None without.
    refitted : int
        Values whose PSIS-LOO density was replaced by that of an exact refit.
    problems : tuple of str
        Refits that failed, or whose diagnostics did.
    """

    fit: Fit = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    lfo: int | None = None
    weights: dict[str, float] | None = None
    refitted: int = 0
    problems: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """Return one row a criterion, metric (and 'all' of them) and law.

        Columns: n, the values; elpd, the sum of their log predictive densities, and its standard error se;
        p_loo, the effective number of parameters (NaN for leave-future-out); bad_k, how many Pareto k are
        above 0.7, exact refits not counted; difference, elpd minus that of the best law, and its standard
        error difference_se; weight, the stacking weight.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        return {
            **record(self.fit),
            "lfo": self.lfo,
            "weights": self.weights,
            "weights in use": self._in_use(),
            "refitted": self.refitted,
            "failures": list(self.problems),
            "notes": self._notes(),
            "comparison": plain_records(self.table),
        }

    def _in_use(self) -> dict[str, float]:
        """Return the weight of each law in the fit's forecasts."""
        return {self.fit.law_in(group): weight for group, weight in self.fit.weights.items()}

    def _notes(self) -> list[str]:
        """Return what the numbers are and what is wrong with them."""
        notes = [_CONDITIONAL, _FUTURE if self.lfo else f"--lfo 2 adds {_FUTURE}"]
        bad = int(self._whole(LOO)["bad_k"].sum())
        if self.refitted:
            notes.append(f"{self.refitted} values were left out one by one in exact refits")
        if bad:
            notes.append(
                f"{bad} values (of all laws together) have a Pareto k above {MAX_K}: their PSIS-LOO cannot "
                f"be trusted; --refit {bad} leaves each of them out in an exact refit"
            )
        return notes

    def _whole(self, criterion: str) -> pd.DataFrame:
        """Return the rows of all metrics together."""
        own = self.table[self.table["criterion"] == criterion]
        return own[own["metric"] == ALL] if (own["metric"] == ALL).any() else own

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        problems = [f"DO NOT RELY ON THESE NUMBERS - {each}" for each in self.problems]
        verdicts = [self._verdict(name) for name in dict.fromkeys(self.table["criterion"])]
        notes = [f"note: {each}" for each in self._notes()]
        return [*warning(self.fit), *problems, source_text(self.fit), *verdicts, *self._weighting(), *notes]

    def _verdict(self, criterion: str) -> str:
        """Return which law is better by a criterion."""
        rows = self._whole(criterion).sort_values("elpd", ascending=False, kind="stable")
        best, worst = rows.iloc[0], rows.iloc[-1]
        gap, error = -float(worst["difference"]), float(worst["difference_se"])
        told = f"{criterion}: {best['law']} is better than {worst['law']} by {gap:.3g} (s.e. {error:.3g})"
        return told if gap > 2 * error else f"{told}, within two standard errors: they cannot be told apart"

    def _weighting(self) -> list[str]:
        """Say with which weights the fit forecasts, and which were found."""
        used = f"forecasts of this fit weight {_listed(self._in_use())}"
        if self.weights is None:
            return [used]
        return [used, f"leave-future-out weights: {_listed(self.weights)}; -o FILE writes the fit with them"]

    def weighted(self) -> Fit:
        """Return the same fit, whose forecasts weight the laws by leave-future-out.

        Raises
        ------
        QuestionError
            There was no leave-future-out, or one of its refits failed.
        """
        if self.weights is None:
            why = "; ".join(self.problems) if self.lfo else "it was not asked for"
            raise QuestionError(f"weights for forecasts come from leave-future-out; there is none: {why}")
        origin = {"criterion": "leave-future-out", "last": self.lfo, "problems": list(self.problems)}
        provenance = {**self.fit.provenance, "weights": self.weights, "weights from": origin}
        return replace(self.fit, provenance=provenance)

    def readable(self) -> pd.DataFrame:
        """Return the columns that a person reads, under short headings."""
        return self.table.rename(columns=_SHORT)

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def _listed(weights: dict[str, float]) -> str:
    """Return weights in one line."""
    return ", ".join(f"{law} {weight:.3g}" for law, weight in weights.items())
