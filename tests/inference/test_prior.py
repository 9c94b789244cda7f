"""Draws from the prior are draws from the prior that is documented, and look like translation scores."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bayesscale.inference import Fit
from bayesscale.models.distributions import LogNormal
from bayesscale.models.effects import Effects
from bayesscale.models.joint import JointModel
from bayesscale.models.regression import Design

FloatArray = NDArray[np.float64]


def _drawn(made: Fit, name: str) -> FloatArray:
    """Return a variable of the prior, draws first."""
    return np.asarray(made.tree["prior"][name].transpose("chain", "draw", ...).to_numpy()[0])


def _check(drawn: FloatArray, mean: object, sd: object) -> None:
    """Require mean and standard deviation within four standard errors, whatever the number of elements."""
    count = len(drawn)
    sd = np.broadcast_to(np.asarray(sd, float), drawn.shape[1:])
    assert (np.abs(drawn.mean(axis=0) - mean) < 4 * sd / np.sqrt(count)).all()
    assert (np.abs(drawn.std(axis=0) / sd - 1) < 4 / np.sqrt(2 * count)).all()


def _effects(made: Fit) -> Effects:
    return JointModel(made.priors).effects(made.curves)


def test_means_and_slopes_are_normal(made: Fit) -> None:
    effects = _effects(made)
    _check(_drawn(made, "mean"), effects.mean, effects.values("mean", "sd"))
    slopes = [effects.slopes(made.curves.covariates, parameter) for parameter in ("mean", "sd")]
    _check(_drawn(made, "slope"), *slopes)
    priors = made.priors
    typical = effects.offsets[[0, 2]]
    _check(_drawn(made, "baseline_mean"), typical + priors.baseline_level.mean, priors.baseline_level.sd)
    _check(_drawn(made, "baseline_slope"), priors.baseline_slope.mean, priors.baseline_slope.sd)


@pytest.mark.parametrize("name", ["task_sd", "mixture_sd", "task_mixture_sd", "curve_sd", "shape_sd"])
def test_spreads_of_effects_are_log_normal(made: Fit, name: str) -> None:
    effects = _effects(made)
    prior = {"task_sd": "task_sd", "curve_sd": "curve_sd", "shape_sd": "curve_sd"}.get(name, "mixture_sd")
    median, spread = effects.values(prior, "median"), effects.values(prior, "spread")
    kept = {"curve_sd": slice(0, 4), "shape_sd": slice(4, 6)}.get(name, slice(None))
    _check(np.log(_drawn(made, name)), np.log(median[kept]), spread[kept])


def test_noise_follows_the_metric_s_typical_noise(made: Fit) -> None:
    laws = (made.priors.score.noise, made.priors.loss.noise)
    medians = np.array([law.median for law in laws]) * [0.5, 0.01]
    _check(np.log(_drawn(made, "noise_sd")), np.log(medians), [law.spread for law in laws])
    spread: LogNormal = made.priors.noise_spread
    _check(np.log(_drawn(made, "noise_spread")), np.log(spread.median), spread.spread)
    tails, share = made.priors.tails, made.priors.se_independent
    _check(_drawn(made, "noise_tails"), tails.shape / tails.rate, np.sqrt(tails.shape) / tails.rate)
    total = share.a + share.b
    _check(_drawn(made, "se_independent"), share.a / total, np.sqrt(share.a * share.b / (total + 1)) / total)


def test_effects_of_a_factor_sum_to_zero(made: Fit) -> None:
    for name in ("task", "mixture", "task_mixture"):
        drawn = _drawn(made, f"{name}_effect")
        assert drawn.sum(axis=1) == pytest.approx(np.zeros(drawn[:, 0].shape), abs=1e-12)


def test_effects_of_curves_vary_as_all_their_parts_together(made: Fit) -> None:
    effects, design = _effects(made), Design.of(made.curves)
    variance = np.zeros((len(effects.names), design.matrix.shape[1]))
    variance[:, 0] = effects.values("mean", "sd") ** 2
    variance[:, design.covariates] = effects.slopes(made.curves.covariates, "sd").T ** 2
    for factor, place in design.factors:
        prior = "task_sd" if factor.name == "task" else "mixture_sd"
        variance[:, place] = _mean_square(effects, prior)[:, None]
    expected = design.matrix**2 @ variance.T + _mean_square(effects, "curve_sd")
    drawn = _drawn(made, "curve_effect")
    # Mixtures of normals have heavier tails than a normal, hence six standard errors instead of four.
    assert np.abs(drawn.std(axis=0) / np.sqrt(expected) - 1).max() < 6 / np.sqrt(2 * len(drawn))
    # Centred covariates: the prior mean is that of the population.
    assert np.abs((drawn.mean(axis=0) - effects.mean) / np.sqrt(expected)).max() < 4 / np.sqrt(len(drawn))


def _mean_square(effects: Effects, prior: str) -> FloatArray:
    """Return E[sd^2] of log-normal spreads."""
    median, spread = effects.values(prior, "median"), effects.values(prior, "spread")
    return np.asarray(median**2 * np.exp(2 * spread**2))


def test_prior_scores_look_like_scores(made: Fit) -> None:
    group = made.tree["prior_predictive"]["value"]
    metric = group["observation_metric"].to_numpy()
    bleu = group.to_numpy()[..., metric == "bleu"]
    assert bleu.min() >= 0.0
    assert bleu.max() <= 100.0
    assert np.quantile(bleu, [0.1, 0.5, 0.9]) == pytest.approx([6, 20, 80], rel=0.3)
    assert (bleu < 100).mean() > 0.9  # few are cut off at the end of the range
    loss = group.to_numpy()[..., metric == "cross_entropy"]
    assert np.quantile(loss, [0.05, 0.95]) == pytest.approx([0.25, 7.0], rel=0.3)


def test_prior_gains_of_curves_are_what_papers_report(made: Fit) -> None:
    effects = _effects(made)
    gain = np.exp(_drawn(made, "curve_effect")[..., effects.names.index("bleu.gain")])
    low, middle, high = np.quantile(gain, [0.05, 0.5, 0.95])
    assert 1.2 < middle < 1.7  # BLEU at the upper anchor over BLEU at the lower one
    assert (0.2 < low < 0.6, 3.0 < high < 8.0) == (True, True)
    beta = np.exp(_drawn(made, "curve_effect")[..., effects.names.index("bleu.shape")])
    assert np.quantile(beta, [0.05, 0.95]) == pytest.approx([0.35, 2.9], rel=0.25)
