"""Curves under draws: values against the formulas by hand, laws by number, and no dependence on company."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.inference import Fit
from bayesscale.laws import LAWS
from bayesscale.models.scale import log_near_zero
from bayesscale.posterior.curves import DrawnCurves
from bayesscale.posterior.draws import FOLLOWED
from bayesscale.posterior.predictive import Predictive
from bayesscale.questions.select import Selection, drawn_curves
from tests.models.near_zero import away, discrepancy_unit
from tests.posterior.everything import DRAWS, draws_in, everything
from tests.questions.made_up import MadeUp

ALL = slice(None)


@pytest.fixture(scope="module")
def fit() -> Fit:
    return everything()


def curves_of(fit: Fit, **wanted: object) -> DrawnCurves:
    return drawn_curves(fit, Selection(**wanted), seed=3)[0]  # type: ignore[arg-type]


def by_hand(fit: Fit, curve: int, metric: int, size: float, draw: int) -> float:
    """Return law and break of one curve in one draw, by the formulas."""
    draws, axis = draws_in(fit), fit.curves.axis
    own = {name: draws[name][draw, curve, metric] for name in ("level", "gain", "shape", "sharpness")}
    law = LAWS[draws.laws[int(draws[FOLLOWED][draw, curve, metric])]]
    u = axis.u(size)
    value = law.value(u, own["level"], own["gain"], own["shape"], np.exp(own["sharpness"]))
    if metric == 0:
        ramp = max(u - axis.u(draws["break_at"][draw, curve, 0]), 0.0)
        value += np.exp(own["level"]) * draws["break_slope"][draw, curve, 0] * ramp
    return float(value)


def test_a_value_is_the_law_of_its_draw_and_its_break_and_its_discrepancy(fit: Fit) -> None:
    curves = curves_of(fit)
    sizes = np.array([2e9, 5e10, 3e11, 1e12])
    places = curves.targets.position
    near = log_near_zero(fit.curves.names, fit.priors)
    for metric in (0, 1):
        matrix = np.broadcast_to(sizes, (8, 4))
        values = curves.values(ALL, metric, matrix)
        path = curves.path(ALL, metric, fit.curves.axis.u(matrix))
        draws = draws_in(fit)
        for row, column, draw in ((0, 0, 0), (3, 1, 1), (5, 3, 31), (7, 2, 59), (7, 3, 5)):
            curve = int(places[row])
            level, gain, scale = (
                draws[name][draw, curve, metric] for name in ("level", "gain", "discrepancy_scale")
            )
            unit = discrepancy_unit(level, gain) * np.exp(scale)
            law = by_hand(fit, curve, metric, sizes[column], draw)
            expected = law + unit * away(law, near[metric]) * path[row, column, draw]
            assert values[row, column, draw] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_number_of_the_law_is_respected(fit: Fit, number: int) -> None:
    curves = curves_of(fit)
    u = np.broadcast_to([-0.2, 0.4, 1.5], (8, 3))
    mixed = curves.local(ALL, 0).unbroken(u)
    posterior = fit.tree["posterior"].to_dataset()
    followed = posterior[FOLLOWED].copy()
    followed[..., 0] = number
    nodes = {str(name): node.to_dataset() for name, node in fit.tree.children.items()}
    tree = type(fit.tree).from_dict(nodes | {"posterior": posterior.assign({FOLLOWED: followed})})
    alone = curves_of(Fit(tree, fit.metrics, fit.curves, fit.priors, fit.status, fit.provenance))
    one = alone.local(ALL, 0).unbroken(u)
    own = np.moveaxis(np.repeat((curves.local(ALL, 0).law == number)[:, None], 3, axis=1), 0, 0)
    np.testing.assert_array_equal(mixed[own], one[own])
    assert (mixed[~own] != one[~own]).mean() > 0.9


def test_positions_of_each_draw_give_the_diagonal_of_those_of_all(fit: Fit) -> None:
    local = curves_of(fit).local(slice(2, 3), 0)
    u = np.linspace(0.0, 1.5, DRAWS)
    each = local.unbroken(u[None, None])[0, 0]
    np.testing.assert_array_equal(each, np.diagonal(local.unbroken(u[None])[0]))


def described(fit: Fit, chunk: int, **wanted: object) -> NDArray[np.float64]:
    curves = curves_of(fit, **wanted)
    sizes = np.broadcast_to([0.0, 1e10, 1e12], (len(curves.targets), 3))
    return Predictive(curves, 0.8, chunk).describe(sizes, [0, 1])


def test_neither_chunks_nor_other_curves_change_a_number(fit: Fit) -> None:
    # Among them are two sizes that print alike, and several mixtures on one unmeasured baseline.
    wanted = {"mixtures": ["en", "new"], "other_sizes": [6e6, 1e9, 1.00001e9]}
    whole = described(fit, 10**9, **wanted)
    np.testing.assert_array_equal(whole, described(fit, 1, **wanted))
    alone = described(fit, 10**9, tasks=["en-fr"], mixtures=["new"], other_sizes=[1e9])
    keys = curves_of(fit, **wanted).keys
    np.testing.assert_array_equal(whole[[keys.index("en-fr | new | 1000000000")]], alone)


def test_a_path_agrees_with_the_modes_that_the_data_told(fit: Fit) -> None:
    curves, draws = curves_of(fit), draws_in(fit)
    rows = fit.curves.scores
    for curve in (0, 6):
        own = rows.size[(rows.unit == curve) & (rows.metric == 0)]
        u = fit.curves.axis.u(np.unique(own))
        target = int(np.flatnonzero(curves.targets.position == curve)[0])
        basis = curves._bases[curve, 0]
        path = curves.path(slice(target, target + 1), 0, u[None])[0]
        found = np.linalg.lstsq(basis.modes, path, rcond=None)[0]
        np.testing.assert_allclose(found.T, draws["discrepancy"][:, curve, 0], rtol=1e-9, atol=1e-9)


def test_laws_of_new_curves_have_the_shares_of_the_population() -> None:
    count = 20_000
    share = (("metric", "law"), np.array([[0.7, 0.0, 0.3, 0.0], [0.0, 0.0, 0.0, 1.0]]))
    mean = (("metric", "law"), np.arange(8.0).reshape(2, 4))
    spread = (("metric", "law"), np.zeros((2, 4)))
    laws = ("log-law", "saturating-law", "rising-power-law")
    replaced = {"law_share": share, "shape_mean": mean, "shape_sd": spread}
    fit = MadeUp(draws=count, laws=laws, replaced=replaced).fit()
    curves = curves_of(fit, tasks=["en-fr"], mixtures=["new"], other_sizes=[6e6])
    score, loss = curves.local(ALL, 0), curves.local(ALL, 1)
    assert (loss.law == 3).all()
    assert set(np.unique(score.law)) == {0, 2}
    assert (score.law == 0).mean() == pytest.approx(0.7, abs=5 * np.sqrt(0.21 / count))
    # A curve has the shape of its own law.
    np.testing.assert_array_equal(score.shape, score.law)
    np.testing.assert_array_equal(loss.shape, 7.0)


def test_all_of_a_new_curve_comes_from_the_population(fit: Fit) -> None:
    curves = curves_of(fit, tasks=["en-fr"], mixtures=["en", "new"], other_sizes=[6e6])
    local = curves.local(ALL, 0)
    known = int(curves.targets.position[0])
    draws = draws_in(fit)
    for name, field in (("se_share", "se_share"), ("discrepancy", "straying"), ("sharpness", "sharpness")):
        stored = "discrepancy_scale" if name == "discrepancy" else name
        np.testing.assert_array_equal(getattr(local, field)[0], draws[stored][:, known, 0])
        new = getattr(local, field)[1]
        # The population is on a scale of its own: the inverse of that of a curve.
        new = np.log(10.0) * np.arctanh(new / np.log(10.0)) if name == "sharpness" else new
        drawn = (new - draws[f"{name}_mean"][:, 0]) / np.maximum(draws[f"{name}_spread"][:, 0], 1e-12)
        if draws[f"{name}_spread"].any():
            assert 0.6 < drawn.std() < 1.5
        else:
            assert np.abs(new - draws[f"{name}_mean"][:, 0]).max() == pytest.approx(0.0, abs=1e-9)
    assert local.break_u is not None
    assert (local.break_u[1] > 0).all()  # the hazard begins at the lower anchor
    assert (local.break_u[1] != local.break_u[0]).all()
    assert curves.local(ALL, 1).break_u is None
