"""The plain model: its log density is what SciPy says, summed over the laws."""

from __future__ import annotations

from typing import Any

import numpy as np
import pymc as pm
import pytest
from scipy import special

import bayesscale
from bayesscale.errors import UsageError
from bayesscale.metrics.curves import Curves
from bayesscale.metrics.read import read_metrics
from bayesscale.models.model import Model, chosen_model
from bayesscale.models.plain import plain_model
from bayesscale.models.priors import Priors
from tests.models.evaluate import Point, gradient, log_density, points, quiet, variables
from tests.models.reference import Reference
from tests.models.tables import curves_of, table
from tests.models.variants import VARIANTS

# The table and the model of each case; together they have every part of the model, and lack every part.
CASES = {
    "everything": ("everything", Model()),
    "all metrics may break": ("many metrics", Model(breaks="all")),
    "the paper's laws": ("everything", chosen_model("paper", "none", False, Priors())),
    "two laws": ("no alignment", chosen_model("log,rising", "scores", False, Priors())),
    "one law, bent": ("unequal lengths", chosen_model("saturating", "scores", True, Priors())),
    "losses alone": ("loss alone", Model()),
    "a metric is missing": ("metric missing", Model(breaks="all")),
    "one curve of one metric": ("one curve of one metric", Model()),
    "model sizes": ("model sizes", Model(sharp=False)),
    "along D_f": ("along finetune_tokens", Model(breaks="none")),
    "two sizes": ("two sizes", Model()),
}


def _points(model: Any, count: int) -> list[Point]:
    """Return random points at which curves break here and there."""
    found = points(model, count, scale=0.3)
    for seed, point in enumerate(found):
        if "break_raw_log__" in point:
            shape = np.shape(point["break_raw_log__"])
            point["break_raw_log__"] = np.random.default_rng(seed).normal(-2.5, 1.0, shape)
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_joint_density_is_that_of_scipy(case: str) -> None:
    name, settings = CASES[case]
    curves = VARIANTS[name]()
    model = plain_model(curves, settings)
    found = log_density(model)
    for point in _points(model, 2):
        assert found(point) == pytest.approx(Reference(curves, settings, point).density(), rel=1e-9)


def test_what_the_values_say_of_the_laws() -> None:
    curves = VARIANTS["metric missing"]()
    model = plain_model(curves, Model())
    (point,) = _points(model, 1)
    reference = Reference(curves, Model(), point)
    reference.density()
    found = variables(model, ["law_probability"])(point)["law_probability"]
    assert found == pytest.approx(special.softmax(reference.pair, axis=-1), abs=1e-9)


def _values(curves: Curves) -> Any:
    """Return all values in the order of the observations."""
    return np.concatenate([rows.value for rows in curves.blocks.values()])


def test_laws_are_summed_over() -> None:
    curves = curves_of(table(("en-fr",), ("en",), (6e6,), ("bleu", "cross_entropy"), se=0.3))
    model = plain_model(curves, Model())
    with quiet():
        drawn = pm.observe(plain_model(curves, Model(), marginal=False), {"value": _values(curves)})
    summed, given = log_density(model), log_density(drawn)
    for point in _points(model, 3):
        laws = [np.array([[law, 3]]) for law in range(3)]
        each = [given(point | {"curve_law": law}) for law in laws]
        assert max(each) - min(each) > 0.01
        assert summed(point) == pytest.approx(special.logsumexp(each), rel=1e-10)
        assert given(point | {"curve_law": np.array([[0, 0]])}) == -np.inf  # no loss follows a law of scores


def test_the_shape_is_that_of_the_law() -> None:
    curves = VARIANTS["metric missing"]()
    model = plain_model(curves, Model(), marginal=False)
    evaluate = variables(model, ["shape", "law_shape", "law_share"])
    law = np.random.default_rng(0).integers(0, 3, (len(curves), 2))
    law[:, 1] = 3
    found = evaluate(points(model, 1)[0] | {"curve_law": law})
    for curve in range(len(curves)):
        for metric in range(2):
            expected = found["law_shape"][curve, metric, law[curve, metric]]
            assert found["shape"][curve, metric] == expected
    assert found["law_share"].sum(axis=1) == pytest.approx(1.0)
    assert found["law_share"][[0, 1, 1, 1], [3, 0, 1, 2]].tolist() == [0.0] * 4
    assert found["law_share"][1, 3] == 1.0


@pytest.mark.parametrize("case", ["everything", "the paper's laws"])
def test_the_gradient_is_that_of_the_density(case: str) -> None:
    name, settings = CASES[case]
    model = plain_model(VARIANTS[name](), settings)
    start, other = points(model, 2, scale=0.1)
    found, density = gradient(model)(start), log_density(model)
    assert all(np.isfinite(each).all() for each in found.values())
    step = {name: 1e-5 * (other[name] - value) for name, value in start.items()}
    after, before = ({name: start[name] + sign * step[name] for name in start} for sign in (1, -1))
    along = sum((found[name] * step[name]).sum() for name in start)
    assert density(after) - density(before) == pytest.approx(2 * along, rel=1e-4)


def test_the_public_function_gives_this_model() -> None:
    metrics = read_metrics(table())
    built = bayesscale.model(metrics, law="log,saturating", breaks="none", priors=Priors(correlation=2.0))
    names = set(built.named_vars)
    assert built.coords["law"] == ("log-law", "saturating-law", "power-law")
    assert "discrepancy" in names
    assert {name for name in names if name.startswith("break")} == set()
    same = plain_model(
        curves_of(table()), chosen_model("log,saturating", "none", True, Priors(correlation=2.0))
    )
    (point,) = points(built, 1)
    assert log_density(built)(point) == log_density(same)(point)
    assert "break_log_hazard" in bayesscale.model(metrics).named_vars
    with pytest.raises(UsageError, match="breaks is unknown"):
        bayesscale.model(metrics, breaks="some")
