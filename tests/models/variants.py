"""Every structure that a metrics table can have."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from bayesscale.metrics.curves import Curves
from tests.models.tables import curves_of, table


def _missing_metric() -> pd.DataFrame:
    """Return a table in which some curves have one metric only."""
    frame = table()
    first = (frame["task"] == "en-de") & (frame["finetune_tokens"] == 6e6)
    last = (frame["task"] == "en-fr") & (frame["finetune_tokens"] == 42e6)
    return frame[~(first & (frame["metric"] == "bleu") | last & (frame["metric"] != "bleu"))]


def _unequal() -> pd.DataFrame:
    """Return a table with long and short curves."""
    long = table(("en-fr",), sizes=np.geomspace(1e9, 6.4e10, 9).tolist())
    return pd.concat([long, table(("en-de",), sizes=(2e9, 3e10))], ignore_index=True)


def _model_sizes() -> pd.DataFrame:
    """Return a table of two model sizes."""
    sizes = ((77e6, 0), (770e6, 1))
    return pd.concat([table(finetune=(6e6,), seed=s).assign(model_params=p) for p, s in sizes])


TABLES: dict[str, Callable[[], pd.DataFrame]] = {
    "everything": lambda: table(se=0.3),
    "score alone": lambda: table(metrics=("bleu",)),
    "loss alone": lambda: table(metrics=("cross_entropy",)),
    "many metrics": lambda: table(metrics=("bleu", "chrf", "comet", "cross_entropy")),
    "one curve": lambda: table(("en-fr",), ("en",), (6e6,), baseline=False),
    "one curve of one metric": lambda: table(("en-fr",), ("en",), (6e6,), ("bleu",), baseline=False),
    "no baseline": lambda: table(baseline=False),
    "no alignment": lambda: table(shares=False),
    "unequal lengths": _unequal,
    "metric missing": _missing_metric,
    "model sizes": _model_sizes,
    "two sizes": lambda: table(sizes=(1e9, 6.4e10)),
    "along finetune_tokens": lambda: table(("en-fr",), finetune=(6e6, 4e7, 3e8), shares=False),
}


def _curves(name: str) -> Callable[[], Curves]:
    """Return a function that gives the curves of a variant."""
    axis = "finetune_tokens" if name == "along finetune_tokens" else "pretrain_tokens"
    return lambda: curves_of(TABLES[name](), axis=axis)


VARIANTS: dict[str, Callable[[], Curves]] = {name: _curves(name) for name in TABLES}
