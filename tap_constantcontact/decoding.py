"""What JSON says."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec


def decoded(content: bytes, shape: Any = Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Return what JSON says; some of what msgspec is too strict for, the standard library reads.

    Args:
        content: The JSON.
        shape: What of it is wanted, as a type: the rest is looked through, but not made into
            objects, which is several times as fast. JSON of another shape is returned whole.

    Raises:
        ValueError: It is no JSON.
    """
    for kind in dict.fromkeys((shape, Any)):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(content, type=kind)
    return json.loads(content)
