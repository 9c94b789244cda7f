"""What is forecast: real curves that other people measured, split as `shared/facts/peers.md` says.

The tables are read from shared/data beside the repository. Rows that are exact copies of others are dropped
(the language models of the Google benchmark are in its file two to four times).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from bayesscale.evaluation import Split, split_first, split_rows
from bayesscale.metrics.read import read_metrics
from bayesscale.metrics.table import Metrics

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_SHARE = 0.6
_SMALLEST_CORPUS = 1000
# 224 curves of three metrics: with chains of the default length this split alone would take an hour.
_SHORT = {"draws": 300, "tune": 300, "chains": 2}


@dataclass(frozen=True)
class Forecast:
    """A split of a table by its name in the results.

    Parameters
    ----------
    name : str
        What it is called on the command line and in the results.
    about : str
        What is fitted and what is forecast.
    make : callable
        Reads the table and returns its split.
    sampling : dict
        Settings of the sampler that differ from the defaults.
    """

    name: str
    about: str
    make: Callable[[], Split]
    sampling: Mapping[str, int] = field(default_factory=dict)


@cache
def _file(name: str) -> pd.DataFrame:
    """Return the rows of a file of shared/data, each once, as text."""
    return pd.read_csv(DATA / f"{name}.csv", dtype=str, keep_default_na=False).drop_duplicates()


def google(domain: str) -> Split:
    """Return a domain of the Google benchmark, split by its column `training`.

    Parameters
    ----------
    domain : str
        NMT (log-perplexity), LM (normalised log loss) or BB (one minus a metric, between 0 and 1).
    """
    rows = _file("google_benchmark_lang")
    rows = rows[rows["domain"] == domain].reset_index(drop=True)
    metric = "error_rate" if domain == "BB" else "cross_entropy"
    columns = {"pretrain_tokens": "seen_examples", "mixture": "model", metric: "loss"}
    metrics = read_metrics(rows, columns=columns)
    return split_rows(metrics, _lines(metrics, rows["training"] == "1"), f"google {domain}")


def schram(model: str, first: float) -> Split:
    """Return BLEU and chrF of thirty language pairs against D_f, from 1,000 on.

    Parameters
    ----------
    model : str
        mBart50, pretrained, or Transformer, from scratch.
    first : float
        What is fitted: a share of each curve's sizes, rounded up, or a number of them.
    """
    columns = {"task": "src+tgt", "mixture": "model", "finetune_tokens": "D_f_train_size"}
    where = [f"model={model}", f"D_f_train_size>={_SMALLEST_CORPUS}"]
    metrics = read_metrics(_file("schram_mt_bilingual"), axis="finetune_tokens", columns=columns, where=where)
    if first >= 1:
        return split_first(metrics, first)
    groups = metrics.frame.groupby([*metrics.curve_columns, "metric"])["finetune_tokens"]
    fitted = groups.rank(method="dense") <= np.ceil(first * groups.transform("nunique") - 1e-9)
    return split_rows(metrics, metrics.frame.loc[fitted, "line"].tolist(), f"schram {model}")


def proxylm() -> Split:
    """Return BLEU, chrF and COMET with standard errors, from three sizes to the fourth and largest."""
    columns = {
        "task": "source_lang+target_lang",
        "mixture": "model",
        "finetune_tokens": "D_f_sentences",
        "bleu": "BLEU_mean",
        "chrf": "chrF2_mean",
        "comet": "COMET_mean",
    }
    where = ["finetuned=True"]
    metrics = read_metrics(_file("proxylm_nusa_mt"), axis="finetune_tokens", columns=columns, where=where)
    return split_first(metrics, 3)


_RESNET = {"pretrain_tokens": "D_p", "finetune_tokens": "fratio_pct", "accuracy": "value"}
_CLASSIFIERS = ["model=r50", "pdata=bop", "pscale=64k", "ftask=sinclass"]


def syn2real_pretraining() -> Split:
    """Return the accuracy of ResNet-50 against D_p, from the three smallest to the four largest."""
    columns = {**_RESNET, "task": "ftask", "mixture": "ptask"}
    metrics = read_metrics(_file("syn2real_finetune_last"), columns=columns, where=_CLASSIFIERS)
    return split_first(metrics, 3)


def syn2real_column(percent: tuple[int, ...]) -> Split:
    """Return the accuracy of ResNet-50 pretrained on `mulclass` against D_f, with whole columns held out.

    Each D_p > 0 is a curve in D_f. The other pretraining tasks have two columns only, too few for any law.

    Parameters
    ----------
    percent : tuple of int
        The D_f that are forecast, in percent of the finetuning data.
    """
    columns = {**_RESNET, "task": "ftask", "mixture": "ptask+D_p"}
    columns.pop("pretrain_tokens")
    where = [*_CLASSIFIERS, "ptask=mulclass", "D_p>=1"]
    metrics = read_metrics(
        _file("syn2real_finetune_last"), axis="finetune_tokens", columns=columns, where=where
    )
    fitted = ~metrics.frame["finetune_tokens"].isin(percent)
    name = f"D_f {'+'.join(map(str, percent))}%"
    return split_rows(metrics, metrics.frame.loc[fitted, "line"].tolist(), name)


def _lines(metrics: Metrics, chosen: pd.Series) -> list[int]:
    """Return the lines of chosen rows of a data frame that was read: its lines count from 0."""
    first = int(metrics.frame["line"].min())
    return [first + int(place) for place in np.flatnonzero(chosen)]


def _forecasts() -> tuple[Forecast, ...]:
    """Return all splits."""
    found = [
        Forecast(
            f"google {domain}",
            f"Google benchmark, {domain}: its own split",
            lambda d=domain: google(d),  # type: ignore[misc]
        )
        for domain in ("NMT", "LM", "BB")
    ]
    both = ("mBart50", "Transformer")
    splits = ((_SHARE, "60%", both), (3, "first 3", both), (4, "first 4", both[:1]), (5, "first 5", both[:1]))
    for first, what, models in splits:
        found += [
            Forecast(
                f"schram {model} {what}",
                f"BLEU and chrF, {model}, D_f >= 1,000: the rest from the {what.removeprefix('first ')} "
                f"{'smallest' if first >= 1 else '(rounded up) smallest'} sizes",
                lambda m=model, f=first: schram(m, f),  # type: ignore[misc]
            )
            for model in models
        ]
    about = "BLEU, chrF, COMET with s.e.: the last size from three"
    found.append(Forecast("proxylm", about, proxylm, _SHORT))
    found.append(
        Forecast("syn2real D_p", "ResNet-50 accuracy: the four largest D_p from three", syn2real_pretraining)
    )
    for columns, what in (((4, 16), "inner"), ((32, 64, 100), "outer")):
        found.append(
            Forecast(
                f"syn2real D_f {what}",
                f"ResNet-50 accuracy: the columns D_f = {', '.join(map(str, columns))}% from the others",
                lambda c=columns: syn2real_column(c),  # type: ignore[misc]
            )
        )
    return tuple(found)


FORECASTS: dict[str, Forecast] = {forecast.name: forecast for forecast in _forecasts()}
"""All splits by name."""
