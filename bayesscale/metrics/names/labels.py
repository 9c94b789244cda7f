"""What labels say of rows: of an evaluation or of training, of runs that ended, of means."""

from __future__ import annotations

from collections.abc import Iterable

from bayesscale.metrics.catalogue import normalised
from bayesscale.metrics.names.scores import ScoreName
from bayesscale.metrics.names.words import EVAL, TRAIN, word_set, words_of

_TRAINING_LOSS = {"loss", "lossscaled", "smoothedloss"}
_AVERAGES = {"avg", "average", "mean", "overall"}
_ENDED = word_set("finished finish complete completed done success succeeded successful ok")
UNENDED = word_set(
    "crashed crash failed failure fail running pruned killed preempted preempting pending queued waiting"
    " cancelled canceled timeout terminated stopped aborted interrupted error diverged oom nodefail dnf"
    " skipped"
)


def says_evaluation(label: str) -> bool:
    """Return whether a label has a word such as `eval` or `valid`."""
    return bool(set(words_of(label)) & EVAL)


def is_training(column: str, name: ScoreName, *, evaluated: bool) -> bool:
    """Return whether a score is measured in training: `loss` is, beside columns of an evaluation."""
    return name.split == "train" or (evaluated and name.split == "" and normalised(column) in _TRAINING_LOSS)


def held_out(labels: Iterable[str]) -> str | None:
    """Return the label of an evaluation among labels of which others say that they are of training.

    Of states of runs, such as `crashed` and `finished`, the one of runs that came to their end.
    """
    known = list(labels)
    if (states := [label for label in known if label.strip()]) and are_states(states):
        return next((label for label in states if normalised(label) in _ENDED), None)
    if not any(set(words_of(label)) & TRAIN for label in known):
        return None
    return next(filter(says_evaluation, known), None)


def are_states(labels: Iterable[str]) -> bool:
    """Return whether labels are states of runs, of which some did not come to their end."""
    states = {normalised(label) for label in labels}
    return states <= _ENDED | UNENDED and bool(states & UNENDED)


def is_average(label: str) -> bool:
    """Return whether a label says that its rows are means of others, such as `avg` or `macro average`."""
    words = set(words_of(label))
    return bool(words & _AVERAGES) and words <= _AVERAGES | {"macro", "micro", "all", "score", "of"}
