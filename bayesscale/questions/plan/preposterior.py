"""What a measurement that nobody has made yet is expected to teach, from posterior draws without refitting.

The measurement is simulated from some of the draws. Each simulated outcome y reweights all draws by
p(y | draw), which gives the posterior that would follow it. What is left unknown there is averaged over the
outcomes: preposterior analysis (Raiffa and Schlaifer 1961) by importance weights. Where the weights of an
outcome rest on few draws, the quantity is regressed on the outcome instead, which understates what is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import entr

from bayesscale.posterior.noise import student_log_density, typical_se
from bayesscale.posterior.predictive import Predictive

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Measurement:
    """One measurement as each draw expects it: Student-t around the law, independent between metrics.

    The law's value and the scale of the noise have the shape (metrics, draws).
    """

    location: FloatArray
    scale: FloatArray
    degrees: float

    def simulate(self, chosen: IntArray, seed: int) -> FloatArray:
        """Return an outcome for each of some draws, shape (metrics, chosen)."""
        rng = np.random.default_rng([seed, 5])
        location, scale = self.location[:, chosen], self.scale[:, chosen]
        return np.asarray(location + scale * rng.standard_t(self.degrees, size=location.shape))

    def log_density(self, outcomes: FloatArray) -> FloatArray:
        """Return log p(outcome | draw), shape (outcomes, draws), of outcomes of shape (metrics, outcomes)."""
        total = np.zeros((outcomes.shape[1], self.location.shape[1]))
        for own, location, scale in zip(outcomes, self.location, self.scale, strict=True):
            total += student_log_density(own[:, None], location, scale, self.degrees)
        return total


def measurement(predictive: Predictive, target: int, size: float, metrics: IntArray) -> Measurement:
    """Return one measurement of several metrics on a curve."""
    drawn, rows = predictive.drawn, slice(target, target + 1)
    location, scale = [], []
    for metric in map(int, metrics):
        law = predictive.law(np.array([[size]]), metric, rows)
        location.append(law[0, 0])
        scale.append(drawn.local(rows, metric).scale(law, typical_se(drawn.curves, metric))[0, 0])
    return Measurement(np.array(location), np.array(scale), drawn.draws.priors.degrees)


# An outcome is trusted if its weights are worth this many draws; a candidate, if this share of outcomes is.
_FEWEST_DRAWS, _TRUSTED = 25.0, 0.75
_CHUNK = 2_000_000
_GROUPS, _BINS = 10, 20
# A surprise counts no more than that of an event of this probability.
_LEAST = 1e-4


@dataclass(frozen=True)
class Unknown:
    """The quantities to be learnt about: their draws, shape (quantities, draws), 0 and 1 for events.

    What is unknown of events is their entropy in bits; of other quantities it is the variance.
    """

    draws: FloatArray
    events: bool

    @property
    def now(self) -> FloatArray:
        """What is unknown of each quantity today: variance or bits."""
        return _bits(self.draws.mean(axis=1)) if self.events else self.draws.var(axis=1)

    def choose(self, count: int) -> IntArray:
        """Return draws to simulate from, spread evenly over the distribution of the quantities."""
        spread = self.draws.std(axis=1, keepdims=True)
        score = (self.draws / np.where(spread > 0, spread, 1.0)).sum(axis=0)
        count = min(count, len(score))
        order: IntArray = np.argsort(score, kind="stable")
        return np.asarray(order[((np.arange(count) + 0.5) * len(score) / count).astype(int)])


@dataclass(frozen=True)
class Reduction:
    """What a measurement is expected to teach; of several quantities the average.

    `reduction` is the share of what is unknown that goes, and `error` its Monte Carlo standard error. `right`
    is the probability that the likelier answer to an event is right, `width` that of an interval; NaN for the
    other kind. `draws` is what the weights are worth, median over outcomes; not `weighted` if that is too
    little, and regression was used.
    """

    reduction: float
    error: float
    right: float
    width: float
    draws: float
    weighted: bool


def learn(measurement: Measurement, unknown: Unknown, chosen: IntArray, prob: float, seed: int) -> Reduction:
    """Return what a measurement is expected to teach, by outcomes simulated from the chosen draws.

    The same draws and seed make candidates comparable beyond their Monte Carlo errors.
    """
    outcomes = measurement.simulate(chosen, seed)
    step = max(1, _CHUNK // unknown.draws.shape[1])
    parts = [
        _reweighted(measurement, unknown, outcomes[:, at : at + step], chosen[at : at + step], prob)
        for at in range(0, len(chosen), step)
    ]
    squared, mean, second, doubt, width = (np.concatenate(part) for part in zip(*parts, strict=True))
    worth = 1.0 / squared
    if np.mean(worth >= _FEWEST_DRAWS) < _TRUSTED:
        return _regressed(measurement, unknown, prob, seed, float(np.median(worth)))
    today = unknown.draws.mean(axis=1)
    share = np.clip(mean + today, 0.0, 1.0)
    variance = np.maximum(second - mean**2, 0.0) + doubt
    left = (_unbiased_bits(share, doubt) if unknown.events else variance).sum(axis=1)
    controls = [mean.sum(axis=1), (second - unknown.draws.var(axis=1)).sum(axis=1)]
    average, residual = _controlled(left, controls[: 1 if unknown.events else 2])
    missed = _missed(unknown, today[:, None], chosen), _missed(unknown, (mean + today).T, chosen)
    reduction, error = _reduction(unknown, average, residual, *missed)
    likelier = np.maximum(share, 1 - share).mean(axis=1)
    # No measurement makes the likelier answer less often right on average.
    least = float(np.maximum(today, 1 - today).mean())
    right = max(_controlled(likelier, controls[:1])[0], least) if unknown.events else np.nan
    return Reduction(reduction, error, right, float(width.mean()), float(np.median(worth)), True)


def _reweighted(
    measurement: Measurement, unknown: Unknown, outcomes: FloatArray, own: IntArray, prob: float
) -> tuple[FloatArray, ...]:
    """Return what the weights of each outcome say.

    The sum of their squares, shape (outcomes,); of each quantity two moments around its mean today, the
    squared error of the first, and the width of its interval, each of shape (outcomes, quantities).
    """
    weight = measurement.log_density(outcomes)
    # The draw that made the outcome would find itself: without it, weights are those of an unseen truth.
    weight[np.arange(len(own)), own] = -np.inf
    weight -= weight.max(axis=1, keepdims=True)
    np.exp(weight, out=weight)
    weight /= weight.sum(axis=1, keepdims=True)
    centred = (unknown.draws - unknown.draws.mean(axis=1, keepdims=True)).T
    mean, second, width = weight @ centred, weight @ centred**2, _widths(weight, unknown, prob)
    weight *= weight
    squared = weight.sum(axis=1)
    doubt = weight @ centred**2 - 2 * mean * (weight @ centred) + mean**2 * squared[:, None]
    return squared, mean, second, doubt, width


def _controlled(values: FloatArray, controls: list[FloatArray]) -> tuple[float, FloatArray]:
    """Return the mean of values, and what they vary around it, with the help of control variates.

    The reweighted moments of a quantity are on average those of today. Where, over the simulated outcomes,
    they are not, the values are corrected in proportion.
    """
    used = [control for control in controls if np.ptp(control) > 0]
    design = np.column_stack([np.ones(len(values)), *used])
    fitted = np.linalg.lstsq(design, values, rcond=None)[0]
    return float(fitted[0]), values - design @ fitted


def _widths(weight: FloatArray, unknown: Unknown, prob: float) -> FloatArray:
    """Return the widths of weighted equal-tailed intervals, shape (outcomes, quantities)."""
    found = np.full((len(weight), len(unknown.draws)), np.nan)
    if unknown.events:
        return found
    tail = (1 - prob) / 2
    for place, draws in enumerate(unknown.draws):
        order = np.argsort(draws)
        below = weight[:, order].cumsum(axis=1)
        low, high = (np.minimum((below < p).sum(axis=1), len(draws) - 1) for p in (tail, 1 - tail))
        found[:, place] = draws[order][high] - draws[order][low]
    return found


def _bits(probability: FloatArray) -> FloatArray:
    """Return the entropy of events in bits."""
    return np.asarray((entr(probability) + entr(1.0 - probability)) / np.log(2.0))


def _unbiased_bits(share: FloatArray, doubt: FloatArray) -> FloatArray:
    """Return entropies of shares with squared errors, corrected for what concavity takes on average."""
    spread = share * (1.0 - share)
    lost = np.where(spread > 1e-12, doubt / np.maximum(2.0 * np.log(2.0) * spread, 1e-12), 0.0)
    return np.minimum(_bits(share) + lost, 1.0)


def _missed(unknown: Unknown, guess: FloatArray, chosen: IntArray) -> FloatArray:
    """Return how far a guess is from the draws behind the outcomes: squared error, or bits of surprise."""
    true = unknown.draws[:, chosen]
    if not unknown.events:
        return np.asarray(((true - guess) ** 2).sum(axis=0))
    given = np.clip(np.where(true > 0, guess, 1.0 - guess), _LEAST, 1.0)
    return np.asarray(-np.log2(given).sum(axis=0))


def _reduction(
    unknown: Unknown, average: float, residual: FloatArray, before: FloatArray, after: FloatArray
) -> tuple[float, float]:
    """Return the share that goes and its error, from what was missed before and after each outcome.

    Two errors add: of the average over outcomes, and of the finite number of draws, by the delta method. The
    second counts the noise of single outcomes, over which the weights average: where little is learnt, it is
    several times too large, but not too small.
    """
    now = unknown.now.sum()
    if now <= 0:
        return 0.0, 0.0
    kept = average / now
    of_draws = (after - kept * before).var() / unknown.draws.shape[1]
    return float(1.0 - kept), float(np.sqrt(residual.var() / len(residual) + of_draws) / now)


def _regressed(measurement: Measurement, unknown: Unknown, prob: float, seed: int, worth: float) -> Reduction:
    """Return what a linear regression of the quantities on the outcome leaves unknown."""
    count = unknown.draws.shape[1]
    outcomes = measurement.simulate(np.arange(count), seed)
    left, right = _explained(outcomes, unknown)
    group = np.random.default_rng([seed, 6]).permutation(count) % _GROUPS
    kept = [group != number for number in range(_GROUPS)]
    without = [_share(outcomes[:, k], Unknown(unknown.draws[:, k], unknown.events)) for k in kept]
    ends = np.quantile(unknown.draws, [(1 - prob) / 2, (1 + prob) / 2], axis=1)
    ratio = np.sqrt(left / np.maximum(unknown.now, 1e-300))
    return Reduction(
        reduction=_share(outcomes, unknown),
        error=float(np.sqrt((_GROUPS - 1) * np.var(without))),
        right=float(right.mean()),
        width=np.nan if unknown.events else float((np.ptp(ends, axis=0) * ratio).mean()),
        draws=worth,
        weighted=False,
    )


def _share(outcomes: FloatArray, unknown: Unknown) -> float:
    """Return the reduction by regression."""
    now = unknown.now.sum()
    return float(1.0 - _explained(outcomes, unknown)[0].sum() / now) if now > 0 else 0.0


def _explained(outcomes: FloatArray, unknown: Unknown) -> tuple[FloatArray, FloatArray]:
    """Return what is left, and P(right), of quantities given a linear function of the outcome."""
    draws = unknown.draws
    design = np.column_stack([np.ones(outcomes.shape[1]), outcomes.T])
    fitted = design @ np.linalg.lstsq(design, draws.T, rcond=None)[0]
    if not unknown.events:
        variance = np.mean((draws.T - fitted) ** 2, axis=0)
        return variance, np.full(len(draws), np.nan)
    bins = min(_BINS, draws.shape[1])
    share = np.empty((len(draws), bins))
    for place, (own, event) in enumerate(zip(fitted.T, draws, strict=True)):
        share[place] = [part.mean() for part in np.array_split(event[np.argsort(own)], bins)]
    right = np.maximum(share, 1 - share).mean(axis=1)
    doubt = share * (1 - share) * bins / draws.shape[1]
    return _unbiased_bits(share, doubt).mean(axis=1), right
