"""A quick look finds clear breaks and their places, and no breaks where there are none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.evidence import Evidence
from bayesscale.models.first_break import before_breaks
from bayesscale.models.first_look import Padded, look
from bayesscale.models.joint import JointModel
from tests.models.tables import curves_of, table

FloatArray = NDArray[np.float64]
MEAN, SPREAD = np.array([np.log(25.0), 0.4, 0.0]), np.array([0.8, 0.6, 0.6])
U = np.linspace(0.0, 1.0, 10)
BROKEN_AT = 5


def _curves(count: int, fall: float, noise: float = 0.5) -> Padded:
    """Return curves of BLEU that lose so much by the last size, from the sixth size on."""
    rng = np.random.default_rng(0)
    theta = MEAN + rng.uniform(-1.0, 1.0, size=(count, 3)) * [0.4, 0.2, 0.3]
    value = LOG_LAW.value(U, theta[:, :1], theta[:, 1:2], theta[:, 2:])
    lost = fall * np.maximum(U - U[BROKEN_AT], 0.0) / (U[-1] - U[BROKEN_AT])
    value = value - lost + noise * rng.standard_normal(value.shape)
    return Padded(np.broadcast_to(U, value.shape), value, np.ones_like(value))


def _kept(data: Padded) -> FloatArray:
    """Return how many values of each curve the look keeps."""
    theta, _, noise = look(LOG_LAW, data, MEAN, SPREAD)
    return np.asarray(before_breaks(LOG_LAW, data, theta, noise, np.diag(SPREAD**-2.0)).sum(axis=1))


def test_curves_without_a_break_are_left_whole() -> None:
    assert (_kept(_curves(400, 0.0)) < len(U)).mean() < 0.02


def test_clear_breaks_are_seen_close_to_where_they_are() -> None:
    kept = _kept(_curves(400, 6.0))
    assert (kept < len(U)).mean() > 0.95
    assert (np.abs(kept - (BROKEN_AT + 1)) <= 1).mean() > 0.8


def test_a_broken_curve_among_whole_ones_does_not_hide_in_its_own_noise() -> None:
    whole, broken = _curves(20, 0.0), _curves(1, 8.0)
    both = Padded(
        *(np.concatenate([getattr(whole, f), getattr(broken, f)]) for f in ("u", "value", "weight"))
    )
    kept = _kept(both)
    assert kept[-1] == pytest.approx(BROKEN_AT + 1, abs=1)
    assert (kept[:-1] == len(U)).all()


@pytest.mark.parametrize("value", [0.0, 100.0, 1e-12])
def test_constant_and_short_curves_have_no_break(value: float) -> None:
    flat = Padded(U[None, :2], np.full((1, 2), value), np.ones((1, 2)))
    assert _kept(flat).tolist() == [2]
    assert _kept(Padded(U[None], np.full((1, len(U)), value), np.ones((1, len(U))))).tolist() == [len(U)]


def _broken_table() -> pd.DataFrame:
    """Return curves of which the first task's BLEU falls by 12 from the middle of its sizes on."""
    frame = table(sizes=np.geomspace(1e9, 6.4e10, 12).tolist(), baseline=False)
    u = np.log(frame["pretrain_tokens"] / 1e9) / np.log(64)
    falls = (frame["task"] == "en-fr") & (frame["metric"] == "bleu")
    frame.loc[falls, "value"] -= 24.0 * np.maximum(u[falls] - 0.5, 0.0)
    return frame


def test_what_a_broken_curve_says_of_its_law_is_what_it_says_before_the_break() -> None:
    curves = curves_of(_broken_table())
    bleu, loss = (curves.names.index(name) for name in ("bleu", "cross_entropy"))
    falls = (curves.table["task"] == "en-fr").to_numpy()
    tested, untested = JointModel().evidence(curves), JointModel(breaks="none").evidence(curves)
    rows = curves.scores
    u = curves.axis.u(rows.size)
    early = falls[rows.unit] & (u < 0.5)
    law, ignored = (
        LOG_LAW.value(u, *np.moveaxis(_estimates(each)[rows.unit, bleu], -1, 0))
        for each in (tested, untested)
    )
    off = np.abs(law - rows.value)
    assert off[early].max() < 4 * CATALOGUE["bleu"].noise
    # The law of all values ends where the fall ends, which that of the first values does not.
    last = falls[rows.unit] & (u == 1.0)
    assert (law[last] > ignored[last] + 4.0).all()
    assert tested.precision[:, loss] == pytest.approx(untested.precision[:, loss])


def _estimates(evidence: Evidence) -> FloatArray:
    """Return where the data of BLEU and a weak prior agree, shape (curves, 1, 3)."""
    variance = CATALOGUE["bleu"].noise ** 2
    precision = evidence.precision[:, :1] / variance + np.diag(SPREAD**-2.0)
    pull = evidence.pull[:, :1] / variance + SPREAD**-2.0 * MEAN
    return np.asarray(np.linalg.solve(precision, pull[..., None])[..., 0])
