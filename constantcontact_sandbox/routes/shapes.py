"""What the routes share in how they write records."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.moments import in_milliseconds, in_seconds

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@cache
def _names(record_type: type[DataclassInstance]) -> tuple[str, ...]:
    return tuple(each.name for each in fields(record_type))


def present(record: DataclassInstance) -> dict[str, Any]:
    """Return a record's scalars by name, as the API does: what has no value is left out.

    Moments are written to the second; what holds other records is left to the caller.
    """
    shown: dict[str, Any] = {}
    for name in _names(type(record)):
        value = getattr(record, name)
        if isinstance(value, datetime):
            shown[name] = in_seconds(value)
        elif isinstance(value, (str, int, float, bool)):
            shown[name] = value
    return shown


def said(**values: object) -> dict[str, Any]:
    """Return what is said by name, moments to the millisecond: what is None is left out."""
    return {
        name: in_milliseconds(value) if isinstance(value, datetime) else value
        for name, value in values.items()
        if value is not None
    }
