"""Singer files to load: contacts with nested values, and rows of a tracking report."""

from __future__ import annotations

import random
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.email_reports import EmailOpens

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_constantcontact.streams.base import ConstantContactStream

STATE_EVERY = 10_000
"""Records from one STATE to the next, as a tap would send them."""

_encode = msgspec.json.Encoder().encode


def contacts(path: Path, number: int) -> Path:
    """Write a file of contacts, each with an address, a phone number, lists and tags."""
    return _write(path, Contacts, (_contact(at) for at in range(number)))


def tracking(path: Path, number: int) -> Path:
    """Write a file of opens."""
    return _write(path, EmailOpens, (_open(at) for at in range(number)))


def both(path: Path, number: int) -> Path:
    """Write a file in which ten streams come interleaved, one of them contacts."""
    rows = ((f"opens_{at % 10}", _open(at)) for at in range(number))
    with path.open("wb") as file:
        for at in range(1, 10):
            file.write(_schema(EmailOpens, f"opens_{at}"))
        file.write(_schema(Contacts, "contacts"))
        for at, (stream, row) in enumerate(rows):
            name, record = ("contacts", _contact(at)) if at % 10 == 0 else (stream, row)
            file.write(_record(name, record))
            if at % STATE_EVERY == 0:
                file.write(_state(at))
    return path


def _write(
    path: Path, stream: type[ConstantContactStream], records: Iterator[dict[str, Any]]
) -> Path:
    with path.open("wb") as file:
        file.write(_schema(stream, stream.name))
        for at, record in enumerate(records, 1):
            file.write(_record(stream.name, record))
            if at % STATE_EVERY == 0:
                file.write(_state(at))
    return path


def _schema(stream: type[ConstantContactStream], name: str) -> bytes:
    schema = stream.schema if isinstance(stream.schema, dict) else stream.schema.to_dict()
    message = {
        "type": "SCHEMA",
        "stream": name,
        "schema": schema,
        "key_properties": list(stream.primary_keys),
    }
    return _encode(message) + b"\n"


def _record(stream: str, record: dict[str, Any]) -> bytes:
    message = {
        "type": "RECORD",
        "stream": stream,
        "record": record,
        "time_extracted": "2024-05-09T08:15:00.000000+00:00",
    }
    return _encode(message) + b"\n"


def _state(at: int) -> bytes:
    return _encode({"type": "STATE", "value": {"at": at}}) + b"\n"


def _id(*parts: object) -> str:
    """An id that looks random, and is the same in each file."""
    return str(uuid.UUID(int=random.Random(repr(parts)).getrandbits(128)))  # noqa: S311 - no secret


def _contact(at: int) -> dict[str, Any]:
    moment = f"2024-03-{1 + at % 28:02}T15:{at % 60:02}:04Z"
    contact = dict.fromkeys(_properties(Contacts))
    times = {"created_at": moment, "updated_at": moment}
    return {
        **contact,
        **times,
        "contact_id": _id("contact", at),
        "email_address__address": f"person.{at}@example.com",
        "email_address__permission_to_send": "implicit",
        "email_address__created_at": moment,
        "email_address__updated_at": moment,
        "email_address__opt_in_source": "Account",
        "email_address__opt_in_date": moment,
        "email_address__confirm_status": "off",
        "first_name": "Zoë" if at % 7 == 0 else "Ann",
        "last_name": "O'Neil",
        "job_title": 'Analyst "II"' if at % 50 == 0 else "Analyst",
        "company_name": "Acme Corporation",
        "birthday_month": 1 + at % 12,
        "birthday_day": 1 + at % 28,
        "anniversary": "2006-11-15",
        "update_source": "Account",
        "create_source": "Account",
        "custom_fields": [
            {"custom_field_id": _id("field", at % 5), "value": f"value {at}"},
            {"custom_field_id": _id("field", 6), "value": "gold"},
        ],
        "phone_numbers": [
            {"phone_number_id": _id("phone", at), "phone_number": "603-555-0199", **times}
        ],
        "street_addresses": [
            {
                "street_address_id": _id("address", at),
                "kind": "home",
                "street": "123 Kashmir Valley Road",
                "city": "Chicago",
                "state": "Illinois",
                "postal_code": "60603",
                "country": "United States",
                **times,
            }
        ],
        "list_memberships": [_id("list", at % 3), _id("list", 4)],
        "taggings": [_id("tag", at % 9)],
        "notes": [],
    }


def _open(at: int) -> dict[str, Any]:
    return {
        **dict.fromkeys(_properties(EmailOpens)),
        "campaign_activity_id": _id("activity", at // 5000),
        "contact_id": _id("contact", at),
        "created_time": f"2024-03-{1 + at % 28:02}T{at % 24:02}:56:{at % 60:02}Z",
        "occurrence": 1,
        "tracking_activity_type": "em_opens",
        "email_address": f"person.{at}@example.com",
        "first_name": "Ann",
        "last_name": "O'Neil",
        "device_type": "computer",
    }


def _properties(stream: type[ConstantContactStream]) -> list[str]:
    schema = stream.schema if isinstance(stream.schema, dict) else stream.schema.to_dict()
    return list(schema["properties"])
