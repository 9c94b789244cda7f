"""Text and numbers on the scale that is meant: decimal marks, units, percentages, standard errors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names import SIZES, score_name, unit_in_name
from bayesscale.metrics.options import Options, option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.long import SPREAD_DIVISOR
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import decimal_marks, in_percent, is_ambiguous, without_spreads
from bayesscale.units import format_tokens

WITH_SUFFIX = (*SIZES, "model_params")
"""Columns of sizes, whose numbers may have a suffix such as M."""


def decimal_mark(text: pd.DataFrame, numbers: list[str], typed: bool, notes: list[str]) -> str:
    """Return the decimal mark of the whole file; where it has both, numbers with commas are no numbers."""
    plain = without_spreads(text["value"])
    spread = plain.ne(text["value"])
    if spread.any():
        text["value"] = plain
        notes.append(
            f"{spread.sum():,} cells have a spread behind the value (± or in brackets), which was not "
            "read: it is not said what it is; write standard errors into a column of their own"
        )
    if typed:
        return "."
    comma, point = decimal_marks(cell for name in numbers for cell in text[name].unique())
    if comma and not point:
        notes.append(f"numbers such as {comma} were read with a decimal comma, and points as thousands")
        return ","
    return "."


def ambiguous_sizes(text: pd.DataFrame, named: NamedCells, options: Options, marks: str) -> list[Problem]:
    """Return a problem for sizes that all look like 12.500 (with semicolons: or 12,500)."""
    problems = []
    for name in SIZES:
        if name not in text or name in options.scale:
            continue
        cells = [cell for cell in text[name].unique() if cell and not cell.isdigit()]
        mark = next(
            (mark for mark in marks if cells and all(mark in c and is_ambiguous(c) for c in cells)), None
        )
        if mark is None:
            continue
        whole = cells[0].replace(mark, "")
        # A comma is read as one of thousands, a point as a decimal one, unless they are scaled.
        factors = {
            whole: 1000 if mark == "." else 1,
            cells[0].replace(mark, "."): 1 if mark == "." else 0.001,
        }
        ways = {number: option("scale", f"{name}={factor}") for number, factor in factors.items()}
        hint = "; ".join(f"if it is {number}: {way}" for number, way in ways.items())
        if mark == "." and any(cell.isdigit() and cell != "0" for cell in text[name].unique()):
            hint = f"write {whole} without the point if that is meant; if not: {ways[cells[0]]}"
            ways.pop(whole)
        row = text.index[text[name].eq(cells[0])][0]
        line, column = int(text["line"][row]), named.in_file(name)
        problems.append(Problem(line, column, "thousands", cells[0], hint, tuple(ways.values())))
    return problems


def scale_sizes(
    data: pd.DataFrame, text: pd.DataFrame, named: NamedCells, options: Options, notes: list[str]
) -> None:
    """Multiply sizes by the unit in their column's name, or by what the user says."""
    for name in WITH_SUFFIX:
        if name not in data:
            continue
        factor = options.scale.get(name)
        if factor is None:
            factor = unit_in_name(named.in_file(name))
            if text[name].str.contains(r"(?:[kmbgt]|thousand|illion|bn)s?\s*$", case=False, regex=True).any():
                factor = 1.0
            if factor != 1:
                notes.append(f"{named.in_file(name)!r} was multiplied by {factor:g}, as its name says")
        if name == options.axis and options.tokens_per_step:
            steps = format_tokens(options.tokens_per_step)
            notes.append(f"{name} is {named.in_file(name)} times {steps} tokens a step")
            factor *= options.tokens_per_step
        if factor != 1:
            data[name] = data[name] * factor


def standard_errors(data: pd.DataFrame, text: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return the data with spreads turned into standard errors; one of 0 is none."""
    if "se" not in data:
        return data
    for role in text["spread"].unique():
        rows = text["spread"].eq(role)
        se = data.loc[rows, "se"]
        if role in SPREAD_DIVISOR:
            data.loc[rows, "se"] = se / SPREAD_DIVISOR[role]
        elif role == "low":
            data.loc[rows, "se"] = (data.loc[rows, "high"] - se) / (2 * SPREAD_DIVISOR["ci95"])
        else:
            deviation = se if role == "sd" else np.sqrt(se)
            data.loc[rows, "se"] = deviation / np.sqrt(data.loc[rows, "count"])
    data = data.drop(columns=["high", "count"], errors="ignore")
    zero = data["se"].eq(0)
    if zero.any():
        data.loc[zero, "se"], text.loc[zero, "se"] = np.nan, ""
        notes.append(f"{zero.sum():,} standard errors are 0 and were read as unknown")
    if data["se"].isna().all() and text["se"].eq("").all():
        return data.drop(columns="se")
    return data


def scale_scores(data: pd.DataFrame, text: pd.DataFrame, options: Options, notes: list[str]) -> None:
    """Multiply scores as the user says, and those that say that they are percentages."""
    factors = pd.Series(1.0, index=data.index)
    for name, factor in options.scale.items():
        if name in (*WITH_SUFFIX,):
            continue
        spec = score_name(name, options.declared)
        rows = data["metric"].eq(spec.metric) if spec else text["written"].eq(name)
        rows |= text["written"].eq(name) | text["value_column"].eq(name)
        if not rows.any():
            known = sorted({*data["metric"].dropna(), *(s for s in WITH_SUFFIX if s in data)})
            raise UsageError(
                f"--scale needs a metric or a size of the table; received {name!r}; "
                f"{valid_names(name, known)}"
            )
        factors[rows] = factor
    chosen = _chosen_metrics(data, options)
    percent = (text["percent"].astype(bool) | in_percent(text["value"])) & ~chosen
    for metric in data.loc[percent, "metric"].dropna().unique():
        rows = percent & data["metric"].eq(metric)
        if metric in CATALOGUE and (factor := CATALOGUE[metric].factor_of_percent) != 1:
            factors[rows] = factor
            notes.append(f"{metric}: {rows.sum():,} percentages were multiplied by {factor:g}")
    changed = factors.ne(1)
    for name in [name for name in ("value", "se") if name in data]:
        # A hundredth is no float: 41.5 / 100 is 0.415, and 41.5 * 0.01 is not.
        divided = data.loc[changed, name] / (1 / factors[changed])
        data.loc[changed, name] = divided.where(
            factors[changed] < 1, data.loc[changed, name] * factors[changed]
        )


def _chosen_metrics(data: pd.DataFrame, options: Options) -> pd.Series:
    """Return where the user says on which scale the score is."""
    names = {spec.metric for name in options.scale if (spec := score_name(name, options.declared))}
    return data["metric"].isin(names)
