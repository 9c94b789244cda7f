"""How the laws of the zoo are fitted: each has its priors, its fields and a name on the command line."""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pymc as pm
import pytest
from numpy.typing import NDArray

from bayesscale.errors import PriorError
from bayesscale.inference.tree import prior_draws
from bayesscale.laws.zoo import ZOO
from bayesscale.models.forms import FORMS, LOSS_FORMS, SCORE_FORMS, fields_at, known_fields
from bayesscale.models.joint import JointModel
from bayesscale.models.laws import LOG, POWER, SATURATING, Followed
from bayesscale.models.packing import pack
from bayesscale.models.priors import Priors, change_priors
from tests.models.evaluate import log_density, points, quiet, variables
from tests.models.tables import curves_of, table

GUESSES = Priors(guess={"cross_entropy": 8.0}, chance={"accuracy": 0.25})
every_score_law = pytest.mark.parametrize("law", SCORE_FORMS)
every_loss_law = pytest.mark.parametrize("law", LOSS_FORMS)


def test_every_law_of_one_size_can_be_fitted() -> None:
    assert set(FORMS) == set(ZOO)
    assert all(form.law.improves == "up" for form in SCORE_FORMS.values())
    assert all(form.law.improves == "down" for form in LOSS_FORMS.values())


@pytest.mark.parametrize("name", FORMS)
def test_every_field_of_a_law_is_sampled_or_known(name: str) -> None:
    form, law = FORMS[name], cast(Any, FORMS[name].law)
    fields: list[str] = (
        [each.name for each in dataclasses.fields(law)] if dataclasses.is_dataclass(law) else []
    )
    assert sorted([*form.drawn, *form.known]) == sorted(fields)
    assert all(hasattr(Priors(), field) for field in form.drawn)
    assert form.shape_prior(Priors()).mean.sd > 0


def test_fields_are_those_of_each_metric() -> None:
    drawn = {"sharpness": np.array([[1.0, 2.0, 3.0]]), "shift": np.array([[0.5]])}
    power, shifted = FORMS[POWER], FORMS["shifted-power-law"]
    known = known_fields(shifted, ("cross_entropy",), Priors(), 4.0)
    assert fields_at(power, 2, 2, {}, drawn)["sharpness"].tolist() == [3.0]
    assert fields_at(FORMS[SATURATING], np.array([0, 1]), 2, {}, drawn)["sharpness"].tolist() == [[1.0, 2.0]]
    found = fields_at(shifted, np.array([2]), 2, known, drawn)
    assert {name: values.tolist() for name, values in found.items()} == {"span": [4.0], "shift": [[0.5]]}
    # What was not sampled keeps the law's plain value, as the papers' power law does.
    assert power.with_fields(fields_at(power, 2, 2, {}, {})) is power.law


def test_fields_of_other_laws_are_ignored() -> None:
    law = FORMS["chance-logistic"].with_fields({"chance": 0.2, "bend": 3.0})
    assert law.value(-60.0, 0.0, 1.0, 0.0) == pytest.approx(0.2)


def test_what_guessing_gives_is_known_by_metric() -> None:
    m4, chance = FORMS["m4"], FORMS["chance-logistic"]
    assert known_fields(m4, ("cross_entropy", "error_rate"), GUESSES, 1.0)["guess"].tolist() == [8.0, 1.0]
    assert known_fields(chance, ("accuracy", "bleu"), GUESSES, 1.0)["chance"].tolist() == [0.25, 0.0]


def test_guessing_scores_less_than_a_typical_value() -> None:
    with pytest.raises(PriorError, match=r"less than what is typical of accuracy, 0.7; received 0.9"):
        change_priors(Priors(), {"chance": {"accuracy": 0.9}})
    low = {"chance": {"accuracy": 0.9}, "typical": {"accuracy": 0.95}}
    assert change_priors(Priors(), low).chance == {"accuracy": 0.9}


def _values(model: JointModel, metric: str, draws: int = 200) -> tuple[NDArray[np.float64], ...]:
    """Return prior draws of a law between the anchors and ten e-folds beyond, (sizes, draws, curves)."""
    curves = curves_of(table(metrics=(metric,)))
    prior = prior_draws(model.build(curves, centred=False), 3)
    effects = prior["curve_effect"].transpose("chain", "draw", "curve", "effect").to_numpy()[0, :draws]
    form = model.followed.of(metric == "bleu")
    drawn = {name: prior[name].to_numpy()[0, :draws] for name in form.drawn}
    known = known_fields(form, curves.names, model.priors, curves.axis.span)
    law = form.with_fields({n: v[..., None] for n, v in fields_at(form, 0, 0, known, drawn).items()})
    level, gain, shape = (effects[:, :, column] for column in range(3))
    inside = np.stack([law.value(u, level, gain, shape) for u in np.linspace(0, 1, 5)])
    return inside, np.asarray(law.value(1 + 10 / curves.axis.span, level, gain, shape))


@pytest.mark.parametrize("law", [*SCORE_FORMS, *LOSS_FORMS])
def test_the_prior_of_a_law_is_wide_but_of_this_world(law: str) -> None:
    own, most = (Followed(law), 100) if law in SCORE_FORMS else (Followed(LOG, law), 1)
    metric = "bleu" if law in SCORE_FORMS else "error_rate"
    inside, beyond = _values(JointModel(breaks="none", law=own.score, loss_law=own.loss), metric)
    assert np.isfinite(inside).all()
    assert np.isfinite(beyond).all()
    assert (inside >= 0).all()
    # Most curves keep to the metric's range where they are measured, and more than half of them far beyond.
    assert (inside <= most).mean() > 0.85
    assert (beyond <= most).mean() > 0.6
    spread = np.log(np.quantile(inside[-1], 0.9) / np.quantile(inside[-1], 0.1))
    assert 0.5 < spread < 4.0


def _three_metrics() -> Any:
    """Return curves of two scores and a loss."""
    return curves_of(table(metrics=("accuracy", "bleu", "cross_entropy")))


@pytest.mark.parametrize(
    "followed",
    [*(Followed(law) for law in SCORE_FORMS), *(Followed(LOG, law) for law in LOSS_FORMS)],
    ids=str,
)
def test_the_model_follows_the_law_that_was_chosen(followed: Followed) -> None:
    curves = _three_metrics()
    model = JointModel(GUESSES, "none", False, followed.score, True, followed.loss)
    built = model.build(curves)
    names = [
        "curve_effect",
        *(n for n in ("sharpness", "shift", "ratio", "tau", "width", "bend") if n in built),
    ]
    found = variables(built, names)(points(built, 1)[0])
    drawn = {name: values[None] for name, values in found.items()}
    density = log_density(built)
    effects, axis = found["curve_effect"], curves.axis
    # Moving one value by the model's own residual makes it fit exactly: the density can only rise.
    for score, rows in ((True, curves.scores), (False, curves.losses)):
        form = followed.of(score)
        metric = rows.metric + (0 if score else 2)
        known = known_fields(form, rows.metrics, GUESSES, axis.span)
        law = form.with_fields({n: np.ravel(v) for n, v in fields_at(form, metric, 2, known, drawn).items()})
        each = (effects[rows.unit, column] for column in model.effects(curves).columns(metric))
        exact = law.value(axis.u(rows.size), *each)
        kind = "scores" if score else "losses"
        at_law = replace(curves, **{kind: replace(rows, value=exact)})
        with quiet():
            pm.set_data(pack(model.data(curves) | _values_only(model, at_law)), model=built)
        best = density(points(built, 1)[0])
        for sign in (-1e-3, 1e-3):
            moved = replace(curves, **{kind: replace(rows, value=exact * (1 + sign))})
            with quiet():
                pm.set_data(pack(model.data(curves) | _values_only(model, moved)), model=built)
            assert density(points(built, 1)[0]) < best


def _values_only(model: JointModel, curves: Any) -> dict[str, Any]:
    """Return the values of curves alone, laid out as the model wants them."""
    return {"curve_value": model.data(curves)["curve_value"]}


def test_laws_that_are_compiled_together_are_those_that_are_compiled_alone() -> None:
    curves = _three_metrics()
    together = (Followed("exponential-link", "m4"), Followed("rising-power-law", "shifted-power-law"))
    models = [JointModel(GUESSES, "none", True, own.score, True, own.loss, together) for own in together]
    built = models[0].build(curves)
    density, start = log_density(built), points(built, 2)
    for model in models:
        alone = replace(model, beside=()).build(curves)
        expected = log_density(alone)
        with quiet():
            pm.set_data(pack(model.data(curves)), model=built)
        own = [{name: each[name] for name in alone.initial_point()} for each in start]
        idle = set(start[0]) - set(own[0])
        assert idle  # fields of the law that is not in force, which follow their prior alone
        gaps = [density(point) - expected(mine) for point, mine in zip(start, own, strict=True)]
        prior = [_log_prior(model.priors, {name: point[name] for name in idle}) for point in start]
        assert gaps == pytest.approx(prior, rel=1e-9, abs=1e-8)


def _log_prior(priors: Priors, fields: dict[str, NDArray[np.float64]]) -> float:
    """Return the log density of fields, which are positive, on the scale of their logarithms."""
    total = 0.0
    for name, values in fields.items():
        prior = getattr(priors, name.removesuffix("_log__"))
        z = (values - np.log(prior.median)) / prior.spread
        total += float((-0.5 * z**2 - np.log(prior.spread) - 0.5 * np.log(2 * np.pi)).sum())
    return total
