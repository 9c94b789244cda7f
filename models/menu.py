"""The laws that one compiled model can follow, one at a time, and the parameters that only they have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from numpy.typing import NDArray

from bayesscale.laws import Law
from bayesscale.metrics.curves import Curves
from bayesscale.models.distributions import LogNormal, Normal
from bayesscale.models.forms import FORMS, SHARPNESS, Form, fields_at, known_fields
from bayesscale.models.laws import SCORE_LAWS, Followed, in_force
from bayesscale.models.layout import Layout
from bayesscale.models.priors import Priors


@dataclass(frozen=True)
class Menu:
    """Laws that are compiled together, of which one of scores and one of losses are in force.

    Parameters
    ----------
    followed : Followed
        Those in force.
    scores, losses : tuple of str
        All of them.
    sharp : bool
        Whether sharpness is estimated.
    """

    followed: Followed
    scores: tuple[str, ...]
    losses: tuple[str, ...]
    sharp: bool

    @classmethod
    def of(cls, followed: Followed, beside: Sequence[Followed], sharp: bool) -> Menu:
        """Return the menu of a model and of others with the same structure.

        The log-law and the saturating law are compiled together in any case, since most fits need both.
        """
        scores, losses = ({getattr(each, kind) for each in (followed, *beside)} for kind in ("score", "loss"))
        scores |= set(SCORE_LAWS) if scores <= set(SCORE_LAWS) else set()
        own, other = (tuple(name for name in FORMS if name in names) for names in (scores, losses))
        return cls(followed, own, other, sharp)

    def data(self, curves: Curves, priors: Priors) -> dict[str, NDArray[np.float64]]:
        """Return the model's data: which laws are in force, where there is a choice, and known fields."""
        found = {}
        for kind, names, metrics in self._parts(curves):
            if len(names) > 1:
                chosen = getattr(self.followed, kind)
                found[f"{kind}_in_force"] = np.array([float(name == chosen) for name in names])
            for name in names:
                known = known_fields(FORMS[name], metrics, priors, curves.axis.span)
                found |= {f"{name} {field}": values for field, values in known.items()}
        return found

    def _parts(self, curves: Curves) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
        """Return kind, laws and metrics of scores and of losses."""
        scores, losses = curves.scores.metrics, curves.losses.metrics
        return ("score", self.scores, scores), ("loss", self.losses, losses)

    def middle(self, curves: Curves, priors: Priors) -> list[Law]:
        """Return the law in force of each metric, with the middle of their priors for unknown fields."""
        found = []
        for kind, _, metrics in self._parts(curves):
            form = FORMS[getattr(self.followed, kind)]
            known = known_fields(form, metrics, priors, curves.axis.span)
            middle = {name: _middle(getattr(priors, name)) for name in self._drawn_by(form)}
            for place in range(len(metrics)):
                own = {name: float(values[place]) for name, values in known.items()}
                found.append(form.with_fields({**middle, **own}))
        return found

    def _drawn_by(self, form: Form) -> tuple[str, ...]:
        """Return the fields of a law that are sampled."""
        return tuple(name for name in form.drawn if self.sharp or name != SHARPNESS)

    def values(
        self,
        curves: Curves,
        layout: Layout,
        drawn: Mapping[str, Any],
        data: Mapping[str, Any],
        effects: Sequence[Any],
    ) -> Any:
        """Return the values of the laws in force, shape (T, N).

        Parameters
        ----------
        curves : Curves
            The data.
        layout : Layout
            The pairs of curve and metric, T of them.
        drawn : mapping of str to tensor
            The fields that are sampled.
        data : mapping of str to tensor
            The model's data.
        effects : sequence of tensor, shape (T, 1)
            Level, gain and shape.
        """
        found = []
        for (kind, names, metrics), pairs in zip(
            self._parts(curves), (slice(layout.scores), slice(layout.scores, None)), strict=True
        ):
            if not metrics:
                continue
            laws = []
            for form in (FORMS[name] for name in names):
                known = {field: data[f"{form.law.name} {field}"] for field in form.known}
                fields = fields_at(form, layout.metric[pairs], len(curves.scores.metrics), known, drawn)
                laws.append(form.with_fields({name: values[:, None] for name, values in fields.items()}))
            own = (effects[0][pairs], effects[1][pairs], effects[2][pairs])
            found.append(in_force(data.get(f"{kind}_in_force"), laws, data["curve_u"][pairs], own, xp=pt))
        return pt.concatenate(found)

    def drawn(self, curves: Curves, priors: Priors) -> dict[str, Any]:
        """Add the fields that are sampled to the model being built: sharpness of all, others of losses.

        Parameters
        ----------
        curves : Curves
            The data.
        priors : Priors
            The priors.
        """
        found = {SHARPNESS: _sampled(SHARPNESS, priors.sharpness, "metric")} if self.sharp else {}
        if curves.losses.metrics:
            for name in dict.fromkeys(field for law in self.losses for field in FORMS[law].drawn):
                if name != SHARPNESS:
                    found[name] = _sampled(name, getattr(priors, name), "loss")
        return found


def _sampled(name: str, prior: LogNormal | Normal, dims: str) -> Any:
    """Add a field of laws, one value a metric."""
    if isinstance(prior, Normal):
        return pm.Normal(name, prior.mean, prior.sd, dims=dims)
    return pm.LogNormal(name, np.log(prior.median), prior.spread, dims=dims)


def _middle(prior: LogNormal | Normal) -> float:
    """Return the middle of a field's prior."""
    return prior.mean if isinstance(prior, Normal) else prior.median
