"""Joint laws between curves: which metrics they join, and that their curves are slices of one surface."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.errors import DataError, UsageError
from bayesscale.laws import PowerLaw, SaturatingLaw
from bayesscale.metrics.curves import Curves
from bayesscale.models.forms import SHARPNESS
from bayesscale.models.joint import JointModel
from bayesscale.models.laws import LOG, SATURATING, Followed
from bayesscale.models.surface import (
    ADDITIVE,
    LINEAR,
    MULTIPLICATIVE,
    PART,
    RATE,
    Surface,
    joined,
    on_surface,
    other_size,
    scaled_size,
)
from bayesscale.models.usable import check_joint
from tests.models.evaluate import points, variables
from tests.models.tables import curves_of, table

FINETUNE = (1e6, 1e7, 1e8)


def _curves() -> Curves:
    """Return curves of two scores and a loss, at three D_f."""
    return curves_of(table(finetune=FINETUNE, metrics=("bleu", "comet", "cross_entropy")))


def test_power_laws_and_their_reciprocals_are_joined() -> None:
    assert joined(Followed(LOG), 2, 1).tolist() == [0, 0, 1]
    assert joined(Followed(SATURATING), 2, 1).tolist() == [1, 1, 1]
    assert joined(Followed(SATURATING, "m4"), 2, 1).tolist() == [1, 1, 0]
    assert joined(Followed("exponential-link", "shifted-power-law"), 1, 2).tolist() == [0, 0, 0]


@pytest.mark.parametrize("kind", [MULTIPLICATIVE, ADDITIVE])
def test_curves_are_slices_of_one_surface(kind: str) -> None:
    curves = _curves()
    order, u = JointModel().effects(curves), np.linspace(0.0, 1.5, 7)
    rate, part, sharpness = np.array([0.2, 0.1, 0.3]), np.array([0.3, 0.6, 0.8]), np.array([1.0, 1.0, 2.0])
    surface = Surface(kind, 2, np.ones(3), {RATE: rate, PART: part, SHARPNESS: sharpness})
    typical = np.tile([3.0, 0.4, -0.2, 0.1, 0.5, 0.3, -0.5, 0.2, 0.1], (len(curves), 1))
    found = on_surface(surface, typical, scaled_size(curves), order)
    centre = 10 ** other_size(curves).centre  # type: ignore[union-attr]
    tokens = curves.table["finetune_tokens"].to_numpy()
    for metric in range(3):
        law = SaturatingLaw(sharpness[metric]) if metric < 2 else PowerLaw(sharpness[metric])
        power = -sharpness[metric] if metric < 2 else sharpness[metric]
        columns = order.columns(metric)
        at = law.value(u, *(typical[0, c] for c in columns)) ** power
        floor = law.value(1e6, *(typical[0, c] for c in columns)) ** power
        # In powers of the loss, or of one over the score, more data shrink one part by D_f^-b and no other.
        shrunk = (tokens / centre) ** (-abs(power) * rate[metric])
        own = law.value(u[:, None], *(found[:, c] for c in columns)) ** power
        expected = (
            floor + (at - floor)[:, None] * shrunk
            if kind == MULTIPLICATIVE
            else at[:, None] + part[metric] * floor * (shrunk - 1.0)
        )
        np.testing.assert_allclose(own, expected, rtol=1e-6)


def test_metrics_that_are_not_joined_stay() -> None:
    curves = _curves()
    order, expected = JointModel().effects(curves), np.random.default_rng(0).normal(size=(5, len(curves), 9))
    variables_of = {RATE: np.full((5, 3), 0.3), SHARPNESS: np.ones((5, 3))}
    on = np.tile([0.0, 1.0, 0.0], (5, 1))
    found = on_surface(Surface(MULTIPLICATIVE, 2, on, variables_of), expected, scaled_size(curves), order)
    moved = [column for column in range(9) if not np.array_equal(found[..., column], expected[..., column])]
    assert moved == list(order.columns(1))


@pytest.mark.parametrize("kind", [MULTIPLICATIVE, ADDITIVE])
def test_the_model_expects_of_curves_what_the_surface_says(kind: str) -> None:
    curves = _curves()
    model = JointModel(law=SATURATING, joint=kind)
    built = model.build(curves, centred=False)
    point = points(built, 1)[0] | {"curve_raw": np.zeros((len(curves), 9))}
    names = ["curve_effect", "mean", "slope", "task_effect", "mixture_effect", "task_mixture_effect"]
    found = variables(built, [*names, RATE, SHARPNESS, *([PART] if kind == ADDITIVE else [])])(point)
    at_centre = found["mean"] + np.column_stack([c.values for c in curves.covariates]) @ found["slope"]
    for factor in curves.factors:
        at_centre = at_centre + found[f"{factor.name}_effect"][factor.index]
    own = {name: found[name] for name in (RATE, PART, SHARPNESS) if name in found}
    surface = Surface(kind, 2, np.ones(3), own)
    expected = on_surface(surface, at_centre, scaled_size(curves), model.effects(curves))
    assert found["curve_effect"] == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_beside_a_joint_law_effects_have_no_slope_of_their_own() -> None:
    curves = _curves()
    place = [each.name for each in curves.covariates].index("finetune_tokens")
    slopes = JointModel(joint=MULTIPLICATIVE).effects(curves).slopes(curves.covariates, "sd")[place]
    assert (slopes < 0.01).tolist() == [False] * 4 + [True] * 2 + [False] * 2 + [True]
    plain = JointModel().effects(curves).slopes(curves.covariates, "sd")[place]
    assert (plain > 0.1).all()


def test_joint_laws_that_cannot_be() -> None:
    curves = _curves()
    check_joint(curves, [Followed(LOG)], MULTIPLICATIVE)
    check_joint(curves_of(table(finetune=(1e6,))), [Followed(LOG)], LINEAR)
    with pytest.raises(UsageError, match=r"joint law is unknown; received 'multiplicativ'; did you mean"):
        check_joint(curves, [Followed(LOG)], "multiplicativ")
    with pytest.raises(DataError, match="needs curves of several finetune_tokens; received one"):
        check_joint(curves_of(table(finetune=(1e6,))), [Followed(LOG)], ADDITIVE)
    with pytest.raises(DataError, match="no metric of this fit follows one"):
        check_joint(curves, [Followed(LOG, "m4"), Followed("rising-power-law", "m4")], ADDITIVE)
    with pytest.raises(UsageError, match="joint law is unknown"):
        JointModel(joint="both")
