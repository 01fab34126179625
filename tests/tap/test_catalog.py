"""What must hold of every stream is asked of every stream."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.base import Asking, ConstantContactStream
from tap_constantcontact.tap import TapConstantContact

if TYPE_CHECKING:
    from collections.abc import Iterator

Kind = type[ConstantContactStream]

every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


def declared(stream: Kind) -> set[str]:
    """Return what a stream and its families say of themselves."""
    families = [
        kind for kind in stream.__mro__ if kind.__module__.startswith("tap_constantcontact")
    ]
    return {
        name
        for kind in families
        if kind not in (ConstantContactStream, Asking)
        for name in vars(kind)
        if not name.startswith("__")
    }


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of a schema, those inside of others too, with their own names."""
    for name, field in schema.get("properties", {}).items():
        yield name, field
        yield from fields(field)
        yield from fields(field.get("items", {}))


AS_THE_API_HAS = {"checkedIn_tickets"}
"""Names of fields that are not in snake case."""

OWN_WORDS = {
    "counter",
    "counts_recipients",
    "event_of",
    "counted",
    "identity",
    "once_more",
    "ids_a_call",
    "of",
    "of_channel",
}
OWN_WORDS |= {"adopt", "columns", "rows", "on_lists", "tagged", "of_status", "_any_of"}
OWN_WORDS |= {"added_between", "changed_since", "opted_out_since", "found", "sent_between"}
OWN_WORDS |= {"part", "mark", "gone", "sources", "vanishes", "listing", "records"}


@every_stream
def test_its_name_is_its_class_in_snake_case(stream: Kind) -> None:
    assert re.sub(r"(?<!^)(?=[A-Z])", "_", stream.__name__).lower() == stream.name


@every_stream
def test_its_keys_are_required_fields_and_nothing_else_is(stream: Kind) -> None:
    assert set(stream.schema["required"]) == set(stream.primary_keys)
    for key in stream.primary_keys:
        assert "null" not in stream.schema["properties"][key]["type"]


@every_stream
def test_its_bookmark_is_a_time(stream: Kind) -> None:
    key: Any = stream.replication_key
    if isinstance(key, str):  # where there is none, it is the SDK's property
        assert stream.schema["properties"][key]["format"] == "date-time"


@every_stream
def test_every_field_is_described(stream: Kind) -> None:
    for name, field in fields(stream.schema):
        assert field["description"].endswith((".", "…")), name


@every_stream
def test_every_field_has_one_type_and_a_name_in_snake_case(stream: Kind) -> None:
    for name, field in fields(stream.schema):
        (kind,) = set(field["type"]) - {"null"}
        assert kind in {"string", "integer", "number", "boolean", "array", "object"}, name
        assert kind != "array" or field["items"]["type"], name
        assert re.fullmatch(r"_?[a-z][a-z0-9]*(_{1,2}[a-z0-9]+)*", name) or name in AS_THE_API_HAS


@every_stream
def test_every_field_but_those_of_its_key_may_be_null(stream: Kind) -> None:
    for name, field in stream.schema["properties"].items():
        assert ("null" in field["type"]) == (name not in stream.primary_keys), name


@every_stream
def test_every_time_is_a_time(stream: Kind) -> None:
    for name, field in fields(stream.schema):
        if name.endswith(("_at", "_time", "_date")):
            assert field["format"] in {"date", "date-time"}, name


def test_no_stream_has_a_field_twice() -> None:
    """The SDK would keep the last one without a word."""
    code = """if True:
        from singer_sdk import typing as th
        make = th.PropertiesList.__init__
        def made(self, *properties, **options):
            names = [each.name for each in properties]
            assert len(names) == len(set(names)), names
            make(self, *properties, **options)
        th.PropertiesList.__init__ = made
        import tap_constantcontact.streams
    """
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )

    assert (found.returncode, found.stderr) == (0, "")


@every_stream
def test_it_says_what_it_is_in_words_of_its_own(stream: Kind) -> None:
    others = {other.__doc__ for other in STREAMS if other is not stream}

    assert stream.__doc__
    assert stream.__doc__ not in others


@every_stream
def test_it_declares_nothing_that_nobody_knows(stream: Kind) -> None:
    known = set(dir(ConstantContactStream)) | set(Asking.__annotations__) | OWN_WORDS

    assert declared(stream) <= known


@every_stream
def test_it_says_what_it_takes_to_be_allowed(stream: Kind) -> None:
    if stream.name == "user_privileges":  # whoever has signed in may ask for these
        assert (stream.scope, stream.privilege) == (None, None)
    else:
        assert stream.scope in {"account_read", "contact_data", "campaign_data"}
        assert ":" in (stream.privilege or "")


def test_every_stream_is_listed_once() -> None:
    def leaves(kind: Kind) -> set[Kind]:
        below = {leaf for child in kind.__subclasses__() for leaf in leaves(child)}
        return below or {kind}

    assert sorted(stream.name for stream in leaves(ConstantContactStream)) == sorted(
        stream.name for stream in STREAMS
    )


def test_rows_are_not_read_stream_by_stream() -> None:
    contacts = TapConstantContact(config={"client_id": "key"}).streams["contacts"]

    with pytest.raises(NotImplementedError, match="sync_all"):
        list(contacts.get_records(None))
