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
from bayesscale.models.joint import JointModel
from bayesscale.models.priors import Priors
from tests.models.tables import curves_of, table

DENSE = np.geomspace(1e9, 6.4e10, 40).tolist()
NOISE = 0.05
# A table's noise is in units of this for BLEU.
BLEU_NOISE = 0.5
EXACT = JointModel(sharp=False)


def _effects(curves: Curves) -> Effects:
    """Return the effects of curves under the default priors."""
    return joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())


def _evidence(frame: pd.DataFrame) -> tuple[Curves, Evidence]:
    """Return the curves of a table and what a look says of them."""
    curves = curves_of(frame)
    return curves, Evidence.of(curves, _effects(curves), EXACT.menu.middle(curves, Priors()))


def _estimates(found: Evidence) -> NDArray[np.float64]:
    """Return what the evidence says of level, gain and shape, shape (curves, metrics, 3)."""
    return np.asarray(np.linalg.solve(found.precision, found.pull[..., None])[..., 0], dtype=np.float64)


def test_the_laws_of_clear_curves_go_through_their_data() -> None:
    curves, found = _evidence(table(sizes=DENSE, noise=NOISE))
    assert found.known.all()
    rows = curves.scores
    level, gain, shape = np.moveaxis(_estimates(found)[rows.unit, rows.metric], -1, 0)
    value = LOG_LAW.value(curves.axis.u(rows.size), level, gain, shape)
    assert value == pytest.approx(rows.value, abs=4 * NOISE * BLEU_NOISE)


def test_it_is_that_of_values_with_noise_one() -> None:
    """Whatever the noise of the values, the precision is that of their number and places."""
    _, quiet = _evidence(table(sizes=DENSE, noise=0.05))
    _, loud = _evidence(table(sizes=DENSE, noise=0.2))
    ratio = np.diagonal(loud.precision, axis1=-2, axis2=-1) / np.diagonal(quiet.precision, axis1=-2, axis2=-1)
    assert ratio[..., :2] == pytest.approx(np.ones((*ratio.shape[:2], 2)), abs=0.1)


def test_the_weak_prior_of_the_look_is_not_taken_for_data() -> None:
    long, short = table(("en-fr",), sizes=DENSE), table(("en-de",), sizes=(1e10, 1.3e10))
    curves, found = _evidence(pd.concat([long, short], ignore_index=True))
    is_short = (curves.table["task"] == "en-de").to_numpy()
    assert not found.known[is_short].any()
    assert found.known[~is_short, :4].all()
    # Two values know two numbers of the three: whatever the shape, some level and gain go with it.
    values = np.linalg.eigvalsh(found.precision[is_short])
    assert (values[..., 0] < 1e-6 * values[..., 1]).all()
    assert (np.linalg.eigvalsh(found.precision) > -1e-6 * np.abs(found.precision).max()).all()


def test_a_metric_that_a_curve_lacks_says_nothing() -> None:
    frame = table(sizes=DENSE)
    lacking = (frame["task"] == "en-de") & (frame["mixture"] == "en") & (frame["metric"] == "bleu")
    curves, found = _evidence(frame[~lacking])
    of_curve = (curves.table["task"] == "en-de").to_numpy() & (curves.table["mixture"] == "en").to_numpy()
    bleu = curves.names.index("bleu")
    assert (found.precision[of_curve, bleu] == 0.0).all()
    assert (found.pull[of_curve, bleu] == 0.0).all()
    assert (np.diagonal(found.precision, axis1=2, axis2=3)[~of_curve] > 0).all()
    assert (np.diagonal(found.precision, axis1=2, axis2=3)[of_curve, 1 - bleu] > 0).all()


def test_a_flat_curve_says_nothing_of_its_shape() -> None:
    frame = table(sizes=DENSE)
    flat = (frame["task"] == "en-de") & (frame["metric"] == "bleu") & (frame["pretrain_tokens"] > 0)
    rng = np.random.default_rng(0)
    frame.loc[flat, "value"] = 25 + 0.5 * rng.standard_normal(flat.sum())
    curves, found = _evidence(frame)
    is_flat = (curves.table["task"] == "en-de").to_numpy()
    of_shapes = found.precision[:, curves.names.index("bleu"), 2, 2]
    assert of_shapes[is_flat].max() < 0.2 * of_shapes[~is_flat].min()
    shape = _effects(curves).names.index("bleu.shape")
    assert not found.known[is_flat, shape].any()
    assert found.known[is_flat, :4].all()


def test_standard_errors_are_kept_by_curve_and_metric() -> None:
    frame = table(se=0.3)
    lacking = (frame["task"] == "en-de") & (frame["metric"] == "bleu")
    frame.loc[lacking, "se"] = np.nan
    curves, found = _evidence(frame)
    of_task = (curves.table["task"] == "en-de").to_numpy()
    bleu = curves.names.index("bleu")
    assert (found.se[of_task, bleu] == 0.0).all()
    assert found.se[~of_task, bleu] == pytest.approx(np.full((~of_task).sum(), 0.3))


@pytest.mark.parametrize("value", [0.0, 100.0])
def test_extreme_scores_do_not_break_it(value: float) -> None:
    frame = table()
    frame.loc[(frame["metric"] == "bleu") & (frame["task"] == "en-de"), "value"] = value
    _, found = _evidence(frame)
    assert all(np.isfinite(each).all() for each in found.data(centred=True).values())


def test_without_it_the_data_say_nothing() -> None:
    _, found = _evidence(table())
    arrays = found.data(centred=False)
    assert (arrays["evidence_precision"] == 0.0).all()
    assert (arrays["evidence_pull"] == 0.0).all()
