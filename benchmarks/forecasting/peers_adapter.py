"""Forecasts of simple-scaling-laws, one curve at a time; runs where that package is installed, as a script.

Reads from stdin {"law", "draws", "seed", "curves": [{"loss", "size", "value", "ahead"}]} and writes to stdout
{"version", "draws": [rows of draws for each size ahead, or a message]}. Nothing here imports bayesscale.
"""

from __future__ import annotations

import json
import sys
import warnings
from importlib.metadata import version
from typing import Any

LOSS, SCORE, SIZE = "test_loss__loss", "test_metric__score", "dataset_size__size"


def main() -> None:
    """Fit the curves that arrive and return draws of new runs."""
    asked = json.load(sys.stdin)
    found = [forecast(curve, asked["law"], asked["draws"], asked["seed"]) for curve in asked["curves"]]
    json.dump({"version": version("simple-scaling-laws"), "draws": found}, sys.stdout)


def forecast(curve: dict[str, Any], law: str, draws: int, seed: int) -> list[list[float]] | str:
    """Return draws of new runs at the sizes ahead, one list a size, or why there are none."""
    import numpy as np
    import polars as pl
    from simple_scaling_laws import fit

    target = LOSS if curve["loss"] else SCORE
    runs = {"training_run_id": [str(number) for number in range(len(curve["size"]))], SIZE: curve["size"]}
    # A score is confined to [0, 1], which makes the package fit it on the logit scale.
    kinds = None if curve["loss"] else {SCORE: {"support": "unit", "direction": "higher"}}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            frame = pl.DataFrame(runs | {"test_set_id": ["0"] * len(curve["size"]), target: curve["value"]})
            model = fit(frame, law=law, targets=kinds, n_draws=draws, seed=seed)
            points = model.prepare_points({SIZE: curve["ahead"]})
            rng = np.random.default_rng(seed)
            values = model.target_draws(target, model.fitting_predictors(points), kind="new-run", rng=rng)
    except Exception as error:  # whatever a foreign package raises: the curve is reported as not fitted
        return f"{type(error).__name__}: {error}"
    return np.asarray(values).T.tolist()


if __name__ == "__main__":
    main()
