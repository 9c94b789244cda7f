"""Short names for what determines a result: a hash over canonical JSON."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def digest(value: Any) -> str:
    """Return 16 hexadecimal digits for a value that JSON can hold.

    The order of keys does not matter, and neither does the difference of tuple and list.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
