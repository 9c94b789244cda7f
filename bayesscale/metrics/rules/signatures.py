"""sacreBLEU signatures: which scores of a metric may stand in one curve."""

from __future__ import annotations

import pandas as pd

from bayesscale.metrics.options import option
from bayesscale.metrics.problems import Problem
from bayesscale.metrics.tidy.draft import Draft

# The short forms of `sacrebleu --short`; s and t mean different things for different metrics.
_SHORT = {"#": "nrefs", "c": "case", "e": "eff", "v": "version", "l": "lang", "o": "origlang", "S": "subset"}
_OF_METRIC = {
    "chrf": {"s": "space"},
    "chrfpp": {"s": "space"},
    "ter": {"t": "tok", "nr": "norm", "pn": "punct"},
}
_RESAMPLING = {"bs", "ar", "seed", "rs"}


def signature_problems(draft: Draft) -> tuple[list[Problem], list[str]]:
    """Return metrics whose scores were computed in different ways, and notes on what may be known.

    Bootstrap settings do not change a score; another version of sacreBLEU should not, and is only noted.
    """
    if "signature" not in draft.data:
        return [], []
    problems: list[Problem] = []
    notes: list[str] = []
    for name, signatures in draft.data.groupby("metric")["signature"]:
        metric, given = str(name), signatures[signatures.ne("")]
        fields = {text: _fields(text, metric) for text in given.unique()}
        versions = sorted({version for field in fields.values() if (version := field.pop("version", None))})
        problems += _mixed(draft, metric, given.map(fields))
        if len(versions) > 1:
            notes.append(f"{metric}: scores of different versions of sacreBLEU: {', '.join(versions)}")
        if 0 < len(given) < len(signatures):
            notes.append(f"{metric}: {len(signatures) - len(given):,} scores have no signature")
    return problems, notes


def _fields(signature: str, metric: str) -> dict[str, str]:
    """Return the parts of a signature that change a score, by their long names."""
    long = _SHORT | _OF_METRIC.get(metric, {"s": "smooth", "t": "test"})
    pairs = (part.partition(":") for part in signature.split("|"))
    return {long.get(key, key): value for key, _, value in pairs if key not in _RESAMPLING}


def _mixed(draft: Draft, metric: str, fields: pd.Series) -> list[Problem]:
    """Return a problem for each way of scoring but the most frequent, at its first row."""
    ways = fields.map(lambda field: tuple(sorted(field.items())))
    counts = ways.value_counts()
    problems = []
    for way in counts.index[1:]:
        row = next(row for row, other in zip(ways.index, ways, strict=True) if other == way)
        differ = _difference(dict(way), dict(counts.index[0]))
        hint = (
            f"{counts[way]:,} of {len(ways):,} scores of {metric} have {differ}; score all outputs in one way"
        )
        own = draft.named.in_file("signature")
        leave = option("where", f"{own}!={draft.data['signature'][row]}")
        options = (leave,) if own in draft.named.cells else ()
        hint += f", or leave these out: {leave}" if options else ""
        problems.append(draft.problem(row, "signature", "one-signature", hint, options=options))
    return problems


def _difference(here: dict[str, str], usual: dict[str, str]) -> str:
    """Return in which parts two ways of scoring differ."""
    parts = sorted(key for key in here.keys() | usual.keys() if here.get(key) != usual.get(key))
    return ", ".join(
        f"{key} {here.get(key, 'unknown')} (usual: {usual.get(key, 'unknown')})" for key in parts
    )
