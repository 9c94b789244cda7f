"""Short names for what determines a result: a hash over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from pydantic import BaseModel


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits for a value that JSON can hold; models of pydantic may be anywhere in it.

    The order of keys does not matter, and neither does the difference of tuple and list.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:
    """Return a model as a dict."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(f"{type(value).__name__} has no canonical form")
