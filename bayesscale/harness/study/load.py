"""Read a study file, and say everything that is wrong with it at once."""

from __future__ import annotations

from pathlib import Path

from bayesscale.harness.study.config import Study


def load_study(path: Path | str) -> Study:
    """Return the study in a TOML file.

    Raises
    ------
    StudyError
        The file cannot be read or breaks a rule; the message lists every violation.
    """
    raise NotImplementedError
