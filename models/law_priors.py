"""Priors of laws and of their breaks: groups of settings that `bayesscale.models.priors` is made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveFloat

from bayesscale.models.distributions import LogNormal, Normal, Settings


class PooledPrior(Settings):
    """Prior of a parameter that every curve has for itself, normal between curves."""

    mean: Annotated[Normal, Field(description="mean over curves")]
    curve_sd: Annotated[LogNormal, Field(description="spread between curves")]


class EffectPrior(Settings):
    """Prior of an effect (level or gain) that depends on what groups the curves."""

    mean: Annotated[Normal, Field(description="population mean of the effect")]
    size_slope: Annotated[Normal, Field(description="change per factor of ten of the other size (D_f)")]
    params_slope: Annotated[Normal, Field(description="change per factor of ten of the model size")]
    alignment_slope: Annotated[Normal, Field(description="change from alignment 0 to alignment 1")]
    task_sd: Annotated[LogNormal, Field(description="spread between tasks")]
    mixture_sd: Annotated[LogNormal, Field(description="spread between mixtures (and task-mixture pairs)")]
    size_sd: Annotated[
        LogNormal, Field(description="spread between the other sizes (D_f, model sizes) around their line")
    ]
    curve_sd: Annotated[LogNormal, Field(description="spread between curves that nothing else explains")]


def effect_prior(mean: float, sd: float, slope: float, task: float, curve: float) -> EffectPrior:
    """Return an effect's prior; zero-avoiding spreads keep the hierarchy free of funnels."""
    symmetric = Normal(mean=0.0, sd=slope)
    return EffectPrior(
        mean=Normal(mean=mean, sd=sd),
        size_slope=symmetric,
        params_slope=symmetric,
        alignment_slope=Normal(mean=0.0, sd=0.6),
        task_sd=LogNormal(median=task, spread=0.7),
        mixture_sd=LogNormal(median=0.7 * task, spread=0.7),
        size_sd=LogNormal(median=curve, spread=1.0),
        curve_sd=LogNormal(median=curve, spread=0.7),
    )


def pooled_prior(mean: float, sd: float, between: float) -> PooledPrior:
    """Return the prior of a parameter by mean, its sd, and the median of the spread between curves."""
    return PooledPrior(mean=Normal(mean=mean, sd=sd), curve_sd=LogNormal(median=between, spread=0.5))


class KindPrior(Settings):
    """Prior of the two effects of all metrics of one direction."""

    level: Annotated[
        EffectPrior,
        Field(description="log value at the upper anchor, relative to the metric's typical value"),
    ]
    gain: Annotated[
        EffectPrior, Field(description="log of the improvement between the anchors; may be negative")
    ]


class ShapePriors(Settings):
    """Priors of the shape under each law."""

    log: Annotated[PooledPrior, Field(description="log beta of the log-law")] = pooled_prior(0.0, 0.6, 0.25)
    saturating: Annotated[
        PooledPrior, Field(description="log(alpha - |gain| / span) of the saturating law, per e-fold")
    ] = pooled_prior(-1.4, 0.9, 0.4)
    rising: Annotated[PooledPrior, Field(description="log alpha of the rising power law, per e-fold")] = (
        pooled_prior(-1.4, 0.9, 0.4)
    )
    power: Annotated[
        PooledPrior, Field(description="log(alpha - |gain| / span) of the power law, per e-fold")
    ] = pooled_prior(-1.4, 0.9, 0.4)


class TakeOffPrior(Settings):
    """Prior of take-offs: how soon scores near zero leave it, and how steeply they rise then."""

    hazard: Annotated[
        PositiveFloat,
        Field(description="take-offs per e-fold of data beyond the last size; 0.3: half a decade"),
    ] = 0.3
    slope: Annotated[
        LogNormal, Field(description="rise per e-fold afterwards, as a share of the metric's typical value")
    ] = LogNormal(median=0.1, spread=1.0)


class BreakPrior(Settings):
    """Prior of breaks: how often they come and how much they change."""

    hazard: Annotated[
        LogNormal, Field(description="breaks per e-fold of data, of a typical curve; 0.04: 1 in 11 a decade")
    ] = LogNormal(median=0.04, spread=1.0)
    alignment: Annotated[
        Normal,
        Field(description="change of the log hazard from alignment 0 to alignment 1"),
    ] = Normal(mean=-0.7, sd=1.0)
    scale: Annotated[
        LogNormal,
        Field(
            description="typical fall of the slope at a break: share of the score at the upper anchor "
            "that is lost over the length of a typical curve"
        ),
    ] = LogNormal(median=0.4, spread=0.6)
    spread: Annotated[
        PositiveFloat,
        Field(description="sd of that fall between curves, as a share of it; 0.6: one break in 20 is upward"),
    ] = 0.6
