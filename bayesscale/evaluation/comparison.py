"""The answer of a comparison of laws: their shares, and the densities of values that were left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.evaluation.pointwise import ALL, LOO
from bayesscale.inference.loo import MAX_K
from bayesscale.questions.answer import STATISTICS, plain_records, record, source_text, warning
from bayesscale.tables import table_text

if TYPE_CHECKING:
    from bayesscale.inference import Fit

SHARE = "share of curves"
_SHARES = (
    "share: of all curves of the population, with its 90% equal-tailed interval; P(law): mean over the "
    "measured curves of the probability that the curve follows the law"
)
_CONDITIONAL = (
    "PSIS-LOO: each value given all others, from the stored draws. Their log likelihoods are conditional on "
    "law, break and discrepancy drawn with the value among the data, and one value is left out amid the "
    "others: it tells interpolation, not forecasts"
)
_FUTURE = (
    "leave-future-out: the last sizes of every curve given the earlier ones, from refits of each law alone "
    "and of all together, as a forecast has to do; its s.e. take curves, not values, to be independent"
)


@dataclass(frozen=True)
class Comparison:
    """Laws of one fit, compared; the numbers of the table are those of `frame`.

    `lfo` is how many last sizes of each curve were held out in refits; `problems` are refits that failed, or
    whose diagnostics did.
    """

    fit: Fit = field(repr=False)
    table: pd.DataFrame = field(repr=False)
    lfo: int | None = None
    problems: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """Return one row a criterion, metric (and 'all' of them) and law; NaN for what a criterion lacks.

        Columns of the criterion 'share of curves': share_median, share_lower, share_upper of the curves of
        the population that follow the law (90% equal-tailed interval), and p_law, the mean over the measured
        curves of the probability that they do. Of the others: n, the values; elpd, the sum of their log
        predictive densities, and its standard error se; p_loo, the effective number of parameters; bad_k, how
        many Pareto k are above 0.7; difference, elpd minus that of the best, and its standard error
        difference_se.
        """
        return self.table.copy()

    def document(self) -> dict[str, Any]:
        """Return the same for programs, with what the numbers are."""
        return {
            **record(self.fit),
            "lfo": self.lfo,
            "failures": list(self.problems),
            "notes": self._notes(),
            "comparison": plain_records(self.table),
        }

    def _notes(self) -> list[str]:
        """Return what the numbers are and what is wrong with them."""
        notes = [_SHARES, _CONDITIONAL, _FUTURE if self.lfo else f"--lfo 2 adds {_FUTURE}"]
        if bad := int(self._whole(LOO)["bad_k"].sum()):
            notes.append(f"{bad} values have a Pareto k above {MAX_K}: their PSIS-LOO cannot be trusted")
        return notes

    def _whole(self, criterion: str) -> pd.DataFrame:
        """Return the rows of all metrics together."""
        own = self.table[self.table["criterion"] == criterion]
        return own[own["metric"] == ALL] if (own["metric"] == ALL).any() else own

    def sentences(self) -> list[str]:
        """Return what a reader has to know of the table."""
        problems = [f"DO NOT RELY ON THESE NUMBERS - {each}" for each in self.problems]
        criteria = [name for name in dict.fromkeys(self.table["criterion"]) if name not in (SHARE, LOO)]
        notes = [f"note: {each}" for each in self._notes()]
        return [
            *warning(self.fit),
            *problems,
            source_text(self.fit),
            *self._favourites(),
            *map(self._verdict, criteria),
            *notes,
        ]

    def _favourites(self) -> list[str]:
        """Return the most common law of each metric."""
        shares = self.table[self.table["criterion"] == SHARE]
        best = shares.loc[shares.groupby("metric", sort=False)["p_law"].idxmax()]
        return [
            f"{row.metric}: curves follow the {row.law} with probability {row.p_law:.2g} on average, "
            "the most of any law"
            for row in best.itertuples()
        ]

    def _verdict(self, criterion: str) -> str:
        """Return which law is better by a criterion."""
        rows = self._whole(criterion).sort_values("elpd", ascending=False, kind="stable")
        best, worst = rows.iloc[0], rows.iloc[-1]
        gap, error = -float(worst["difference"]), float(worst["difference_se"])
        told = f"{criterion}: {best['law']} is better than {worst['law']} by {gap:.3g} (s.e. {error:.3g})"
        return told if gap > 2 * error else f"{told}, within two standard errors: they cannot be told apart"

    def readable(self) -> pd.DataFrame:
        """Return the columns that a person reads, under short headings."""
        share = [f"share_{part}" for part in STATISTICS]
        shown = self.table[["criterion", "metric", "law"]].assign(
            **{
                "share": _joined(self.table[share], "{:.2f} ({:.2f} to {:.2f})"),
                "P(law)": _joined(self.table[["p_law"]], "{:.2f}"),
                "n": _joined(self.table[["n"]], "{:.0f}"),
                "elpd": _joined(self.table[["elpd", "se"]], "{:.4g} ± {:.2g}"),
                "p": _joined(self.table[["p_loo"]], "{:.2g}"),
                f"k > {MAX_K}": _joined(self.table[["bad_k"]], "{:.0f}"),
                "difference": _joined(self.table[["difference", "difference_se"]], "{:.3g} ± {:.2g}"),
            }
        )
        return shown[[name for name in shown if any(shown[name])]]

    def __str__(self) -> str:
        return "\n".join([*self.sentences(), table_text(self.readable())])


def _joined(table: pd.DataFrame, form: str) -> list[str]:
    """Return the numbers of each row in one text; nothing where they are not known."""
    return ["" if pd.isna(row[0]) else form.format(*row) for row in table.itertuples(index=False, name=None)]
