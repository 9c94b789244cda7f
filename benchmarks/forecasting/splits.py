"""What is forecast: tables that other people measured, split as `shared/facts/peers.md` says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from bayesscale.evaluation import Split, split_first, split_rows
from benchmarks.tables import CLASSIFIERS, RESNET, TABLES

_SHARE = 0.6
# Three of the five corpora are OSCAR, filtered more or less: this one is unlike the others.
_NEW_CORPUS = "pile"


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


def olmo_bits() -> Split:
    """Fit OLMo's ladder to a third of each accuracy and two thirds of all else; forecast accuracy."""
    metrics = TABLES["olmo_ladder"].read()
    short, long = split_first(metrics, 1 / 3), split_first(metrics, 2 / 3)
    score = metrics.frame["metric"] == "accuracy"
    line = metrics.frame["line"]
    fitted = line[line.isin(short.train.frame["line"]).where(score, line.isin(long.train.frame["line"]))]
    split = split_rows(metrics, fitted.tolist(), "accuracy first 1/3, all else 2/3")
    return replace(split, held=split.held[split.held["metric"] == "accuracy"])


def new_corpus(corpus: str) -> Split:
    """Return bigscience_1b3 with all curves of one corpus held out: the population alone forecasts them.

    Parameters
    ----------
    corpus : str
        The mixture that was never measured.
    """
    metrics = TABLES["bigscience_1b3"].read()
    held = metrics.frame["mixture"] == corpus
    train = replace(metrics, frame=metrics.frame[~held].reset_index(drop=True))
    return Split(f"without {corpus}", train, metrics.frame[held].reset_index(drop=True))


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
    "bigscience_1b3 first 5": Forecast(
        "the same: all other sizes from the five smallest", partial(first, "bigscience_1b3", 5)
    ),
    "bigscience_1b3 new corpus": Forecast(
        f"the same: all of the corpus {_NEW_CORPUS} from the four others", partial(new_corpus, _NEW_CORPUS)
    ),
    "olmo_ladder": Forecast(
        "accuracy and bits per byte of six tasks, loss on c4: the last half from the first",
        partial(first, "olmo_ladder", 0.5),
    ),
    "olmo_ladder bits": Forecast(
        "accuracy of six tasks: the rest from its first third, and two thirds of the losses", olmo_bits
    ),
}
"""All splits by name."""
