"""Which columns hold scores, and which of them are read where several hold one metric."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bayesscale.metrics.catalogue import CATALOGUE, normalised
from bayesscale.metrics.names.columns import COLUMNS
from bayesscale.metrics.names.declared import suggested_declaration
from bayesscale.metrics.names.labels import is_training
from bayesscale.metrics.names.scores import REVERSING, ScoreName, qualified_score, score_name, spread_name
from bayesscale.metrics.names.words import EVAL, words_of
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.melt import is_evaluation, is_system, label_of, label_parts, split_parts
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import to_numbers, without_placeholders

_SURE = ("se", "sd", "variance", "ci", "ci90", "ci95", "ci99")
_LIKELIHOOD = re.compile(r"^(?!neg).*(?:loglik|logprob|loglh|llh$)|^ll$|^logp$")
_SHORT_COUNTS, _MOST_RUNS = {"n", "count", "num", "runs"}, 50


@dataclass(frozen=True)
class Score:
    """A column of scores and what stands beside it: columns by their roles, see `names.scores.SPREADS`.

    `percent`: the column's name says that the numbers are percentages.
    """

    metric: str
    column: str
    percent: bool = False
    beside: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scores:
    """The scores of a wide table, one a metric.

    `spreads` are columns that stand beside a metric, whether they are read or not; `left_out` those of
    scores that are not read, since others tell the same or more; `problems` metrics of which several could
    be meant.
    """

    scores: tuple[Score, ...]
    spreads: tuple[str, ...]
    left_out: tuple[str, ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def is_long(named: NamedCells) -> bool:
    """Return whether the table has a row for each score."""
    return {"metric", "value"} <= set(named.free)


def find_scores(named: NamedCells, line: int | None = None) -> Scores:
    """Return the columns of a wide table, with a header at `line`, that hold scores: one for each metric."""
    names = {c: n for c in named.free if c not in COLUMNS and (n := score_name(c, named.declared))}
    values = {c: n for c, n in names.items() if n.beside is None and _may_hold_scores(named, c)}
    found: dict[str, list[str]] = {}
    for column, name in values.items():
        found.setdefault(name.metric, []).append(column)
    evaluations = [part for part in label_parts(named) if is_evaluation(part, named)]
    evaluated = bool(evaluations) or any(name.split == "eval" for name in values.values())
    scores, left_out, notes, problems = [], [], [], []
    for metric, columns in found.items():
        kept = _evaluated(columns, values, named, evaluated)
        only_training = all(
            is_training(c, values[c], evaluated=evaluated) and c not in named.origin for c in kept
        )
        if only_training and (evaluations or any(_others(values, metric, evaluated))):
            left_out += columns
            notes.append(f"{_quoted(columns)} is the training loss and was not read, unless it is named: "
                         f"{option('columns', f'{metric}={columns[0]}')}")  # fmt: skip
            continue
        left_out += [column for column in columns if column not in kept]
        in_training = all(is_training(c, values[c], evaluated=True) and c not in named.origin for c in kept)
        meant = [*(_bare_evaluations(named) if in_training else ()), *kept]
        if kept == ["error"] and len(found) > 1:
            problems.append(
                _score_or_spread(kept[0], next(other for other in found if other != metric), line)
            )
        if len(meant) > 1:
            problems.append(_several(metric, meant, line))
        elif len(columns) > 1 and kept[0] not in named.origin:
            rest = _quoted([c for c in columns if c not in kept])
            notes.append(f"{kept[0]!r} was read as {metric}, and {rest} left out as training loss")
        elif only_training:
            notes.append(f"{kept[0]!r} is measured in training, not on held-out data")
        percent = values[kept[0]].percent
        scores.append(Score(metric, kept[0], percent, _beside(kept[0], metric, names, named)))
    notes += _of_best(named, [score.column for score in scores], found)
    qualified = _qualified(named)
    if scores:
        qualified = [column for column in qualified if column not in names]
        left_out += qualified
        notes += [_of_another(named, column) for column in qualified]
    else:
        asked = (
            _without_numbers(named, {c: n for c, n in names.items() if c not in values}, line)
            or _of_validation(named, line)
            or _in_columns(named, line)
            or _loss_of_laws(named, line)
            or _log_likelihood(named, line)
        )
        if asked is None and qualified and not best_so_far(named) and not list(label_parts(named)):
            asked = _question_of_another(named, qualified, line)
        if asked is not None:
            scores, problems = [Score("value", str(asked.column))], [asked]
    plain = plain_spreads(named)
    if len(scores) == 1:
        scores = [Score(s.metric, s.column, s.percent, {**plain, **s.beside}) for s in scores]
    spreads = [column for column, name in names.items() if name.beside] + sure_spreads(plain)
    return Scores(tuple(scores), tuple(spreads), tuple(left_out), tuple(problems), tuple(notes))


def best_so_far(named: NamedCells) -> dict[str, str]:
    """Return the metrics of the columns that by their names hold the best so far, such as `best_bleu`.

    The smallest and largest value of a bucket, which charts have beside each score, are not among them.
    """
    names = {c: score_name(named.in_file(c), named.declared) for c in named.free}
    ends = {
        c for c in names if {f"{c[:-4]}_min", f"{c[:-4]}_max"} <= names.keys() and c[-4:] in ("_min", "_max")
    }
    return {c: name.metric for c, name in names.items() if name and name.beside == "best" and c not in ends}


def _of_best(named: NamedCells, read: Sequence[str], metrics: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield what to say of columns that hold the best so far, which hides where a score falls."""
    for column, metric in best_so_far(named).items():
        own = named.in_file(column)
        if column in read:
            yield f"{own!r}, read as {metric}, is by its name the best so far: it never falls"
        else:
            way = "" if metric in metrics else f", unless it is named: {option('columns', f'{metric}={own}')}"
            yield f"{own!r} is by its name the best so far and not the score at its size: not read{way}"


def _qualified(named: NamedCells) -> list[str]:
    """Return the columns that by their names are not the model's own score, such as `excess_loss`."""
    free = [c for c in named.free if c not in COLUMNS and c not in named.origin]
    return [c for c in free if qualified_score(c, named.declared) and named.has_numbers(c)]


def _of_another(named: NamedCells, column: str) -> str:
    """Return what to say of a column that is not the model's own score."""
    metric, word, _ = qualified_score(column, named.declared) or ("", "", False)
    return (
        f"{column!r} is by its name ({word}) not the model's own {metric}: not read"
        f"{''.join(f', unless it is named: {way}' for way in _as_metric(column, metric, word))}"
    )


def _as_metric(column: str, metric: str, word: str) -> Iterator[str]:
    """Yield the option that reads a column as a metric, unless it falls where the metric rises."""
    if (metric, word) == ("accuracy", "1"):
        yield option("columns", f"error_rate={column}")
    elif word not in REVERSING:
        yield option("columns", f"{metric}={column}")


def _question_of_another(named: NamedCells, columns: Sequence[str], line: int | None) -> Problem:
    """Return the question about scores that are not the model's own: no way on may be taken unasked."""
    column = columns[0]
    metric, word, _ = qualified_score(column, named.declared) or ("", "", False)
    unit = f", which is in {CATALOGUE[metric].unit}" if word.lower() == "per" else ""
    hint = (
        f"{column!r} is by its name ({word}) not the model's own {metric}{unit}"
        f"{''.join(f'; if it is all the same: {way}' for way in _as_metric(column, metric, word))}"
    )
    numbers = to_numbers(without_placeholders(named.cells[column]), sizes=False)
    if declaration := suggested_declaration(numbers, column):
        hint += f"; as a metric of its own: {option('metric', f'{column}={declaration}')}"
    return Problem(line, column, "required-columns", ", ".join(columns), hint)


def _without_numbers(named: NamedCells, names: Mapping[str, ScoreName], line: int | None) -> Problem | None:
    """Return the problem of a column that is called as a metric and has no cell that is a number."""
    for column in (c for c, name in names.items() if name.beside is None):
        cell = next(text for text in without_placeholders(named.cells[column]) if text)
        hint = (
            f"{column!r} is by its name {names[column].metric}, and no cell of it is a number: write one "
            "into each; several in a cell belong in rows of their own, with a column seed"
        )
        return Problem(line, column, "required-columns", cell, hint)
    return None


def _of_validation(named: NamedCells, line: int | None) -> Problem | None:
    """Return the question about columns that are no labels, `cv_loss` beside `tr_loss`."""
    parts = [part for part in split_parts(named) if part.label.lower() != "tr"]
    names = {part.column: score_name(part.score, named.declared) for part in parts}
    pairs = [f"{name.metric}={column}" for column, name in names.items() if name and not name.beside]
    if not pairs:
        return None
    way = option("columns", ",".join(pairs))
    hint = f"{_quoted([*names])} seem to be of validation, beside training: {way}"
    hint += f"; if these are labels: {option('melt', 'task')}"
    return Problem(line, parts[0].column, "required-columns", ", ".join(names), hint, (way,))


def _in_columns(named: NamedCells, line: int | None) -> Problem | None:
    """Return the question about columns that are seeds, settings or checkpoints, such as `bleu_seed1`."""
    parts = list(label_parts(named))
    columns = [part.column for part in parts] or [c for c in named.free if is_system(named, c)]
    label = label_of([part.label for part in parts] or columns)
    if not label or label in named.free:
        return None
    said = "metric" in named.free
    way = option("melt", label if parts else f"{label}={'value' if said else 'METRIC'}")
    what = {"seed": "replicates", "pretrain_tokens": "checkpoints"}.get(label, f"runs at values of {label}")
    hint = f"{_quoted(columns[:3])} are {what}, each a column: {way}"
    hint += "" if parts or said else f", such as {option('melt', f'{label}=bleu')}"
    ways = (way,) if parts or said else ()
    return Problem(line, columns[0], "required-columns", ", ".join(columns), hint, ways)


def _loss_of_laws(named: NamedCells, line: int | None) -> Problem | None:
    """Return the question whether L beside N and D is the loss, as in papers on scaling laws."""
    if not {"L", "N", "D"} <= {named.in_file(column) for column in named.free} or "L" not in named.free:
        return None
    way = option("columns", "cross_entropy=L")
    hint = f"L beside N and D is the loss of scaling laws, in nats per token: {way}"
    return Problem(line, "L", "required-columns", "L", hint, (way,))


def _log_likelihood(named: NamedCells, line: int | None) -> Problem | None:
    """Return the problem of log-likelihoods, which are losses with another sign."""
    for column in named.free:
        if _LIKELIHOOD.search(normalised(column)) and column not in COLUMNS:
            numbers = to_numbers(without_placeholders(named.cells[column]), sizes=False).dropna()
            if len(numbers) and (numbers <= 0).all():
                hint = (
                    f"{column!r} holds log-likelihoods; losses are positive: flip the sign in the table and "
                    f"call it cross_entropy, where it is the mean per token in nats"
                )
                return Problem(line, column, "required-columns", column, hint)
    return None


def _may_hold_scores(named: NamedCells, column: str) -> bool:
    """Return whether a column has numbers or nothing, which a remark called `precision` has not."""
    if column in named.origin or named.has_numbers(column):
        return True
    return not without_placeholders(named.cells[column]).ne("").any()


def plain_spreads(named: NamedCells) -> dict[str, str]:
    """Return the columns of spreads that are called by no metric, such as `std`, by their roles."""
    return {role: column for column in named.free if (role := _plain_spread(named, column))}


def sure_spreads(plain: Mapping[str, str]) -> list[str]:
    """Return those that are spreads wherever they stand; `n`, `low` and `high` may be settings."""
    return [column for role, column in plain.items() if role in _SURE]


def _plain_spread(named: NamedCells, column: str) -> str | None:
    """Return which spread a column without a metric's name is; N is a number of parameters."""
    if column == "se":
        return column
    if column in COLUMNS or column.startswith("share_") or column == "N":
        return None
    role = spread_name(column)
    if role == "count":
        return role if column in named.origin or _counts_runs(named, column) else None
    return role if role in (*_SURE, "low", "high") and named.cells[column].str.contains(r"\d").any() else None


def _counts_runs(named: NamedCells, column: str) -> bool:
    """Return whether a column has whole numbers, which are small where its name is as short as `n`."""
    numbers = to_numbers(without_placeholders(named.cells[column]), sizes=False).dropna()
    most = _MOST_RUNS if normalised(column) in _SHORT_COUNTS else float("inf")
    return bool(len(numbers) and (numbers % 1 == 0).all() and numbers.between(1, most).all())


def _others(values: dict[str, ScoreName], metric: str, evaluated: bool) -> list[bool]:
    """Return for the columns of other metrics whether they are of an evaluation."""
    return [not is_training(c, n, evaluated=evaluated) for c, n in values.items() if n.metric != metric]


def _evaluated(
    columns: Sequence[str], values: dict[str, ScoreName], named: NamedCells, evaluated: bool
) -> list[str]:
    """Return the columns that the user named, else those that are not measured in training."""
    if chosen := [column for column in columns if column in named.origin]:
        return chosen
    held_out = [column for column in columns if not is_training(column, values[column], evaluated=evaluated)]
    # The likeliest first: of an evaluation, and the likelihood itself rather than a smoothed loss.
    return sorted(held_out or columns, key=lambda c: (values[c].split != "eval", "nll" not in c.lower()))


def _bare_evaluations(named: NamedCells) -> list[str]:
    """Return the columns that are called as an evaluation alone, as `valid` is beside `loss`."""
    return [c for c in named.free if (words := set(words_of(c))) and words <= EVAL and is_system(named, c)]


def _several(metric: str, columns: Sequence[str], line: int | None) -> Problem:
    """Return the problem of a metric of which several columns could be meant."""
    options = tuple(option("columns", f"{metric}={column}") for column in columns)
    hint = f"{_quoted(columns)} are {CATALOGUE[metric].name}; choose one: {' or '.join(options)}"
    return Problem(line, columns[1], "one-column-a-metric", ", ".join(columns), hint, options)


def _score_or_spread(column: str, other: str, line: int | None) -> Problem:
    """Return the question whether `error` is a rate of errors or the spread of the score beside it."""
    neither = option("ignore", column)
    spread, metric = (option("columns", f"{name}={column}") for name in (f"{other}_se", "error_rate"))
    hint = (
        f"if {column!r} is the standard error of {other}: {spread}; if it is a metric: {metric}; "
        f"neither: {neither}"
    )
    return Problem(line, column, "score-or-spread", None, hint, (neither, spread, metric))


def _quoted(columns: Sequence[str]) -> str:
    """Return names of columns in words."""
    return " and ".join(map(repr, columns))


def _beside(column: str, metric: str, names: dict[str, ScoreName], named: NamedCells) -> dict[str, str]:
    """Return the spreads of a column of scores: those of the same split, or of a metric named by the user."""
    own = names[column].split
    found: dict[str, str] = {}
    for other, name in names.items():
        if name.metric != metric or name.beside in (None, "best", "other"):
            continue
        related = name.split == own or column in named.origin or other in named.origin
        if related and (name.beside not in found or other in named.origin):
            found[str(name.beside)] = other
    return found
