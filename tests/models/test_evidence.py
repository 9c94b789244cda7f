"""What a first look says of each curve by itself."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from bayesscale.laws import LOG_LAW
from bayesscale.metrics.curves import Curves
from bayesscale.models.effects import Effects, joint_effects
from bayesscale.models.evidence import Evidence
from bayesscale.models.priors import Priors
from tests.models.tables import curves_of, table

DENSE = np.geomspace(1e9, 6.4e10, 40).tolist()


def _effects(curves: Curves) -> Effects:
    """Return the effects of curves under the default priors."""
    return joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())


def _evidence(frame: pd.DataFrame) -> tuple[Curves, Evidence]:
    """Return the curves of a table and what a look says of them."""
    curves = curves_of(frame)
    return curves, Evidence.of(curves, _effects(curves))


def _estimates(found: Evidence) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what the evidence says of levels and gains, and then of the shapes."""
    pairs = np.asarray(np.linalg.solve(found.precision, found.pull[..., None])[..., 0], dtype=np.float64)
    own = pairs.reshape(*found.shape_pull.shape, 2)
    return pairs, (found.shape_pull - (found.shape_slope * own).sum(axis=-1)) / found.shape_precision


def test_the_laws_of_clear_curves_go_through_their_data() -> None:
    curves, found = _evidence(table(sizes=DENSE, noise=0.05))
    assert found.known.all()
    rows = curves.scores
    pairs, shapes = _estimates(found)
    effects = np.hstack([pairs, shapes])
    level, gain, shape = (effects[rows.unit, c] for c in _effects(curves).columns(rows.metric))
    value = LOG_LAW.value(curves.axis.u(rows.size), level, gain, shape)
    assert value == pytest.approx(rows.value, abs=4 * 0.05 * 0.5)
    error = np.sqrt(np.diagonal(np.linalg.inv(found.precision), axis1=1, axis2=2))
    assert (error < 0.2).all()
    assert (found.shape_precision > 0.2**-2).all()


def test_the_weak_prior_of_the_look_is_not_taken_for_data() -> None:
    long, short = table(("en-fr",), sizes=DENSE), table(("en-de",), sizes=(1e10, 1.3e10))
    curves, found = _evidence(pd.concat([long, short], ignore_index=True))
    is_short = (curves.table["task"] == "en-de").to_numpy()
    assert not found.known[is_short].any()
    assert found.known[~is_short, :4].all()
    # Two values know two numbers of the three: whatever the shape, some level and gain go with it.
    spread = found.regressions[_effects(curves).names.index("bleu.shape")].curve_sd
    own, slope = found.shape_precision[is_short, 0], found.shape_slope[is_short, 0]
    whole = np.zeros((is_short.sum(), 3, 3))
    whole[:, :2, :2] = found.precision[is_short][
        :, :2, :2
    ]  # the shape was integrated out under its population
    whole[:, :2, :2] += slope[:, :, None] * slope[:, None, :] / (own + spread**-2)[:, None, None]
    whole[:, 2, :2], whole[:, :2, 2], whole[:, 2, 2] = slope, slope, own
    assert (np.linalg.eigvalsh(whole)[:, 0] < 1e-6 * np.linalg.eigvalsh(whole)[:, 1]).all()
    assert (np.linalg.eigvalsh(found.precision) > -1e-6 * np.abs(found.precision).max()).all()


def test_a_metric_that_a_curve_lacks_says_nothing() -> None:
    frame = table(sizes=DENSE)
    lacking = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["metric"] == "bleu")
    curves, found = _evidence(frame[~lacking])
    of_curve = (curves.table["task"] == "en-de").to_numpy() & (curves.table["mixture"] == "en").to_numpy()
    bleu = curves.names.index("bleu")
    pair = [2 * bleu, 2 * bleu + 1]
    assert (found.precision[of_curve][:, pair] == 0.0).all()
    assert (found.pull[of_curve][:, pair] == 0.0).all()
    for name in ("shape_precision", "shape_pull", "shape_slope"):
        assert (getattr(found, name)[of_curve, bleu] == 0.0).all()
    assert (np.diagonal(found.precision, axis1=1, axis2=2)[~of_curve] > 0).all()


def test_a_flat_curve_says_nothing_of_its_shape() -> None:
    frame = table(sizes=DENSE)
    flat = (frame["task"] == "en-de") & (frame["metric"] == "bleu") & (frame["pretrain_tokens"] > 0)
    rng = np.random.default_rng(0)
    frame.loc[flat, "value"] = 25 + 0.5 * rng.standard_normal(flat.sum())
    curves, found = _evidence(frame)
    is_flat = (curves.table["task"] == "en-de").to_numpy()
    bleu = curves.names.index("bleu")
    assert found.shape_precision[is_flat, bleu].max() < 0.2 * found.shape_precision[~is_flat, bleu].min()
    shape = _effects(curves).names.index("bleu.shape")
    assert not found.known[is_flat, shape].any()
    assert found.known[is_flat, :4].all()


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_extreme_scores_do_not_break_it(value: float) -> None:
    frame = table()
    frame.loc[(frame["metric"] == "bleu") & (frame["task"] == "en-de"), "value"] = value
    _, found = _evidence(frame)
    assert all(np.isfinite(each).all() for each in found.data(centred=True).values())


def test_without_it_all_arrays_are_zero() -> None:
    _, found = _evidence(table())
    assert all((each == 0.0).all() for each in found.data(centred=False).values())
