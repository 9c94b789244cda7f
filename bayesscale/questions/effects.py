"""Draws of the effects and the noise of curves, measured or not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bayesscale.metrics.curves import unit_labels
from bayesscale.metrics.design import PAIR, Factor
from bayesscale.models.effects import Effects, joint_effects
from bayesscale.models.forms import SHARPNESS
from bayesscale.models.predictor import linear_predictor
from bayesscale.models.surface import LINEAR, PART, RATE, Surface, joined, on_surface, other_size
from bayesscale.questions.random import keyed_rng
from bayesscale.questions.strayed import Bases, known_bases
from bayesscale.questions.targets import Targets

if TYPE_CHECKING:
    from bayesscale.inference import Fit

FloatArray = NDArray[np.float64]
# Keeps the Cholesky factor of a correlation that is singular to rounding finite.
_JITTER = 1e-10


@dataclass(frozen=True)
class TargetEffects:
    """Effects and noise of the curves that a question is about.

    The effects of a curve that was not measured are the population's: mean, slopes and effects of the groups
    that were measured, a draw from the spread for each group that was not, and a draw of its own residual.

    Parameters
    ----------
    fit : Fit
        The draws.
    targets : Targets
        The curves.
    alignment : array, shape (targets,)
        Alignment of each, NaN where unknown: a typical curve is then assumed.
    seed : int
        Seed of what is drawn for unmeasured curves.
    """

    fit: Fit
    targets: Targets
    alignment: FloatArray
    seed: int

    @cached_property
    def order(self) -> Effects:
        """The order of the effects."""
        curves = self.fit.curves
        return joint_effects(curves.scores.metrics, curves.losses.metrics, self.fit.priors)

    @cached_property
    def labels(self) -> list[str]:
        """One label a target."""
        return unit_labels(self.targets.table, tuple(map(str, self.targets.table.columns)))

    @cached_property
    def bases(self) -> Bases:
        """How the measured curves may stray from their laws."""
        return known_bases(self.fit.curves)

    @cached_property
    def _count(self) -> int:
        """Number of draws."""
        return len(self.fit.draws("mean"))

    def effects(self, rows: slice) -> FloatArray:
        """Return the effects of some targets, shape (draws, targets, effects)."""
        position = self.targets.position[rows]
        measured = position >= 0
        found = np.empty((self._count, len(position), len(self.order.names)))
        found[:, measured] = self.fit.draws("curve_effect")[:, position[measured]]
        if not measured.all():
            new = np.arange(len(self.targets))[rows][~measured]
            found[:, ~measured] = self._expected(new) + self._residual(new)
        return found

    def noise_factor(self, rows: slice, metric: int) -> FloatArray:
        """Return the log factor on the noise of one metric, shape (draws, targets)."""
        position = self.targets.position[rows]
        found = np.asarray(self.fit.draws("noise_factor")[:, np.maximum(position, 0), metric])
        spread = self.fit.draws("noise_spread")[:, metric]
        name = self.fit.curves.names[metric]
        for place in np.flatnonzero(position < 0):
            rng = keyed_rng(self.seed, "noise", name, self.labels[rows][place])
            found[:, place] = spread * rng.standard_normal(self._count)
        return found

    def breaks(self, rows: slice, metric: int) -> tuple[FloatArray, FloatArray] | None:
        """Return u and slope change of the breaks of some targets, each (draws, targets).

        None if the metric cannot break. Of a curve that was not measured nothing is known: its break is drawn
        from the hazard, which begins at the lower anchor, and from the spread of the slopes.
        """
        name = self.fit.curves.names[metric]
        if not self.fit.has("break_at") or name not in self.fit.tree["posterior"]["break_metric"]:
            return None
        position = self.targets.position[rows]
        at, slope = (
            np.array(self.fit.draws(part)[:, np.maximum(position, 0), metric])
            for part in ("break_at", "break_slope")
        )
        found = self.fit.curves.axis.u(at)
        for place in np.flatnonzero(position < 0):
            target = int(np.arange(len(self.targets))[rows][place])
            found[:, place], slope[:, place] = self._new_break(target, metric)
        return found, slope

    def _new_break(self, target: int, metric: int) -> tuple[FloatArray, FloatArray]:
        """Return u and slope change of the break of one target that was not measured, each (draws,)."""
        fit = self.fit
        rng = keyed_rng(self.seed, "break", fit.curves.names[metric], self.labels[target])
        log_hazard = fit.draws("break_log_hazard")[:, metric]
        if fit.has("break_alignment"):
            names = [covariate.name for covariate in fit.curves.covariates]
            centred = self._covariates(np.array([target]))[0, names.index("alignment")]
            log_hazard = log_hazard + fit.draws("break_alignment")[:, metric] * centred
        waited = rng.standard_exponential(self._count) / np.exp(log_hazard) / fit.curves.axis.span
        scale = fit.draws("break_scale")[:, metric]
        return waited, scale * (fit.priors.breaks.spread * rng.standard_normal(self._count) - 1.0)

    def _expected(self, new: NDArray[np.int64]) -> FloatArray:
        """Return what the population expects of unmeasured targets, shape (draws, new, effects)."""
        slopes = self.fit.draws("slope") if self.fit.curves.covariates else None
        factors = {factor.name: factor for factor in self.fit.curves.factors}
        groups = [self._group(name, factors.get(name), new) for name in ("task", "mixture", PAIR)]
        chosen = [group for group in groups if group is not None]
        covariates = self._covariates(new)
        expected = np.asarray(linear_predictor(self.fit.draws("mean"), covariates, slopes, chosen))
        other = other_size(self.fit.curves)
        if self.fit.joint == LINEAR or other is None:
            return expected
        scaled = other.scaled(self.targets.table.iloc[new][other.name])
        return np.asarray(on_surface(self._surface(), expected, scaled, self.order))

    def _surface(self) -> Surface:
        """Return the joint law of every draw."""
        fit = self.fit
        scores, losses = len(fit.curves.scores.metrics), len(fit.curves.losses.metrics)
        on = [
            np.tile(joined(fit.followed(group), scores, losses), (count, 1))
            for group, count in fit.counts().items()
        ]
        variables = {name: fit.draws(name) for name in (RATE, PART, SHARPNESS) if fit.has(name)}
        return Surface(fit.joint, scores, np.concatenate(on), variables)

    def _covariates(self, new: NDArray[np.int64]) -> FloatArray:
        """Return the centred covariates of unmeasured targets, shape (new, covariates)."""
        table = self.targets.table.iloc[new]
        columns = [
            covariate.scaled(self.alignment[new] if covariate.name == "alignment" else table[covariate.name])
            for covariate in self.fit.curves.covariates
        ]
        return np.column_stack(columns) if columns else np.zeros((len(new), 0))

    def _group(
        self, name: str, factor: Factor | None, new: NDArray[np.int64]
    ) -> tuple[FloatArray, NDArray[np.int64]] | None:
        """Return the effects of a factor's levels, new ones included, and the level of each target."""
        # Where a level has one curve, what sets it apart is in the curve's residual.
        if factor is None and (name != "mixture" or name in self.fit.curves.absorbed):
            return None
        table = self.targets.table.iloc[new]
        wanted = list(table["task"] + " | " + table["mixture"] if name == PAIR else table[name].astype(str))
        # A factor with one level has no effects: the mean is that level's.
        levels = list(factor.levels) if factor else sorted(set(self.fit.curves.table["mixture"].astype(str)))
        known = (
            self.fit.draws(f"{name}_effect")
            if factor
            else np.zeros((self._count, len(levels), len(self.order.names)))
        )
        unknown = [level for level in dict.fromkeys(wanted) if level not in levels]
        drawn = [self._new_level(name, level, len(levels))[:, None] for level in unknown]
        places = {level: place for place, level in enumerate([*levels, *unknown])}
        return np.concatenate([known, *drawn], axis=1), np.array([places[level] for level in wanted])

    def _new_level(self, factor: str, level: str, known: int) -> FloatArray:
        """Return the effect of a level that was not measured, shape (draws, effects).

        The effects of the L known levels sum to zero, so `mean` is their average and not the population's,
        from which it differs with variance sd^2 / L. A new level adds its own sd^2.
        """
        rng = keyed_rng(self.seed, factor, level)
        shape = (self._count, len(self.order.names))
        if self.fit.has(f"{factor}_sd"):
            spread = self.fit.draws(f"{factor}_sd")
        else:
            median, sd = (self.order.values("mixture_sd", name) for name in ("median", "spread"))
            spread = median * np.exp(sd * rng.standard_normal(shape))
        return np.asarray(np.sqrt(1 + 1 / known) * spread * rng.standard_normal(shape))

    def _residual(self, new: NDArray[np.int64]) -> FloatArray:
        """Return what sets unmeasured curves apart from their groups, shape (draws, new, effects)."""
        count = self.order.correlated
        correlation = self.fit.draws("curve_correlation") + _JITTER * np.eye(count)
        factor = self.fit.draws("curve_sd")[:, :, None] * np.linalg.cholesky(correlation)
        shape_sd = self.fit.draws("shape_sd")
        parts = []
        for label in (self.labels[place] for place in new):
            raw = keyed_rng(self.seed, "residual", label).standard_normal(
                (self._count, len(self.order.names))
            )
            pair = np.einsum("sij,sj->si", factor, raw[:, :count])
            parts.append(np.concatenate([pair, shape_sd * raw[:, count:]], axis=1))
        return np.stack(parts, axis=1)
