"""The answer of a comparison of laws: their shares, and the densities of values that were left out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.evaluation.pointwise import ALL, LOO
from bayesscale.inference.loo import MAX_K
from bayesscale.questions.answer import STATISTICS, Answer

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture

SHARE = "share of curves"
_MEANINGS = (
    "share: of all curves of the population, with its 90% equal-tailed interval; P(law): mean over the "
    "measured curves of the probability that the curve follows the law",
    "PSIS-LOO: each value given all others, from the stored draws. Their log likelihoods are conditional on "
    "law, break and discrepancy drawn with the value among the data, and one value is left out amid the "
    "others: it tells interpolation, not forecasts",
    "LFO, leave-future-out: the last sizes of every curve given the earlier ones, from refits of each law "
    "alone and of all together, as a forecast has to do; its s.e. take curves, not values, to be independent",
)


@dataclass(frozen=True)
class Comparison(Answer):
    """Laws of one fit, compared.

    The table has a row a criterion, metric (and 'all' of them) and law; NaN for what a criterion lacks.
    Columns of the criterion 'share of curves': share_median, share_lower, share_upper of the curves of the
    population that follow the law, and p_law, the mean over the measured curves of the probability that they
    do. Of the others: n, the values; elpd, the sum of their log predictive densities, and its standard error
    se; p_loo, the effective number of parameters; bad_k, how many Pareto k are above 0.7; difference, elpd
    minus that of the best, and its standard error difference_se. `lfo` is how many last sizes of each curve
    were held out in refits; `problems` are refits that failed, or whose diagnostics did.
    """

    lfo: int | None = None
    problems: tuple[str, ...] = ()

    rows = "comparison"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics of the fit, all of which are compared."""
        return self.fit.curves.names

    def contents(self) -> dict[str, Any]:
        """Return what was refitted, and what went wrong."""
        return {"lfo": self.lfo, "failures": list(self.problems)}

    def headline(self) -> list[str]:
        """Return the most common law of each metric, and which law forecasts best."""
        problems = [f"DO NOT RELY ON THESE NUMBERS - {each}" for each in self.problems]
        refits = [name for name in dict.fromkeys(self.table["criterion"]) if name not in (SHARE, LOO)]
        return [*problems, *self._favourites(), *map(self._verdict, refits)]

    def _favourites(self) -> list[str]:
        """Return the most common law of each metric."""
        shares = self._of(SHARE)
        best = shares.loc[shares.groupby("metric", sort=False)["p_law"].idxmax()]
        return [
            f"Curves of {row.metric} most probably follow the {row.law}: P {row.p_law:.2f} on average."
            for row in best.itertuples()
        ]

    def _verdict(self, criterion: str) -> str:
        """Return which law is better by refits."""
        rows = _whole(self._of(criterion)).sort_values("elpd", ascending=False, kind="stable")
        best, worst = rows.iloc[0], rows.iloc[-1]
        gap, error = -float(worst["difference"]), float(worst["difference_se"])
        told = f"Forecasts by {best['law']} are better than by {worst['law']}"
        by = f"log densities differ by {gap:.3g} ± {error:.2g} over {worst['n']:.0f} held-out values"
        return f"{told}: {by}." if gap > 2 * error else f"No law forecasts better for certain: {by}."

    def _of(self, criterion: str) -> pd.DataFrame:
        """Return the rows of one criterion."""
        return self.table[self.table["criterion"] == criterion]

    def explain(self) -> list[str]:
        """Return what the numbers are."""
        return list(_MEANINGS)

    def readable(self) -> pd.DataFrame:
        """Return a row a metric and law: its share, and how it forecasts where laws were refitted."""
        shares = [f"share_{part}" for part in STATISTICS]
        shown = self.table[self.table["criterion"] != LOO]
        columns = {
            "share": _joined(shown[shares], "{:.2f} ({:.2f} to {:.2f})"),
            "P(law)": _joined(shown[["p_law"]], "{:.2f}"),
            **self._densities(shown),
        }
        names = ["criterion", "metric", "law"] if self.lfo else ["metric", "law"]
        return shown[names].assign(**{name: own for name, own in columns.items() if any(own)})

    def details(self) -> dict[str, pd.DataFrame]:
        """Return the leave-one-out of the fit as a whole."""
        own = self._of(LOO)
        return {LOO: own[["metric", "law"]].assign(**self._densities(own))}

    @staticmethod
    def _densities(table: pd.DataFrame) -> dict[str, list[str]]:
        """Return log predictive densities under short headings."""
        return {
            "n": _joined(table[["n"]], "{:.0f}"),
            "elpd": _joined(table[["elpd", "se"]], "{:.4g} ± {:.2g}"),
            "difference": _joined(table[["difference", "difference_se"]], "{:.3g} ± {:.2g}"),
            "p": _joined(table[["p_loo"]], "{:.2g}"),
            f"k > {MAX_K}": _joined(table[["bad_k"]], "{:.0f}"),
        }

    def plot(self) -> Picture:
        """Return a picture of the laws' shares."""
        from bayesscale.figures.rows import draw_rows

        own = self._of(SHARE)
        parts = {part: own[f"share_{part}"] for part in STATISTICS}
        note = [f"P(law) {p:.2f}" for p in own["p_law"]]
        table = own.assign(panel=own["metric"], label=own["law"], note=note, unit="share of curves", **parts)
        return draw_rows(table, self.frame_text("Which law curves follow"))


def comparison_notes(table: pd.DataFrame, lfo: int | None) -> tuple[str, ...]:
    """Return what to ask next, and what cannot be trusted."""
    bad = int(_whole(table[table["criterion"] == LOO])["bad_k"].sum())
    doubt = f"{bad} values have a Pareto k above {MAX_K}: their PSIS-LOO cannot be trusted"
    ask = "--lfo 2 tells which law forecasts best: each is fitted without the last 2 sizes of every curve"
    return (*(() if lfo else (ask,)), *((doubt,) if bad else ()))


def _whole(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all metrics together; of one metric those that there are."""
    every = table["metric"] == ALL
    return table[every] if every.any() else table


def _joined(table: pd.DataFrame, form: str) -> list[str]:
    """Return the numbers of each row in one text; nothing where they are not known."""
    return ["" if pd.isna(row[0]) else form.format(*row) for row in table.itertuples(index=False, name=None)]
