"""A way on: options with which a table that was refused is accepted, found by trying them."""

from __future__ import annotations

from collections.abc import Callable

from bayesscale.errors import UsageError
from bayesscale.metrics.options import Options
from bayesscale.metrics.problems import MetricsError

_MOST_TRIES = 16
_MOST_CELLS = 400_000
_ROWS_OF_A_COLUMN = 100  # what reading a column costs, however few its rows
_DEEPEST = 6


def way_on(
    read: Callable[[Options], object], options: Options, error: MetricsError, shape: tuple[int, int]
) -> tuple[Options | None, bool]:
    """Return options with which the table is accepted, None where none were found, and whether all was tried.

    Problems name options that would settle them. Those of the first problem are tried, the likeliest first,
    and after each those of the first problem that is left: depth first. What is returned has been read
    without a problem. Another order of the problems would try the same sets of options again. Tables of a
    large `shape` are tried less often.
    """
    tries = max(2, min(_MOST_TRIES, _MOST_CELLS // max(shape[1] * (shape[0] + _ROWS_OF_A_COLUMN), 1)))
    seen, all_tried = {str(options)}, True

    def search(options: Options, error: MetricsError, depth: int) -> Options | None:
        nonlocal tries, all_tried
        if not all(problem.options for problem in error.problems):
            return None  # what no option settles needs an editor
        for text in error.problems[0].options:  # any way on must settle it
            try:
                changed = options.with_option(text)
            except (UsageError, ValueError):
                continue
            if str(changed) in seen:
                continue
            if tries <= 0 or depth > _DEEPEST:
                all_tried = False
                continue
            seen.add(str(changed))
            tries -= 1
            try:
                read(changed)
            except MetricsError as refused:
                if found := search(changed, refused, depth + 1):
                    return found
            except UsageError:
                continue
            else:
                return changed
        return None

    return search(options, error, 0), all_tried
