"""The priors of the joint model: values that can be read, changed and written down, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    ValidationError,
    model_validator,
)

from bayesscale.errors import PriorError, valid_names
from bayesscale.metrics.catalogue import CATALOGUE, find_metric
from bayesscale.models.distributions import Beta, Gamma, LogNormal, Normal, Settings
from bayesscale.models.law_priors import BreakPrior, EffectPrior, LawPrior, effect_prior


def _metric(name: str) -> str:
    """Return the name of a metric in tables."""
    if (spec := find_metric(name)) is None:
        raise ValueError(f"unknown metric; {valid_names(name, CATALOGUE)}")
    return spec.name


MetricName = Annotated[str, AfterValidator(_metric)]


class Priors(Settings):
    """All priors of the joint model.

    The defaults are weak: their middle is what the papers report, their width admits much more. Effects are
    on logarithmic scales, so 0.1 is about 10%.
    """

    score: Annotated[
        LawPrior, Field(description="metrics that rise with data (BLEU, chrF, COMET, accuracy)")
    ] = LawPrior(
        level=effect_prior(0.0, 0.8, 0.25, 0.2, 0.08),
        gain=effect_prior(0.4, 0.8, 0.25, 0.12, 0.06),
        shape=effect_prior(0.0, 0.5, 0.15, 0.2, 0.12),
        noise=LogNormal(median=1.0, spread=1.0),
    )
    loss: Annotated[
        LawPrior, Field(description="metrics that fall with data (cross-entropy, error rate)")
    ] = LawPrior(
        level=effect_prior(0.0, 0.8, 0.25, 0.2, 0.08),
        gain=effect_prior(0.2, 0.5, 0.15, 0.08, 0.04),
        shape=effect_prior(-1.4, 0.7, 0.15, 0.3, 0.3),
        noise=LogNormal(median=1.0, spread=1.5),
    )
    saturating_shape: Annotated[
        EffectPrior,
        Field(description="shape of a score's saturating law, log(alpha - |gain| / span) per e-fold"),
    ] = effect_prior(-1.4, 0.7, 0.15, 0.3, 0.3)
    rate_shape: Annotated[
        EffectPrior,
        Field(description="shape of a score's exponential link and rising power law, log alpha per e-fold"),
    ] = effect_prior(-1.4, 0.7, 0.15, 0.3, 0.3)
    share_shape: Annotated[
        EffectPrior,
        Field(description="shape of a score's logistic law, log(-log(share of the ceiling that is reached))"),
    ] = effect_prior(-0.7, 0.8, 0.25, 0.3, 0.3)
    sharpness: Annotated[
        LogNormal,
        Field(
            description="how abruptly a power law turns into its floor, a saturating law into its ceiling; "
            "1: the papers' power law"
        ),
    ] = LogNormal(median=1.5, spread=0.6)
    shift: Annotated[
        LogNormal,
        Field(description="of the shifted power law: what a model knows already, in smallest sizes"),
    ] = LogNormal(median=0.5, spread=1.2)
    bend: Annotated[
        LogNormal,
        Field(description="of M4: how a loss leaves that of guessing; 1: logistic in log D"),
    ] = LogNormal(median=1.0, spread=0.7)
    ratio: Annotated[
        LogNormal,
        Field(description="of the smoothly broken power law: slope behind the break, before it 1"),
    ] = LogNormal(median=0.7, spread=0.7)
    tau: Annotated[
        Normal,
        Field(description="of the same: place of the break, 0 at the smallest size and 1 at the largest"),
    ] = Normal(mean=0.5, sd=0.3)
    width: Annotated[
        LogNormal,
        Field(description="of the same: length of the bend, as a share of the axis"),
    ] = LogNormal(median=0.1, spread=0.5)
    joint_rate: Annotated[
        LogNormal,
        Field(description="of joint laws: exponent of the other size, per e-fold"),
    ] = LogNormal(median=0.15, spread=1.0)
    joint_part: Annotated[
        Beta,
        Field(
            description="of the additive joint law: share of the floor that more of the other size removes"
        ),
    ] = Beta(a=1.5, b=1.5)
    correlation: Annotated[
        PositiveFloat,
        Field(
            description="LKJ concentration of the correlation between levels and gains of all metrics; "
            "1 is flat"
        ),
    ] = 3.0
    noise_spread: Annotated[
        LogNormal, Field(description="spread, on the log scale, of the noise between curves")
    ] = LogNormal(median=0.25, spread=0.5)
    tails: Annotated[
        Gamma,
        Field(description="degrees of freedom of the Student-t noise, beyond 2; small values mean outliers"),
    ] = Gamma(shape=2.0, rate=0.1)
    se_independent: Annotated[
        Beta,
        Field(
            description="share of the observed variance se^2 that is independent between checkpoints; the "
            "rest is the test set's own error, which the scores of a curve have in common"
        ),
    ] = Beta(a=1.5, b=1.5)
    breaks: Annotated[BreakPrior, Field(description="breaks of the laws")] = BreakPrior()
    discrepancy: Annotated[
        LogNormal,
        Field(
            description="how much curves stray from their laws: sd of what the slope changes over the length "
            "of a typical curve, as a share of its improvement over that length"
        ),
    ] = LogNormal(median=0.25, spread=0.7)
    baseline_level: Annotated[
        Normal,
        Field(description="log of the non-pretrained baseline, relative to the metric's typical value"),
    ] = Normal(mean=-0.3, sd=1.0)
    baseline_slope: Annotated[
        Normal, Field(description="change of the baseline per factor of ten of D_f")
    ] = Normal(mean=0.0, sd=0.5)
    baseline_sd: Annotated[
        LogNormal, Field(description="spread of the baseline between tasks and D_f around that line")
    ] = LogNormal(median=0.2, spread=0.7)
    typical: Annotated[
        dict[MetricName, PositiveFloat],
        Field(
            description="typical value of a metric at the upper anchor, in its unit; default: the catalogue's"
        ),
    ] = Field(default_factory=dict)
    noise: Annotated[
        dict[MetricName, PositiveFloat],
        Field(description="typical noise of a metric, in its unit; default: the catalogue's"),
    ] = Field(default_factory=dict)
    chance: Annotated[
        dict[MetricName, NonNegativeFloat],
        Field(description="what guessing scores, for the logistic law; default: 0"),
    ] = Field(default_factory=dict)
    guess: Annotated[
        dict[MetricName, PositiveFloat],
        Field(description="loss of guessing, for M4; default: the largest possible value, such as 1"),
    ] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _above_chance(self) -> Self:
        """Refuse typical values that guessing reaches."""
        for name, chance in self.chance.items():
            if chance >= (typical := self.typical.get(name, CATALOGUE[name].typical)):
                raise ValueError(
                    f"guessing scores less than what is typical of {name}, {typical:g}; received {chance:g}; "
                    "set [typical] too where values are so low"
                )
        return self


def load_priors(path: str | Path) -> Priors:
    """Return the priors of a TOML file; what it does not name keeps its default.

    Parameters
    ----------
    path : path
        For instance ``[score.gain.mean]`` with ``mean = 0.2`` and ``sd = 0.3``.

    Raises
    ------
    PriorError
        The file cannot be read, or names a prior or parameter that does not exist or is out of range.
    """
    try:
        changes = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PriorError(f"priors are read from a TOML file; {path}: {error}") from error
    return change_priors(Priors(), changes)


def change_priors(priors: Priors, changes: dict[str, Any]) -> Priors:
    """Return priors with nested changes applied, such as ``{"score": {"gain": {"mean": {"sd": 0.3}}}}``.

    Raises
    ------
    PriorError
        A change names a prior or parameter that does not exist, or gives a value out of range.
    """
    try:
        return Priors.model_validate(_merged(priors.model_dump(), changes))
    except ValidationError as error:
        lines = [
            f"  {'.'.join(map(str, e['loc']))}: {e['msg']}; received {e['input']!r}" for e in error.errors()
        ]
        names = "`bayesscale priors` lists all names and values"
        raise PriorError("\n".join(["priors that cannot be used:", *lines, names])) from error


def _merged(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return nested values with the changes laid over them."""
    merged = dict(values)
    for name, change in changes.items():
        old = merged.get(name)
        merged[name] = _merged(old, change) if isinstance(old, dict) and isinstance(change, dict) else change
    return merged


def list_priors(priors: Priors) -> list[dict[str, str]]:
    """Return one row a prior: its dotted name, its distribution and what it is about."""
    return [
        {"prior": name, "value": value, "meaning": reason} for name, value, reason in _leaves(priors, "", "")
    ]


def _leaves(group: BaseModel, path: str, reason: str) -> Iterator[tuple[str, str, str]]:
    """Yield (dotted name, value, meaning) of all settings below a group."""
    for name, field in type(group).model_fields.items():
        value, here = getattr(group, name), f"{path}{name}"
        about = " - ".join(filter(None, [reason, field.description or ""]))
        if isinstance(value, BaseModel) and not isinstance(value, Normal | LogNormal | Beta | Gamma):
            yield from _leaves(value, f"{here}.", about)
        else:
            yield here, str(value), about
