"""Read a table with options as people write them, or get the question that is asked about it."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from bayesscale.metrics.options import Options
from bayesscale.metrics.problems import MetricsError
from bayesscale.metrics.read import read_cells, read_metrics
from bayesscale.metrics.sources.files import load_table
from bayesscale.metrics.table import Metrics

Written = Callable[..., Path]
TOKENS = "--columns pretrain_tokens=tokens"
STEP = "--columns pretrain_tokens=step"


def door(path: Path, options: str = "") -> Metrics:
    """Read a file with options as they are written on the command line."""
    chosen = Options().with_option(options)
    return read_metrics(path, **{name: getattr(chosen, name) for name in Options.__dataclass_fields__})


def asked(path: Path, options: str = "") -> MetricsError:
    """Return the refusal of a file, whose way on must be one that is accepted."""
    with pytest.raises(MetricsError) as caught:
        door(path, options)
    if caught.value.accepted is not None:
        read_cells(load_table(path), Options().with_option(shlex.join(caught.value.accepted)))
    return caught.value


def values(metrics: Metrics) -> list[float]:
    return [float(value) for value in metrics.frame["value"]]


def sizes(metrics: Metrics) -> list[float]:
    return [float(size) for size in metrics.frame[metrics.axis]]
