"""Mixtures in a study: a name that says it all, or name and shares."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, field_validator

from bayesscale.harness.study.values import Name, Section, Size

_PART = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]\w*)")
TOLERANCE = 1e-6


class MixtureConfig(Section):
    """What a model is pretrained on: the share of each language in the tokens; they sum to 1.

    Checkpoints of more tokens than `limit` are left out, for instance because its text ends there.
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

    The points are such as `{ "250M" = "step-1000", "1B" = "step-4000" }`; `shares` are those of languages in
    what they were pretrained on.
    """

    points: dict[Size, str] = Field(min_length=1)
    shares: dict[Name, Annotated[float, Field(ge=0, le=1)]] = Field(default_factory=dict)


def _expand(value: Any) -> Any:
    """Return the table that a name such as `70en+30fr`, `en+de` (equal shares) or `en` stands for."""
    if not isinstance(value, str):
        return value
    parts = value.split("+")
    if not any(part[:1].isdigit() for part in parts):
        shares = {part: 1 / len(parts) for part in parts}
    elif all(found := [_PART.fullmatch(part) for part in parts]):
        shares = {match[2]: float(match[1]) / 100 for match in found if match}
    else:
        raise ValueError(f"a mixture in one word is such as 70en+30fr, en+de or en; received {value!r}")
    if len(shares) < len(parts):
        raise ValueError(f"a mixture names each language once; received {value!r}")
    return {"name": value, "shares": shares}


Mixture = Annotated[MixtureConfig, BeforeValidator(_expand)]
"""A mixture as a table, or as a name that says its shares."""
