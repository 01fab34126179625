"""What must hold of every stream is asked of every stream."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.base import Asking, ConstantContactStream
from tap_constantcontact.tap import TapConstantContact

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


OWN_WORDS = {
    "counter",
    "counts_recipients",
    "event_of",
    "counted",
    "identity",
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
    for name, field in stream.schema["properties"].items():
        assert field["description"].endswith((".", "…")), name


@every_stream
def test_every_time_is_a_time(stream: Kind) -> None:
    for name, field in stream.schema["properties"].items():
        if name.endswith(("_at", "_time", "_date")):
            assert field["format"] in {"date", "date-time"}, name


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
