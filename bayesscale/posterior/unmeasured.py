"""Curves that nobody has measured: all their parameters, drawn from the population."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bayesscale.metrics.curves import unit_keys
from bayesscale.metrics.design import PAIR, Factor, level_labels
from bayesscale.models.scale import law_parameters, log_near_zero, log_sharpness
from bayesscale.posterior.draws import Draws
from bayesscale.posterior.local import Local, gauge_of
from bayesscale.posterior.random import keyed_rng

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
# Keeps the Cholesky factor of a correlation that is singular to rounding finite.
_JITTER = 1e-10


@dataclass(frozen=True)
class Unmeasured:
    """Curves of the population.

    Level and gain are the population's: mean, slopes and effects of the groups that were measured, a draw
    from the spread for each group that was not, and a draw of the curve's own residual. The law is drawn from
    the shares of the laws; all else from normal distributions between curves.

    The table has one row a curve. Alignment, shape (curves,), is NaN where unknown: a typical curve is then
    assumed. Every number depends on the seed and on the key of its curve only.
    """

    draws: Draws
    table: pd.DataFrame
    alignment: FloatArray
    seed: int

    @cached_property
    def keys(self) -> list[str]:
        """What tells the curves apart, one a curve."""
        return unit_keys(self.table, tuple(map(str, self.table.columns)))

    def local(self, curve: IntArray, metric: int) -> Local:
        """Return the parameters of the curves in some rows of the table for the metric at a position."""
        draws, name = self.draws, self.draws.curves.names[metric]
        effects = np.moveaxis(self._expected(curve, metric) + self._residual(curve, metric), -1, 0)
        level, gain = law_parameters(effects[0], effects[1], log_near_zero((name,), draws.priors))
        law = self._law(curve, metric)
        every = np.arange(draws.count)
        mean, sd = (draws[part][every, metric, law] for part in ("shape_mean", "shape_sd"))
        sharpness = self._normal("sharpness", curve, metric)
        noise = self._normal("noise", curve, metric)
        assert noise is not None
        at, slope = self._break(curve, metric) if name in draws.breakable else (None, None)
        return Local(
            name,
            draws.laws,
            gauge_of(draws, metric),
            law,
            level,
            gain,
            shape=mean + sd * self._spread(curve) * self._standard("shape", curve, metric),
            sharpness=np.zeros(law.shape) if sharpness is None else log_sharpness(sharpness),
            noise=noise,
            se_share=self._normal("se_share", curve, metric),
            straying=self._normal("discrepancy", curve, metric),
            break_u=at,
            break_slope=slope,
        )

    def _rng(self, what: str, curve: int, metric: int) -> np.random.Generator:
        """Return the random numbers of one quantity of one curve and metric."""
        return keyed_rng(self.seed, what, self.draws.curves.names[metric], self.keys[curve])

    def _standard(self, what: str, curve: IntArray, metric: int) -> FloatArray:
        """Return standard normal draws, shape (curves, draws)."""
        each = [self._rng(what, c, metric).standard_normal(self.draws.count) for c in curve.tolist()]
        return np.array(each)

    def _normal(self, what: str, curve: IntArray, metric: int) -> FloatArray | None:
        """Return draws of what is normal between curves, (curves, draws); None if a fit has none."""
        if f"{what}_mean" not in self.draws:
            return None
        mean, spread = (self.draws[f"{what}_{part}"][:, metric] for part in ("mean", "spread"))
        return np.asarray(mean + spread * self._standard(what, curve, metric))

    def _law(self, curve: IntArray, metric: int) -> IntArray:
        """Return the numbers of the laws, shape (curves, draws)."""
        below = self.draws["law_share"][:, metric].cumsum(axis=-1)
        each = [self._rng("law", c, metric).random(self.draws.count) for c in curve.tolist()]
        return np.array([(below <= (own * below[:, -1])[:, None]).sum(axis=1) for own in each])

    def _break(self, curve: IntArray, metric: int) -> tuple[FloatArray, FloatArray]:
        """Return u and slope change of the breaks; the hazard begins at the lower anchor."""
        draws = self.draws
        log_hazard = np.broadcast_to(draws["break_log_hazard"][:, metric], (len(curve), draws.count))
        if "break_alignment" in draws:
            names = [covariate.name for covariate in draws.curves.covariates]
            centred = self._covariates(curve)[:, [names.index("alignment")]]
            log_hazard = log_hazard + centred * draws["break_alignment"][:, metric]
        rngs = [self._rng("break", c, metric) for c in curve.tolist()]
        waited = np.array([rng.standard_exponential(draws.count) for rng in rngs]) / np.exp(log_hazard)
        raw = np.array([rng.standard_normal(draws.count) for rng in rngs])
        slope = draws["break_scale"][:, metric] * (draws.priors.breaks.spread * raw - 1.0)
        return waited / draws.curves.axis.span, slope

    def _expected(self, curve: IntArray, metric: int) -> FloatArray:
        """Return level and gain as the population expects them, shape (curves, draws, 2)."""
        own = slice(2 * metric, 2 * metric + 2)
        found = np.repeat(self.draws["mean"][None, :, own], len(curve), axis=0)
        if self.draws.curves.covariates:
            found += np.einsum("nc,sce->nse", self._covariates(curve), self.draws["slope"][:, :, own])
        factors = {factor.name: factor for factor in self.draws.curves.factors}
        for name in dict.fromkeys(["task", "mixture", PAIR, *factors]):
            found += self._group(name, factors.get(name), curve)[..., own]
        return found

    def _covariates(self, curve: IntArray) -> FloatArray:
        """Return the centred covariates, shape (curves, covariates)."""
        table = self.table.iloc[curve]
        columns = [
            each.scaled(self.alignment[curve] if each.name == "alignment" else table[each.name])
            for each in self.draws.curves.covariates
        ]
        return np.column_stack(columns)

    def _group(self, name: str, factor: Factor | None, curve: IntArray) -> FloatArray:
        """Return the effects of one factor, those of new levels included, shape (curves, draws, effects)."""
        draws = self.draws
        none = np.zeros((draws.count, draws["mean"].shape[1]))
        # Where a level has one curve, what sets it apart is in the curve's residual.
        if factor is None and (name != "mixture" or name in draws.curves.absorbed):
            return np.broadcast_to(none, (len(curve), *none.shape))
        wanted = self._labels(name, curve)
        # A factor with one level has no effects: the mean is that level's.
        levels = factor.levels if factor else tuple(sorted(set(draws.curves.table["mixture"].astype(str))))
        known = {
            level: draws[f"{name}_effect"][:, place] if factor else none for place, level in enumerate(levels)
        }
        new = dict.fromkeys(level for level in wanted if level not in known)
        explained = factor.explained if factor else np.ones((len(levels), 1))
        known |= {level: self._new_level(name, level, explained) for level in new}
        return np.stack([known[level] for level in wanted])

    def _labels(self, factor: str, curve: IntArray) -> pd.Series:
        """Return the level of each curve."""
        table = self.table.iloc[curve]
        return table["task"] + " | " + table["mixture"] if factor == PAIR else level_labels(table[factor])

    def _new_level(self, factor: str, level: str, explained: FloatArray) -> FloatArray:
        """Return the effect of a level that was not measured, shape (draws, effects).

        Mean and, of sizes, slope are those of the measured levels, not of the population. With X what is
        explained of these, a row a level, and x of the new one, its effect has the variance
        sd^2 (1 + x' (X'X)^-1 x), that of a new observation in least squares: sd^2 (1 + 1 / L) for L levels
        without a line.
        """
        rng = keyed_rng(self.seed, factor, level)
        shape = self.draws["mean"].shape
        if f"{factor}_sd" in self.draws:
            spread = self.draws[f"{factor}_sd"]
        else:
            scores, losses = (
                len(rows.metrics) for rows in (self.draws.curves.scores, self.draws.curves.losses)
            )
            kinds = [self.draws.priors.score] * scores + [self.draws.priors.loss] * losses
            priors = [prior.mixture_sd for kind in kinds for prior in (kind.level, kind.gain)]
            median, sd = (
                np.array([getattr(prior, name) for prior in priors]) for name in ("median", "spread")
            )
            spread = median * np.exp(sd * rng.standard_normal(shape))
        own = np.ones(1)
        if explained.shape[1] > 1:
            line = next(each for each in self.draws.curves.covariates if each.name == factor)
            own = np.append(own, line.scaled(float(level)))
        apart = np.sqrt(1 + np.sum((own @ np.linalg.pinv(explained)) ** 2))
        return np.asarray(apart * spread * rng.standard_normal(shape))

    @cached_property
    def _factor(self) -> FloatArray:
        """A factor of the covariance of the residuals, shape (draws, effects, effects)."""
        correlation = self.draws["curve_correlation"]
        jitter = _JITTER * np.eye(correlation.shape[-1])
        return np.asarray(self.draws["curve_sd"][:, :, None] * np.linalg.cholesky(correlation + jitter))

    def _residual(self, curve: IntArray, metric: int) -> FloatArray:
        """Return what sets level and gain apart from those of their groups, shape (curves, draws, 2)."""
        own = self._factor[:, 2 * metric : 2 * metric + 2]
        shape = self.draws["mean"].shape
        # All metrics of a curve share its random numbers, as their residuals are correlated.
        raw = (keyed_rng(self.seed, "residual", self.keys[c]).standard_normal(shape) for c in curve.tolist())
        found = np.stack([np.einsum("sij,sj->si", own, each) for each in raw])
        return np.asarray(found * self._spread(curve)[..., None])

    def _spread(self, curve: IntArray) -> FloatArray:
        """Return the spread of each curve as a multiple of the population's, shape (curves, draws)."""
        half, count = 0.5 * self.draws.priors.curve_degrees, len(self.draws["mean"])
        each = [keyed_rng(self.seed, "precision", self.keys[c]).gamma(half, 1 / half, count) for c in curve]
        return np.array(each) ** -0.5
