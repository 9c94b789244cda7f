"""What is forecast: tables that other people measured, split as `shared/facts/peers.md` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bayesscale.evaluation import Split, split_first, split_rows
from benchmarks.tables import CLASSIFIERS, RESNET, TABLES

_SHARE = 0.6


@dataclass(frozen=True)
class Forecast:
    """A split of a table.

    Parameters
    ----------
    about : str
        What is fitted and what is forecast.
    make : callable
        Reads the table and returns its split.
    """

    about: str
    make: Callable[[], Split]


def google(domain: str) -> Split:
    """Return a domain of the Google benchmark, split by its column `training`.

    Parameters
    ----------
    domain : str
        NMT, LM or BB.
    """
    table = TABLES[f"google {domain}"]
    lines = np.flatnonzero(table.rows()["training"] == "1") + 1
    return split_rows(table.read(), lines.tolist(), f"google {domain}")


def first(name: str, count: float) -> Split:
    """Return a table with the first sizes of each curve fitted.

    Parameters
    ----------
    name : str
        Name of the table.
    count : float
        What is fitted: a share of each curve's sizes, rounded up, or a number of them.
    """
    return split_first(TABLES[name].read(), count)


def syn2real_column(percent: tuple[int, ...]) -> Split:
    """Return the accuracy of ResNet-50 pretrained on `mulclass` against D_f, with whole columns held out.

    Each D_p > 0 is a curve in D_f. The other pretraining tasks have two columns only, too few for any law.

    Parameters
    ----------
    percent : tuple of int
        The D_f that are forecast, in percent of the finetuning data.
    """
    columns = {**RESNET, "mixture": "ptask+D_p"}
    columns.pop("pretrain_tokens")
    table = replace(
        TABLES["syn2real"], axis="finetune_tokens", columns=columns,
        where=(*CLASSIFIERS, "ptask=mulclass", "D_p>=1"),
    )  # fmt: skip
    metrics = table.read()
    fitted = ~metrics.frame["finetune_tokens"].isin(percent)
    name = f"D_f {'+'.join(map(str, percent))}%"
    return split_rows(metrics, metrics.frame.loc[fitted, "line"].tolist(), name)


def _schram(model: str, count: float) -> Forecast:
    """Return a split of one model's translation scores."""
    what = f"{count} smallest" if count >= 1 else f"{count:.0%} (rounded up) smallest"
    about = f"BLEU and chrF, {model}, D_f >= 1,000: the rest from the {what} sizes"
    return Forecast(about, partial(first, f"schram {model}", count))


def _column(*percent: int) -> Forecast:
    """Return a split of syn2real by columns."""
    listed = ", ".join(map(str, percent))
    return Forecast(
        f"ResNet-50 accuracy: the columns D_f = {listed}% from the others", partial(syn2real_column, percent)
    )


FORECASTS: dict[str, Forecast] = {
    **{
        f"google {domain}": Forecast(f"Google benchmark, {domain}: its own split", partial(google, domain))
        for domain in ("NMT", "LM", "BB")
    },
    "schram mBart50 60%": _schram("mBart50", _SHARE),
    "schram Transformer 60%": _schram("Transformer", _SHARE),
    "schram mBart50 first 3": _schram("mBart50", 3),
    "schram Transformer first 3": _schram("Transformer", 3),
    "schram mBart50 first 4": _schram("mBart50", 4),
    "schram mBart50 first 5": _schram("mBart50", 5),
    "proxylm": Forecast(
        "BLEU, chrF, COMET with s.e.: the last size from three", partial(first, "proxylm", 3)
    ),
    "syn2real D_p": Forecast(
        "ResNet-50 accuracy: the four largest D_p from three", partial(first, "syn2real", 3)
    ),
    "syn2real D_f inner": _column(4, 16),
    "syn2real D_f outer": _column(32, 64, 100),
    "bigscience_1b3": Forecast(
        "accuracy of seven tasks and LAMBADA's loss, five corpora: the last half from the first",
        partial(first, "bigscience_1b3", 0.5),
    ),
}
"""All splits by name."""
