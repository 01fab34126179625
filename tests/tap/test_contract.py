"""Every field that the vendor's contract promises is in a schema, but for those that have a name.

Each excuse has its reason, and must be needed: or its name has to go.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tap_constantcontact.streams import STREAMS
from tests.contract import SWAGGER, needs_the_contract

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_constantcontact.streams.base import ConstantContactStream

Contract = dict[str, Any]
Found = dict[tuple[str, str], str]

pytestmark = needs_the_contract

KINDS = {stream.name: stream for stream in STREAMS}

TOLD_ELSEWHERE = {
    "/contacts/counts": "contact_counts",
    "/contacts/{contact_id}": "contacts",
    "/contact_lists/{list_id}": "contact_lists",
    "/contact_tags/{tag_id}": "contact_tags",
    "/contact_custom_fields/{custom_field_id}": "contact_custom_fields",
    "/activities/{activity_id}": "bulk_activities",
    "/emails/{campaign_id}": "campaigns",
    "/events": "events",
    "/automations/workflows": "automations",
}
"""Answers that are no stream of their own, and the stream that has their fields."""

NO_STREAM = {
    "/account/summary/physical_address": "account_summary is asked for it, too",
    "/contact_exports/{file_export_id}": "a file that somebody asked for, without ids of contacts",
    "/contact_lists/list_id_xrefs": "leads from ids of the second version",
    "/contacts/contact_id_xrefs": "leads from ids of the second version",
    "/emails/campaign_id_xrefs": "leads from ids of the second version",
    "/partner/accounts": "for partners, whose keys are others",
    "/partner/accounts/{encoded_account_id}/plan": "for partners, whose keys are others",
    "/partner/webhooks/subscriptions": "for partners, whose keys are others",
    "/partner/webhooks/subscriptions/{topic_id}": "for partners, whose keys are others",
}
"""Answers that are read by no stream, and why."""

ENVELOPE = {
    "_links": "says how to go on",
    "next_cursor": "says how to go on",
    "prev_cursor": "says how to go on",
    "page": "says how to go on",
    "status": "says whether a segment is still computed",
    "errors": "says which ids have no counters",
    "total_records": "counts the rows",
    "contacts_count": "counts the rows",
    "lists_count": "counts the rows",
    "tags_count": "counts the rows",
    "aggregate_percents": "sums up the rows",
}
"""What pages hold beside their rows, and why no row has it."""

EXCUSED: Found = {
    ("bulk_activities", "_links"): "leads to a neighbour, but for results: results_href",
    ("automations", "id"): "is called automation_flow_id, as in the path",
    ("campaigns", "campaign_activities"): "are the rows of campaign_activities",
    ("contact_custom_fields", "choices[].choice_id"): "is text in the contract's own example",
    **{
        ("automations", f"{which}_definition.{part}"): "nests without end: it is kept as it is"
        for which in ("active", "draft")
        for part in ("state", "trigger", "workflow")
    },
}
"""Fields that are not where the contract has them, or not of its type, and why."""


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The contract."""
    with SWAGGER.open(encoding="utf-8") as file:
        read: Contract = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return read


class Answers:
    """What the contract promises.

    Args:
        contract: The contract.
    """

    def __init__(self, contract: Contract) -> None:
        self._definitions = contract["definitions"]
        self.paths: dict[str, Any] = {
            path: operations["get"]["responses"]
            for path, operations in contract["paths"].items()
            if "get" in operations
        }

    def body(self, path: str) -> Contract:
        """Return the schema of what is answered if all is well."""
        responses = {str(status): said for status, said in self.paths[path].items()}
        good = responses.get("200") or responses["209"]
        return self.resolved(good["schema"])

    def resolved(self, schema: Contract) -> Contract:
        """Return what a schema refers to."""
        while "$ref" in schema:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema

    def properties(self, schema: Contract) -> dict[str, Contract]:
        """Return the properties of an object, or of the items of a list."""
        schema = self.resolved(schema)
        schema = self.resolved(schema["items"]) if "items" in schema else schema
        return schema.get("properties") or {}

    def differing(
        self, path: str, stream: type[ConstantContactStream]
    ) -> Iterator[tuple[str, str]]:
        """Yield the fields of an answer that are not in a schema as they are promised, and how."""
        body = self.body(path)
        fields, page = self.properties(body), {}
        key = next((name for name in (stream.records_key, *LISTS) if name in fields), None)
        if key:
            page, fields = fields, self.properties(fields[key])
        columns: dict[str, Any] = stream.schema["properties"]
        for name in page.keys() - {key} - columns.keys() - ENVELOPE.keys():
            yield name, "is missing"
        for name, field in fields.items():
            if name in stream.unfolded:
                prefix = stream.unfolded[name]
                for inner, part in self.properties(field).items():
                    yield from self._compared(f"{name}.{inner}", part, columns.get(prefix + inner))
            else:
                yield from self._compared(name, field, columns.get(name))

    def _compared(
        self, name: str, field: Contract, column: dict[str, Any] | None
    ) -> Iterator[tuple[str, str]]:
        field = self.resolved(field)
        if column is None:
            yield name, "is missing"
            return
        kind = field.get("type", "object")
        if kind not in column["type"]:
            yield name, f"is no {kind}"
        elif kind == "array":
            yield from self._compared(f"{name}[]", field["items"], column["items"])
        elif kind == "object":
            for inner, part in (field.get("properties") or {}).items():
                known = column.get("properties", {}).get(inner)
                yield from self._compared(f"{name}.{inner}", part, known)
        elif field.get("format") in {"date", "date-time"}:
            if column.get("format") != field["format"]:
                yield name, f"is no {field['format']}"
        elif column.get("format") and not re.search(r"(_time|_start|_end|_at|_date)$", name):
            yield name, f"is a {column['format']}"


LISTS = ("flow_summaries", "records")
"""Where the answers of look-ups have their list."""


def path_in(answers: Answers, stream: type[ConstantContactStream]) -> str:
    """Return the path of a stream as the contract writes it: its parameters have other names."""
    (found,) = (path for path in answers.paths if bare(path) == bare(stream.path))
    return found


def bare(path: str) -> str:
    return re.sub(r"\{\w+\}", "{}", path)


@pytest.fixture(scope="module")
def answers(contract: Contract) -> Answers:
    return Answers(contract)


@pytest.fixture(scope="module")
def differing(answers: Answers) -> Found:
    """What differs, by stream and field."""
    asked = [
        (path_in(answers, stream), stream)
        for stream in STREAMS
        if hasattr(stream, "path") and stream.name != "segment_contacts"  # whose rows are keys
    ]
    asked += [(path, KINDS[name]) for path, name in TOLD_ELSEWHERE.items()]
    return {
        (stream.name, field): how
        for path, stream in asked
        for field, how in answers.differing(path, stream)
    }


def test_every_field_of_every_answer_is_in_a_schema_or_excused(differing: Found) -> None:
    assert {where: how for where, how in differing.items() if where not in EXCUSED} == {}


def test_every_excuse_is_needed(differing: Found) -> None:
    assert EXCUSED.keys() - differing.keys() == set()


def test_every_answer_is_read_by_a_stream_or_excused(answers: Answers) -> None:
    streams = {path_in(answers, stream) for stream in STREAMS if hasattr(stream, "path")}

    assert answers.paths.keys() == streams | TOLD_ELSEWHERE.keys() | NO_STREAM.keys()
    assert streams.isdisjoint(TOLD_ELSEWHERE.keys() | NO_STREAM.keys())
