"""Runs, systems or tasks as columns: columns of one metric become rows with a label."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from bayesscale.errors import UsageError
from bayesscale.metrics.names.columns import COLUMNS, meaning, numbered
from bayesscale.metrics.names.labels import is_average, is_training, says_evaluation
from bayesscale.metrics.names.scores import SPREADS, ScoreName, labelled_score, score_name, spread_name
from bayesscale.metrics.names.words import EVAL, SIGNS, TRAIN, words_of
from bayesscale.metrics.options import Options
from bayesscale.metrics.sources.cells import NAMELESS
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import is_text, to_numbers, without_placeholders

_CHART = re.compile(r"(?P<label>.+) - (?P<score>.+?)(?P<end>__MIN|__MAX)?", re.DOTALL)
_NO_SYSTEM = {"tokens", "examples", "steps", "epochs", "finetune", "model_params", "seed"}
_NO_SYSTEM |= {"passes", "setting", "compute", "remark"}
_VALIDATION = {"cv", "va", "vl"}
_OWN, _SHOWN = "run", 10


class Part(NamedTuple):
    """What the name of one column says: which label it is of, and the name of its score."""

    column: str
    label: str
    score: str


def melt(named: NamedCells, options: Options) -> NamedCells:
    """Turn columns that hold a metric of several runs, systems or tasks into rows with a label.

    The charts that Weights & Biases exports, `RUN - METRIC` with `__MIN` and `__MAX`, are known without
    being asked for: each run is a curve. All else needs `options.melt`: a label for columns whose names
    hold a metric and something else (`en-de BLEU`), or `label=metric` for columns that all hold that
    metric. UsageError where there are no such columns or the label is taken.
    """
    label, _, metric = (options.melt or "").partition("=")
    parts = list(chart_parts(named))
    if options.melt is None:
        if not parts or any(_CHART.fullmatch(old) for old in named.origin.values()):
            return named
        label = _OWN if _OWN not in named.cells.columns else "series"
        runs = list(dict.fromkeys(part.label for part in parts))
        note = (
            f"columns of {len(runs):,} runs were read as rows, each run a curve; say what a run is by --melt "
            f"mixture, --melt task, or --melt seed for replicates"
        )
        return _long(named, parts, label, note, apart=True)
    label = label.strip()
    if not label or label in named.free:
        raise UsageError(
            f"--melt is a new label, such as task or mixture=bleu; received {options.melt!r}, "
            f"{'which is a column already: ignore it or choose another label' if label else 'without one'}"
        )
    if metric:
        parts += [part for part in system_parts(named, metric.strip()) if part.column not in _columns(parts)]
    else:
        parts += [part for part in label_parts(named) if part.column not in _columns(parts)]
    if not parts:
        raise UsageError(
            f"--melt {options.melt} found no columns to turn into rows: their names must hold a metric and "
            f"something else, as in 'en-de BLEU'; where all columns hold one metric write --melt {label}=bleu"
        )
    labels = list(dict.fromkeys(part.label for part in parts))
    more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
    shown = ", ".join(map(repr, labels[:_SHOWN]))
    note = f"columns of {len(labels):,} values of {label} were read as rows: {shown}{more}"
    second = [
        text
        for text in labels
        if re.sub(r"\.\d+$", "", text) in labels and text[-1:].isdigit() and "." in text
    ]
    note += "".join(
        f"; pandas writes a second {text.rpartition('.')[0]!r} as {text!r}" for text in second[:1]
    )
    return _long(named, parts, label, note, apart=label not in COLUMNS)


def _columns(parts: list[Part]) -> set[str]:
    """Return the columns of parts."""
    return {part.column for part in parts}


def chart_parts(named: NamedCells) -> Iterator[Part]:
    """Yield the columns of a chart of Weights & Biases."""
    for column in named.free:
        match = _CHART.fullmatch(column)
        if not match or column in named.origin:
            continue
        is_chart = f"{column}__MIN" in named.cells or match["end"] is not None
        # `1 - acc` is a difference.
        if is_chart or (match["label"] != "1" and score_name(match["score"], named.declared)):
            end = {"__MIN": "_min", "__MAX": "_max", None: ""}[match["end"]]
            yield Part(column, match["label"].strip(), match["score"].strip() + end)


def label_parts(named: NamedCells) -> Iterator[Part]:
    """Yield the columns whose names hold a metric and something else, such as `hellaswag/acc_norm`."""
    for column in named.free:
        if column in COLUMNS or column in named.origin:
            continue
        if found := labelled_score(column, named.declared):
            yield Part(column, *found)


def split_parts(named: NamedCells) -> list[Part]:
    """Return the columns of training and validation, `tr_loss` beside `cv_loss`; alone tr is Turkish."""
    said = {frozenset(words_of(str(column))) for column in named.cells}
    beside = {"tr": _VALIDATION | EVAL} | {word: {"tr", *TRAIN} for word in _VALIDATION}
    return [
        part
        for part in label_parts(named)
        if any({word, *words_of(part.score)} in said for word in beside.get(part.label.lower(), ()))
    ]


def label_of(labels: Sequence[str]) -> str:
    """Return the column that several labels are values of: seed, a size, a setting; nothing for others."""
    kind = numbered(labels) if len(labels) > 1 else ""
    return {"steps": "pretrain_tokens", "tokens": "pretrain_tokens"}.get(kind, kind)


def is_evaluation(part: Part, named: NamedCells) -> bool:
    """Return whether a column holds scores of an evaluation, as `eval_wiki_loss` does."""
    found = score_name(part.score, named.declared)
    return found is not None and found.beside is None and says_evaluation(part.label)


def system_parts(named: NamedCells, metric: str) -> Iterator[Part]:
    """Yield the columns that hold numbers and play no other role, and those of spreads beside them."""
    of_rows = metric == "value" and "metric" in named.free
    if not (of_rows or score_name(metric, named.declared)):
        raise UsageError(
            f"--melt label=metric needs a known metric, or declare it by --metric; received {metric!r}"
        )
    own = score_name(metric, named.declared)
    for text in named.cells["metric"].unique() if own and "metric" in named.free else ():
        said = score_name(text, named.declared)
        if own and said and said.metric != own.metric:
            raise UsageError(
                f"--melt label=metric contradicts column {named.in_file('metric')!r}; received {metric!r} "
                f"beside {text!r}; write value for the metric that the column names"
            )
    systems = [column for column in named.free if is_system(named, column)]
    for column in systems:
        above = next((s for s in systems if s != column and _role_beside(column, s)), None)
        if above is None:
            yield Part(column, column, metric)
        else:
            yield Part(column, above, f"{metric}_{_role_beside(column, above)}")


def is_system(named: NamedCells, column: str) -> bool:
    """Return whether a column may hold the scores of one system, task or run."""
    taken = column in (*COLUMNS, *named.origin, *named.made_up, NAMELESS)
    if taken or column.startswith("share_") or meaning(column) in _NO_SYSTEM:
        return False
    # Languages have two letters, as the spreads hi, lo and se.
    is_spread = spread_name(column) is not None and len(column) > 2
    if score_name(column, named.declared) or is_average(column) or is_spread:
        return False
    cells = without_placeholders(named.cells[column])
    sure = cells.str.replace(",", ".", n=1, regex=False)
    return bool(cells.ne("").any() and not is_text(cells, to_numbers(sure, sizes=False)).any())


def _role_beside(column: str, system: str) -> str | None:
    """Return which spread a column is beside a system's, such as se for `ours_stderr`."""
    if not column.startswith(system):
        return None
    found = score_name(f"bleu_{column[len(system) :].strip(SIGNS)}")
    return found.beside if found and found.beside in SPREADS else None


def _training(names: dict[str, ScoreName], parts: list[Part], named: NamedCells) -> list[str]:
    """Return the columns of training losses, which are no scores of a label, beside evaluations."""
    if not any(is_evaluation(part, named) for part in parts):
        return []
    return [
        column
        for column, name in names.items()
        if column not in named.origin and is_training(column, name, evaluated=True)
    ]


def _long(named: NamedCells, parts: list[Part], label: str, note: str, *, apart: bool) -> NamedCells:
    """Return a row for each line and label, which may tell curves apart; other scores stay in own rows."""
    melted = _columns(parts)
    seen = Counter((part.label, part.score) for part in parts)
    if twice := [pair for pair, count in seen.items() if count > 1]:
        columns = [part.column for part in parts if (part.label, part.score) == twice[0]]
        raise UsageError(
            f"--melt needs one column for each label and metric; {' and '.join(map(repr, columns))} are both "
            f"{twice[0][1]} of {twice[0][0]}; leave one out with --ignore"
        )
    names = {c: n for c in named.free if c not in COLUMNS and (n := score_name(c, named.declared))}
    training = _training(names, parts, named)
    if training:
        note += f"; {', '.join(map(repr, training))} left out as training loss"
    melted |= set(training)
    shared = named.cells.drop(columns=list(melted))
    scores = [column for column in names if column in shared]
    blocks = [shared.assign(**{label: "all"})] if any(map(named.has_numbers, scores)) else []
    rest = shared.drop(columns=[*scores, label], errors="ignore")
    texts = {part.column: named.cells[part.column].tolist() for part in parts}
    nothing = [""] * len(rest)
    labels = list(dict.fromkeys(part.label for part in parts))
    column_of = {(part.score, part.label): part.column for part in parts}
    own = {
        score: [cell for name in labels for cell in texts.get(column_of.get((score, name), ""), nothing)]
        for score in dict.fromkeys(part.score for part in parts)
    }
    own[label] = list(np.repeat(labels, len(rest)))
    block = pd.concat([rest] * len(labels))
    blocks.append(pd.concat([block, pd.DataFrame(own, block.index, dtype=object)], axis=1))
    cells = pd.concat(blocks).sort_index(kind="stable").fillna("").astype(object)
    added = [name for name in cells.columns if name not in shared.columns]
    # Scores that are not melted are gone where they have no rows of their own: they hold no number.
    kept = [column for column in named.free if column not in melted and column in cells.columns]
    free = (*kept, *map(str, added))
    curve = label if apart else named.label
    return replace(named, cells=cells, free=free, label=curve, notes=(*named.notes, note))
