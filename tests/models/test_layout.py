"""All values side by side: none is lost, none comes twice, and each is where it belongs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bayesscale.metrics.curves import Curves
from bayesscale.models.layout import Layout, lay_out
from tests.models.tables import SIZES, curves_of, table
from tests.models.variants import VARIANTS


def _repeated() -> Curves:
    """Return curves of which one was measured twice at each size."""
    frame = table().assign(seed=0)
    again = frame[(frame["task"] == "en-fr") & (frame["pretrain_tokens"] > 0)].assign(seed=1)
    return curves_of(pd.concat([frame, again], ignore_index=True))


CURVES = {**VARIANTS, "repeated sizes": _repeated}


@pytest.fixture(params=CURVES)
def curves(request: pytest.FixtureRequest) -> Curves:
    chosen: Curves = CURVES[request.param]()
    return chosen


def _column(curves: Curves, name: str) -> NDArray[np.float64]:
    """Return a column of scores and losses, in this order."""
    return np.concatenate([getattr(rows, name) for rows in (curves.scores, curves.losses)])


def _metric(curves: Curves) -> list[str]:
    """Return the metric of each value of scores and losses."""
    return [rows.metrics[i] for rows in (curves.scores, curves.losses) for i in rows.metric]


def _pair(layout: Layout) -> NDArray[np.int64]:
    """Return the pair of each value that is there."""
    return np.asarray(np.nonzero(layout.real)[0])


def test_every_value_is_there_exactly_once_with_its_own_curve_and_metric(curves: Curves) -> None:
    layout = lay_out(curves)
    index, pair = layout.index[layout.real], _pair(layout)
    assert sorted(index.tolist()) == list(range(len(curves.scores) + len(curves.losses)))
    assert layout.count == len(index)
    assert (layout.curve[pair] == _column(curves, "unit")[index]).all()
    assert [curves.names[i] for i in layout.metric[pair]] == [_metric(curves)[i] for i in index]
    for name in ("size", "value", "se"):
        assert (getattr(layout, name)[layout.real] == _column(curves, name)[index]).all()
    assert layout.u[layout.real] == pytest.approx(curves.axis.u(_column(curves, "size")[index]), rel=1e-12)


def test_each_curve_and_metric_is_one_pair_sorted_by_size(curves: Curves) -> None:
    layout = lay_out(curves)
    measured = set(zip(_column(curves, "unit").tolist(), _metric(curves), strict=True))
    pairs = [(c, curves.names[m]) for c, m in zip(layout.curve.tolist(), layout.metric.tolist(), strict=True)]
    assert len(pairs) == len(measured)
    assert set(pairs) == measured
    for pair, (curve, metric) in enumerate(pairs):
        own = [i for i, name in enumerate(_metric(curves)) if name == metric]
        own = [i for i in own if _column(curves, "unit")[i] == curve]
        assert sorted(layout.own(pair).tolist()) == own
        assert layout.sizes(pair).tolist() == sorted(_column(curves, "size")[own])
        assert layout.sizes(pair).tolist() == _column(curves, "size")[layout.own(pair)].tolist()


def test_scores_come_first(curves: Curves) -> None:
    layout = lay_out(curves)
    score = layout.metric < len(curves.scores.metrics)
    assert layout.scores == score.sum()
    assert score[: layout.scores].all()


def test_where_a_pair_has_fewer_values_is_nothing(curves: Curves) -> None:
    layout = lay_out(curves)
    count = layout.real.sum(axis=1)
    assert (layout.real == (np.arange(layout.real.shape[1]) < count[:, None])).all()  # values first
    assert count.max() == layout.real.shape[1]
    nothing = {"index": 0.0, "u": 0.0, "size": 1.0, "value": 0.0, "se": 0.0}
    for name, expected in nothing.items():
        assert (getattr(layout, name)[~layout.real] == expected).all()


def test_values_at_one_size_follow_one_another() -> None:
    layout = lay_out(_repeated())
    twice = layout.real.sum(axis=1) == 2 * len(SIZES)
    assert twice.sum() == 8  # 2 mixtures, 2 D_f and 2 metrics of one task
    assert layout.sizes(int(np.flatnonzero(twice)[0])).tolist() == np.repeat(SIZES, 2).tolist()


def test_the_order_of_the_table_s_rows_moves_no_value() -> None:
    frame = table()
    first, second = (lay_out(curves_of(f)) for f in (frame, frame.sample(frac=1, random_state=0)))
    for name in ("curve", "metric", "u", "size", "value", "real"):
        assert (getattr(first, name) == getattr(second, name)).all()
