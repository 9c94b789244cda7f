"""Mixtures in a study: shares, a list of languages, or a name that says it all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from bayesscale.harness.study.values import Name, Section, Size

_PART = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]\w*)")
TOLERANCE = 1e-6


class MixtureConfig(Section):
    """What a model is pretrained on.

    Parameters
    ----------
    name : str
        The mixture in the metrics table; derived from the shares where a study leaves it out.
    shares : dict
        Share of each language in the tokens; they sum to 1. A list of languages gives each the same.
    limit : int, optional
        Checkpoints of more tokens are left out for this mixture, for instance because its text ends there.
    """

    name: Name
    shares: dict[Name, Annotated[float, Field(ge=0, le=1)]] = Field(min_length=1)
    limit: Size | None = None

    @field_validator("shares")
    @classmethod
    def _sum_to_one(cls, shares: dict[str, float]) -> dict[str, float]:
        total = sum(shares.values())
        if abs(total - 1) > TOLERANCE:
            given = ", ".join(f"{language} {share:g}" for language, share in shares.items())
            raise ValueError(f"shares sum to 1; received {given}, which sum to {total:g}; change them")
        return shares


class GivenCheckpoints(Section):
    """Checkpoints that were pretrained elsewhere: a Hugging Face folder or a safetensors file for each D_p.

    Parameters
    ----------
    points : dict
        The weights by D_p, such as `{ "250M" = "step-1000", "1B" = "step-4000" }`.
    shares : dict, optional
        Share of each language in what they were pretrained on.
    """

    points: dict[Size, str] = Field(min_length=1)
    shares: dict[Name, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)


def _expand(value: Any) -> Any:
    """Return a mixture as a table: from a name such as `70en+30fr` or `en`, or from a list of languages."""
    if isinstance(value, str):
        return _from_name(value)
    if isinstance(value, dict) and "shares" in value:
        shares = value["shares"]
        if isinstance(shares, list | tuple):
            shares = _equal(shares)
        if isinstance(shares, dict) and "name" not in value and _numbers(shares):
            return {**value, "name": mixture_name(shares), "shares": shares}
        return {**value, "shares": shares}
    return value


def _from_name(name: str) -> dict[str, Any]:
    """Return the mixture that `70en+30fr`, `en+de` or `en` names."""
    parts = name.split("+")
    if any(part[:1].isdigit() for part in parts):
        found = [_PART.fullmatch(part) for part in parts]
        if not all(found):
            raise ValueError(f"a mixture in one word is such as 70en+30fr, en+de or en; received {name!r}")
        shares = {match[2]: float(match[1]) / 100 for match in found if match}
        if len(shares) < len(parts):
            raise ValueError(f"a mixture names each language once; received {name!r}")
        return {"name": name, "shares": shares}
    return {"name": name, "shares": _equal(parts)}


def _equal(languages: Sequence[Any]) -> dict[Any, float]:
    """Return equal shares."""
    if not languages or len(set(map(str, languages))) < len(languages):
        raise ValueError(f"a mixture names each language once; received {list(languages)}")
    return {language: 1 / len(languages) for language in languages}


def _numbers(shares: dict[str, Any]) -> bool:
    """Return whether all shares are numbers."""
    return all(isinstance(share, int | float) for share in shares.values())


def mixture_name(shares: dict[str, float]) -> str:
    """Return a name such as `70en+30fr`; a language alone is `100en`."""
    return "+".join(f"{100 * share:.4g}{language}" for language, share in shares.items() if share)


Mixture = Annotated[MixtureConfig, BeforeValidator(_expand)]
"""A mixture in any of the ways that a study may write it."""
