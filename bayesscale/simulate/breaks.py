"""Where curves break, and how."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bayesscale.laws import LogAxis
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.simulate.population import POPULATION
from bayesscale.simulate.regime import Curve, Regime
from bayesscale.simulate.truth import CurveTruth

# A break lies in the middle of a curve, so that checkpoints on both sides show it.
_POSITIONS = (0.35, 0.75)
_PLATEAU_PROBABILITY = 0.25
_FALLS = (1.0, 8.0)


def breaks_in_paper(curve: Curve) -> bool:
    """Say whether the paper saw the score of a curve break.

    It did for en-fr with pretraining on one language other than French, and named the two smaller D_f for
    English. At the largest D_f its scores are nearly flat, so none is broken there.
    """
    shares = curve.mixture.shares
    alone = len(shares) == 1 and "fr" not in shares
    return curve.task.name == "en-fr" and alone and curve.finetune_tokens < curve.task.enough


def breaking(regime: Regime, curve: Curve, draw: float) -> bool:
    """Say whether a curve breaks, given a number drawn between 0 and 1."""
    if isinstance(regime.breaks, str):
        return regime.breaks == "paper" and breaks_in_paper(curve)
    return draw < regime.breaks


def add_breaks(regime: Regime, truths: list[list[CurveTruth]], rng: np.random.Generator) -> list[CurveTruth]:
    """Return all truths of a regime's curves, with breaks in the scores of those that break.

    A broken score falls from the break to the last checkpoint by 1 to 8 BLEU (or as many noise standard
    deviations of another metric), or stays where it was. All scores of a curve break at the same D_p; losses
    never break.
    """
    curves, result = regime.curves(), []
    axis = LogAxis(regime.pretrain_tokens()[0], regime.pretrain_tokens()[-1])
    # All numbers are drawn for every curve, so that the choice of breaks changes no other curve.
    draws = rng.uniform(size=(len(curves), 4))
    for curve, metrics, (choice, position, plateau, depth) in zip(curves, truths, draws, strict=True):
        end = axis.u(regime.pretrain_tokens(curve.mixture)[-1])
        tau = float(axis.size(end * (_POSITIONS[0] + position * (_POSITIONS[1] - _POSITIONS[0]))))
        # The square makes small falls more frequent than large ones.
        fall = 0.0 if plateau < _PLATEAU_PROBABILITY else _FALLS[0] + depth**2 * (_FALLS[1] - _FALLS[0])
        broken = breaking(regime, curve, choice)
        for truth in metrics:
            score = CATALOGUE[truth.metric].improves == "up"
            result.append(
                _broken(truth, tau, fall, axis, float(axis.size(end))) if broken and score else truth
            )
    return result


def _broken(truth: CurveTruth, tau: float, fall: float, axis: LogAxis, last: float) -> CurveTruth:
    """Return the truth with the slope change that makes the score fall by `fall` BLEU from tau to `last`."""
    at_break, at_end = truth.law_value([tau, last], axis)
    fall_in_unit = fall * POPULATION[truth.metric].noise / POPULATION["bleu"].noise
    slope = -(at_end - at_break + fall_in_unit) / np.log(last / tau)
    return replace(truth, break_tokens=tau, slope_change=float(slope))
