"""Errors that bayesscale raises on purpose: one root, one narrow child for each kind of cause.

A message says which rule was broken, what was received and what to do about it. The command line turns each
class into the exit code that its attribute names.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class BayesscaleError(Exception):
    """Root of all errors that bayesscale raises on purpose."""

    exit_code = 1


class UsageError(BayesscaleError):
    """An option or argument cannot be used as given."""

    exit_code = 2


class DataError(BayesscaleError):
    """The input file or table breaks a rule; the message lists every violation found."""

    exit_code = 3


class QuestionError(DataError):
    """The fit cannot answer what was asked, for instance a task that it has never seen."""


class PriorError(UsageError):
    """A prior is unknown or has parameters outside their range."""


class OutputExistsError(UsageError):
    """The file to be written exists already and may not be replaced."""


class FitFileError(DataError):
    """A file is not a fit of this package, is damaged, or was written by a version that cannot be read."""


class StudyError(DataError):
    """A study breaks a rule; the message lists every violation found."""


class CorpusError(DataError):
    """Text or tokens cannot be used: missing, damaged, of another kind, or fewer than were asked for."""


class CheckpointError(DataError):
    """A checkpoint is missing, damaged, or of another model."""


class TrainingError(BayesscaleError):
    """Training or decoding cannot go on, for instance for lack of memory or disk."""


def valid_names(received: str, valid: Iterable[str]) -> str:
    """Return the end of a message: the nearest valid name, if any is near, and all valid names sorted."""
    names = sorted(valid)
    near = get_close_matches(received.lower(), names, n=1, cutoff=0.6)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"{hint}valid: {', '.join(names)}"
