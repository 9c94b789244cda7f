"""Log predictive densities value by value under several models, and the table that sums them up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from bayesscale.errors import QuestionError
from bayesscale.inference.loo import MAX_K, psis_loo

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
ALL = "all"
LOO = "PSIS-LOO"


@dataclass(frozen=True)
class Pointwise:
    """Log predictive densities of n values under several models, shape (n, models).

    `unit` says which values belong together: standard errors take sums over different units to be
    independent. `lppd` are log densities with the value itself among the data, None where it never is; `k`
    the Pareto k of the importance weights, None where the densities are exact.
    """

    criterion: str
    laws: tuple[str, ...]
    metric: NDArray[np.str_]
    elpd: FloatArray
    unit: NDArray[np.int64]
    lppd: FloatArray | None = None
    k: FloatArray | None = None

    def frame(self) -> pd.DataFrame:
        """Return one row a metric and model, and those of all metrics together; see `Comparison.frame`."""
        names = list(dict.fromkeys(self.metric.tolist()))
        groups = [(name, self.metric == name) for name in names]
        if len(names) > 1:
            groups.append((ALL, np.ones(len(self.metric), bool)))
        return pd.DataFrame([row for name, own in groups for row in self._rows(name, own)])

    def _rows(self, name: str, own: NDArray[np.bool_]) -> list[dict[str, Any]]:
        """Return the rows of one metric."""
        elpd, several = self.elpd[own], len(self.laws) > 1
        behind = elpd - elpd[:, [int(elpd.sum(axis=0).argmax())]]
        return [
            {
                "criterion": self.criterion,
                "metric": name,
                "law": law,
                "n": len(elpd),
                "elpd": float(elpd[:, place].sum()),
                "se": self._error(elpd[:, place], own),
                "p_loo": np.nan if self.lppd is None else float((self.lppd[own] - elpd)[:, place].sum()),
                "bad_k": np.nan if self.k is None else float((self.k[own, place] > MAX_K).sum()),
                "difference": float(behind[:, place].sum()) if several else np.nan,
                "difference_se": self._error(behind[:, place], own) if several else np.nan,
            }
            for place, law in enumerate(self.laws)
        ]

    def _error(self, values: FloatArray, own: NDArray[np.bool_]) -> float:
        """Return the standard error of a sum; NaN with fewer than two units."""
        _, unit = np.unique(self.unit[own], return_inverse=True)
        sums = np.bincount(unit, weights=values)
        return float(np.sqrt(len(sums) * sums.var(ddof=1))) if len(sums) > 1 else float("nan")


def leave_one_out(fit: Fit, name: str) -> Pointwise:
    """Return PSIS-LOO of a fit; its baseline, which is on no law, does not count."""
    if "log_likelihood" not in fit.tree.children:
        raise QuestionError(
            "PSIS-LOO needs the log likelihoods that a fit stores; this one has no group log_likelihood; "
            "fit again with `bayesscale fit`"
        )
    rows = [block for name, block in fit.curves.blocks.items() if name != "baseline"]
    metric = np.concatenate([np.array(block.metrics)[block.metric] for block in rows])
    stored = fit.tree["log_likelihood"]["value"].transpose("chain", "draw", "observation").to_numpy()
    values = stored[..., : len(metric)].astype(np.float64)
    elpd, k = psis_loo(values)
    lppd = special.logsumexp(values, axis=(0, 1)) - np.log(values.shape[0] * values.shape[1])
    unit = np.arange(len(metric))
    return Pointwise(LOO, (name,), metric, elpd[:, None], unit, lppd[:, None], k[:, None])
