"""Whether a loss and a score disagree: the answer, and what it means in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from bayesscale.errors import QuestionError
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import SIZES
from bayesscale.questions.answer import (
    SHORT,
    SURE,
    UNLIKELY,
    Answer,
    name_of,
    plain_records,
    shown_names,
    spread_text,
    units_of,
    value_text,
)
from bayesscale.questions.conflict.link import EXPLAINED
from bayesscale.questions.conflict.pairs import CHECKPOINTS, MIXTURES, cell_columns
from bayesscale.text import probability_text
from bayesscale.units import format_tokens

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture

MOST_SENTENCES = 12
"""About conflicts, and about links; more are not read."""

MOST_PAIRS = 8
"""Pairs that one sentence names: those that cost most."""

MISLEADS, MISLEADS_NOT = "WOULD MISLEAD", "would not mislead"

LIKELY = 0.5
"""Probability from which on a break is mentioned."""


_METRICS = ["metric", "loss"]


def conflict_sentences(table: pd.DataFrame, cells: Sequence[str], axis: str) -> list[str]:
    """Return where the loss would mislead, and where it would not, task by task.

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
    return _first(lines)


def _first(lines: list[str]) -> list[str]:
    """Return as many sentences as are read, and how many more there are."""
    hidden = len(lines) - MOST_SENTENCES
    more = (
        [f"... and {hidden} more such sentences; choose a task or a size to read them"] if hidden > 0 else []
    )
    return [*lines[:MOST_SENTENCES], *more]


def in_short(table: pd.DataFrame) -> list[str]:
    """Return on how many pairs a loss would mislead about a score, and the most that it would cost."""
    counts = []
    for kind, one, of in ((MIXTURES, "pair", "of mixtures"), (CHECKPOINTS, "step", "between checkpoints")):
        own = table[table["by"] == kind]
        if len(own):
            wrong = int((own["p_conflict"] >= SURE).sum())
            unsettled = int(own["p_conflict"].between(UNLIKELY, SURE, inclusive="neither").sum())
            more = f" ({unsettled} open)" if unsettled else ""
            counts.append(f"{wrong or 'none'} of {len(own)} {one}{'s' if len(own) > 1 else ''} {of}{more}")
    first = table.iloc[int(table["regret"].to_numpy().argmax())]
    axis = next(name for name in table.columns if name.endswith("_a") and name.startswith(tuple(SIZES)))
    a, b = (_label(first[f"mixture_{side}"], first[f"{axis[:-2]}_{side}"]) for side in "ab")
    unit = CATALOGUE[first["metric"]].unit
    lost = value_text(first["regret"], first["metric"])
    return [
        f"Choosing by {first['loss']} would mislead about {first['metric']} (P {SURE:g} or more) "
        f"on {' and '.join(counts)}.",
        f"The worst choice, {a} instead of {b}, is expected to lose {lost} {unit}.",
    ]


def _parts(table: pd.DataFrame, names: list[str]) -> Iterator[tuple[Any, pd.DataFrame]]:
    """Yield the parts of a table, in the order of the values that name them."""
    if len(table):
        yield from table.groupby(names, sort=True, dropna=False)


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
        f"{row['mixture_b']} (P {probability_text(row['p_conflict'])}, {row['regret']:.2g} lost)"
        for row in wrong.to_dict("records")
    )
    broke = wrong["p_a_break"].max()
    where = f", on which {score} broke (P {probability_text(broke)})," if broke >= LIKELY else ""
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
    why = f"; {first['metric']} broke: P {probability_text(broke)}" if broke >= LIKELY else ""
    return (
        f"{name_of(first, curve)}, checkpoints: {first['loss']} {MISLEADS}: from {SHORT[axis]} "
        f"{format_tokens(ends.min())} to {format_tokens(ends.max())} it {how}, by "
        f"{wrong['regret'].sum():.2g} {unit} (P {_span(wrong)} at {len(wrong)} of {len(own)} steps{why})"
    )


def _verdict(part: pd.DataFrame, what: str) -> str:
    """Return whether the loss may be trusted where no conflict is sure."""
    agreed = _agreement(part, what)
    return f"{MISLEADS_NOT}: it {agreed}" if (part["p_conflict"] <= UNLIKELY).all() else agreed


def _agreement(part: pd.DataFrame, what: str) -> str:
    """Return on how much loss and score agree, and what the open cases may cost."""
    score, unit = part["metric"].iloc[0], CATALOGUE[part["metric"].iloc[0]].unit
    settled = part["p_conflict"] <= UNLIKELY
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
    low, high = probability_text(part["p_conflict"].min()), probability_text(part["p_conflict"].max())
    return low if low == high else f"{low} to {high}"


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
        f"{row['verdict']} (P(holds) {probability_text(row['p_holds'])}): it explains "
        f"{_percents(row, 'explained')} of the variance of log {row['metric']} and errs by "
        f"{row['rms']:.2g} ({row['rms_lower']:.2g} to {row['rms_upper']:.2g}) {unit} rms, where one run's "
        f"noise is {row['noise']:.2g}"
    )


def _percents(row: dict[Any, Any], name: str) -> str:
    """Return a share and its interval in percent."""
    middle, low, high = (100 * row[f"{name}{end}"] for end in ("", "_lower", "_upper"))
    return f"{middle:.0f}% ({low:.0f}% to {high:.0f}%)"


MOST_ROWS = 20
"""Rows that a person is shown."""
_MEANINGS = {
    "p_conflict": "P(loss and score disagree on which of A and B is better), of the laws without noise",
    "p_a_better_loss": "P(A has the lower loss); A is the one for which this is more probable",
    "p_a_better_score": "P(A has the higher score)",
    "regret": "expected score lost by choosing with the loss: 0 in draws that agree, else the difference",
    "p_a_break": "P(the score's law of A broke before A's size)",
    "explained": "share of the variance of log score that score = c exp(-k loss) explains",
    "rms": "root mean squared error of that link, in the score's unit",
    "p_holds": f"P(k > 0, and explained >= {EXPLAINED:g} or rms at most the noise of one run)",
}


@dataclass(frozen=True)
class Conflict(Answer):
    """Whether loss and score disagree, for pairs of mixtures and of checkpoints, and the link between them.

    Parameters
    ----------
    fit, prob, table, notes
        As in `Answer`; the table has the pairs.
    links : pandas.DataFrame
        A row a link score = c exp(-k loss): what names it (NaN where pooled), pooled, metric, loss, how many
        curves, points and draws it rests on; c, k, explained (share of the variance of log score) and rms (in
        the score's unit), each with _lower and _upper; noise, of one run; p_holds and verdict.
    points : pandas.DataFrame
        What the links are fitted to: what names a curve, metric, loss, size, medians of score and loss.
    """

    links: pd.DataFrame = field(repr=False)
    points: pd.DataFrame = field(repr=False)

    rows = "pairs"

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics in the answer: scores, then losses."""
        return (*dict.fromkeys(self.table["metric"]), *dict.fromkeys(self.table["loss"]))

    def frame(self) -> pd.DataFrame:
        """Return one row a pair, score and loss, the most probable conflict first.

        Columns: by ('mixtures' or 'checkpoints'); what the two have in common; mixture and size of A, which
        the loss prefers, and of B; metric, loss; p_conflict, the probability that loss and score disagree;
        p_a_better_loss, p_a_better_score; regret, the score expected to be lost by choosing with the loss,
        with regret_lower and regret_upper; p_a_break, the probability that the score's law of A broke before
        A's size, NaN where it cannot; measured, whether both curves were.
        """
        return self.table.copy()

    def contents(self) -> dict[str, Any]:
        """Return units, meanings of the columns, findings and links."""
        axis = self.fit.curves.axis_name
        sizes = [name for name in (f"{axis}_a", f"{axis}_b", "finetune_tokens") if name in self.table]
        return {
            "units": units_of(self.metrics) | dict.fromkeys(sizes, "tokens"),
            "meanings": _MEANINGS,
            "findings": self.findings(),
            "links": plain_records(self.links),
        }

    def findings(self) -> list[str]:
        """Return the answer in words: where the loss would mislead, where it would not, and the links."""
        cells = cell_columns(self.fit.curves)
        return [
            *(line for _, part in _parts(self.table, _METRICS) for line in in_short(part)),
            *conflict_sentences(self.table, cells, self.fit.curves.axis_name),
            *link_sentences(self.links, cells),
        ]

    def headline(self) -> list[str]:
        """Return on how many pairs the loss would mislead, and what the worst choice costs."""
        parts = [in_short(part) for _, part in _parts(self.table, _METRICS)]
        return parts[0] if len(parts) == 1 else [first for first, _ in parts[:2]]

    def explain(self) -> list[str]:
        """Return the findings, and what the columns mean."""
        lines = [
            *self.findings()[len(self.headline()) :],
            "P, P(conflict): that loss and score disagree on which of the two is better, by their laws "
            "without noise; lost: the score expected to be lost by choosing with the loss, and its interval; "
            "P(by loss), P(by score): that what the loss prefers is better; open: P between "
            f"{UNLIKELY:g} and {SURE:g}",
            f"a link holds if k > 0 and it explains {100 * EXPLAINED:g}% of the variance or errs less than "
            "one run's noise; it is fitted to the laws at the measured sizes, by least squares on logs",
        ]
        if (hidden := len(self.table) - MOST_ROWS) > 0:
            most = probability_text(self.table["p_conflict"].iloc[MOST_ROWS])
            lines.append(
                f"the table has the {MOST_ROWS} most probable conflicts; {hidden} more pairs, with "
                f"P(conflict) of at most {most}, are left out; --csv and --json have all"
            )
        return lines

    def readable(self) -> pd.DataFrame:
        """Return the most probable conflicts."""
        table, axis = self.table.head(MOST_ROWS), self.fit.curves.axis_name
        shown = shown_names(table, cell_columns(self.fit.curves)).rename(columns=SHORT)
        for heading, side in (("loss prefers", "a"), ("to", "b")):
            ends = zip(table[f"mixture_{side}"], table[f"{axis}_{side}"], strict=True)
            shown[heading] = [_label(mixture, size) for mixture, size in ends]
        for name in [name for name in _METRICS if table[name].nunique() > 1]:
            shown[name] = table[name]
        shown["P(conflict)"] = table["p_conflict"].map(probability_text)
        shown["lost"] = [
            spread_text({**row, "regret_median": row["regret"]}, "regret", row["metric"])
            for row in table.to_dict("records")
        ]
        return shown

    def plot(self, *, columns: int = 3) -> Picture:
        """Return a picture of score against loss with the links, a panel for each task.

        Parameters
        ----------
        columns : int
            Panels beside each other at most.

        Raises
        ------
        QuestionError
            No link was fitted: none of the curves was measured.
        """
        from bayesscale.figures.link import draw_links

        if self.links.empty:
            raise QuestionError(
                "a picture of score against loss shows curves that were measured; received none with a link; "
                "ask for sizes that were measured"
            )
        return draw_links(
            self.points, self.links, cell_columns(self.fit.curves), self.frame_text("Score and loss")
        )
