"""Columns that are not read and vary along a curve: they tell runs apart that would be pooled."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import pandas as pd

from bayesscale.metrics.catalogue import normalised
from bayesscale.metrics.names.columns import BATCH, OF_BATCHES, meaning
from bayesscale.metrics.names.labels import are_states, held_out
from bayesscale.metrics.names.scores import score_name, spread_name
from bayesscale.metrics.names.words import word_set, words_of
from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft
from bayesscale.metrics.tidy.numbers import to_numbers, without_placeholders

# Where so many rows of a curve have values of their own, the column goes along with it, as a clock does.
_OWN_VALUES = 0.8
# Letters, numbers and the identities of trackers say of a run only that it is another one; width256 does not.
_REPLICATE = re.compile(r"\d+|[a-z]|(?![a-z]*\d*$)[0-9a-z]{8}|[0-9a-f]{32}", re.IGNORECASE)
_REPLICATE_AT_END = re.compile(r"(?:^|[-_ ./])(?:run|seed|rep|replicate|trial|s|r)[-_ =]?\d+$", re.IGNORECASE)
_CHECKPOINT_AT_END = re.compile(r"(?:checkpoint|ckpt|step|iter|epoch|update)s?[-_ =]?\d+$", re.IGNORECASE)
_MAY_BE_SETTINGS = {"min", "max", "best", "rank", "range"}
_RATES = ("lr", "learningrate")
_MODELS = ("model", "modelname", "system", "systemname", "arch", "architecture", "corpus", "mix")
_OF_A_STEP = word_set(
    "tokensperstep tokensperiter tokensperupdate seqlen seqlength sequencelength maxseqlen contextlength ctx"
    " gradaccum gradientaccumulationsteps"
)
_ALONG = ("steps", "epochs", "tokens", "examples", "compute")


def setting_columns(draft: Draft) -> list[str]:
    """Return the unread columns whose values recur: settings of runs, not what came of them."""
    found = []
    for name in draft.unread:
        cells = draft.beside(name)
        if cells.nunique() < 2 or _is_no_setting(draft, name) or meaning(name) in _ALONG:
            continue
        counts = cells[cells.ne("")].value_counts()
        recurring = counts[counts > 1]
        if len(recurring) > 1 and recurring.sum() >= 0.5 * counts.sum():
            found.append(name)
    return found


def _is_no_setting(draft: Draft, name: str) -> bool:
    """Return whether a column is a clock, a score, or a spread of one; text such as `bf16` is no score."""
    found = score_name(name, draft.named.declared)
    is_score = found is not None and (found.beside is not None or draft.named.has_numbers(name))
    is_spread = spread_name(name) in ("best", "other") and normalised(name) not in _MAY_BE_SETTINGS
    of_score = meaning(name) == "score" and draft.named.has_numbers(name)
    return meaning(name) == "passes" or is_score or of_score or is_spread


def varying_problems(draft: Draft, settled: list[str], *, times: bool) -> list[Problem]:
    """Return the columns that vary along a curve and would be pooled, but for those `settled`.

    `times`: sizes are steps times one number of tokens.
    """
    rows = draft.data[~draft.is_baseline]
    key = [*draft.curve, "metric"]
    group = rows.groupby(key, sort=False, dropna=False).ngroup()
    problems = list(_named_runs(draft, rows, group))
    for name in draft.unread:
        whole = draft.beside(name)[rows.index]
        if whole.nunique() < 2:
            continue
        cells = whole[whole.ne("")]
        number_of_batch = cells.eq(draft.text[draft.axis][cells.index]).all()
        of_a_step = cells.nunique() > 1 and not number_of_batch and _is_of_a_step(draft, name)
        if of_a_step and (
            times
            or (cells.groupby(group[cells.index]).nunique().gt(1).any() and _is_monotone(draft, cells, group))
        ):
            problems.append(_unequal_steps(draft, name, cells, times=times))
            continue
        if name in settled or _is_no_setting(draft, name):
            continue
        # Rows without a setting may be of other runs; rows without a remark are of the same.
        whole = cells if meaning(name) == "remark" and not are_states(cells) else whole
        pooled = whole[whole.groupby(group[whole.index]).transform("nunique") > 1]
        if len(pooled) and _tells_runs_apart(draft, name, pooled, group):
            problems.append(_problem(draft, name, pooled))
    return problems


def _is_of_a_step(draft: Draft, name: str) -> bool:
    """Return whether a column says how many tokens a step has, and sizes are steps."""
    in_steps = meaning(draft.named.in_file(draft.axis)) == "steps"
    words = set(words_of(name))
    in_batches = bool(words & BATCH) and words <= BATCH | OF_BATCHES
    return in_steps and (in_batches or normalised(name) in _OF_A_STEP)


def _unequal_steps(draft: Draft, name: str, cells: pd.Series, *, times: bool) -> Problem:
    """Return the question about steps of different sizes, which no factor turns into tokens."""
    steps = draft.named.in_file(draft.axis)
    hint = (
        f"steps differ in {name!r}, so {steps!r} times one number is not their tokens: add up those of all "
        f"steps in a column of tokens"
    )
    if times:
        hint += f"; if they are as many all the same: {option('ignore', name)}"
    else:
        hint += f"; for sizes in steps: {option('ignore', name)}"
        hint += "".join(f"; if these are several runs: {way}" for way in draft.curve_with([name]))
    return Problem(None, name, "told-apart", _shown(cells), hint)


def _shown(cells: Iterable[str]) -> str:
    """Return the first few of different cells."""
    levels = [cell or "(empty)" for cell in dict.fromkeys(cells)]
    return ", ".join(levels[:4]) + (f" and {len(levels) - 4} more" if len(levels) > 4 else "")


def _named_runs(draft: Draft, rows: pd.DataFrame, group: pd.Series) -> Iterator[Problem]:
    """Yield the question whether runs that have names of their own are replicates of one curve."""
    own = draft.named.in_file("run")
    if (
        "run" not in draft.key or "run" in draft.curve or own.lower() != "run"
    ):  # the user said so by --columns
        return
    runs = rows["run"]
    # Parts of a document or folder are not called runs by anybody: a and b may be systems.
    by_header = "run" not in draft.named.made_up
    kinds = runs.map(
        lambda name: "" if by_header and _REPLICATE.fullmatch(name) else _REPLICATE_AT_END.sub("", name)
    )
    pooled = kinds.groupby(group[runs.index]).transform("nunique") > 1
    names = list(runs[pooled].unique())
    if not names:
        return
    curve = () if "" in names else draft.curve_with([own])
    where = option("where", f"{own}={next(filter(None, names))}")
    seed = () if "seed" in draft.data else (option("columns", f"seed={own}"),)
    hint = f"if runs differ in more than their seed, {_each_a_curve(curve)}; choose one by {where}"
    hint += f"; replicates: {seed[0]}" if seed else ""
    options = (*curve, *seed, where) if curve else (where, *seed)
    yield Problem(None, own, "told-apart", _shown(names), hint, options)


def _each_a_curve(curve: tuple[str, ...]) -> str:
    """Return what makes each run a curve: an option, or names for the rows that have none."""
    return f"make each a curve: {curve[0]}" if curve else "fill the empty cells"


def _tells_runs_apart(draft: Draft, name: str, cells: pd.Series, group: pd.Series) -> bool:
    """Return whether a column is a setting and nothing that passes, by its cells where it varies."""
    if meaning(name) == "model_params":
        return True
    # gpt-s and gpt-m are models, as d12 and d16; checkpoint-1000 and checkpoint-2000 are one.
    if normalised(name) in _MODELS and cells.str.replace(_CHECKPOINT_AT_END, "", regex=True).nunique() > 1:
        return True
    in_schedule = normalised(name).endswith(_RATES) and _logs_steps(draft)
    if are_states(cells[cells.ne("")]) or (meaning(name) == "setting" and not in_schedule):
        return True
    cells = cells[cells.ne("")]
    if cells.groupby(group[cells.index]).nunique().sum() >= _OWN_VALUES * len(cells):
        return False
    return not (meaning(name) in _ALONG and _is_monotone(draft, cells, group))


def _logs_steps(draft: Draft) -> bool:
    """Return whether the table is a log of training, in which a learning rate follows its schedule."""
    return any(meaning(draft.named.in_file(name)) == "steps" for name in draft.named.free)


def _is_monotone(draft: Draft, cells: pd.Series, group: pd.Series) -> bool:
    """Return whether a column of numbers never turns along any curve."""
    table = pd.DataFrame(
        {
            "curve": group[cells.index],
            "size": draft.data.loc[cells.index, draft.axis],
            "number": to_numbers(without_placeholders(cells), sizes=True),
        }
    ).sort_values(["curve", "size", "number"])
    steps = table.groupby("curve")["number"].diff().dropna()
    return bool(table["number"].notna().all() and ((steps >= 0).all() or (steps <= 0).all()))


def roles(draft: Draft, columns: list[str]) -> Iterator[str]:
    """Yield options that let columns play the role that their names speak of."""
    for name in columns:
        role = meaning(name)
        if evaluation := held_out(draft.beside(name).unique()):
            yield option("where", f"{name}={evaluation}")
        if role in ("model_params", "seed", "task", "mixture") and role not in draft.named.free:
            yield option("columns", f"{role}={name}")
        elif (
            role == "finetune"
            and draft.axis == "pretrain_tokens"
            and "finetune_tokens" not in draft.named.free
        ):
            yield option("columns", f"finetune_tokens={name}")


def _problem(draft: Draft, name: str, cells: pd.Series) -> Problem:
    """Return the question what a column is."""
    by_role = list(roles(draft, [name]))
    filled = cells[cells.ne("")]
    partly = len(filled) < len(cells)
    curve = () if partly or is_remark(name, filled) else draft.curve_with([name])
    where = option("where", f"{name}={filled.value_counts().index[0]}")
    ignore = option("ignore", name)
    if meaning(name) == "model_params" and filled.is_unique:
        hint = "each model has one size, so there is no curve along the sizes: add scores of each at others"
        return Problem(None, name, "told-apart", _shown(cells), hint)
    choose = () if where in by_role else (where,)
    ways = [
        *(f"tell the runs apart by {way}" for way in curve),
        *(f"choose one by {way}" for way in choose),
        f"{'or ' if curve or choose else ''}take all for one run by {ignore}",
    ]
    what = f"is it {' or '.join(by_role)}? if not, " if by_role else ""
    hint = what + ", ".join(ways)
    if partly:
        hint += f"; {len(cells) - len(filled):,} rows say nothing: fill their cells if they are of other runs"
    runs = curve or (partly and not is_remark(name, filled))
    options = (*by_role, *curve, *choose, ignore) if runs else (*by_role, ignore, *choose)
    return Problem(None, name, "told-apart", _shown(cells), hint, options)


def is_remark(name: str, cells: pd.Series) -> bool:
    """Return whether a column says how runs went, or what people think of them: that makes no curve."""
    return meaning(name) == "remark" or are_states(cells)
