"""The fast check says of every record what jsonschema says."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from singer_sdk.exceptions import InvalidRecord
from singer_sdk.sinks.core import JSONSchemaValidator

from tap_constantcontact.streams import STREAMS
from target_relational.checks import Check

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
NAMES = st.sampled_from(["a", "b", 'odd "name"', "$ref", ""])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.just(2**70)
    | st.sampled_from([Decimal("1.5"), Decimal(1), 0.5])
    | st.sampled_from(["", "x", "yy"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def rules(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A JSON Schema, of the kind that taps write and sometimes odder."""
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3, unique=True))
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    inner = rules(depth - 1) if depth else st.just({"type": "string"})
    extras = {
        "properties": st.dictionaries(NAMES, inner, max_size=2),
        "required": st.lists(NAMES, max_size=1),
        "items": inner,
        "additionalProperties": st.booleans() | inner,
        "enum": st.lists(st.sampled_from([None, "x", "", 1]), min_size=1, max_size=3),
        "minLength": st.just(1),
        "maximum": st.just(1),
        "anyOf": st.lists(inner, min_size=1, max_size=2),
        "format": st.just("date-time"),
        "description": st.just("words"),
    }
    for keyword in draw(st.sets(st.sampled_from(sorted(extras)), max_size=3)):
        schema[keyword] = draw(extras[keyword])
    if not draw(st.integers(0, 9)):
        del schema["type"]
    return schema


@given(st.dictionaries(NAMES, rules(), max_size=3), st.lists(NAMES, max_size=1), st.data())
@settings(max_examples=400, deadline=None)
def test_the_fast_check_and_jsonschema_agree(
    properties: dict[str, Any], required: list[str], data: st.DataObject
) -> None:
    schema = {"type": "object", "properties": properties, "required": required}
    validator = JSONSchemaValidator(schema)
    record = data.draw(st.dictionaries(NAMES, VALUES, max_size=4))
    try:
        validator.validate(record)
        refused = False
    except InvalidRecord:
        refused = True

    assert (Check(schema, validator).complaint(record) is not None) is refused


class NeverAsked(JSONSchemaValidator):
    def validate(self, record: dict[str, Any]) -> None:
        raise AssertionError(f"asked about a good record of {len(record)} fields")


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_of_good_records_of_the_tap_jsonschema_is_never_asked(stream: Any) -> None:
    schema = stream.schema if isinstance(stream.schema, dict) else stream.schema.to_dict()
    record = {name: example(rule) for name, rule in schema["properties"].items()}

    assert Check(schema, NeverAsked(schema)).complaint(record) is None
    assert Check(schema, JSONSchemaValidator(schema)).complaint({**record, "x": 1}) is None


def example(rule: dict[str, Any]) -> Any:
    """A value that a rule of the tap's allows."""
    types = [rule["type"]] if isinstance(rule["type"], str) else rule["type"]
    values = {
        "string": rule.get("enum", ["text"])[0],
        "integer": 1,
        "number": Decimal("0.5"),
        "boolean": True,
    }
    if "array" in types:
        return [example(rule["items"])]
    if "object" in types:
        return {name: example(inner) for name, inner in rule.get("properties", {}).items()}
    return values[next(name for name in types if name != "null")]


@pytest.mark.parametrize(
    ("rule", "value"),
    [
        ({"type": "string", "pattern": "^a"}, "b"),
        ({"type": "string", "enum": ["a"]}, "b"),
        ({"type": ["string", "null"], "enum": ["a", None]}, "b"),
        ({"type": "string", "enum": ["a", 1]}, "b"),
        ({"type": "object", "additionalProperties": False}, {"b": 1}),
        ({"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}, {"a": 1}),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "b"),
        ({"type": "array", "items": {"type": "integer", "minimum": 5}}, [1]),
        (False, 1),
    ],
)
def test_a_rule_that_no_shape_expresses_holds_all_the_same(rule: Any, value: Any) -> None:
    schema = {"properties": {"p": rule}, "$defs": {"x": {"type": "string"}}}
    check = Check(schema, JSONSchemaValidator(schema))

    assert check.complaint({}) is None
    complaint = check.complaint({"p": value})
    assert complaint is not None
    assert "does not satisfy" in complaint


def test_numbers_that_no_double_holds_are_numbers() -> None:
    schema = {"properties": {"n": {"type": "number"}}}
    check = Check(schema, JSONSchemaValidator(schema))

    for number in (10**400, Decimal("1e999"), Decimal("NaN"), math.inf):
        assert check.complaint({"n": number}) is None
