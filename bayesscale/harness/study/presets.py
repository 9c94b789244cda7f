"""Studies that are ready to run: `tiny`, `mini` and `isik`."""

from __future__ import annotations

from bayesscale.harness.study.config import Study


def preset(name: str) -> Study:
    """Return a study by name.

    Raises
    ------
    UsageError
        There is none of this name.
    """
    raise NotImplementedError
