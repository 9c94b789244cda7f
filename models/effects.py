"""The effects of a joint model: which there are, in which order, with which priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.design import Covariate
from bayesscale.models.distributions import LogNormal, Normal
from bayesscale.models.forms import FORMS
from bayesscale.models.law_priors import EffectPrior
from bayesscale.models.laws import LOG
from bayesscale.models.priors import Priors

SLOPES = {"model_params": "params_slope", "alignment": "alignment_slope"}


@dataclass(frozen=True)
class Effects:
    """Order and priors of the effects (level, gain and shape of every metric).

    Level and gain of all metrics come first, since their residuals are correlated; the shapes follow.

    Parameters
    ----------
    names : tuple of str
        Such as 'bleu.level', 'bleu.gain', 'cross_entropy.level', ..., 'bleu.shape'.
    priors : tuple of EffectPrior
        The prior of each.
    offsets : array, shape (effects,)
        Added to the prior mean: the log of the metric's typical value (beyond what guessing scores) for
        levels, the log of the axis' span for the shapes of laws whose shape is a rate, else 0.
    """

    names: tuple[str, ...]
    priors: tuple[EffectPrior, ...]
    offsets: NDArray[np.float64]

    @property
    def correlated(self) -> int:
        """Number of effects whose residuals are correlated: level and gain of each metric."""
        return 2 * len(self.names) // 3

    @property
    def mean(self) -> NDArray[np.float64]:
        """Prior means of the population means."""
        return self.offsets + np.array([prior.mean.mean for prior in self.priors], dtype=np.float64)

    def values(self, prior: str, parameter: str) -> NDArray[np.float64]:
        """Return one parameter of one prior for every effect."""
        return np.array([getattr(getattr(effect, prior), parameter) for effect in self.priors])

    def slopes(self, covariates: tuple[Covariate, ...], parameter: str) -> NDArray[np.float64]:
        """Return one parameter of the slopes' priors, shape (covariates, effects)."""
        rows = [self.values(SLOPES.get(c.name, "size_slope"), parameter) for c in covariates]
        return np.array(rows).reshape(len(covariates), len(self.names))

    def columns(self, metric: Any) -> tuple[Any, Any, Any]:
        """Return the positions of level, gain and shape of metrics by position (an integer or an array)."""
        return 2 * metric, 2 * metric + 1, self.correlated + metric


def joint_effects(
    scores: tuple[str, ...], losses: tuple[str, ...], priors: Priors, law: str = LOG, span: float = 1.0
) -> Effects:
    """Return the effects of scores and losses, in this order.

    Parameters
    ----------
    scores, losses : tuple of str
        The metrics.
    priors : Priors
        The priors of all laws.
    law : str
        The law of scores, in `bayesscale.models.forms.SCORE_FORMS`; matters for priors only. Losses have the
        same priors under all their laws.
    span : float
        Length of the axis in e-folds; matters for priors only.
    """
    form = FORMS[law]
    score = priors.score.model_copy(update={"shape": form.shape_prior(priors)})
    laws = [(name, score) for name in scores] + [(name, priors.loss) for name in losses]
    rates = [float(form.per_efold)] * len(scores) + [1.0] * len(losses)
    names = [f"{name}.{effect}" for name, _ in laws for effect in ("level", "gain")]
    chosen = [prior for _, law in laws for prior in (law.level, law.gain)]
    guessed = priors.chance if "chance" in form.known else {}
    typical = [
        np.log(priors.typical.get(name, CATALOGUE[name].typical) - guessed.get(name, 0.0)) for name, _ in laws
    ]
    offsets = [value for level in typical for value in (level, 0.0)]
    return Effects(
        names=(*names, *(f"{name}.shape" for name, _ in laws)),
        priors=(*chosen, *(law.shape for _, law in laws)),
        offsets=np.array([*offsets, *np.log(span) * np.array(rates)]),
    )


def absorbing(effects: Effects, groups: tuple[str, ...]) -> Effects:
    """Return effects whose spread between curves includes that between the levels of some groups.

    Parameters
    ----------
    effects : Effects
        With the priors of both spreads.
    groups : tuple of str
        'task' or 'mixture': groupings with one curve a level, see `Curves.absorbed`.
    """

    def wider(prior: EffectPrior) -> EffectPrior:
        medians = [prior.curve_sd.median, *(getattr(prior, f"{name}_sd").median for name in groups)]
        whole = LogNormal(median=float(np.sqrt(np.sum(np.square(medians)))), spread=prior.curve_sd.spread)
        return prior.model_copy(update={"curve_sd": whole})

    return replace(effects, priors=tuple(map(wider, effects.priors))) if groups else effects


def with_slopes(effects: Effects, places: Sequence[int], slope: Normal) -> Effects:
    """Return effects of which some have another prior of their slope in the other size.

    Parameters
    ----------
    effects : Effects
        The effects.
    places : sequence of int
        Which of them.
    slope : Normal
        Its prior.
    """
    changed = [
        prior.model_copy(update={"size_slope": slope}) if place in places else prior
        for place, prior in enumerate(effects.priors)
    ]
    return replace(effects, priors=tuple(changed))


def noise_scales(metrics: tuple[str, ...], priors: Priors) -> NDArray[np.float64]:
    """Return the typical noise of metrics, in their units."""
    return np.array([priors.noise.get(name, CATALOGUE[name].noise) for name in metrics])
