"""Which curves are centred, and around what."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from bayesscale.laws import LOG_LAW
from bayesscale.metrics.curves import Curves
from bayesscale.models.centring import Centring, choose_centring
from bayesscale.models.effects import Effects, joint_effects
from bayesscale.models.priors import Priors
from bayesscale.models.regression import Design
from tests.models.tables import curves_of, table

DENSE = np.geomspace(1e9, 6.4e10, 40).tolist()


def _effects(curves: Curves) -> Effects:
    """Return the effects of curves under the default priors."""
    return joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())


def _centring(frame: pd.DataFrame) -> tuple[Curves, Centring]:
    """Return the curves of a table and their centring."""
    curves = curves_of(frame)
    return curves, choose_centring(curves, _effects(curves))


def test_informative_curves_are_centred_where_their_law_is() -> None:
    curves, centring = _centring(table(sizes=DENSE, noise=0.05))
    assert (centring.centred == 1.0).all()
    # The centre is on the curve: its laws go through the data.
    rows = curves.scores
    level, gain, shape = (centring.location[rows.unit, c] for c in _effects(curves).columns(rows.metric))
    found = LOG_LAW.value(curves.axis.u(rows.size), level, gain, shape)
    assert found == pytest.approx(rows.value, abs=4 * 0.05 * 0.5)
    scale = np.sqrt((centring.factor**2).sum(axis=-1))
    assert (scale < 0.2).all()
    assert (np.diagonal(centring.factor, axis1=1, axis2=2) > 0).all()


def test_two_noisy_points_are_not_centred() -> None:
    long, short = table(("en-fr",), sizes=DENSE), table(("en-de",), sizes=(1e10, 1.3e10))
    curves, centring = _centring(pd.concat([long, short], ignore_index=True))
    is_short = (curves.table["task"] == "en-de").to_numpy()
    assert (centring.centred[is_short] == 0.0).all()
    assert (centring.factor[is_short] == np.eye(6)).all()
    assert (centring.centred[~is_short, :4] == 1.0).all()


def test_level_and_gain_of_all_metrics_go_together_and_shapes_only_with_them() -> None:
    clear, vague = table(("en-fr",), sizes=DENSE), table(("en-de",), sizes=DENSE)
    noisy = vague["metric"] == "bleu"  # one vague metric keeps the other from being centred
    rng = np.random.default_rng(0)
    vague.loc[noisy, "value"] = rng.uniform(5, 45, noisy.sum())
    curves, centring = _centring(pd.concat([clear, vague], ignore_index=True))
    correlated = centring.centred[:, :4]
    assert (correlated == correlated[:, :1]).all()
    assert (centring.centred[:, 4:] <= correlated[:, :1]).all()
    is_clear = (curves.table["task"] == "en-fr").to_numpy()
    assert (correlated[is_clear] == 1.0).all()
    assert (centring.centred[~is_clear] == 0.0).all()


def test_a_metric_that_a_curve_lacks_does_not_keep_the_others_from_being_centred() -> None:
    frame = table(sizes=DENSE)
    lacking = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["metric"] == "bleu")
    curves, centring = _centring(frame[~lacking])
    of_curve = (curves.table["task"] == "en-de").to_numpy() & (curves.table["mixture"] == "en").to_numpy()
    assert np.isin(np.flatnonzero(of_curve), curves.scores.unit).tolist() == [False, False]
    assert (centring.centred[:, :4] == 1.0).all()
    # Nothing is known of them there but what the other curves say of such a curve.
    coefficients = np.array([centring.regressions[column].mean for column in range(2)])
    expected = Design.of(curves).matrix[of_curve] @ coefficients.T
    assert centring.location[of_curve][:, :2] == pytest.approx(expected)


def test_a_flat_curve_leaves_its_shape_to_the_population() -> None:
    frame = table(sizes=DENSE)
    flat = (frame["task"] == "en-de") & (frame["metric"] == "bleu") & (frame["pretrain_tokens"] > 0)
    rng = np.random.default_rng(0)
    frame.loc[flat, "value"] = 25 + 0.5 * rng.standard_normal(flat.sum())
    curves, centring = _centring(frame)
    is_flat = (curves.table["task"] == "en-de").to_numpy()
    shape = _effects(curves).names.index("bleu.shape")
    assert (centring.centred[is_flat, shape] == 0.0).all()
    assert (centring.centred[is_flat, :4] == 1.0).all()


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_extreme_scores_do_not_break_it(value: float) -> None:
    frame = table()
    frame.loc[(frame["metric"] == "bleu") & (frame["task"] == "en-de"), "value"] = value
    _, centring = _centring(frame)
    assert np.isfinite(centring.location).all()
    assert np.isfinite(centring.factor).all()
