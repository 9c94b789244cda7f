"""The models that are compared: ours through `bayesscale.evaluation`, and the baselines of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from bayesscale.errors import DataError
from bayesscale.evaluation import Split
from bayesscale.evaluation.forecasters import MODELS as OURS
from bayesscale.evaluation.forecasters import FitOptions
from bayesscale.evaluation.rivals import RIVALS, Points, score_conformal
from bayesscale.inference.sampler import Sampler
from bayesscale.laws import LogAxis
from benchmarks.forecasting import bnsl, huber, peers, unpooled
from benchmarks.forecasting.curves import Array, Curve, curves, scored
from benchmarks.forecasting.estimators import ESTIMATORS, Predictor
from benchmarks.store import ENGINE

Found = tuple[pd.DataFrame, dict[str, Any]]
_PACKAGE = (*ENGINE, "bayesscale/evaluation/forecasters.py")
_ALONE = tuple(
    f"bayesscale/{name}" for name in ("evaluation/rivals.py", "evaluation/split.py", "laws", "pointfit")
)
_POINT = {"status": "no intervals"}
_BOOTSTRAP = {"status": "bootstrap", "draws": huber.DRAWS}
_SIZES_OF_A_BROKEN_LAW = 4


@dataclass(frozen=True)
class Model:
    """A way to forecast.

    Parameters
    ----------
    name : str
        What it is called on the command line and in the results.
    about : str
        What it is.
    run : callable
        Gives the scored rows of a split and what is to be said of the fit, from the split and the sampler.
    ours : bool
        Whether it is a model of bayesscale and no baseline.
    sources : tuple of str
        Files and folders of the repository whose change makes stored results old.
    """

    name: str
    about: str
    run: Callable[[Split, Sampler], Found] = field(repr=False)
    ours: bool = False
    sources: tuple[str, ...] = ()


def _files(*names: str) -> tuple[str, ...]:
    """Return files of this folder that a baseline is made of, and what scores all baselines."""
    return tuple(f"benchmarks/forecasting/{name}.py" for name in (*names, "curves"))


def _evaluated(name: str) -> Model:
    """Return a model of `bayesscale evaluate`, or a rival that it knows."""
    ours = name not in RIVALS

    def run(split: Split, sampler: Sampler) -> Found:
        if ours:
            return OURS[name](split, FitOptions(sampler))
        return _or_told(lambda: OURS[name](split, FitOptions(sampler)))

    return Model(name, f"bayesscale evaluate --model {name}", run, ours, _PACKAGE if ours else _ALONE)


def _point(
    name: str, about: str, parameters: int, fit: Callable[[Array, Array], Predictor], source: str
) -> Model:
    """Return an estimator of one curve of errors, which has no intervals."""

    def run(split: Split, _: Sampler) -> Found:
        return scored([(curve, _ahead(curve, parameters, fit)) for curve in curves(split)]), dict(_POINT)

    return Model(name, about, run, False, _files(source, "least_squares"))


def _ahead(curve: Curve, parameters: int, fit: Callable[[Array, Array], Predictor]) -> Array | None:
    """Return the forecasts of an estimator of errors on a curve, None where it cannot be fitted."""
    # Errors of 0 have no logarithm; there are none in these data.
    if len(curve.size) < parameters or np.any(curve.error <= 0):
        return None
    return curve.from_error(fit(curve.size, curve.error)(curve.ahead))


def _conformal(name: str) -> Model:
    """Return an estimator of one curve of errors in conformal intervals."""
    parameters, fit = ESTIMATORS[name]

    def points(split: Split) -> Points:
        median, lost = np.full(len(split.held), np.nan), {}
        for curve in curves(split):
            if (ahead := _ahead(curve, parameters, fit)) is not None:
                median[curve.held.index.to_numpy()] = ahead
            else:
                row = curve.held.iloc[0]
                key = tuple(row[[*split.train.curve_columns, "metric"]])
                lost[key] = f"{name} needs {parameters} sizes and values whose error is above 0"
        return Points(median, lost)

    def run(split: Split, _: Sampler) -> Found:
        return _or_told(lambda: score_conformal(split, points))

    sources = (*_files("estimators"), *_ALONE)
    return Model(f"conformal {name}", f"{name} in split conformal intervals", run, False, sources)


def _or_told(run: Callable[[], Found]) -> Found:
    """Return what was found; a split that leaves a rival too little does not end the benchmark."""
    try:
        return run()
    except DataError as reason:
        raise peers.NotAvailableError(f"not run: {reason}") from reason


def _huber(kind: str) -> Model:
    """Return the paper's fit with a bootstrap."""

    def run(split: Split, sampler: Sampler) -> Found:
        own = list(curves(split))
        draws = huber.bootstrap(own, kind, sampler.seed)
        return scored(list(zip(own, draws, strict=True))), dict(_BOOTSTRAP)

    sources = (*_files("huber", "least_squares"), "bayesscale/pointfit", "bayesscale/laws")
    return Model(f"huber, {kind}", f"the paper's Huber fit, bootstrap of {kind}", run, False, sources)


def _unpooled() -> Model:
    """Return our laws without pooling."""

    def run(split: Split, sampler: Sampler) -> Found:
        own, frame = list(curves(split)), split.train.frame
        sizes = frame.loc[~split.train.is_baseline, split.train.axis]
        axis = LogAxis(float(sizes.min()), float(sizes.max()))
        draws, record = unpooled.forecasts(own, axis, sampler.seed)
        return scored(list(zip(own, draws, strict=True))), record

    sources = (*_files("unpooled", "least_squares"), "bayesscale/laws", "models/priors.py")
    return Model("unpooled", "log-law or power law of each curve alone, Bayesian", run, False, sources)


def _peer(name: str, law: str, fewest: int) -> Model:
    """Return a law of simple-scaling-laws, for splits in which no curve has fewer than so many sizes."""

    def run(split: Split, sampler: Sampler) -> Found:
        own = list(curves(split))
        if max(len(curve.size) for curve in own) < fewest:
            raise peers.NotAvailableError(f"not run: {law} needs {fewest} sizes or more")
        draws, record = peers.forecasts(own, law, sampler.seed)
        return scored(list(zip(own, draws, strict=True))), {"status": "bootstrap", **record}

    about = f"simple-scaling-laws, {law}, intervals of new runs"
    return Model(name, about, run, False, _files("peers", "peers_adapter"))


def _models() -> tuple[Model, ...]:
    """Return all models, ours first."""
    formulas = {"M1": "b x^c", "M2": "e + b x^c", "M3": "b (1/x + g)^c", "M4": "(y-e)/(e0-y)^a = b x^c"}
    return (
        # The paper's fit is there with two bootstraps.
        *(_evaluated(name) for name in OURS if name != "huber"),
        _unpooled(),
        _huber("residuals"),
        _huber("pairs"),
        *(
            _point(name, f"Alabdulmohsin et al.: {formulas[name]}", number, fit, "estimators")
            for name, (number, fit) in ESTIMATORS.items()
        ),
        _conformal("M2"),
        _point("BNSL", "Caballero et al., one break", bnsl.PARAMETERS, bnsl.bnsl, "bnsl"),
        *(
            _peer(name, law, 0 if law.startswith("separable") else _SIZES_OF_A_BROKEN_LAW)
            for name, law in peers.LAWS.items()
        ),
    )


MODELS: dict[str, Model] = {model.name: model for model in _models()}
"""All models by name."""
DEFAULT = ("joint", *(name for name, model in MODELS.items() if not model.ours))
"""What is compared if nothing else is asked for."""
