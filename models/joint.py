"""The joint hierarchical model of all curves and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesscale.errors import UsageError, valid_names
from bayesscale.metrics.curves import Curves
from bayesscale.models.baseline import baseline_covariate, baseline_data, baseline_levels
from bayesscale.models.breaks import CHOICES, break_places, breakable
from bayesscale.models.coefficients import whitening
from bayesscale.models.correlation import correlation_factor
from bayesscale.models.discrepancy import MODES, discrepancy_unit, modes
from bayesscale.models.effects import Effects, absorbing, joint_effects, noise_scales
from bayesscale.models.evidence import Evidence
from bayesscale.models.expected import expected_effects, surface_variables
from bayesscale.models.forms import LOSS_FORMS, SCORE_FORMS
from bayesscale.models.hierarchy import information, informed, informed_shapes, log_medians
from bayesscale.models.laws import LOG, POWER, Followed
from bayesscale.models.layout import lay_out
from bayesscale.models.likelihood import Residuals, discrepancy_scale, noise_weights, observe, observe_breaks
from bayesscale.models.measurement import RESOLUTION
from bayesscale.models.menu import Menu
from bayesscale.models.noise import StudentNoise, student_noise
from bayesscale.models.packing import shared
from bayesscale.models.priors import Priors
from bayesscale.models.regression import Design, group_prior
from bayesscale.models.starting import starting_point
from bayesscale.models.surface import (
    LINEAR,
    SURFACES,
    Surface,
    joined,
    scaled_size,
    without_slopes,
)


@dataclass(frozen=True)
class JointModel:
    """Laws of all scores and losses, pooled over tasks, mixtures and D_f.

    Parameters
    ----------
    priors : Priors
        The priors; the defaults serve data like the paper's.
    breaks : str
        Which metrics may break: 'scores', 'all' or 'none'.
    discrepancy : bool
        Let curves stray from their laws; False takes the laws to be exactly true.
    law : str
        The law of scores, in `bayesscale.models.forms.SCORE_FORMS`.
    sharp : bool
        Estimate the sharpness of laws with a floor or a ceiling; False holds it at 1, as in the papers.
    loss_law : str
        The law of losses, in `bayesscale.models.forms.LOSS_FORMS`.
    beside : tuple of Followed
        Laws of models that are sampled beside this one. Models that differ only in which of these laws they
        follow have the same structure: compiled once, they are told apart by their data. So are those of the
        log-law and the saturating law in any case.
    joint : str
        How effects depend on the other size, one of `bayesscale.models.surface.SURFACES`.
    label : str
        What the model is called among those that are sampled beside it.
    """

    priors: Priors = field(default_factory=Priors)
    breaks: str = "scores"
    discrepancy: bool = True
    law: str = LOG
    sharp: bool = True
    loss_law: str = POWER
    beside: tuple[Followed, ...] = ()
    joint: str = LINEAR
    label: str = ""

    def __post_init__(self) -> None:
        for kind, law, forms in (("scores", self.law, SCORE_FORMS), ("losses", self.loss_law, LOSS_FORMS)):
            if law not in forms:
                raise UsageError(f"the law of {kind} is unknown; received {law!r}; {valid_names(law, forms)}")
        if self.joint not in SURFACES:
            known = valid_names(self.joint, SURFACES)
            raise UsageError(f"the joint law is unknown; received {self.joint!r}; {known}")
        if self.breaks not in CHOICES:
            known = valid_names(self.breaks, CHOICES)
            raise UsageError(f"breaks is unknown; received {self.breaks!r}; {known}")

    def effects(self, curves: Curves) -> Effects:
        """Return the effects that these curves have."""
        scores, losses = curves.scores.metrics, curves.losses.metrics
        effects = joint_effects(scores, losses, self.priors, self.law, curves.axis.span)
        effects = absorbing(effects, curves.absorbed)
        return without_slopes(effects, self._joined(curves)) if self.joint != LINEAR else effects

    def _joined(self, curves: Curves) -> NDArray[np.float64]:
        """Return 1 for the metrics that follow a joint law."""
        return joined(self.followed, len(curves.scores.metrics), len(curves.losses.metrics))

    def coords(self, curves: Curves) -> dict[str, Sequence[Any]]:
        """Return the labels of the model's dimensions."""
        effects = self.effects(curves)
        coords: dict[str, Sequence[Any]] = {
            "curve": curves.labels,
            "effect": list(effects.names),
            "correlated": list(effects.names[: effects.correlated]),
            "correlated_other": list(effects.names[: effects.correlated]),
            "metric": list(curves.names),
            **{factor.name: list(factor.levels) for factor in curves.factors},
        }
        coords["curve_observation"] = range(len(curves.scores) + len(curves.losses))
        if curves.losses.metrics:
            coords["loss"] = list(curves.losses.metrics)
        if metrics := breakable(curves, self.breaks):
            coords["break_metric"] = list(metrics)
        if len(curves.baseline):
            coords["baseline_observation"] = range(len(curves.baseline))
        if curves.covariates:
            coords["covariate"] = [covariate.name for covariate in curves.covariates]
        if len(curves.baseline):
            coords["cell"] = curves.cell_labels
        return coords

    def data(self, curves: Curves, *, centred: bool = True) -> dict[str, Any]:
        """Return the arrays that the model is given as data, by name.

        Parameters
        ----------
        curves : Curves
            The curves.
        centred : bool
            False gives the plain non-centred hierarchy, whose prior can be drawn from.
        """
        effects = self.effects(curves)
        evidence = self.evidence(curves)
        white = whitening(effects, evidence)
        arrays: dict[str, Any] = {
            **self.menu.data(curves, self.priors),
            "prior_mean": effects.mean,
            "prior_sd": effects.values("mean", "sd").astype(float),
            "prior_slope": effects.slopes(curves.covariates, "mean").T,
            "prior_slope_sd": effects.slopes(curves.covariates, "sd").T,
            "prior_curve": log_medians(effects, "curve_sd"),
            "prior_groups": np.array([log_medians(effects, group_prior(f.name)) for f in curves.factors]),
            "design": Design.of(curves).matrix,
            **white.data(centred),
            **evidence.data(centred),
        }
        if self.joint != LINEAR:
            arrays |= {"joined": self._joined(curves), "other_size": scaled_size(curves)}
        layout = lay_out(curves)
        arrays |= {f"curve_{name}": getattr(layout, name) for name in ("index", "u", "value", "se")}
        arrays["curve_real"] = layout.real.astype(float)
        if self.discrepancy:
            arrays["curve_modes"] = modes(layout)
        arrays |= baseline_data(curves, effects, self.priors, centred=centred)
        if metrics := breakable(curves, self.breaks):
            arrays |= break_places(curves, metrics).data()
        return arrays

    def start(self, curves: Curves) -> dict[str, Any]:
        """Return where chains start, by variable; others start at random around their prior's middle."""
        effects, evidence = self.effects(curves), self.evidence(curves)
        smallest = RESOLUTION * noise_scales(curves.names, self.priors)
        return starting_point(curves, effects, evidence, whitening(effects, evidence), smallest)

    def evidence(self, curves: Curves) -> Evidence:
        """Return what a first look says of the curves under this model's laws.

        Parameters
        ----------
        curves : Curves
            The curves.
        """
        tested = [curves.names.index(name) for name in breakable(curves, self.breaks)]
        laws = self.menu.middle(curves, self.priors)
        return Evidence.of(curves, self.effects(curves), laws, tested)

    @property
    def menu(self) -> Menu:
        """The laws that the compiled model can follow."""
        return Menu.of(self.followed, self.beside, self.sharp)

    @property
    def followed(self) -> Followed:
        """The laws that the metrics follow."""
        return Followed(self.law, self.loss_law)

    def build(self, curves: Curves, *, centred: bool = True) -> pm.Model:
        """Return the PyMC model of the curves.

        Parameters
        ----------
        curves : Curves
            The curves.
        centred : bool
            Sample the effects of curves around what their data say. False is the same model in the plain
            non-centred form, from whose prior one can draw.
        """
        with pm.Model(coords=self.coords(curves)) as model:
            data = shared(self.data(curves, centred=centred))
            effects = self.effects(curves)
            cholesky, sd = self._spreads(effects, data)
            # A joint law needs the laws' own parameters before curves have effects.
            fields = self.menu.drawn(curves, self.priors) if self.joint != LINEAR else {}
            expected = expected_effects(curves, effects, self._surface(curves, fields, data), data)
            noise = student_noise(curves, self.priors, noise_scales(curves.names, self.priors))
            variance = noise.variances(data["evidence_se"]) if centred else None
            values = self._curve_effects(effects, expected, (cholesky, sd), data, variance)
            fields = fields or self.menu.drawn(curves, self.priors)
            self._observe(curves, effects, fields, values, noise, data)
        return model

    def _spreads(self, effects: Effects, data: dict[str, Any]) -> tuple[Any, Any]:
        """Return a factor of the covariance of levels and gains between curves, and all effects' spreads."""
        count = effects.correlated
        log_median, spread = data["prior_curve"], effects.values("curve_sd", "spread")
        sd = pm.LogNormal("curve_sd", log_median[:count], spread[:count], dims="correlated")
        factor = correlation_factor(count, self.priors.correlation)
        pm.Deterministic("curve_correlation", factor @ factor.T, dims=("correlated", "correlated_other"))
        shape_sd = pm.LogNormal("shape_sd", log_median[count:], spread[count:], dims="metric")
        return sd[:, None] * factor, pt.concatenate([sd, shape_sd])

    def _surface(self, curves: Curves, fields: dict[str, Any], data: dict[str, Any]) -> Surface | None:
        """Return how effects depend on the other size, where that is not linear."""
        if self.joint == LINEAR:
            return None
        variables = surface_variables(self.joint, self.priors, fields)
        return Surface(self.joint, len(curves.scores.metrics), data["joined"], variables)

    def _curve_effects(
        self, effects: Effects, expected: Any, spreads: tuple[Any, Any], data: dict[str, Any], variance: Any
    ) -> Any:
        """Return the curves' effects: expected plus residuals, those of levels and gains correlated.

        With the variance of the noise, shape (curves, metrics), they are sampled around what data say.
        """
        count, (cholesky, sd) = effects.correlated, spreads
        raw = pm.Normal("curve_raw", 0.0, 1.0, dims=("curve", "effect"))
        pairs, shapes = expected[:, :count], expected[:, count:]
        if variance is not None:
            evidence = information(data, variance, shapes, sd[count:])
            pairs = informed(raw[:, :count], pairs, cholesky, evidence, count)
            others = pairs.reshape((pairs.shape[0], count // 2, 2))
            shapes = informed_shapes(raw[:, count:], shapes, sd[count:], others, evidence)
        else:
            pairs, shapes = pairs + raw[:, :count] @ cholesky.T, shapes + raw[:, count:] * sd[count:]
        value = pt.concatenate([pairs, shapes], axis=1)
        return pm.Deterministic("curve_effect", value, dims=("curve", "effect"))

    def _observe(
        self,
        curves: Curves,
        effects: Effects,
        fields: dict[str, Any],
        values: Any,
        noise: StudentNoise,
        data: dict[str, Any],
    ) -> None:
        """Add the observed values of curves and baseline."""
        layout = lay_out(curves)
        columns = effects.columns(layout.metric)
        level, gain, shape = (values[layout.curve, column][:, None] for column in columns)
        law = self.menu.values(curves, layout, fields, data, (level, gain, shape))
        sigma = noise.of_curves(layout.curve[:, None], layout.metric[:, None], data["curve_se"])
        given = {"index": data["curve_index"], "real": data["curve_real"]}
        weight, log_weight = noise_weights(noise.degrees, given, layout.metric)
        unit = pt.exp(level)
        strays: tuple[Any, ...] = ()
        if self.discrepancy:
            scale = discrepancy_scale(self.priors.discrepancy)[layout.metric][:, None]
            scale = scale * discrepancy_unit(level, gain, xp=pt)
            strays = tuple(scale * data["curve_modes"][mode] for mode in range(MODES))
        residuals = Residuals(data["curve_value"] - law, weight / sigma**2, unit, strays)
        absorbed = observe(residuals, log_weight - 2.0 * pt.log(sigma), given["real"])
        if tested := breakable(curves, self.breaks):
            places = break_places(curves, tested)
            observe_breaks(curves, places, self.priors.breaks, data, residuals, absorbed)
        if rows := curves.blocks.get("baseline"):
            sloped = baseline_covariate(curves) is not None
            level = baseline_levels(effects, self.priors, data, sloped=sloped)
            mean = pt.exp(level[rows.unit, rows.metric])
            noise.observe_baseline(mean, rows.metric, data["baseline_se"], data["baseline_value"])
