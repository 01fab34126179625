"""From what the API sends to rows: nothing is lost, and nothing odd ends a run."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tap_constantcontact.decoding import decoded
from tap_constantcontact.errors import UnexpectedAnswer
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.forms import EXTRA, EXTRA_FIELD, Form
from tap_constantcontact.streams.mismatches import SyncMismatches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_constantcontact.units import Row

SCHEMA: dict[str, Any] = {
    "properties": {
        "id": {"type": ["string"]},
        "name": {"type": ["string", "null"]},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "day": {"type": ["string", "null"], "format": "date"},
        "count": {"type": ["integer", "null"]},
        "rate": {"type": ["number", "null"]},
        "on": {"type": ["boolean", "null"]},
        "tags": {"type": ["array", "null"], "items": {"type": ["string"]}},
        "phones": {
            "type": ["array", "null"],
            "items": {
                "type": ["object"],
                "properties": {
                    "number": {"type": ["string", "null"]},
                    "since": {"type": ["string", "null"], "format": "date-time"},
                },
            },
        },
        "anything": {"type": ["object", "null"]},
        "mail__address": {"type": ["string", "null"]},
        "mail__sent": {"type": ["integer", "null"]},
        EXTRA: EXTRA_FIELD,
    }
}
KEPT = "such values are kept in the column _extra."
NOTHING = dict.fromkeys(SCHEMA["properties"])

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


def form(**options: Any) -> Form:
    given: dict[str, Any] = {
        "keys": ["id"],
        "unfolded": {"mail": "mail__"},
        "blanks": {},
        "spellings": {},
    }
    return Form("things", SCHEMA, **{**given, **options})


def row(record: dict[str, Any], **options: Any) -> dict[str, Any]:
    """Return what one record becomes, without what stays null."""
    (made,) = form(**options).rows([{"id": "1", **record}], {})
    assert list(made) == list(NOTHING)
    return {name: value for name, value in made.items() if value is not None and name != "id"}


def test_what_the_api_leaves_out_is_null() -> None:
    (made,) = form().rows([{"id": "1"}], {})

    assert dict(made) == {**NOTHING, "id": "1"}


def plain(rows: Sequence[Row]) -> str:
    """Return rows as JSON: what is not a number is no number there, either, and equal to itself."""
    return json.dumps([dict(each) for each in rows], default=str)


PLAIN = {
    "name": "Ann",
    "at": "2026-05-01T12:00:00.123Z",
    "day": "2026-05-01",
    "count": 3,
    "rate": 0.5,
    "on": False,
    "tags": ["a", "b"],
    "phones": [{"number": "1", "since": "2026-05-01T12:00:00Z"}],
    "anything": {"at": "all"},
}


def test_what_fits_stays_as_it_is_and_so_does_all_beside_what_does_not() -> None:
    mail = {"address": "ann@example.com", "sent": 2}
    flat = {**PLAIN, "mail__address": "ann@example.com", "mail__sent": 2}

    assert row({**PLAIN, "mail": mail}) == flat
    assert row({**PLAIN, "mail": mail, "new": 1}) == {**flat, EXTRA: {"new": 1}}


def test_an_object_that_is_null_leaves_its_columns_null() -> None:
    assert row({"mail": None}) == {}
    assert row({"mail": None, "count": "1"}) == {"count": 1}
    assert row({"count": 1, "mail": {"count": None}}, unfolded={"mail": ""}) == {"count": 1}


@pytest.mark.parametrize(
    ("column", "sent", "said"),
    [
        ("count", "3", 3),
        ("count", "-3.0", -3),
        ("count", 3.0, 3),
        ("count", "", None),
        ("rate", "0.5", "0.5"),
        ("rate", "12345678901234567890.12", "12345678901234567890.12"),
        ("on", "TRUE", True),
        ("name", 12, "12"),
        ("name", True, "true"),
        ("at", "2026-05-01", "2026-05-01T00:00:00Z"),
        ("at", "2026-05-01T12:00:00.5+02", "2026-05-01T10:00:00.500000Z"),
        ("at", "", None),
        ("day", "2026-05-01T00:00:00.000Z", "2026-05-01"),
        ("day", "", None),
        ("tags", [1, None], ["1", None]),
        ("phones", [{"number": 5, "new": [1]}], [{"number": "5", "new": [1]}]),
    ],
)
def test_what_means_the_same_in_the_schemas_type_is_said_in_it(
    column: str, sent: object, said: object
) -> None:
    found = row({column: sent})

    assert set(found) <= {column}
    assert found.get(column) == said or str(found[column]) == said
    assert isinstance(found.get(column), type(said)) or column == "rate"


@pytest.mark.parametrize(
    ("column", "sent", "rest"),
    [
        ("count", "three", None),
        ("count", True, None),
        ("count", 2.5, None),
        ("count", 2**63, None),
        ("count", "1e999999999", None),
        ("rate", "NaN", None),
        ("rate", [1], None),
        ("on", 1, None),
        ("name", {"first": "Ann"}, None),
        ("at", "yesterday", None),
        ("at", 1777636800, None),
        ("day", "2026-05-01T12:00:00Z", None),
        ("tags", "a", None),
        ("tags", ["a", {"b": 1}], ["a", None]),
        ("phones", [{"number": "1", "since": "never"}], [{"number": "1", "since": None}]),
        ("anything", "text", None),
    ],
)
def test_what_cannot_be_said_in_the_schemas_type_is_kept_beside(
    column: str, sent: object, rest: object, caplog: pytest.LogCaptureFixture
) -> None:
    expected = {EXTRA: {column: sent}} | ({column: rest} if rest else {})

    assert row({column: sent}) == expected
    assert caplog.messages == [
        f"things: {column} is not of the type in the schema: {KEPT}",
    ]


def test_a_field_that_nobody_knows_is_kept_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    records: list[dict[str, Any]] = [
        {"id": "1", "new": 1, "mail": {"address": "a", "seen": [2]}},
        {"id": "2", "new": None, "mail": {"seen": "3"}},
    ]
    rows = form().rows(records, {})

    assert [each[EXTRA] for each in rows] == [
        {"new": 1, "mail": {"seen": [2]}},
        {"mail": {"seen": "3"}},
    ]
    assert rows[0]["mail__address"] == "a"
    assert caplog.messages == [
        f"things: new is not in the schema: {KEPT}",
        f"things: mail.seen is not in the schema: {KEPT}",
    ]


def test_a_field_that_nobody_knows_is_kept_where_no_object_has_columns() -> None:
    assert row({"new": 1, "count": 2}, unfolded={}) == {"count": 2, EXTRA: {"new": 1}}


def test_a_field_of_an_object_in_a_column_stays_there_and_is_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    phones = [{"number": "1", "new": 1}, {"number": "2", "new": [2]}]
    records = [{"id": "1", "phones": phones, "anything": {"at": "all"}}] * 2
    rows = form().rows(records, {})

    assert [(each["phones"], each[EXTRA]) for each in rows] == [(phones, None)] * 2
    assert caplog.messages == [
        "things: phones.new is not in the schema, but in a column that takes it as it is."
    ]


def test_links_to_other_pages_are_no_column() -> None:
    assert row({"_links": {"self": {"href": "/v3/x"}}}) == {}


def test_dots_in_names_are_underscores() -> None:
    assert row({"mail": {"sent": 1}, "mail.sent": 2}) == {"mail__sent": 1, EXTRA: {"mail.sent": 2}}
    assert row({"r.ate": 1}) == {EXTRA: {"r.ate": 1}}
    dotted = form(unfolded={"stats": ""}, blanks={})
    assert dotted.rows([{"id": "1", "stats": {"mail..sent": 4}}], {})[0]["mail__sent"] == 4


def test_blanks_stand_where_the_api_says_nothing_or_null() -> None:
    assert row({"name": None}, blanks={"name": ""}) == {"name": ""}
    assert row({}, blanks={"name": ""}) == {"name": ""}


def test_what_all_records_are_about_is_in_each_row() -> None:
    (made,) = form().rows([{"id": None}], {"id": "7", "ids": "7,8"})

    assert dict(made) == {**NOTHING, "id": "7"}


def test_one_spelling_is_used_for_all() -> None:
    assert row({"name": "DRAFT"}, spellings={"name": str.capitalize}) == {"name": "Draft"}
    assert row({}, spellings={"name": str.capitalize}) == {}


@pytest.mark.parametrize("key", [None, {}, []])
def test_a_row_without_its_key_ends_the_run(key: object) -> None:
    with pytest.raises(UnexpectedAnswer, match=r"A row of things has no id\."):
        form().rows([{"id": key}], {})


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.dictionaries(st.sampled_from([*PLAIN, "mail", "new", "mail.x", "_links"]), JSON),
    st.sampled_from([{"mail": "mail__"}, {}]),
)
def test_whatever_is_sent_a_row_has_the_schemas_types_and_nothing_is_lost(
    record: dict[str, Any], unfolded: dict[str, str]
) -> None:
    sent = copy.deepcopy(record)
    (made,) = form(unfolded=unfolded).rows([{"id": "1", **record}], {})

    columns = {name: value for name, value in made.items() if name != EXTRA}
    for name, value in columns.items():
        kinds = SCHEMA["properties"][name]["type"]
        floats = isinstance(value, float) or type(value).__name__ == "Decimal"
        Draft202012Validator({"type": kinds}).validate(1.5 if floats else value)
    kept = made[EXTRA] or {}
    for name, value in sent.items():
        said = columns.get(name)
        nothing = value in (None, {}) or (isinstance(value, str) and not value.strip())
        assert name in kept or said is not None or nothing or name in {"_links", "mail"}


PAGE = '{"things": %s, "total": 1}'


def page(made: Form, records: list[dict[str, Any]]) -> list[Any]:
    """Return the records of a page as they are once it is decoded into what fits the form."""

    fields: dict[str, Any] = {"things": list[made.record]}  # type: ignore[name-defined]
    found: list[Any] = decoded(
        (PAGE % json.dumps(records)).encode(),
        TypedDict("Page", fields, total=False),  # type: ignore[operator]
    )["things"]
    return found


def test_a_page_that_fits_is_decoded_into_rows() -> None:
    mail = {"address": "ann@example.com", "sent": 2}
    records = [{"id": "1", **PLAIN, "mail": mail}]
    made = form()
    found = page(made, records)

    assert [type(each) for each in found] == [made.record]
    assert plain(made.rows(found, {})) == plain(made.rows(records, {}))


def test_what_only_a_closer_look_shows_is_seen_in_a_page_that_was_decoded_into_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    made = form()
    (row,) = made.rows(page(made, [{"id": "1", "at": "never", "mail": {"sent": 2}}]), {})

    assert {name for name, value in row.items() if value is not None} == {"id", "mail__sent", EXTRA}
    assert row[EXTRA] == {"at": "never"}
    assert caplog.messages == [f"things: at is not of the type in the schema: {KEPT}"]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.dictionaries(st.sampled_from([*PLAIN, "mail", "new", "mail.x", "_links"]), JSON),
        max_size=3,
    ),
    st.sampled_from([{"mail": "mail__"}, {}, {"mail": ""}]),
)
def test_a_page_becomes_the_same_rows_whichever_way_it_is_decoded(
    records: list[dict[str, Any]], unfolded: dict[str, str]
) -> None:
    records = [{"id": "1", **record, "name": "Ann"} for record in records]
    once, again = form(unfolded=unfolded), form(unfolded=unfolded)
    kept = json.loads(json.dumps(records))

    assert plain(once.rows(page(once, records), {})) == plain(again.rows(kept, {}))


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)
def test_every_stream_whose_rows_the_api_sends_keeps_what_it_does_not_know(stream: Any) -> None:
    found = stream.schema["properties"].get(EXTRA)

    assert found == (None if stream is SyncMismatches else EXTRA_FIELD)  # its rows, the tap makes
