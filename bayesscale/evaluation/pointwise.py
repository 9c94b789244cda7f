"""Log predictive densities value by value under several laws, and the table that sums them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from bayesscale.errors import QuestionError
from bayesscale.evaluation.stacking import stacking_weights
from bayesscale.inference.loo import MAX_K, psis_loo

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
ALL = "all"
LOO = "PSIS-LOO"


@dataclass(frozen=True)
class Pointwise:
    """Log predictive densities of n values under several laws.

    Parameters
    ----------
    criterion : str
        How they were found.
    laws : tuple of str
        What the laws are called.
    metric : array of str, shape (n,)
        Metric of each value.
    elpd : array, shape (n, laws)
        Log predictive densities.
    lppd : array, shape (n, laws)
        Log densities with the value itself among the data; NaN where it never is.
    k : array, shape (n, laws)
        Pareto k of the importance weights; NaN where the density is exact.
    unit : array of int, shape (n,)
        Which values belong together: standard errors take sums over different units to be independent.
    """

    criterion: str
    laws: tuple[str, ...]
    metric: NDArray[np.str_]
    elpd: FloatArray
    lppd: FloatArray
    k: FloatArray
    unit: NDArray[np.int64]

    def frame(self) -> pd.DataFrame:
        """Return one row a metric and law, and those of all metrics together; see `Comparison.frame`."""
        names = list(dict.fromkeys(self.metric.tolist()))
        groups = [(name, self.metric == name) for name in names]
        if len(names) > 1:
            groups.append((ALL, np.ones(len(self.metric), bool)))
        return pd.DataFrame([row for name, own in groups for row in self._rows(name, own)])

    def _rows(self, name: str, own: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Return the rows of one metric."""
        elpd, k = self.elpd[own], self.k[own]
        best = elpd[:, [int(elpd.sum(axis=0).argmax())]]
        weights = stacking_weights(elpd)
        return [
            {
                "criterion": self.criterion,
                "metric": name,
                "law": law,
                "n": len(elpd),
                "elpd": float(elpd[:, place].sum()),
                "se": self._error(elpd[:, place], own),
                "p_loo": float((self.lppd[own, place] - elpd[:, place]).sum()),
                "bad_k": int((k[:, place] > MAX_K).sum()),
                "difference": float((elpd[:, place] - best[:, 0]).sum()),
                "difference_se": self._error(elpd[:, place] - best[:, 0], own),
                "weight": float(weights[place]),
            }
            for place, law in enumerate(self.laws)
        ]

    def _error(self, values: FloatArray, own: NDArray[np.bool_]) -> float:
        """Return the standard error of a sum; NaN with fewer than two units."""
        _, unit = np.unique(self.unit[own], return_inverse=True)
        sums = np.bincount(unit, weights=values)
        return float(np.sqrt(len(sums) * sums.var(ddof=1))) if len(sums) > 1 else float("nan")

    def weights(self) -> dict[str, float]:
        """Return the stacking weight of each law, from all values."""
        return dict(zip(self.laws, stacking_weights(self.elpd).tolist(), strict=True))


def curve_observations(fit: Fit) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return metric of every stored observation on a curve, and its position in the metrics table.

    Parameters
    ----------
    fit : Fit
        The fit. Its baseline comes after the curves and is on no law.
    """
    frame = fit.metrics.frame[~fit.metrics.is_baseline]
    rows = [block for name, block in fit.curves.blocks.items() if name != "baseline"]
    metric = [np.array(block.metrics)[block.metric] for block in rows]
    place = [frame.index[frame["metric"].isin(block.metrics)].to_numpy(np.int64) for block in rows]
    return np.concatenate(metric), np.concatenate(place)


def leave_one_out(fit: Fit) -> Pointwise:
    """Return PSIS-LOO of every law of a fit.

    Parameters
    ----------
    fit : Fit
        With stored log likelihoods.

    Raises
    ------
    QuestionError
        It has none.
    """
    metric, _ = curve_observations(fit)
    elpd, lppd, k = [], [], []
    for group in fit.groups:
        name = group.replace("posterior", "log_likelihood")
        if name not in fit.tree.children:
            raise QuestionError(
                f"PSIS-LOO needs the log likelihoods that a fit stores; this one has no group {name}; "
                "fit again with `bayesscale fit`"
            )
        values = fit.tree[name]["value"].transpose("chain", "draw", "observation").to_numpy()
        values = values[..., : len(metric)].astype(np.float64)
        each, own_k = psis_loo(values)
        elpd.append(each)
        k.append(own_k)
        count = values.shape[0] * values.shape[1]
        lppd.append(special.logsumexp(values, axis=(0, 1)) - np.log(count))
    whole, with_itself, shapes = (np.stack(part, axis=1) for part in (elpd, lppd, k))
    laws = tuple(fit.law_in(group) for group in fit.groups)
    return Pointwise(LOO, laws, metric, whole, with_itself, shapes, np.arange(len(metric)))
