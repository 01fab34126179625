"""What JSON says."""

from __future__ import annotations

import json
from typing import Any

import msgspec


def decoded(content: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """Return what JSON says; some of what msgspec is too strict for, the standard library reads.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return msgspec.json.decode(content)
    except msgspec.DecodeError:
        return json.loads(content)
