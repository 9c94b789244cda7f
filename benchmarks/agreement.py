"""The engine's posterior against NUTS on the plain PyMC model, on five small tables.

For every parameter of the population, the law of every curve, and every curve at ten times its largest size:
median, 5% and 95% points of both, and their difference in joint Monte Carlo standard errors. Two samplers
that are right differ by more than three of them in about one comparison of 370, more where tails are heavy.
Of NUTS, R-hat and divergences are told: where it fails, it vouches for nothing.

Run: python -m benchmarks.agreement [table ...]
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bayesscale.inference import Sampler, fit
from bayesscale.metrics.curves import build_curves
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics
from bayesscale.models.model import Model, chosen_model
from bayesscale.models.plain import plain_model
from bayesscale.models.priors import Priors
from bayesscale.posterior.draws import FOLLOWED, draws_of
from bayesscale.posterior.local import measured
from bayesscale.simulate import SMALL, simulate
from benchmarks.calibration import PRIORS
from benchmarks.store import RESULTS, publish, say
from benchmarks.tables import TABLES

_FAR, _LIMIT = 10.0, 3.0
_POINTS = (0.05, 0.5, 0.95)
_SAMPLER = Sampler(draws=1_000, longest=20)
_TUNE, _DRAWS, _CHAINS, _ACCEPTANCE = 1_000, 2_000, 4, 0.95


@dataclass(frozen=True)
class Small:
    """A small table and its model.

    Parameters
    ----------
    read : callable
        Returns the table.
    law, breaks, discrepancy
        As in `bayesscale.fit`.
    priors : Priors
        The priors.
    """

    read: Callable[[], Metrics]
    law: str = "all"
    breaks: str = "none"
    discrepancy: bool = True
    priors: Priors = field(default_factory=Priors)

    @property
    def model(self) -> Model:
        """The model."""
        return chosen_model(self.law, self.breaks, self.discrepancy, self.priors)


def _simulated(*metrics: str, seed: int) -> Metrics:
    """Return four simulated curves of six sizes."""
    regime = replace(
        SMALL, mixtures=SMALL.mixtures[:4], metrics=metrics, checkpoints=6, breaks="none", baseline=False
    )
    rows = simulate(regime, seed).table
    sizes = sorted(rows["finetune_tokens"].unique())
    return read_metrics(rows[rows["finetune_tokens"] == sizes[0]])


SMALL_TABLES = {
    "google NMT": Small(TABLES["google NMT"].read),
    "google LM": Small(TABLES["google LM"].read),
    "one law": Small(lambda: _simulated("bleu", seed=1), law="log", priors=PRIORS),
    "three laws": Small(lambda: _simulated("bleu", seed=2), priors=PRIORS),
    "score and loss": Small(lambda: _simulated("bleu", "cross_entropy", seed=3), law="paper", priors=PRIORS),
}


def main(names: list[str]) -> None:
    """Compare the samplers on the named tables, and print what was found so far."""
    document = RESULTS / "agreement.json"
    rows: dict[str, Any] = json.loads(document.read_text())["tables"] if document.exists() else {}
    for name in names:
        say(name)
        rows[name] = compared(SMALL_TABLES[name])
        say(f"  {rows[name]}")
        ordered = {table: rows[table] for table in SMALL_TABLES if table in rows}
        publish("agreement", {"points": list(_POINTS), "times the largest size": _FAR, "tables": ordered})
    print(pd.DataFrame(rows).T.drop(columns="beyond").to_string())


def compared(small: Small) -> dict[str, Any]:
    """Return how far the two samplers are apart on a table."""
    metrics, begun = small.read(), time.perf_counter()
    own = fit(
        metrics, law=small.law, breaks=small.breaks, discrepancy=small.discrepancy, priors=small.priors,
        sampler=_SAMPLER,
    )  # fmt: skip
    took, begun = time.perf_counter() - begun, time.perf_counter()
    theirs, health = sampled_by_nuts(metrics, small.model)
    rows = differences(
        with_forecasts(own.posterior.to_dataset(), own.curves, small.model),
        with_forecasts(theirs, own.curves, small.model),
    )
    beyond = rows[rows["errors"].abs() > _LIMIT]
    return {
        "curves": len(own.curves),
        "scores": len(metrics.frame),
        "engine": str(own.status),
        "engine seconds": round(took),
        "NUTS seconds": round(time.perf_counter() - begun),
        **health,
        "comparisons": len(rows),
        "beyond 3 errors": len(beyond),
        "expected by chance": round(0.0027 * len(rows), 1),
        "largest": round(float(rows["errors"].abs().max()), 2),
        "rms": round(float(np.sqrt((rows["errors"] ** 2).mean())), 2),
        "beyond": beyond.round(4).to_dict("records"),
    }


def sampled_by_nuts(metrics: Metrics, model: Model) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return draws of NUTS from the plain model, a law drawn for each, and what tells whether it worked.

    Parameters
    ----------
    metrics, model : Metrics, Model
        The table and its model.
    """
    import arviz as az
    import nutpie

    curves = build_curves(metrics)
    compiled = nutpie.compile_pymc_model(plain_model(curves, model))
    found = nutpie.sample(
        compiled, draws=_DRAWS, tune=_TUNE, chains=_CHAINS, target_accept=_ACCEPTANCE, seed=7,
        progress_bar=False,
    )  # fmt: skip
    draws, stats = found["posterior"], found["sample_stats"]
    raw = [name for name in draws.data_vars if str(name).endswith("_raw")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rhat = max(float(each.max()) for each in az.rhat(draws[raw]).data_vars.values())
    health = {"NUTS R-hat": round(rhat, 4), "NUTS divergences": int(stats["diverging"].sum())}
    return with_laws(draws.to_dataset() if isinstance(draws, xr.DataTree) else draws), health


def with_laws(draws: xr.Dataset) -> xr.Dataset:
    """Return the draws of the plain model with a law drawn for each curve and metric, and its shape."""
    rng = np.random.default_rng(5)
    chance = draws["law_probability"].transpose("chain", "draw", "curve", "metric", "law").to_numpy()
    law = (rng.random(chance.shape[:-1])[..., None] > chance.cumsum(-1)).sum(-1)
    law = np.minimum(law, chance.shape[-1] - 1)
    shapes = draws["law_shape"].transpose("chain", "draw", "curve", "metric", "law").to_numpy()
    own = np.take_along_axis(shapes, law[..., None], -1)[..., 0]
    dims = ("chain", "draw", "curve", "metric")
    return draws.assign({FOLLOWED: (dims, law), "shape": (dims, own)})


def with_forecasts(draws: xr.Dataset, curves: Any, model: Model) -> xr.Dataset:
    """Return what is compared: the population, laws, and every curve at ten times its largest size.

    Parameters
    ----------
    draws : xarray.Dataset
        Of either sampler.
    curves : Curves
        The data.
    model : Model
        The model.
    """
    plain, shape = draws_of(draws, curves, model.priors), (draws.sizes["chain"], draws.sizes["draw"])
    kept = {str(name): part for name, part in draws.data_vars.items() if not _of_curves(part, str(name))}
    for m, metric in enumerate(curves.names):
        rows = np.arange(len(curves))
        u = np.full((len(curves), 1), curves.axis.u(_FAR * curves.axis.hi))
        far = measured(plain, m, rows).value(u)[:, 0].T.reshape(*shape, len(curves))
        kept[f"{metric} far"] = xr.DataArray(far, dims=("chain", "draw", "pair"))
    for number, law in enumerate(plain.laws):
        followed = (draws[FOLLOWED].transpose("chain", "draw", ...) == number).astype(float)
        kept[f"follows {law}"] = followed
    return xr.Dataset({name: part.drop_vars(list(part.coords)) for name, part in kept.items()})


def _of_curves(part: xr.DataArray, name: str) -> bool:
    """Return whether a variable is not one of the population."""
    return bool({"curve", "cell", "pair"} & set(part.dims)) or name.endswith("_raw")


def differences(own: xr.Dataset, theirs: xr.Dataset) -> pd.DataFrame:
    """Return the differences of all points that are compared, in joint standard errors.

    Parameters
    ----------
    own, theirs : xarray.Dataset
        From `with_forecasts`.
    """
    import arviz as az

    rows = []
    for name in sorted(set(map(str, own.data_vars)) & set(map(str, theirs.data_vars))):
        one, two = (
            each[name].transpose("chain", "draw", ...).to_numpy().astype(float) for each in (own, theirs)
        )
        one, two = one.reshape(*one.shape[:2], -1), two.reshape(*two.shape[:2], -1)
        for place in range(one.shape[2]):
            pair = one[..., place], two[..., place]
            if min(np.ptp(part) for part in pair) == 0:
                continue
            for point in _POINTS if not name.startswith("follows") else (None,):
                at, errors = zip(*(_point(az, part, point) for part in pair), strict=True)
                apart = (at[0] - at[1]) / np.hypot(*errors)
                rows.append((f"{name}[{place}]", point or "mean", at[0], at[1], apart))
    return pd.DataFrame(rows, columns=["what", "point", "engine", "NUTS", "errors"])


def _point(az: Any, draws: Any, point: float | None) -> tuple[float, float]:
    """Return a quantile of draws, or their mean, and its Monte Carlo standard error."""
    if point is None:
        return float(draws.mean()), float(az.mcse(draws, method="mean"))
    return float(np.quantile(draws, point)), float(az.mcse(draws, method="quantile", prob=point))


if __name__ == "__main__":
    main(sys.argv[1:] or list(SMALL_TABLES))
