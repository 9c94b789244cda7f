"""What a comparison of loss and score means, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES
from bayesscale.questions.describe import SHORT
from bayesscale.questions.link import SURE
from bayesscale.questions.pairs import CHECKPOINTS, MIXTURES
from bayesscale.units import format_tokens

MOST_SENTENCES = 12
"""About conflicts, and about links; more are not read."""
MOST_PAIRS = 8
"""Pairs that one sentence names: those that cost most."""
MISLEADS, MISLEADS_NOT = "WOULD MISLEAD", "would not mislead"
LIKELY = 0.5
"""Probability from which on a break is mentioned."""
UNSURE = 0.1
"""Probability of conflict up to which loss and score are said to agree; from here to `SURE` it is open."""
_METRICS = ["metric", "loss"]
_HEADINGS = {
    "p_conflict": "P(conflict)",
    "p_a_better_loss": "P(by loss)",
    "p_a_better_score": "P(by score)",
    "regret": "lost",
    "regret_lower": "lower",
    "regret_upper": "upper",
}


def conflict_sentences(table: pd.DataFrame, cells: Sequence[str], axis: str) -> list[str]:
    """Return where the loss would mislead, and where it would not.

    Parameters
    ----------
    table : pandas.DataFrame
        From `Conflict.frame`.
    cells : sequence of str
        Columns in which compared mixtures agree.
    axis : str
        Column of the sizes along the curves.
    """
    mixtures, checkpoints = (table[table["by"] == kind] for kind in (MIXTURES, CHECKPOINTS))
    lines = [_of_cell(part, cells, axis) for _, part in _parts(mixtures, [*_METRICS, *cells])]
    for _, part in _parts(checkpoints, _METRICS):
        lines += _of_checkpoints(part, cells, axis)
    # A stable sort: what misleads comes first, otherwise the order of the data.
    lines = sorted(lines, key=lambda line: MISLEADS not in line)
    return [*(_in_short(part) for _, part in _parts(table, _METRICS)), *_first(lines)]


def _first(lines: list[str]) -> list[str]:
    """Return as many sentences as are read, and how many more there are."""
    hidden = len(lines) - MOST_SENTENCES
    more = (
        [f"... and {hidden} more such sentences; choose a task or a size to read them"] if hidden > 0 else []
    )
    return [*lines[:MOST_SENTENCES], *more]


def _in_short(table: pd.DataFrame) -> str:
    """Return on how many pairs a loss would mislead about a score, and the most that it would cost."""
    counts = []
    for kind, one, of in ((MIXTURES, "pair", "of mixtures"), (CHECKPOINTS, "step", "between checkpoints")):
        own = table[table["by"] == kind]
        if len(own):
            wrong = int((own["p_conflict"] >= SURE).sum())
            unsettled = int(own["p_conflict"].between(UNSURE, SURE, inclusive="neither").sum())
            more = f" ({unsettled} open)" if unsettled else ""
            counts.append(f"{wrong or 'none'} of {len(own)} {one}{'s' if len(own) > 1 else ''} {of}{more}")
    first = table.iloc[0]
    return (
        f"in short: choosing by {first['loss']} would mislead about {first['metric']} (P {SURE:g} or more) "
        f"on {' and '.join(counts)}; the worst choice is expected to lose "
        f"{table['regret'].max():.2g} {CATALOGUE[first['metric']].unit}"
    )


def _parts(table: pd.DataFrame, names: list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the parts of a table, in the order of the values that name them."""
    if len(table):
        yield from table.groupby(names, sort=True, dropna=False)


def name_of(row: Any, names: Sequence[str]) -> str:
    """Return what names a cell or curve, 'en-fr, D_f 42M'.

    Parameters
    ----------
    row : mapping
        Values of the columns.
    names : sequence of str
        The columns; where all rows are alike ('all') nothing is said.
    """
    sized = (*SIZES, "model_params")
    parts = [
        f"{SHORT.get(name, name)} {format_tokens(row[name])}" if name in sized else str(row[name])
        for name in names
    ]
    return ", ".join(part for part in parts if part != "all") or "all curves"


def _of_cell(part: pd.DataFrame, cells: Sequence[str], axis: str) -> str:
    """Return the sentence on the mixtures of one task and D_f."""
    first = part.iloc[0]
    sizes = sorted(set(part[f"{axis}_a"]))
    where = " or ".join(map(format_tokens, sizes)) if len(sizes) < 3 else "each pair's last size"
    start = f"{name_of(first, cells)}, mixtures at {SHORT[axis]} {where}: {first['loss']}"
    wrong, rest = part[part["p_conflict"] >= SURE], part[part["p_conflict"] < SURE]
    if wrong.empty:
        return f"{start} {_verdict(part, 'pairs')}"
    worst = wrong.sort_values("regret", ascending=False, kind="stable").head(MOST_PAIRS)
    chosen = [_preferred(own, first["metric"]) for _, own in worst.groupby("mixture_a", sort=False)]
    if (more := len(wrong) - len(worst)) > 0:
        chosen.append(f"and so in {more} more pairs")
    others = f"; it {_agreement(rest, 'other pairs')}" if len(rest) else ""
    opposite = f"though {first['metric']} says the opposite"
    return f"{start} {MISLEADS}: it prefers {'; '.join(chosen)}, {opposite}{others}"


def _preferred(wrong: pd.DataFrame, score: str) -> str:
    """Return a mixture that the loss prefers, and those it should not be preferred to."""
    others = ", ".join(
        f"{row['mixture_b']} (P {percent(row['p_conflict'])}, {row['regret']:.2g} lost)"
        for row in wrong.to_dict("records")
    )
    broke = wrong["p_a_break"].max()
    where = f", on which {score} broke (P {percent(broke)})," if broke >= LIKELY else ""
    return f"{wrong['mixture_a'].iloc[0]}{where} to {others}"


def _of_checkpoints(part: pd.DataFrame, cells: Sequence[str], axis: str) -> Iterator[str]:
    """Yield a sentence on each curve on which checkpoints conflict, and one on all others."""
    curve = [*cells, "mixture_a"]
    wrong = part["p_conflict"] >= SURE
    misled = pd.MultiIndex.from_frame(part[curve]).isin(pd.MultiIndex.from_frame(part.loc[wrong, curve]))
    for _, own in _parts(part[misled], curve):
        yield _of_curve(own, curve, axis)
    others = part[~misled]
    if len(others):
        count = len(others[curve].drop_duplicates())
        which = f"{count} curve{'s' if count > 1 else ''}"
        if misled.any():
            which = f"the other {which}" if count > 1 else "the other curve"
        yield f"checkpoints of {which}: {part['loss'].iloc[0]} {_verdict(others, 'steps')}"


def _of_curve(own: pd.DataFrame, curve: Sequence[str], axis: str) -> str:
    """Return the sentence on the checkpoints of a curve on which they conflict."""
    wrong = own[own["p_conflict"] >= SURE]
    first, unit = wrong.iloc[0], CATALOGUE[wrong["metric"].iloc[0]].unit
    ends = wrong[[f"{axis}_a", f"{axis}_b"]].to_numpy()
    later = bool((ends[:, 0] > ends[:, 1]).all())
    how = f"goes on improving while {first['metric']} falls" if later else f"and {first['metric']} go apart"
    broke = wrong["p_a_break"].max()
    why = f"; {first['metric']} broke: P {percent(broke)}" if broke >= LIKELY else ""
    return (
        f"{name_of(first, curve)}, checkpoints: {first['loss']} {MISLEADS}: from {SHORT[axis]} "
        f"{format_tokens(ends.min())} to {format_tokens(ends.max())} it {how}, by "
        f"{wrong['regret'].sum():.2g} {unit} (P {_span(wrong)} at {len(wrong)} of {len(own)} steps{why})"
    )


def _verdict(part: pd.DataFrame, what: str) -> str:
    """Return whether the loss may be trusted where no conflict is sure."""
    agreed = _agreement(part, what)
    return f"{MISLEADS_NOT}: it {agreed}" if (part["p_conflict"] <= UNSURE).all() else agreed


def _agreement(part: pd.DataFrame, what: str) -> str:
    """Return on how much loss and score agree, and what the open cases may cost."""
    score, unit = part["metric"].iloc[0], CATALOGUE[part["metric"].iloc[0]].unit
    settled = part["p_conflict"] <= UNSURE
    if settled.all():
        return f"agrees with {score} on {_all(len(part), what)} (P {_span(part)})"
    unsettled = part[~settled]
    return (
        f"agrees with {score} on {int(settled.sum())} of {len(part)} {what}; {len(unsettled)} "
        f"{'are' if len(unsettled) > 1 else 'is'} open (P {_span(unsettled)}, at most "
        f"{unsettled['regret'].max():.2g} {unit} lost)"
    )


def _all(count: int, what: str) -> str:
    """Return 'all 10 pairs', 'the one pair'."""
    return f"all {count} {what}" if count > 1 else f"the one {what.removesuffix('s')}"


def _span(part: pd.DataFrame) -> str:
    """Return the range of the probabilities of conflict."""
    low, high = percent(part["p_conflict"].min()), percent(part["p_conflict"].max())
    return low if low == high else f"{low} to {high}"


def percent(probability: float) -> str:
    """Return a probability in two decimals, which says neither 0 nor 1 of what was seen at times."""
    if 0 < probability < 0.005:
        return "<0.01"
    return ">0.99" if 0.995 <= probability < 1 else f"{probability:.2f}"


def readable_pairs(table: pd.DataFrame, cells: Sequence[str], axis: str) -> pd.DataFrame:
    """Return pairs as people read them.

    Parameters
    ----------
    table : pandas.DataFrame
        Rows of `Conflict.frame`.
    cells : sequence of str
        Columns in which compared mixtures agree.
    axis : str
        Column of the sizes along the curves.
    """
    shown = table[[name for name in cells if set(table[name]) != {"all"}]].rename(columns=SHORT)
    for heading, side in (("loss prefers", "a"), ("to", "b")):
        ends = zip(table[f"mixture_{side}"], table[f"{axis}_{side}"], strict=True)
        shown[heading] = [_label(mixture, size) for mixture, size in ends]
    several = [name for name in _METRICS if table[name].nunique() > 1]
    return shown.join(table[[*several, *_HEADINGS]].rename(columns=_HEADINGS))


def _label(mixture: str, size: float) -> str:
    """Return 'en+fr at 131B'; the size alone where curves have no mixture."""
    return format_tokens(size) if mixture == "all" else f"{mixture} at {format_tokens(size)}"


def link_sentences(links: pd.DataFrame, cells: Sequence[str]) -> list[str]:
    """Return the verdicts on the links, those that fail first.

    Parameters
    ----------
    links : pandas.DataFrame
        From `Conflict.links`.
    cells : sequence of str
        Columns that name the curves of a link.
    """
    ordered = links.sort_values("p_holds", kind="stable") if len(links) else links
    return _first([_of_link(row, cells) for row in ordered.to_dict("records")])


def _of_link(row: dict[Any, Any], cells: Sequence[str]) -> str:
    """Return the verdict on one link."""
    unit = CATALOGUE[row["metric"]].unit
    which = f"{name_of(row, ['task'])}, all its curves" if row["pooled"] else name_of(row, cells)
    loss = "log perplexity" if row["loss"] == "perplexity" else row["loss"]
    return (
        f"{which}: the link {row['metric']} = {row['c']:.3g} exp(-{row['k']:.3g} {loss}) "
        f"{row['verdict']} (P(holds) {percent(row['p_holds'])}): it explains "
        f"{_percents(row, 'explained')} of the variance of log {row['metric']} and errs by "
        f"{row['rms']:.2g} ({row['rms_lower']:.2g} to {row['rms_upper']:.2g}) {unit} rms, where one run's "
        f"noise is {row['noise']:.2g}"
    )


def _percents(row: dict[Any, Any], name: str) -> str:
    """Return a share and its interval in percent."""
    middle, low, high = (100 * row[f"{name}{end}"] for end in ("", "_lower", "_upper"))
    return f"{middle:.0f}% ({low:.0f}% to {high:.0f}%)"
