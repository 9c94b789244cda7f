"""Effects, design of the regression, and the basis in which its coefficients are sampled."""

from __future__ import annotations

import numpy as np
import pytest

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.models.coefficients import whitening
from bayesscale.models.effects import absorbing, joint_effects, noise_scales
from bayesscale.models.evidence import Evidence
from bayesscale.models.joint import JointModel
from bayesscale.models.predictor import linear_predictor
from bayesscale.models.priors import Priors, change_priors
from bayesscale.models.regression import Design, zero_sum_basis
from tests.models.tables import curves_of, table

DENSE = np.geomspace(1e9, 6.4e10, 40).tolist()


def test_levels_and_gains_come_first_then_the_shapes() -> None:
    effects = joint_effects(("bleu", "comet"), ("cross_entropy",), Priors())
    assert effects.names == (
        *(
            "bleu.level",
            "bleu.gain",
            "comet.level",
            "comet.gain",
            "cross_entropy.level",
            "cross_entropy.gain",
        ),
        *("bleu.shape", "comet.shape", "cross_entropy.shape"),
    )
    assert effects.correlated == 6
    for place, metric in enumerate(("bleu", "comet", "cross_entropy")):
        names = [effects.names[column] for column in effects.columns(place)]
        assert names == [f"{metric}.level", f"{metric}.gain", f"{metric}.shape"]
    columns = effects.columns(np.array([0, 2, 1]))
    assert [c.tolist() for c in columns] == [[0, 4, 2], [1, 5, 3], [6, 8, 7]]


def test_every_effect_has_the_prior_of_its_law() -> None:
    priors = Priors()
    effects = joint_effects(("bleu",), ("cross_entropy",), priors)
    expected = {
        "bleu.level": np.log(25.0) + priors.score.level.mean.mean,
        "bleu.gain": priors.score.gain.mean.mean,
        "cross_entropy.level": np.log(1.5) + priors.loss.level.mean.mean,
        "cross_entropy.gain": priors.loss.gain.mean.mean,
        "bleu.shape": priors.score.shape.mean.mean,
        "cross_entropy.shape": priors.loss.shape.mean.mean,
    }
    assert dict(zip(effects.names, effects.mean, strict=True)) == pytest.approx(expected)
    assert effects.values("curve_sd", "median").tolist() == [0.08, 0.06, 0.08, 0.04, 0.12, 0.3]


def test_curves_take_over_the_spread_of_groupings_with_one_curve_a_level() -> None:
    effects = joint_effects(("bleu",), ("cross_entropy",), Priors())
    assert absorbing(effects, ()) is effects
    wider = absorbing(effects, ("task", "mixture"))
    for own, new in zip(effects.priors, wider.priors, strict=True):
        parts = own.curve_sd.median, own.task_sd.median, own.mixture_sd.median
        assert new.curve_sd.median == pytest.approx(np.sqrt(np.square(parts).sum()))
        assert (new.mean, new.task_sd, new.curve_sd.spread) == (own.mean, own.task_sd, own.curve_sd.spread)


def test_typical_values_and_noise_can_be_set_by_metric() -> None:
    changed = change_priors(Priors(), {"typical": {"bleu": 40.0}, "noise": {"bleu": 2.0}})
    effects = joint_effects(("bleu", "chrf"), (), changed)
    assert effects.mean[[0, 2]] == pytest.approx(np.log([40.0, CATALOGUE["chrf"].typical]))
    assert noise_scales(("bleu", "chrf"), changed).tolist() == [2.0, CATALOGUE["chrf"].noise]


def test_each_covariate_has_the_slope_of_its_kind() -> None:
    curves = curves_of(table())
    priors = change_priors(Priors(), {"score": {"level": {"size_slope": {"mean": 0.3, "sd": 0.1}}}})
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, priors)
    assert [covariate.name for covariate in curves.covariates] == ["finetune_tokens", "alignment"]
    assert effects.slopes(curves.covariates, "mean").tolist() == [[0.3, 0, 0, 0, 0, 0], [0] * 6]
    sd = effects.slopes(curves.covariates, "sd")
    assert sd.shape == (2, 6)
    assert (sd[0, 0], sd[1, 0]) == (0.1, priors.score.level.alignment_slope.sd)
    assert effects.slopes((), "sd").shape == (0, 6)


@pytest.mark.parametrize("levels", [2, 3, 7, 40])
def test_the_zero_sum_basis_is_orthonormal_and_sums_to_zero(levels: int) -> None:
    basis = zero_sum_basis(levels)
    assert basis.shape == (levels, levels - 1)
    assert basis.T @ basis == pytest.approx(np.eye(levels - 1), abs=1e-12)
    assert basis.sum(axis=0) == pytest.approx(np.zeros(levels - 1), abs=1e-12)
    # It spans all of them: projecting takes away the mean and nothing else.
    assert basis @ basis.T == pytest.approx(np.eye(levels) - 1 / levels, abs=1e-12)


def test_the_design_and_the_linear_predictor_are_the_same_regression() -> None:
    curves = curves_of(table())
    design = Design.of(curves)
    rng = np.random.default_rng(0)
    coefficient = rng.standard_normal((6, design.matrix.shape[1]))
    groups = [
        (zero_sum_basis(len(factor.levels)) @ coefficient[:, place].T, factor.index)
        for factor, place in design.factors
    ]
    values = np.column_stack([covariate.values for covariate in curves.covariates])
    slopes = coefficient[:, design.covariates].T
    expected = linear_predictor(coefficient[:, 0], values, slopes, groups)
    assert design.matrix @ coefficient.T == pytest.approx(expected)
    without = linear_predictor(coefficient[:, 0], values, None, groups)
    assert expected - without == pytest.approx(values @ slopes)


def test_the_linear_predictor_takes_draws_first() -> None:
    rng = np.random.default_rng(1)
    mean, slopes = rng.standard_normal((5, 4, 3)), rng.standard_normal((5, 4, 2, 3))
    covariates, index = rng.standard_normal((7, 2)), rng.integers(0, 3, 7)
    effects = rng.standard_normal((5, 4, 3, 3))
    found = linear_predictor(mean, covariates, slopes, [(effects, index)])
    assert found.shape == (5, 4, 7, 3)
    assert found[2, 3] == pytest.approx(
        linear_predictor(mean[2, 3], covariates, slopes[2, 3], [(effects[2, 3], index)])
    )


def test_one_curve_alone_leaves_the_mean_alone() -> None:
    curves = curves_of(table(("en-fr",), ("en",), (6e6,)))
    assert Design.of(curves).matrix.tolist() == [[1.0]]


def test_coefficients_are_whitened_around_the_regression_of_clear_curves() -> None:
    curves = curves_of(table(finetune=(6e6, 42e6, 3e8), sizes=DENSE, noise=0.01))
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())
    evidence = Evidence.of(curves, effects, JointModel(sharp=False).menu.middle(curves, Priors()))
    white = whitening(effects, evidence)
    assert (white.centred == 1.0).all()
    predicted = Design.of(curves).matrix @ white.location.T
    # The made-up curves differ by D_f and mixture alone, so that the regression hits levels and gains.
    estimate = np.linalg.solve(evidence.precision, evidence.pull[..., None])[..., 0]
    pairs = estimate[:, :, :2].reshape(len(curves), 4)
    assert predicted[:, :4] == pytest.approx(pairs, abs=0.02)
    covariance = white.factor @ np.swapaxes(white.factor, 1, 2)
    prior = np.array([prior.mean.sd for prior in effects.priors]) ** 2
    assert (covariance[:, 0, 0] < 0.3 * prior).all()
    assert (np.diagonal(white.factor, axis1=1, axis2=2) > 0).all()
    assert (np.triu(white.factor, k=1) == 0).all()


def test_vague_effects_keep_the_basis_of_their_prior() -> None:
    curves = curves_of(table(noise=15.0))
    effects = joint_effects(curves.scores.metrics, curves.losses.metrics, Priors())
    white = whitening(
        effects, Evidence.of(curves, effects, JointModel(sharp=False).menu.middle(curves, Priors()))
    )
    assert (white.centred == 0.0).all()
    assert (white.factor == np.eye(Design.of(curves).matrix.shape[1])).all()
    assert (white.location == 0.0).all()
