"""The priors of the model: values that can be read, changed and written down, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, PositiveFloat, ValidationError

from bayesscale.errors import PriorError, valid_names
from bayesscale.metrics.catalogue import CATALOGUE, find_metric
from bayesscale.models.distributions import LogNormal, Normal, Settings
from bayesscale.models.law_priors import (
    BreakPrior,
    KindPrior,
    PooledPrior,
    ShapePriors,
    TakeOffPrior,
    effect_prior,
    pooled_prior,
)


def _metric(name: str) -> str:
    """Return the name of a metric in tables."""
    if (spec := find_metric(name)) is None:
        raise ValueError(f"unknown metric; {valid_names(name, CATALOGUE)}")
    return spec.name


MetricName = Annotated[str, AfterValidator(_metric)]


class Priors(Settings):
    """All priors of the model.

    The defaults are weak: their middle is what the papers report, their width admits much more. Effects are
    on logarithmic scales, so 0.1 is about 10%.
    """

    score: Annotated[
        KindPrior, Field(description="metrics that rise with data (BLEU, chrF, COMET, accuracy)")
    ] = KindPrior(level=effect_prior(0.0, 1.0, 1.0, 0.2, 0.15), gain=effect_prior(0.4, 1.0, 0.5, 0.2, 0.15))
    loss: Annotated[
        KindPrior, Field(description="metrics that fall with data (cross-entropy, error rate)")
    ] = KindPrior(level=effect_prior(0.0, 1.0, 1.0, 0.2, 0.15), gain=effect_prior(0.2, 0.8, 0.5, 0.12, 0.1))
    near_zero: Annotated[
        float,
        Field(
            gt=0.0,
            lt=1.0,
            description="share of a score's typical value below which its level and gain count in proportion "
            "to the value, and no longer to its log; noise and discrepancy vanish with it",
        ),
    ] = 0.05
    shape: Annotated[ShapePriors, Field(description="curvature, by law")] = ShapePriors()
    sharpness: Annotated[
        PooledPrior,
        Field(
            description="log of how abruptly a power law turns into its floor, a saturating law into its "
            "ceiling; 0: the papers' power law"
        ),
    ] = pooled_prior(0.4, 0.6, 0.3)
    correlation: Annotated[
        PositiveFloat,
        Field(
            description="LKJ concentration of the correlation between levels and gains of all metrics; "
            "1 is flat"
        ),
    ] = 3.0
    noise_scale: Annotated[
        PooledPrior, Field(description="log of one run's noise, relative to the metric's typical noise")
    ] = pooled_prior(0.0, 1.2, 0.3)
    degrees: Annotated[
        float, Field(gt=2.0, description="degrees of freedom of the Student-t noise; small: outliers")
    ] = 5.0
    curve_degrees: Annotated[
        float,
        Field(
            gt=2.0,
            description="degrees of freedom of what sets levels, gains and shapes of curves apart; "
            "small: odd ones",
        ),
    ] = 7.0
    se_share: Annotated[
        PooledPrior,
        Field(
            description="logit of the share of the observed variance se^2 that is independent between "
            "checkpoints; the rest is the test set's own error, which the scores of a curve have in common"
        ),
    ] = pooled_prior(0.0, 1.0, 0.5)
    breaks: Annotated[BreakPrior, Field(description="breaks of the laws")] = BreakPrior()
    take_off: Annotated[TakeOffPrior, Field(description="take-offs of scores near zero")] = TakeOffPrior()
    discrepancy: Annotated[
        PooledPrior,
        Field(
            description="how much curves stray from their laws: log of the sd of what the slope changes over "
            "the length of a typical curve, as a share of its improvement over that length"
        ),
    ] = pooled_prior(-1.4, 0.9, 0.4)
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

    A prior or parameter that does not exist, or a value out of range, is a PriorError.
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
        if isinstance(value, BaseModel) and not isinstance(value, Normal | LogNormal):
            yield from _leaves(value, f"{here}.", about)
        else:
            yield here, str(value), about
