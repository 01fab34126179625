"""Whether a record satisfies its schema: fast if it does, and with the reason if it does not.

A schema becomes a shape that `msgspec` compares records with, in C. A shape never lets a record
pass that the schema forbids; whatever does not fit is judged by `jsonschema`, whose word counts.
"""

from __future__ import annotations

import json
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal, Union

import msgspec
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.typing import DEFAULT_JSONSCHEMA_VALIDATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from singer_sdk.sinks.core import BaseJSONSchemaValidator

    Schema = Mapping[str, Any]

# Formats are not checked by the SDK either: whether a date is one, its column says.
_KEYWORDS = frozenset(DEFAULT_JSONSCHEMA_VALIDATOR.VALIDATORS) - {"format"}
_TRANSLATED = frozenset({"type", "properties", "required", "items", "enum", "additionalProperties"})
_SCALARS: Mapping[str, Any] = {
    "null": None,
    "boolean": bool,
    "integer": int,
    "number": float,
    "string": str,
}


class Check:
    """Whether records satisfy their stream's schema."""

    def __init__(self, schema: Schema, validator: BaseJSONSchemaValidator) -> None:
        """Compile a schema.

        Args:
            schema: The stream's.
            validator: Its judge in doubt.
        """
        self._judge = validator
        properties: Schema = schema.get("properties", {})
        shapes = {name: _shape(wanted) for name, wanted in properties.items()}
        # A property that no shape expresses is left open, and judged by itself each time.
        self._judged = {
            name: DEFAULT_JSONSCHEMA_VALIDATOR(properties[name])
            for name, shape in shapes.items()
            if shape is _Inexpressible
        }
        self._shape = _object(schema, {**shapes, **dict.fromkeys(self._judged, Any)})
        try:
            msgspec.json.Decoder(self._shape)
        except TypeError:  # a union that msgspec does not know
            self._shape = _Inexpressible
        if "$ref" in json.dumps(schema):  # refers to the whole, of which a part knows nothing
            self._shape = _Inexpressible

    def complaint(self, record: Mapping[str, Any]) -> str | None:
        """The rule of the schema that a record breaks, if any, without what the record holds."""
        if self._fits(record):
            return None
        try:
            self._judge.validate(dict(record))
        except InvalidRecord as invalid:
            return _rule(invalid)
        return None

    def _fits(self, record: Mapping[str, Any]) -> bool:
        if self._shape is _Inexpressible:
            return False
        try:
            msgspec.convert(record, self._shape)
        except (msgspec.ValidationError, ArithmeticError):
            return False
        return not self._judged or all(
            validator.is_valid(record[name])
            for name, validator in self._judged.items()
            if name in record
        )


class _Inexpressible:
    """Stands for a schema that no shape expresses."""


def _shape(schema: Schema | Literal[True, False]) -> Any:  # noqa: ANN401 - a type
    """The type whose values are those that a schema allows."""
    if schema is True or not isinstance(schema, dict):
        return Any if schema is True else _Inexpressible
    keywords = schema.keys() & _KEYWORDS
    if not keywords:
        return Any
    if "type" not in keywords or keywords - _TRANSLATED:
        return _Inexpressible
    names = [schema["type"]] if isinstance(schema["type"], str) else list(schema["type"])
    if "enum" in schema:
        return _one_of(schema["enum"], names)
    shapes = [_of_type(name, schema) for name in names]
    if not shapes or _Inexpressible in shapes:
        return _Inexpressible
    return reduce(lambda one, other: Union[one, other], shapes)  # noqa: UP007 - values, not syntax


def _of_type(name: str, schema: Schema) -> Any:  # noqa: ANN401 - a type
    if name == "array":
        items = _shape(schema.get("items", True))
        return items if items is _Inexpressible else list[items]  # type: ignore[valid-type]
    if name == "object":
        properties: Schema = schema.get("properties", {})
        return _object(schema, {inner: _shape(wanted) for inner, wanted in properties.items()})
    return _SCALARS.get(name, _Inexpressible)


def _object(schema: Schema, shapes: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a type
    """The type of an object with properties of given shapes."""
    others = schema.get("additionalProperties", True)
    odd = (schema.keys() & _KEYWORDS) - (_TRANSLATED - {"enum"})
    if odd or not isinstance(others, bool) or _Inexpressible in shapes.values():
        return _Inexpressible
    required = dict.fromkeys(schema.get("required", ()), Any)
    fields: list[Any] = []
    renamed = {}
    for at, (name, shape) in enumerate({**required, **shapes}.items()):
        field = f"f{at}"
        fields.append((field, shape) if name in required else (field, shape, None))
        renamed[field] = name
    try:
        return msgspec.defstruct(
            "Shape", fields, rename=renamed, kw_only=True, forbid_unknown_fields=not others
        )
    except (ValueError, TypeError):  # a name that it does not take
        return _Inexpressible


def _one_of(values: list[Any], names: list[str]) -> Any:  # noqa: ANN401 - a type
    """The type of some strings, and null if both `enum` and `type` allow it."""
    strings = tuple(value for value in values if isinstance(value, str))
    plain = all(value is None or isinstance(value, str) for value in values)
    if not (strings and plain and set(names) <= {"string", "null"} and "string" in names):
        return _Inexpressible
    literal = Literal.__getitem__(strings)
    return Union[literal, None] if None in values and "null" in names else literal  # noqa: UP007


def _rule(invalid: InvalidRecord) -> str:
    """The rule of the schema that a record broke; the validator's own words quote the value."""
    broken: Any = invalid.__cause__
    if broken.validator == "required":
        return f"{broken.message}"
    where = ".".join(map(str, broken.absolute_path)) or "the record"
    return f"'{where}' does not satisfy {broken.validator}: {json.dumps(broken.validator_value)}"
