"""What a column holds, and which kind is wide enough for two."""

from __future__ import annotations

from enum import Enum
from functools import reduce
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Kind(Enum):
    """What a column holds, whatever the database calls it."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    TIMESTAMP = "timestamp"
    TIME = "time"
    TEXT = "text"
    JSON = "json"


_BY_TYPE = {
    "boolean": Kind.BOOLEAN,
    "integer": Kind.INTEGER,
    "number": Kind.NUMBER,
    "object": Kind.JSON,
    "array": Kind.JSON,
}
_BY_FORMAT = {
    "date": Kind.DATE,
    "date-time": Kind.TIMESTAMP,
    "time": Kind.TIME,
    "x-singer.decimal": Kind.NUMBER,
}
_NEXT_WIDER = {Kind.INTEGER: Kind.NUMBER, Kind.DATE: Kind.TIMESTAMP}


def kind_of(schema: Mapping[str, Any]) -> Kind:
    """The kind of column that takes every value which a property's JSON Schema allows."""
    kinds = set(_kinds(schema))
    moments = kinds & {Kind.DATE, Kind.TIMESTAMP, Kind.TIME}
    if len(moments) == 1 and kinds == moments | {Kind.TEXT}:
        # Taps write "a date-time, or any string" where they mean a date-time; so does the SDK.
        return moments.pop()
    # A property without a type, or one that may be an object or a string, is text.
    return reduce(lambda one, other: wider(one, other) or Kind.TEXT, kinds) if kinds else Kind.TEXT


def wider(one: Kind, other: Kind) -> Kind | None:
    """The narrowest kind that holds the values of both without losing any, if there is one.

    Text takes every scalar. Objects and arrays stay apart: once text and JSON share a column,
    nobody can tell a string that looks like JSON from JSON.
    """
    if one is other:
        return one
    if _NEXT_WIDER.get(one) is other:
        return other
    if _NEXT_WIDER.get(other) is one:
        return one
    return None if Kind.JSON in {one, other} else Kind.TEXT


def _kinds(schema: Mapping[str, Any]) -> Iterator[Kind]:
    for union in ("anyOf", "oneOf", "allOf"):
        for branch in schema.get(union, ()):
            yield from _kinds(branch)
    types = schema.get("type", ())
    for name in [types] if isinstance(types, str) else types:
        if name == "string":
            yield _BY_FORMAT.get(schema.get("format", ""), Kind.TEXT)
        elif name != "null":
            yield _BY_TYPE.get(name, Kind.TEXT)
