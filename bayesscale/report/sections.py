"""What a report says: a verdict, and a section for each question that the fit can answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pandas as pd

from bayesscale.errors import BayesscaleError
from bayesscale.posterior.curves import measured_metrics
from bayesscale.questions.advise import advise
from bayesscale.questions.answer import SURE, Answer, name_of, track_record, varying
from bayesscale.questions.backtest import HELD, backtest_picture
from bayesscale.questions.breaks import breaks
from bayesscale.questions.calibration import Calibration, calibration
from bayesscale.questions.conflict import Conflict, conflict
from bayesscale.questions.forecast import forecast
from bayesscale.questions.picture import picture
from bayesscale.questions.plan import Query, plan
from bayesscale.questions.rank import Ranking, rank
from bayesscale.questions.select import Selection, answer_columns, last_sizes
from bayesscale.questions.summary import AHEAD, Summary, summary
from bayesscale.questions.value import Value, value

if TYPE_CHECKING:
    from bayesscale.figures.picture import Picture
    from bayesscale.inference import Fit

_NEXT = "What to measure next, "
_MANY = 60
# Panels beside each other: a page is as wide as three curves, or two pictures with labels between them.
_COLUMNS, _LABELLED = 3, 2
_VERDICT = {
    "ranking": "Mixture",
    "advice": "Go on or stop",
    "breaks": "Breaks",
    "value": "Worth of pretraining",
    "conflict": "Choosing by the loss",
    "plan": "Next measurement",
    "calibration": "Intervals",
}
"""Parts of the verdict, in their order, and how they are called."""


@dataclass(frozen=True)
class Section:
    """A part of the page: anchor, heading, sentences, tables by caption, pictures with words, notes.

    `closed`: its tables are opened only by a reader who wants them; `missing`: why there is no answer.
    """

    name: str
    title: str
    sentences: Sequence[str]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    pictures: Sequence[tuple[Picture, str]] = ()
    notes: Sequence[str] = ()
    closed: bool = False
    missing: str = ""


def sections(fit: Fit, *, prob: float, target: float | None, budget: float | None) -> Iterator[Section]:
    """Yield the sections, with advice where there is a target, and last the verdict, which is read first."""
    until = float(f"{AHEAD * float(last_sizes(fit.curves).max()):.2g}")
    told = summary(fit, prob=prob)
    verdict: dict[str, str] = {}
    yield _forecast(fit, told, until, prob)
    first = told.metrics[:1]
    asked: list[tuple[str, str, Callable[[], Answer]]] = [
        ("breaks", "Has a law broken?", lambda: breaks(fit, prob=prob)),
        ("ranking", "Which mixture is best?", lambda: rank(fit, [until], prob=prob, metrics=first)),
        ("value", "Is pretraining worth it?", lambda: value(fit, prob=prob, metrics=first)),
        ("conflict", "Would cross-entropy mislead?", lambda: conflict(fit, prob=prob, tasks=_both(fit))),
    ]
    if target is not None and budget is not None:
        asked.insert(0, ("advice", "Go on or stop?", lambda: advise(fit, target, budget, prob=prob)))
    else:
        verdict["advice"] = told.prospect()
    for name, title, ask in asked:
        answer, section = _answered(name, title, ask)
        yield section
        verdict |= {name: " ".join(answer.headline())} if answer else {}
        if isinstance(answer, Ranking) and (found := _next(fit, answer, until, prob)):
            yield found[1]
            aim = found[1].title.removeprefix(_NEXT)
            told_next = " ".join(found[0].headline()[1:3])
            verdict["plan"] = f"{aim[0].upper()}{aim[1:]}: {told_next}"
    answer, section = _answered("calibration", "Do the intervals hold?", lambda: calibration(fit, prob=prob))
    yield _with_backtest(fit, section)
    verdict |= {"calibration": " ".join(answer.headline())} if answer else {}
    ordered = [f"{label}: {verdict[name]}" for name, label in _VERDICT.items() if name in verdict]
    yield Section("verdict", "Verdict", ordered)


def _forecast(fit: Fit, told: Summary, until: float, prob: float) -> Section:
    """Return the forecast at ten times the largest size: a picture a task, and the table."""
    answer = forecast(fit, [until], prob=prob)
    tasks = list(dict.fromkeys(fit.curves.table["task"]))
    pictures = []
    for task in tasks:
        # Only where curves differ in their task can they be chosen by it.
        chosen = [task] if "task" in fit.curves.curve_columns else None
        # What was not measured on a task has bands as wide as its prior. Of very many curves the main
        # metric is drawn; the table has all.
        metrics = told.metrics[:1] if len(fit.curves) > _MANY else sorted(_measured(fit, task))
        shown = picture(fit, until=until, prob=prob, tasks=chosen, metrics=metrics, columns=_COLUMNS)
        pictures.append((shown, f"Data, laws and forecasts{f' of {task}' if task != 'all' else ''}."))
    tables = {"Now and at ten times the tokens": told.readable()}
    return Section("forecast", "Forecast", answer.headline(), tables, pictures, answer.notes)


def _measured(fit: Fit, task: str) -> set[str]:
    """Return the metrics that were measured on some curve of a task."""
    own = measured_metrics(fit.curves)[(fit.curves.table["task"] == task).to_numpy()]
    return {name for place, name in enumerate(fit.curves.names) if own[:, place].any()}


def _both(fit: Fit) -> list[str] | None:
    """Return the tasks on which both a score and a loss were measured; None for all."""
    if "task" not in fit.curves.curve_columns:
        return None
    kinds = (set(fit.curves.scores.metrics), set(fit.curves.losses.metrics))
    tasks = list(dict.fromkeys(fit.curves.table["task"]))
    return [task for task in tasks if all(kind & _measured(fit, task) for kind in kinds)] or None


def _answered(name: str, title: str, ask: Callable[[], Answer]) -> tuple[Answer | None, Section]:
    """Return an answer and its section; where the fit cannot answer, a section that says why."""
    try:
        answer = ask()
        shown = [(_drawn(answer), " ".join(answer.headline()))]
    except BayesscaleError as error:
        return None, Section(name, title, [], missing=str(error))
    told, tables = answer.headline(), {"Numbers": answer.readable()}
    return answer, Section(name, title, told, tables, shown, answer.notes, isinstance(answer, Conflict))


def _with_backtest(fit: Fit, section: Section) -> Section:
    """Return the section on intervals with how forecasts did on the fit's own curves."""
    if not (told := track_record(fit)):
        return section
    pictures = list(section.pictures)
    if HELD in fit.provenance:
        pictures.append((backtest_picture(fit, columns=_LABELLED), " ".join(told)))
    return replace(section, sentences=[*section.sentences, *told], pictures=pictures)


def _drawn(answer: Answer) -> Picture:
    """Return the picture of an answer, not wider than can be read on a page."""
    if isinstance(answer, Ranking | Value | Conflict | Calibration):
        return answer.plot(columns=_LABELLED)
    return answer.plot()


def _next(fit: Fit, ranking: Ranking, until: float, prob: float) -> tuple[Answer, Section] | None:
    """Return what to measure next to settle the most open comparison of two mixtures."""
    best = ranking.best()
    row = best.loc[[best["p_best"].idxmin()]].to_dict("records")[0]
    if row["p_best"] >= SURE:
        return None
    names = [name for name in answer_columns(fit.curves) if name != "mixture"]
    same = ranking.table
    for name in names:
        same = same[same[name] == row[name]]
    first, second = same["mixture"].iloc[:2]
    other = next((row[n] for n in names if n.endswith("_tokens")), None)
    tasks = [row["task"]] if "task" in fit.curves.curve_columns else None
    chosen = Selection(tasks=tasks, mixtures=[first], other_sizes=None if other is None else [other])
    query = Query("better", chosen, until, row["metric"], second)
    candidates = Selection(tasks=tasks, mixtures=[first, second], other_sizes=chosen.other_sizes)
    where = f" ({name_of(row, varying(best, names))})" if len(best) > 1 else ""
    title = f"{_NEXT}to tell {first} from {second}{where}"
    answer, section = _answered(
        "plan", title, lambda: plan(fit, query, candidates=candidates, prob=prob, outcomes=200)
    )
    return None if answer is None else (answer, section)
