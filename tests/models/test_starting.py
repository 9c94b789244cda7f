"""Where chains start: close to the curves and the population of the first look."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from pymc.initial_point import make_initial_point_fn

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves
from bayesscale.models.coefficients import whitening
from bayesscale.models.joint import JointModel
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.regression import Design, zero_sum_basis
from tests.models.evaluate import Point, log_density, quiet, variables
from tests.models.tables import curves_of, table
from tests.models.variants import VARIANTS

MODEL = JointModel()


def _mixed() -> Curves:
    """Return clear, middling and vague curves: all, some and none of their effects are sampled directly."""
    clear = table(("en-fr",), finetune=(6e6,), noise=0.02, sizes=np.geomspace(1e9, 6.4e10, 40).tolist())
    middling = table(("en-de",), finetune=(6e6, 42e6), sizes=np.geomspace(1e9, 6.4e10, 10).tolist(), seed=1)
    vague = table(("en-ro",), finetune=(6e6,), sizes=(1e10, 1.3e10), seed=2)
    return curves_of(pd.concat([clear, middling, vague], ignore_index=True))


FloatArray = NDArray[np.float64]
CURVES = {
    "mixed": _mixed,
    "metric missing": VARIANTS["metric missing"],
    "one curve of one metric": VARIANTS["one curve of one metric"],
}


class _Start:
    """A model of curves, where its chains start, and where PyMC by itself would."""

    def __init__(self, curves: Curves) -> None:
        self.curves, self.effects = curves, MODEL.effects(curves)
        self.model: Any = MODEL.build(curves)
        self.values = MODEL.start(curves)
        self.evidence = MODEL.evidence(curves)

    def mode(self, expected: FloatArray, spread: FloatArray, variance: FloatArray) -> FloatArray:
        """Return where data and population agree on the curves, all effects solved for at once."""
        found = np.empty_like(expected)
        for curve in range(len(expected)):
            whole, pull = np.diag(spread**-2.0), expected[curve] / spread**2
            for metric, own in enumerate(variance[curve]):
                columns = np.array(self.effects.columns(metric))
                whole[np.ix_(columns, columns)] += self.evidence.precision[curve, metric] / own
                pull[columns] += self.evidence.pull[curve, metric] / own
            found[curve] = np.linalg.solve(whole, pull)
        return found

    def point(self, values: dict[str, Any]) -> Point:
        """Return the point on the unconstrained scale, as nutpie and PyMC make it of such values."""
        with quiet():
            make: Any = make_initial_point_fn(model=self.model, overrides=values, jitter_rvs=set())
            return dict(make(0))


@pytest.fixture(scope="module", params=CURVES)
def start(request: pytest.FixtureRequest) -> _Start:
    return _Start(CURVES[request.param]())


def _expected(curves: Curves, found: Point) -> FloatArray:
    """Return what the population where chains start expects of each curve, (curves, effects)."""
    design = Design.of(curves)
    expected = found["mean"] + design.matrix[:, design.covariates] @ found.get("slope", np.empty((0, 1)))
    for factor, place in design.factors:
        basis = zero_sum_basis(len(factor.levels))
        expected = expected + design.matrix[:, place] @ basis.T @ found[f"{factor.name}_effect"]
    return np.asarray(expected)


def test_some_effects_of_the_mixed_curves_are_known_and_some_are_not() -> None:
    curves = _mixed()
    evidence = MODEL.evidence(curves)
    white = whitening(MODEL.effects(curves), evidence)
    assert 0.0 < evidence.known.mean() < 1.0
    assert 0.0 < white.centred.mean() < 1.0


def test_curves_and_population_start_at_the_first_look(start: _Start) -> None:
    curves, model, regressions = start.curves, start.model, start.evidence.regressions
    groups = [f"{factor.name}_sd" for factor in curves.factors]
    names = ["curve_effect", "mean", "curve_sd", "curve_correlation", "shape_sd", *groups]
    names += ["noise_sd", "noise_factor"]
    names += [f"{factor.name}_effect" for factor in curves.factors]
    names += ["slope"] if curves.covariates else []
    found = variables(model, names)(start.point(start.values))
    spread = np.array([each.curve_sd for each in regressions])
    mean = np.array([each.mean for each in regressions])
    # Almost, since no coordinate starts at exactly 0.
    off = found["mean"] - mean[:, 0]
    assert (np.abs(off) < 0.05 * start.effects.values("mean", "sd")).all()
    if curves.covariates:
        off = found["slope"] - mean[:, Design.of(curves).covariates].T
        assert (np.abs(off) < 0.05 * start.effects.slopes(curves.covariates, "sd")).all()
    expected = _expected(curves, found)
    floor = RESOLUTION * np.array([CATALOGUE[name].noise for name in curves.names])
    variance = (found["noise_sd"] * np.exp(found["noise_factor"])) ** 2 + floor**2
    # Of four correlated deviations of 0.01 spreads each, and of what follows from them for the shape.
    off = found["curve_effect"] - start.mode(expected, spread, variance)
    assert (np.abs(off) < 0.05 * spread).all()
    assert found["noise_sd"] == pytest.approx(start.evidence.noise, rel=1e-9)
    assert np.concatenate([found["curve_sd"], found["shape_sd"]]) == pytest.approx(spread, rel=1e-9)
    assert found["curve_correlation"] == pytest.approx(np.eye(start.effects.correlated), abs=0.03)
    for place, name in enumerate(groups):
        assert found[name] == pytest.approx([each.group_sd[place] for each in regressions], rel=1e-9)


def test_the_density_is_finite_and_above_that_of_pymc_s_own_start(start: _Start) -> None:
    density = log_density(start.model)
    here, there = density(start.point(start.values)), density(start.point({}))
    assert np.isfinite(here)
    assert here > there


@pytest.mark.parametrize("name", VARIANTS)
def test_every_structure_has_a_start_in_the_shapes_of_the_model(name: str) -> None:
    curves = VARIANTS[name]()
    effects, columns = MODEL.effects(curves), Design.of(curves).matrix.shape[1]
    found, count = MODEL.start(curves), len(effects.names)
    pairs = effects.correlated * (effects.correlated - 1) // 2
    assert {name: value.shape for name, value in found.items()} == {
        "coefficient_raw": (count, columns),
        "curve_raw": (len(curves), count),
        "curve_sd": (effects.correlated,),
        "residual_partial": (pairs,),
        "shape_sd": (len(curves.names),),
        "noise_sd": (len(curves.names),),
        **{f"{factor.name}_sd": (count,) for factor in curves.factors},
    }
    assert all(np.isfinite(value).all() for value in found.values())
    # NUTS does not start where a gradient is exactly 0, as that of a metric which a curve lacks is at 0.
    assert (found["curve_raw"] != 0).all()
    assert (found["coefficient_raw"] != 0).all()
    assert all((value > 0).all() for name, value in found.items() if name.endswith("_sd"))


def test_curves_of_equal_values_do_not_start_without_noise() -> None:
    frame = table()
    frame.loc[frame["metric"] == "bleu", "value"] = 0.0
    curves = curves_of(frame)
    start = MODEL.start(curves)["noise_sd"][curves.names.index("bleu")]
    assert start == pytest.approx(RESOLUTION * CATALOGUE["bleu"].noise)
