"""What the sections of a study are made of: a strict base class, sizes as people write them, and hashes."""

from __future__ import annotations

import hashlib
import json
import math
import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bayesscale.errors import UsageError
from bayesscale.units import parse_tokens

_T = TypeVar("_T")
_NAME = re.compile(r"[\w+.-]+")


class Section(BaseModel):
    """A frozen group of settings that refuses names it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _whole(value: Any) -> Any:
    """Return a size such as `6M` as an integer; leave what is no text to pydantic."""
    if isinstance(value, str):
        try:
            value = parse_tokens(value)
        except UsageError as error:
            raise ValueError(str(error)) from None
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    return value


def _plain(name: str) -> str:
    """Refuse a name that cannot be part of a file name."""
    if not _NAME.fullmatch(name) or name.startswith("."):
        raise ValueError(
            f"a name consists of letters, digits and _ + - . and does not begin with a dot; received {name!r}"
        )
    return name


def _whole_or_full(value: Any) -> Any:
    """Return a size, or the word 'full'."""
    if value == "full":
        return value
    whole = _whole(value)
    if not isinstance(whole, int) or whole <= 0:
        raise ValueError(f"a size is a positive whole number such as 30K, or 'full'; received {value!r}")
    return whole


def _each_once(values: tuple[Any, ...]) -> tuple[Any, ...]:
    """Refuse values that are given twice."""
    if len(set(values)) < len(values):
        raise ValueError(f"each value is given once; received {list(values)}")
    return values


def _true_false_auto(value: Any) -> Any:
    """Refuse anything but three values, with one message."""
    if value is True or value is False or value == "auto":
        return value
    raise ValueError(f"is true, false or 'auto'; received {value!r}")


Size = Annotated[int, BeforeValidator(_whole), Field(gt=0)]
"""A positive whole number, which may be written as `6M`."""

SizeOrFull = Annotated[int | Literal["full"], BeforeValidator(_whole_or_full)]
"""A size, or `full` for all that there is."""

Distinct = Annotated[tuple[_T, ...], Field(min_length=1), AfterValidator(_each_once)]
"""At least one value, and each once."""

Switch = Annotated[bool | Literal["auto"], BeforeValidator(_true_false_auto)]
"""True, false, or `auto`: what suits the device."""

Name = Annotated[str, AfterValidator(_plain)]
"""A name that may be part of a file name."""


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits for a value that JSON can hold.

    The order of keys does not matter, and neither does the difference of tuple and list.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
