"""Custom fields of contacts as columns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.streams.columns import Column, Columns
from tap_constantcontact.tap import TapConstantContact
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox.records import Contact, CustomField
    from tests.running import Outcome

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=60)


class Bakery:
    """Two people, of whom some is known."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.ann, self.bob = (
            account.add_contact(f"{name}@example.com", first_name=name, at=LONG_AGO)
            for name in ("ann", "bob")
        )

    def field(self, label: str, kind: Any = "string", **more: Any) -> CustomField:
        return self.account.add_custom_field(label, kind, at=LONG_AGO, **more)

    def say(self, contact: Contact, field: CustomField, value: str = "", *choices: str) -> None:
        self.account.set_field(contact, field, value, *choices)
        self.account.touch(contact)


@pytest.fixture
def bakery(clock: Clock) -> Bakery:
    return Bakery(Account(clock))


@pytest.fixture
def sandbox(bakery: Bakery, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(bakery.account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store")


def read(tap: TapRunner) -> Outcome:
    return tap.run(select=["contacts"])


def of(outcome: Outcome, contact: Contact) -> dict[str, Any]:
    """Return the columns of a contact that are custom fields."""
    row = [row for row in outcome.rows("contacts") if row["contact_id"] == contact.contact_id][-1]
    return {name: value for name, value in row.items() if name.startswith("cf_")}


def columns(outcome: Outcome) -> dict[str, Any]:
    """Return the columns of custom fields in the last SCHEMA."""
    schemas = [message for message in outcome.messages if message["type"] == "SCHEMA"]
    properties = schemas[-1]["schema"]["properties"]
    return {name: field for name, field in properties.items() if name.startswith("cf_")}


@pytest.mark.parametrize(
    ("kind", "said", "value", "types", "form"),
    [
        ("string", "O'Malley's", "O'Malley's", ["string", "null"], None),
        ("text_area", "a\nb", "a\nb", ["string", "null"], None),
        ("date", "2026-05-30", "2026-05-30", ["string", "null"], "date"),
        ("date", "05/30/2026", "2026-05-30", ["string", "null"], "date"),
        (
            "datetime",
            "2026-05-30T08:00:00-04:00",
            "2026-05-30T12:00:00Z",
            ["string", "null"],
            "date-time",
        ),
        ("number", "-3.5", -3.5, ["number", "null"], None),
        ("number", "2", 2, ["number", "null"], None),
        ("currency", "1250.00", 1250, ["number", "null"], None),
        ("boolean", "true", True, ["boolean", "null"], None),
        ("boolean", "false", False, ["boolean", "null"], None),
    ],
)
def test_each_is_a_column_of_its_type(
    tap: TapRunner, bakery: Bakery, kind: str, said: str, value: Any, types: list[str], form: Any
) -> None:
    bakery.say(bakery.ann, bakery.field("The field!", kind), said)

    first = read(tap)
    assert of(first, bakery.ann) == {"cf_the_field": value}
    assert of(first, bakery.bob) == {"cf_the_field": None}
    column = columns(first)["cf_the_field"]
    assert (column["type"], column.get("format")) == (types, form)


def test_choices_are_columns_of_their_labels(tap: TapRunner, bakery: Bakery) -> None:
    one = bakery.field("Comes by", "single_select", choices=("foot", "car"))
    many = bakery.field("Diet", "multi_select", choices=("vegan", "no nuts", "none"))
    bakery.say(bakery.ann, one, "", "000002")
    bakery.say(bakery.ann, many, "", "000001", "000002")

    first = read(tap)
    assert of(first, bakery.ann) == {"cf_comes_by": "car", "cf_diet": ["vegan", "no nuts"]}
    assert of(first, bakery.bob) == {"cf_comes_by": None, "cf_diet": None}
    assert columns(first)["cf_diet"]["items"] == {"type": ["string"]}


def test_the_list_of_all_values_stays_as_it_is(tap: TapRunner, bakery: Bakery) -> None:
    bread = bakery.field("Bread")
    bakery.say(bakery.ann, bread, "rye")

    (row,) = [row for row in read(tap).rows("contacts") if row["first_name"] == "ann"]
    assert row["custom_fields"] == [{"custom_field_id": bread.custom_field_id, "value": "rye"}]


def test_a_renamed_field_keeps_its_column_until_a_full_refresh(
    tap: TapRunner, bakery: Bakery, clock: Clock
) -> None:
    bread = bakery.field("Bread")
    bakery.say(bakery.ann, bread, "rye")
    read(tap)
    clock.advance(timedelta(hours=1))
    bakery.account.relabel(bread, "Loaf")
    bakery.say(bakery.ann, bread, "spelt")

    assert of(read(tap), bakery.ann) == {"cf_bread": "spelt"}
    tap.state = {}
    assert of(read(tap), bakery.ann) == {"cf_loaf": "spelt"}


def test_equal_names_are_told_apart_the_older_field_first(tap: TapRunner, bakery: Bakery) -> None:
    second = bakery.account.add_custom_field("bread!", at=NOON - timedelta(days=1))
    first = bakery.field("Bread")
    bakery.say(bakery.ann, first, "rye")
    bakery.say(bakery.ann, second, "spelt")

    assert of(read(tap), bakery.ann) == {"cf_bread": "rye", "cf_bread_2": "spelt"}


def test_a_field_made_later_becomes_a_column(tap: TapRunner, bakery: Bakery, clock: Clock) -> None:
    bakery.field("Bread")
    read(tap)
    clock.advance(timedelta(hours=1))
    bakery.say(bakery.ann, bakery.account.add_custom_field("Cake"), "plum")

    later = read(tap)
    assert of(later, bakery.ann) == {"cf_bread": None, "cf_cake": "plum"}
    schemas = [columns_of for columns_of in later.messages if columns_of["type"] == "SCHEMA"]
    assert ["cf_cake" in each["schema"]["properties"] for each in schemas] == [False, True]
    # From then on it is known, and the schema comes once.
    again = read(tap).messages
    assert sum(message["type"] == "SCHEMA" for message in again) == 1


def test_a_deleted_field_makes_all_contacts_be_read(
    tap: TapRunner, bakery: Bakery, clock: Clock
) -> None:
    bread = bakery.field("Bread")
    bakery.say(bakery.ann, bread, "rye")
    clock.advance(timedelta(hours=1))  # or the look-back would bring it
    read(tap)
    clock.advance(timedelta(hours=1))
    bakery.account.delete_custom_field(bread)

    assert of(read(tap), bakery.ann) == {"cf_bread": None}
    clock.advance(timedelta(hours=1))
    assert read(tap).rows("contacts") == []


def test_a_choice_worded_anew_makes_all_contacts_be_read_and_a_new_one_does_not(
    tap: TapRunner, bakery: Bakery, clock: Clock
) -> None:
    by = bakery.field("Comes by", "single_select", choices=("foot", "car"))
    bakery.say(bakery.ann, by, "", "000001")
    clock.advance(timedelta(hours=1))  # or the look-back would bring it
    read(tap)
    clock.advance(timedelta(hours=1))
    bakery.account.add_choice(by, "bicycle")
    assert read(tap).rows("contacts") == []
    clock.advance(timedelta(hours=1))
    bakery.account.rename_choice(by, by.choices[0], "on foot")

    assert of(read(tap), bakery.ann) == {"cf_comes_by": "on foot"}
    assert read(tap).rows("contacts") == []


def test_what_cannot_be_read_is_null_with_one_warning(
    tap: TapRunner, bakery: Bakery, caplog: pytest.LogCaptureFixture
) -> None:
    number = bakery.field("Loaves", "number")
    bakery.say(bakery.ann, number, "a dozen")
    bakery.say(bakery.bob, number, "few")

    first = read(tap)
    assert of(first, bakery.ann) == of(first, bakery.bob) == {"cf_loaves": None}
    assert caplog.text.count("cf_loaves holds what is no number") == 1
    assert {row["custom_fields"][0]["value"] for row in first.rows("contacts")} == {
        "a dozen",
        "few",
    }


def test_they_can_be_left_out(tap: TapRunner, bakery: Bakery) -> None:
    bakery.say(bakery.ann, bakery.field("Bread"), "rye")
    tap.config["custom_fields_as_columns"] = False
    first = read(tap)
    assert of(first, bakery.ann) == columns(first) == {}

    del tap.config["custom_fields_as_columns"]
    assert of(read(tap), bakery.ann) == {"cf_bread": "rye"}


@pytest.mark.parametrize("selected", [True, False])
def test_a_catalog_that_does_not_know_them_selects_them_with_the_list_of_them(
    tap: TapRunner, bakery: Bakery, *, selected: bool
) -> None:
    bakery.say(bakery.ann, bakery.field("Bread"), "rye")
    catalog = tap.make().catalog_dict
    for stream in catalog["streams"]:
        for entry in stream["metadata"]:
            if entry["breadcrumb"] == []:
                entry["metadata"]["selected"] = stream["tap_stream_id"] == "contacts"
            elif entry["breadcrumb"] == ["properties", "custom_fields"]:
                entry["metadata"]["selected"] = selected
    writer = Writer()
    TapConstantContact(config=tap.settings, catalog=catalog, message_writer=writer).sync_all()

    rows = [message["record"] for message in writer.messages if message["type"] == "RECORD"]
    assert {row.get("cf_bread") for row in rows} == ({"rye", None} if selected else {None})
    assert all(("cf_bread" in row) is selected for row in rows)
    schema = [message for message in writer.messages if message["type"] == "SCHEMA"][-1]
    assert ("cf_bread" in schema["schema"]["properties"]) is selected


def test_stream_maps_see_them(tap: TapRunner, bakery: Bakery) -> None:
    bakery.say(bakery.ann, bakery.field("Bread"), "rye")
    tap.config["stream_maps"] = {"contacts": {"shout": "(cf_bread or '').upper()"}}

    assert {row["shout"] for row in read(tap).rows("contacts")} == {"RYE", ""}


def test_a_name_without_a_letter_is_the_id() -> None:
    learnt = Columns()
    learnt.learn([{"custom_field_id": "f1", "name": "!?", "type": "string", "created_at": "2026"}])

    assert learnt.known == {"f1": Column("cf_f1", "string")}
