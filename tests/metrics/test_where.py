from __future__ import annotations

import pandas as pd
import pytest

from bayesscale.metrics.tidy.where import select_rows

CELLS = pd.DataFrame(
    {
        "model": ["r50", "r50", "r101", "r101", "", ""],
        "D": ["1000", "2K", "1e3", "2000", "1_000", "2000"],
        "name, with = and >": ["a", "b", "c", "d", "6 Enc, 6 Dec", "f"],
        "gap": ["1", "", "2", "NA", "3", "x"],
        "some": ["1", "", "2", "NA", "3", "1"],
    },
    index=[2, 3, 4, 5, 6, 7],
    dtype=object,
)


@pytest.mark.parametrize(
    ("where", "lines"),
    [
        ([], [2, 3, 4, 5, 6, 7]),
        (["model=r50"], [2, 3]),
        (["model!=r50"], [4, 5, 6, 7]),
        (["model!=r50|r101"], [6, 7]),
        (["model=r50|r101"], [2, 3, 4, 5]),
        (["model = r50 | r101", "D<=1K"], [2, 4]),
        (["D=1000|4000"], [2, 4, 6]),
        (["D=1K"], [2, 4, 6]),
        (["D==1000.0"], [2, 4, 6]),
        (["D!=1000"], [3, 5, 7]),
        (["D>1000"], [3, 5, 7]),
        (["D>=2K"], [3, 5, 7]),
        (["D<2e3"], [2, 4, 6]),
        (["model="], [6, 7]),
        (["model!="], [2, 3, 4, 5]),
        (["model=|r50"], [2, 3, 6, 7]),
        (["gap=x"], [7]),
        (["some>=2"], [4, 6]),
        (["some="], [3, 5]),
        (["some!=1"], [3, 4, 5, 6]),
    ],
)
def test_rows_that_are_left(where: list[str], lines: list[int]) -> None:
    assert select_rows(CELLS, where).index.tolist() == lines
