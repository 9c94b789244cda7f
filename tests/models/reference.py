"""The joint log density once more, value by value with SciPy: what `models.plain` is compared with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from bayesscale.laws import LAWS
from bayesscale.metrics.catalogue import CATALOGUE
from bayesscale.metrics.curves import Curves, Observations
from bayesscale.models.correlation import factor_of
from bayesscale.models.discrepancy import Basis
from bayesscale.models.law_priors import EffectPrior, PooledPrior
from bayesscale.models.model import Model
from bayesscale.models.scale import log_near_zero
from tests.models.near_zero import anchored, away, discrepancy_unit, log_of, sharpness_of

Point = dict[str, Any]
FloatArray = NDArray[np.float64]


class Reference:
    """The log density of all data and unconstrained parameters at one point.

    Parameters
    ----------
    curves : Curves
        The data.
    model : Model
        The model.
    point : dict
        Unconstrained values by the names that PyMC gives them.
    """

    def __init__(self, curves: Curves, model: Model, point: Point) -> None:
        self.curves, self.model, self.priors, self.point = curves, model, model.priors, point
        self.total = 0.0
        self.used: set[str] = set()
        self.kinds = [self.priors.score if self.up(name) else self.priors.loss for name in curves.names]
        self.effects: list[EffectPrior] = [e for kind in self.kinds for e in (kind.level, kind.gain)]

    @staticmethod
    def up(metric: str) -> bool:
        """Return whether a metric is a score."""
        return CATALOGUE[metric].improves == "up"

    def allowed(self, metric: str) -> list[str]:
        """Return the laws that a metric may follow."""
        return [
            name for name in LAWS if (name in self.model.laws if self.up(metric) else name == "power-law")
        ]

    @property
    def fitted(self) -> list[str]:
        """All laws of the fit."""
        return [law for law in LAWS if any(law in self.allowed(name) for name in self.curves.names)]

    # Parameters: each method returns them and adds their log density.

    def take(self, name: str) -> FloatArray:
        """Return a part of the point, once."""
        assert name not in self.used
        self.used.add(name)
        return np.asarray(self.point[name], dtype=float)

    def normal(self, name: str, mean: Any, sd: Any) -> FloatArray:
        """Return a normal parameter."""
        value = self.take(name)
        self.total += float(stats.norm(mean, sd).logpdf(value).sum())
        return value

    def log_normal(self, name: str, median: Any, spread: Any) -> FloatArray:
        """Return a log-normal one, of which the point has the logarithm."""
        return np.exp(self.normal(f"{name}_log__", np.log(median), spread))

    def between(self, name: str, mean: Any, spread: Any) -> FloatArray:
        """Return a non-centred one."""
        return np.asarray(mean + spread * self.normal(f"{name}_raw", 0.0, 1.0))

    def pooled(self, name: str, prior: PooledPrior, offset: Any) -> tuple[FloatArray, FloatArray]:
        """Return mean and spread of what every curve has for itself."""
        mean = self.normal(f"{name}_mean", prior.mean.mean + offset, prior.mean.sd)
        return mean, self.log_normal(f"{name}_spread", prior.curve_sd.median, prior.curve_sd.spread)

    def each(self, what: str, number: str) -> FloatArray:
        """Return one number of a prior of all effects."""
        return np.array([getattr(getattr(effect, what), number) for effect in self.effects])

    # The model, in the order of docs/model.md.

    def levels_and_gains(self) -> FloatArray:
        """Return them by curve and effect."""
        curves, count = self.curves, len(self.effects)
        typical = [np.log(self.priors.typical.get(n, CATALOGUE[n].typical)) for n in curves.names]
        offset = np.array([each for level in typical for each in (level, 0.0)])
        expected = offset + np.zeros((len(curves), 1))
        expected = (
            expected
            + self.normal("mean", offset + self.each("mean", "mean"), self.each("mean", "sd"))
            - offset
        )
        if curves.covariates:
            known = {"model_params": "params_slope", "alignment": "alignment_slope"}
            names = [known.get(covariate.name, "size_slope") for covariate in curves.covariates]
            means, sds = ([self.each(name, which) for name in names] for which in ("mean", "sd"))
            slope = self.normal("slope", means, sds)
            expected += np.stack([covariate.values for covariate in curves.covariates], axis=1) @ slope
        for factor in curves.factors:
            prior = {"task": "task_sd", "mixture": "mixture_sd", "task_mixture": "mixture_sd"}.get(
                factor.name, "size_sd"
            )
            sd = self.log_normal(f"{factor.name}_sd", self.each(prior, "median"), self.each(prior, "spread"))
            raw = self.normal(f"{factor.name}_raw", 0.0, 1.0)
            basis = factor.contrasts()
            expected += (basis @ raw * sd)[factor.index]
        own = self.each("curve_sd", "median") ** 2
        own = own + sum(self.each(f"{name}_sd", "median") ** 2 for name in curves.absorbed)
        sd = self.log_normal("curve_sd", np.sqrt(own), self.each("curve_sd", "spread"))
        share = special.expit(self.take("residual_partial_logodds__"))
        column = np.tril_indices(count, -1)[1]
        shapes = self.priors.correlation + 0.5 * (count - 2 - column)
        density = stats.beta(shapes, shapes).logpdf(share) + np.log(share * (1 - share))
        self.total += float(density.sum())
        factor = factor_of(2 * share - 1, count)
        half = 0.5 * self.priors.curve_degrees
        logs = self.take("curve_precision_log__")
        self.total += float((stats.gamma(half, scale=1 / half).logpdf(np.exp(logs)) + logs).sum())
        self.spread = np.exp(-0.5 * logs)[:, None]
        raw = self.spread * self.normal("effect_raw", 0.0, 1.0)
        return np.asarray(expected + raw @ (sd[:, None] * factor).T)

    def shares(self) -> FloatArray:
        """Return the share of each law by metric, laws as in `fitted`."""
        allowed = np.array([[law in self.allowed(name) for law in self.fitted] for name in self.curves.names])
        share = allowed.astype(float)
        free = allowed.sum(axis=1) > 1
        if free.any():
            raw = self.take("law_share_raw_simplex__")
            found = special.softmax(np.hstack([raw, -raw.sum(axis=1, keepdims=True)]), axis=1)
            count = found.shape[1]
            density = stats.dirichlet(np.ones(count)).logpdf
            jacobian = np.log(count) + np.log(found).sum(axis=1)
            self.total += float(sum(density(row) for row in found) + jacobian.sum())
            rows = share[free]
            rows[allowed[free]] = found.ravel()
            share[free] = rows
        return share

    def breaks(self) -> tuple[FloatArray, FloatArray]:
        """Return place and slope of each break, by curve and metric that may break."""
        curves, prior = self.curves, self.priors.breaks
        log_hazard = self.normal("break_log_hazard", np.log(prior.hazard.median), prior.hazard.spread)
        for covariate in curves.covariates:
            if covariate.name == "alignment":
                slope = self.normal("break_alignment", prior.alignment.mean, prior.alignment.sd)
                log_hazard = log_hazard + covariate.values[:, None] * slope
        scale = self.log_normal("break_scale", prior.scale.median, prior.scale.spread)
        slope = self.between("break_slope", -scale, prior.spread * scale)
        log_raw = self.take("break_raw_log__")
        self.total += float((stats.expon.logpdf(np.exp(log_raw)) + log_raw).sum())
        first = np.array([[self.first(c, m) for m in range(log_raw.shape[1])] for c in range(len(curves))])
        return np.log(first) + np.exp(log_raw) / np.exp(log_hazard), slope

    def rows(self, curve: int, metric: int) -> tuple[Observations, NDArray[np.int64]]:
        """Return the observations of a curve and metric, by size."""
        scores = len(self.curves.scores.metrics)
        block = self.curves.scores if metric < scores else self.curves.losses
        own = (block.unit == curve) & (block.metric == (metric if metric < scores else metric - scores))
        index = np.flatnonzero(own)
        return block, index[np.argsort(block.size[index], kind="stable")]

    def first(self, curve: int, metric: int) -> float:
        """Return the first size of a curve; the lower anchor where it was not measured."""
        block, index = self.rows(curve, metric)
        return float(block.size[index].min()) if len(index) else self.curves.axis.lo

    def noise(
        self, log_scale: float, part: Any, se: FloatArray, share: float | None, metric: int
    ) -> FloatArray:
        """Return the scale of the noise of values, given how far they are from zero."""
        name = self.curves.names[metric]
        floor = 0.05 * self.priors.noise.get(name, CATALOGUE[name].noise)
        square = part * np.exp(log_scale) ** 2 + floor**2
        return np.asarray(np.sqrt(square + (0.0 if share is None else special.expit(share)) * se**2))

    def baseline(self, noise: Any, se_share: Any) -> None:
        """Add the baseline's density."""
        curves, priors = self.curves, self.priors
        typical = np.log([priors.typical.get(n, CATALOGUE[n].typical) for n in curves.names])
        line = self.normal("baseline_mean", typical + priors.baseline_level.mean, priors.baseline_level.sd)
        for covariate in curves.covariates:
            if covariate.name in ("finetune_tokens", "pretrain_tokens"):
                slope = self.normal("baseline_slope", priors.baseline_slope.mean, priors.baseline_slope.sd)
                line = line + covariate.scaled(curves.cells[covariate.name])[:, None] * slope
        sd = self.log_normal("baseline_sd", priors.baseline_sd.median, priors.baseline_sd.spread)
        level, log_noise = self.between("baseline_level", line, sd), self.between("baseline_noise", *noise)
        share = self.between("baseline_se_share", *se_share) if se_share else None
        rows, near = curves.baseline, log_near_zero(curves.names, priors)
        for cell, metric, value, se in zip(rows.unit, rows.metric, rows.value, rows.se, strict=True):
            own = None if share is None else share[cell, metric]
            mean = np.exp(log_of(level[cell, metric], near[metric]))
            scale = self.noise(log_noise[cell, metric], away(mean, near[metric]), se, own, metric)
            self.total += float(stats.t(priors.degrees, mean, scale).logpdf(value))

    def density(self) -> float:
        """Return the whole log density."""
        curves, priors, model, names = self.curves, self.priors, self.model, self.curves.names
        effects = self.levels_and_gains()
        near = log_near_zero(names, priors)
        each = [anchored(effects[:, 2 * m], effects[:, 2 * m + 1], near[m]) for m in range(len(names))]
        level, gain = (np.column_stack(part) for part in zip(*each, strict=True))
        noisy = np.log([priors.noise.get(name, CATALOGUE[name].noise) for name in names])
        pooled = {"noise": self.pooled("noise", priors.noise_scale, noisy)}
        if model.discrepancy:
            pooled["discrepancy"] = self.pooled("discrepancy", priors.discrepancy, 0.0)
        if model.sharp:
            pooled["sharpness"] = self.pooled("sharpness", priors.sharpness, 0.0)
        if any(rows.se.any() for rows in curves.blocks.values()):
            pooled["se_share"] = self.pooled("se_share", priors.se_share, 0.0)
        called = {kind: "discrepancy_scale" if kind == "discrepancy" else kind for kind in pooled}
        own = {kind: self.between(called[kind], *pooled[kind]) for kind in pooled}
        share, laws = self.shares(), [LAWS[name] for name in self.fitted]
        shape_priors: list[PooledPrior] = [getattr(priors.shape, law.option) for law in laws]
        offset = np.array([np.log(curves.axis.span) if law.rated else 0.0 for law in laws])
        numbers = [(p.mean.mean, p.mean.sd, p.curve_sd.median, p.curve_sd.spread) for p in shape_priors]
        mean, sd, median, spread = np.array(numbers).T
        shape_mean = self.normal("shape_mean", mean + offset, sd)
        shape_sd = self.spread[..., None] * self.log_normal("shape_sd", median, spread)
        shape = self.between("law_shape", shape_mean, shape_sd)
        modes = self.normal("discrepancy", 0.0, 1.0) if model.discrepancy else None
        able = {"none": (), "scores": curves.scores.metrics, "all": names}[model.breaks]
        places, slopes = self.breaks() if able else (np.zeros((0, 0)), np.zeros((0, 0)))
        self.pair = np.zeros((len(curves), len(names), len(laws)))  # log of share times density
        for c in range(len(curves)):
            for m, name in enumerate(names):
                block, index = self.rows(c, m)
                size, value, se = (getattr(block, field)[index] for field in ("size", "value", "se"))
                u, top = np.log(size / curves.axis.lo) / curves.axis.span, np.exp(level[c, m])
                more, strayed = np.zeros(len(u)), np.zeros(len(u))
                if modes is not None and len(u):
                    unit = discrepancy_unit(level[c, m], gain[c, m]) * np.exp(own["discrepancy"][c, m])
                    strayed = unit * Basis.of(u).modes @ modes[c, m]
                if name in able:
                    beyond = np.maximum(np.log(size) - places[c, m], 0.0) / curves.axis.span
                    more += (1 if self.up(name) else -1) * top * slopes[c, m] * beyond
                counted = own["se_share"][c, m] if "se_share" in own else None
                sharp = float(sharpness_of(own["sharpness"][c, m])) if model.sharp else 1.0
                for k, law in enumerate(laws):
                    if law.name not in self.allowed(name):
                        self.pair[c, m, k] = -np.inf
                        continue
                    expected = law.value(u, level[c, m], gain[c, m], shape[c, m, k], sharp) + more
                    part = away(expected, near[m])
                    scale = self.noise(own["noise"][c, m], part, se, counted, m)
                    density = stats.t(priors.degrees, expected + part * strayed, scale).logpdf(value).sum()
                    self.pair[c, m, k] = np.log(share[m, k]) + density
        self.total += float(special.logsumexp(self.pair, axis=-1).sum())
        if len(curves.baseline):
            self.baseline(pooled["noise"], pooled.get("se_share"))
        assert self.used == set(self.point)
        return self.total
