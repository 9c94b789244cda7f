"""Text and numbers on the scale that is meant: decimal marks, units, percentages, standard errors."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.names.columns import SIZES
from bayesscale.metrics.names.scores import score_name, spread_name
from bayesscale.metrics.names.words import UNITS
from bayesscale.metrics.options import Options, option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.long import SPREAD_DIVISOR
from bayesscale.metrics.tidy.named import NamedCells
from bayesscale.metrics.tidy.numbers import (
    INTERVAL,
    decimal_marks,
    in_bytes,
    in_percent,
    is_ambiguous,
    suffixes,
    without_placeholders,
    without_spreads,
)
from bayesscale.metrics.tidy.units import logarithm, other_unit, size_factor
from bayesscale.units import format_tokens

WITH_SUFFIX = (*SIZES, "model_params")
"""Columns of sizes, whose numbers may have a suffix such as M."""
_LARGEST_LOGARITHM, _LARGEST_SIZE = 70, 1e22


def take_intervals(text: pd.DataFrame, notes: list[str]) -> None:
    """Take off what stands behind values; the intervals that sacreBLEU prints become standard errors."""
    value = without_placeholders(text["value"])
    plain = without_spreads(value)
    behind = plain.ne(value)
    if not behind.any():
        return
    half = text["value"].str.extract(INTERVAL, expand=False)
    text["value"] = plain.where(behind, text["value"])
    if "se" not in text and half.notna().any():
        text["se"], text["score: se_column"] = half.fillna(""), text["score: value_column"]
        text["score: spread"] = "ci95"
        behind &= half.isna()
        notes.append(
            f"{half.notna().sum():,} half-widths of 95% intervals, as sacreBLEU prints them behind values, "
            f"were divided by {SPREAD_DIVISOR['ci95']:g}"
        )
    if behind.any():
        notes.append(
            f"{behind.sum():,} cells have a spread behind the value (± or in brackets), which was not "
            "read: it is not said what it is; write standard errors into a column of their own"
        )


def decimal_mark(
    text: pd.DataFrame, numbers: list[str], typed: bool, chosen: str | None, notes: list[str]
) -> tuple[str, bool]:
    """Return the decimal mark of the whole file, nothing where it is not known, and whether a point is one.

    Where numbers have both marks, those with commas are no numbers.
    """
    if typed or chosen:
        return "." if typed else str(chosen), True
    comma, point = decimal_marks(cell for name in numbers for cell in text[name].unique())
    if comma and not point:
        notes.append(f"numbers such as {comma} were read with a decimal comma, and points as thousands")
        return ",", False
    return "", point is not None


def ambiguous_sizes(
    text: pd.DataFrame,
    named: NamedCells,
    options: Options,
    separator: str,
    point: bool,
    decimal: str,
    notes: list[str],
) -> list[Problem]:
    """Return a problem for sizes that all look like 12.500 (with semicolons: or 12,500).

    Without semicolons a comma is one of thousands, with a note. `point`: whether other numbers have one;
    `decimal`: the mark that they show.
    """
    problems = []
    for name in SIZES:
        if name not in text or name in options.scale:
            continue
        cells = [cell for cell in text[name].unique() if cell and not cell.isdigit()]
        mark = next((m for m in ".," if cells and all(m in c and is_ambiguous(c) for c in cells)), None)
        column, comma = named.in_file(name), option("decimal", ",")
        if mark == "," and separator != ";" and not decimal:
            notes.append(
                f"{column!r}: a comma as in {cells[0]} was read as one of thousands; if not: {comma}"
            )
        if mark is None or (mark == "," and separator != ";" and not decimal):
            continue
        plain = [cell for cell in text[name].unique() if cell.isdigit() and cell != "0"]
        grouped = any(len(cell) > 2 for cell in plain)  # 500 beside 12.500 has no thousands to group
        if decimal and not (decimal == mark and grouped):
            continue
        whole, fraction = cells[0].replace(mark, ""), cells[0].replace(mark, ".")
        # A comma is read as one of thousands, a point as a decimal one, unless they are scaled.
        scaled = option("scale", f"{name}={1000 if mark == '.' else 0.001:g}")
        by_comma, by_point = scaled if point else comma, option("decimal", ".")
        ways = {whole: by_comma, cells[0]: by_point} if mark == "." else {whole: by_point, fraction: by_comma}
        hint = "; ".join(f"if it is {number}: {way}" for number, way in ways.items())
        if decimal:
            hint, ways = f"write {whole} without the comma if that is meant; if not: {comma}", {}
        elif mark == "." and plain:
            hint = f"write {whole} without the point if that is meant; if not: {by_point}"
            ways.pop(whole)
            if grouped:
                hint, ways = (hint, {}) if point else (f"if it is {whole}: {comma}; {hint}", {whole: comma})
        row = text.index[text[name].eq(cells[0])][0]
        line = int(text["line"][row])
        problems.append(Problem(line, column, "thousands", cells[0], hint, tuple(ways.values())))
    return problems


def size_problems(
    text: pd.DataFrame, data: pd.DataFrame, named: NamedCells, options: Options
) -> Iterator[Problem]:
    """Yield the first size of each column whose unit is not plain, with the question what it is."""
    for name in WITH_SUFFIX:
        if name in text and name not in options.scale:
            own, cells = named.in_file(name), text[name]
            where, hint, ways = _unit_question(name, own, cells, data[name])
            for row in text.index[where][:1]:
                yield Problem(int(text["line"][row]), own, "size-unit", cells[row], hint, ways)


def _unit_question(
    name: str, own: str, cells: pd.Series, sizes: pd.Series
) -> tuple[pd.Series, str, tuple[str, ...]]:
    """Return the sizes whose unit is not plain, the question about them, and options that settle it.

    They are logarithms, percentages or bytes, `M` beside `MM`, or `2` beside `1B`.
    """
    as_it_is = option("scale", f"{name}=1")
    percent, suffix = in_percent(cells), suffixes(cells)
    large, thousands = suffix.map(UNITS).gt(1e3), suffix.eq("m")
    if _is_logarithm(own, sizes, suffix) and _power(own, sizes) is None:
        hint = (
            "these are logarithms by their name, and their base is not said: write the sizes themselves, "
            f"or the base into the name, as in 'log10_tokens'; as they are: {as_it_is}"
        )
        return sizes.notna(), hint, ()
    if percent.any():
        hint = f"say what one percent is: --scale {name}=N; to have sizes in percent: {as_it_is}"
        return percent, hint, (as_it_is,)
    if (of_bytes := in_bytes(suffix)).any():
        hint = (
            f"bytes are not tokens: say how many a byte makes, such as {option('scale', f'{name}=0.25')}; "
            f"to have sizes in bytes: {as_it_is}"
        )
        return of_bytes, hint, ()
    if thousands.any() and suffix.eq("mm").any():
        hint = f"beside MM, M may be thousands: write K or M for both; if M and MM are millions: {as_it_is}"
        return thousands, hint, ()
    if large.any() and not (suffix.ne("") & ~large).any() and size_factor(own) == 1:
        leave = option("where", f"{own}>=1000")
        hint = (
            f"others have a suffix, such as {cells[large].iloc[0]}: write this one with its own, or "
            f"leave it out by {leave}; as they are: {as_it_is}"
        )
        return suffix.eq("") & sizes.gt(0) & sizes.lt(1000), hint, (leave,)
    return percent, "", ()


def _is_logarithm(column: str, sizes: pd.Series, suffix: pd.Series) -> bool:
    """Return whether sizes are logarithms: their name says so, and they are as small."""
    small = sizes.abs().max() < _LARGEST_LOGARITHM and suffix.eq("").all()
    return bool(small) and logarithm(column) is not None


def _power(column: str, sizes: pd.Series) -> pd.Series | None:
    """Return the sizes that a column holds the logarithms of; None where the base is not known."""
    base = logarithm(column) or np.nan
    power = base**sizes
    return power if power.max() < _LARGEST_SIZE else None


def scale_sizes(
    data: pd.DataFrame, text: pd.DataFrame, named: NamedCells, options: Options, notes: list[str]
) -> None:
    """Multiply sizes by the unit in their column's name, or by what the user says."""
    for name in WITH_SUFFIX:
        if name not in data:
            continue
        factor, own = options.scale.get(name), named.in_file(name)
        suffix = suffixes(text[name])
        if factor is None and name != "model_params" and (unit := other_unit(own)):
            notes.append(f"{own!r}: sizes are {unit}, not tokens, and were read as they are")
        power = _power(own, data[name]) if _is_logarithm(own, data[name], suffix) else None
        if factor is None and power is not None:
            notes.append(f"{own!r} are logarithms of base {logarithm(own):.4g} by their name: read as sizes")
            data[name] = power.round(9)
            factor = 1.0
        if factor is None:
            factor = size_factor(named.in_file(name))
            plain = suffix.eq("")
            if factor != 1 and plain.any():
                notes.append(f"{named.in_file(name)!r} was multiplied by {factor:g}, as its name says")
                data[name] = data[name].where(~plain, data[name] * factor)
            factor = 1.0
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
    for role in text["score: spread"].unique():
        rows = text["score: spread"].eq(role)
        se = data.loc[rows, "se"]
        if role in SPREAD_DIVISOR:
            data.loc[rows, "se"] = se / SPREAD_DIVISOR[role]
        elif role == "low":
            data.loc[rows, "se"] = (data.loc[rows, "score: high"] - se) / (2 * SPREAD_DIVISOR["ci95"])
        else:
            deviation = se if role == "sd" else np.sqrt(se)
            data.loc[rows, "se"] = deviation / np.sqrt(data.loc[rows, "score: count"])
    data = data.drop(columns=["score: high", "score: count"], errors="ignore")
    zero = data["se"].eq(0)
    if zero.any():
        data.loc[zero, "se"], text.loc[zero, "se"] = np.nan, ""
        notes.append(f"{zero.sum():,} standard errors are 0 and were read as unknown")
    if data["se"].isna().all() and text["se"].eq("").all():
        return data.drop(columns="se")
    return data


def scale_scores(data: pd.DataFrame, text: pd.DataFrame, options: Options, notes: list[str]) -> list[Problem]:
    """Multiply scores as the user says, and those that say that they are percentages, with their spreads.

    Returns the problems of standard errors that are on another scale than their scores.
    """
    problems: list[Problem] = []
    factors = pd.DataFrame({name: 1.0 for name in ("value", "se") if name in data}, index=data.index)
    told = pd.Series(False, index=data.index)
    by_name = text["score: percent"].astype(bool) & ~in_percent(text["value"])
    percent = by_name | in_percent(text["value"])
    # Spreads come last, since they follow their scores where they are not named themselves.
    for name, factor in sorted(options.scale.items(), key=lambda pair: _is_spread(pair[0], options)):
        if name in WITH_SUFFIX:
            continue
        rows = _scaled_rows(name, data, text, options)
        if _is_spread(name, options):
            factors.loc[rows, "se"], told = factor, told | rows
        else:
            factors.loc[rows], percent = factor, percent & ~rows
    for metric in data.loc[percent, "metric"].dropna().unique():
        rows = percent & data["metric"].eq(metric)
        if metric in CATALOGUE and (factor := CATALOGUE[metric].factor_of_percent) != 1:
            factors.loc[rows, factors.columns.difference(["se"] if told[rows].any() else [])] = factor
            notes.append(f"{metric}: {rows.sum():,} percentages were multiplied by {factor:g}")
            problems += _fractions_in_percent(metric, data["value"][rows & by_name], text)
    for name in map(str, factors):
        # A hundredth is no float: 41.5 / 100 is 0.415, and 41.5 * 0.01 is not.
        divided = data[name] / (1 / factors[name])
        data[name] = divided.where(factors[name] < 1, data[name] * factors[name])
    return [*problems, *(_spreads_of_other_scale(data, text, factors, told) if "se" in data else [])]


def _fractions_in_percent(metric: str, values: pd.Series, text: pd.DataFrame) -> Iterator[Problem]:
    """Yield the question whether values of which none is above 1 are percentages, as their column says."""
    if values.empty or not 0 < values.max() <= 1:
        return
    fractions, percentages = (option("scale", f"{metric}={factor}") for factor in (1, 0.01))
    hint = f"the name says percent, and no value is above 1: fractions? {fractions}; if not: {percentages}"
    row = values.index[int(values.argmax())]
    line, column = int(text["line"][row]), str(text["score: value_column"][row])
    yield Problem(line, column, "value-scale", str(text["value"][row]), hint, (fractions, percentages))


def _is_spread(name: str, options: Options) -> bool:
    """Return whether --scale names a standard error and not a score."""
    found = score_name(name, options.declared)
    return found.beside is not None if found else spread_name(name) is not None


def _scaled_rows(name: str, data: pd.DataFrame, text: pd.DataFrame, options: Options) -> pd.Series:
    """Return the rows that --scale means by the name of a metric, a column or a spread."""
    found = score_name(name, options.declared)
    rows = (
        text["score: written"].eq(name)
        | text["score: value_column"].eq(name)
        | text["score: se_column"].eq(name)
    )
    rows |= data["metric"].eq(found.metric) if found else False
    if not rows.any() or (_is_spread(name, options) and "se" not in data):
        known = sorted({*data["metric"].dropna(), *(s for s in WITH_SUFFIX if s in data)})
        raise UsageError(
            f"--scale needs a metric or a size of the table; received {name!r}; {valid_names(name, known)}"
        )
    return rows


def _spreads_of_other_scale(
    data: pd.DataFrame, text: pd.DataFrame, factors: pd.DataFrame, told: pd.Series
) -> Iterator[Problem]:
    """Yield the metrics whose standard errors are on another scale: points beside fractions."""
    known = data["metric"].isin([name for name in data["metric"].dropna().unique() if name in CATALOGUE])
    for name, errors in data.loc[known & ~told & data["se"].gt(0), "se"].groupby(data["metric"]):
        spec, usual = CATALOGUE[str(name)], float(errors.median())
        applied = float(factors.loc[errors.index, "se"].median())
        other = 1 / applied if applied != 1 else (0.01 if spec.high <= 2 else 100.0)
        off, then = (abs(np.log10(size / spec.noise)) for size in (usual, usual * other))
        bounded = spec.high <= 100
        # Scores near zero have small errors; an error is not larger than what it is of.
        bounded &= usual * other <= max(float(data.loc[errors.index, "value"].median()), usual)
        if not bounded or not (
            usual > spec.high / 2 or (off > (1.0 if applied != 1 else 1.5) and then < 0.6)
        ):
            continue
        ways = [option("scale", f"{name}_se={factor:g}") for factor in (applied * other, applied)]
        hint = (
            f"with scores in {spec.unit} these standard errors (median {usual:.3g}) seem to be on another "
            f"scale: {ways[0]}; if they are right as they are: {ways[1]}"
        )
        line, column = int(text["line"][errors.index[0]]), str(text["score: se_column"][errors.index[0]])
        yield Problem(line, column, "se-scale", str(text["se"][errors.index[0]]), hint, tuple(ways))
