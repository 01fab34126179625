"""The people of the account, and the lists they are on.

Source: the vendor's guide, "Contacts" and "Contact Lists"; docs/api-notes.md, "Opt-outs do not
move updated_at".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.times import moment, text_of
from tap_constantcontact.units import Reading, Row, Unit, WindowUnit, Work

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

SUBRESOURCES = (
    "custom_fields",
    "list_memberships",
    "phone_numbers",
    "street_addresses",
    "taggings",
    "notes",
)
"""What a contact comes with when it is asked for."""

EMAIL_ADDRESS = (
    th.Property("address", th.StringType, description="The e-mail address."),
    th.Property(
        "permission_to_send",
        th.StringType,
        description="explicit, implicit, not_set, pending_confirmation, temp_hold or unsubscribed: "
        "whom to write to.",
    ),
    th.Property("created_at", th.DateTimeType, description="When the address was added."),
    th.Property(
        "updated_at",
        th.DateTimeType,
        description="When the address or its permission changed; an opt-out moves only this time.",
    ),
    th.Property("opt_in_source", th.StringType, description="Who opted in: Contact or Account."),
    th.Property("opt_in_date", th.DateTimeType, description="When the contact opted in."),
    th.Property("opt_out_source", th.StringType, description="Who opted out: Contact or Account."),
    th.Property("opt_out_date", th.DateTimeType, description="When the contact opted out."),
    th.Property("opt_out_reason", th.StringType, description="The reason given for opting out."),
    th.Property(
        "confirm_status",
        th.StringType,
        description="Whether the address was confirmed: off, pending or confirmed.",
    ),
)
"""The fields of a contact's `email_address`: columns `email_address__…`."""


MOST_IN_WINDOW = 10_000
"""Contacts that are read one page after the other: 20 calls, some 6 seconds."""

SECOND = timedelta(seconds=1)


def count(body: Any) -> int:  # noqa: ANN401 - JSON is anything
    """Return how many contacts there are, of which a page shows some."""
    return int(body.get("contacts_count") or 0)


def _list_of(*properties: th.Property[Any]) -> th.ArrayType[Any]:
    return th.ArrayType(th.ObjectType(*properties, additional_properties=True))


class Contacts(ConstantContactStream):
    """The people of the account, whatever their status, deleted ones included."""

    name = "contacts"
    path = "/contacts"
    params = {"status": "all", "include": ",".join(SUBRESOURCES)}
    page_size = 500
    records_key = "contacts"
    primary_keys = ("contact_id",)
    replication_key = "updated_at"
    unfolded = {"email_address": "email_address__"}
    scope = "contact_data"
    privilege = "contacts:read"
    schema = th.PropertiesList(
        th.Property("contact_id", th.StringType, required=True, description="The contact."),
        *(
            th.Property(
                f"email_address__{field.name}", field.wrapped, description=field.description
            )
            for field in EMAIL_ADDRESS
        ),
        th.Property("first_name", th.StringType, description="First name."),
        th.Property("last_name", th.StringType, description="Last name."),
        th.Property("job_title", th.StringType, description="Job title."),
        th.Property(
            "company_name", th.StringType, description="The company the contact works for."
        ),
        th.Property("birthday_month", th.IntegerType, description="Month of birth, 1 to 12."),
        th.Property("birthday_day", th.IntegerType, description="Day of birth, 1 to 31."),
        th.Property("anniversary", th.StringType, description="Anniversary, as it was typed in."),
        th.Property(
            "update_source", th.StringType, description="Who changed it last: Contact or Account."
        ),
        th.Property(
            "create_source",
            th.StringType,
            description="Who added it: Contact, Account, Landing Page …",
        ),
        th.Property("created_at", th.DateTimeType, description="When the contact was added."),
        th.Property(
            "updated_at",
            th.DateTimeType,
            description="When the contact changed; an opt-out does not move it.",
        ),
        th.Property(
            "deleted_at",
            th.DateType,
            description="The day it was deleted; null for a contact that was not, or was revived.",
        ),
        th.Property(
            "custom_fields",
            _list_of(
                th.Property("custom_field_id", th.StringType, description="The field."),
                th.Property("value", th.StringType, description="Its value, as text."),
                th.Property(
                    "choice_ids",
                    th.ArrayType(th.StringType),
                    description="The choices made, for fields that offer some.",
                ),
            ),
            description="The values of the custom fields that have one.",
        ),
        th.Property(
            "phone_numbers",
            _list_of(
                th.Property("phone_number_id", th.StringType, description="The number's id."),
                th.Property("phone_number", th.StringType, description="The number, as typed in."),
                th.Property("kind", th.StringType, description="home, work, mobile or other."),
                th.Property("created_at", th.DateTimeType, description="When it was added."),
                th.Property("updated_at", th.DateTimeType, description="When it changed."),
                th.Property("update_source", th.StringType, description="Who changed it last."),
                th.Property("create_source", th.StringType, description="Who added it."),
            ),
            description="Up to three phone numbers.",
        ),
        th.Property(
            "street_addresses",
            _list_of(
                th.Property("street_address_id", th.StringType, description="The address's id."),
                th.Property("kind", th.StringType, description="home, work or other."),
                th.Property("street", th.StringType, description="Number and street."),
                th.Property("city", th.StringType, description="Town."),
                th.Property("state", th.StringType, description="State or province."),
                th.Property("postal_code", th.StringType, description="Postal code."),
                th.Property("country", th.StringType, description="Country."),
                th.Property("created_at", th.DateTimeType, description="When it was added."),
                th.Property("updated_at", th.DateTimeType, description="When it changed."),
            ),
            description="Up to three postal addresses.",
        ),
        th.Property(
            "list_memberships",
            th.ArrayType(th.StringType),
            description="The lists it is on: contact_lists has their names.",
        ),
        th.Property(
            "taggings", th.ArrayType(th.StringType), description="The tags it carries, by id."
        ),
        th.Property(
            "notes",
            _list_of(
                th.Property("note_id", th.StringType, description="The note."),
                th.Property("created_at", th.DateTimeType, description="When it was written."),
                th.Property("content", th.StringType, description="What it says."),
            ),
            description="Notes on the contact, newest first.",
        ),
    ).to_dict()

    def added_between(
        self, since: datetime | None, until: datetime | None, *, divisible: bool = True
    ) -> WindowUnit:
        """Return the unit that reads the contacts that were added between two moments.

        Nothing else that one can filter by stays as it is while one reads. Nobody documents
        whether the API's bounds are inclusive, so the first is moved by a second: it may show
        contacts that were added just before.
        """
        return WindowUnit(
            self,
            filters={
                **({"created_after": text_of(since - SECOND)} if since else {}),
                **({"created_before": text_of(until)} if until else {}),
                "include_count": "true",
            },
            work=Work.WHOLE,
            since=since,
            until=until,
            divisible=divisible,
        )

    def changed_since(self, since: datetime) -> Unit:
        """Return the unit that reads the contacts whose `updated_at` moved."""
        return Unit(self, filters={"updated_after": text_of(since)})

    def opted_out_since(self, since: datetime) -> Unit:
        """Return the unit that reads the contacts who opted out, which moves no `updated_at`."""
        return Unit(self, filters={"optout_after": text_of(since)})

    @override
    def enough(self, unit: Unit, body: Any) -> bool:
        """Tell whether a window holds too many: it is better divided."""
        return (
            isinstance(unit, WindowUnit)
            and unit.divisible
            and count(body) > MOST_IN_WINDOW
            and bool(self.records(body))
        )

    @override
    def reading(self, unit: Unit) -> Reading:
        """Return what also remembers how many there are, and when they were added."""
        return WindowReading(self, unit) if isinstance(unit, WindowUnit) else Reading(self, unit)


class WindowReading(Reading):
    """Reads a window of contacts.

    Attributes:
        count: How many contacts it holds, as of the last page.
        added: When those of the first page that holds any were added, in their order.
    """

    def __init__(self, source: Contacts, unit: Unit) -> None:
        super().__init__(source, unit)
        self.count = 0
        self.added: list[datetime] = []

    @override
    def take(self, body: Any) -> Iterator[Row]:
        """Yield the rows of the next page."""
        self.count, whole = count(body), bool(self.added)
        for row in super().take(body):
            if not whole and row["created_at"]:
                self.added.append(moment(row["created_at"]))
            yield row

    @property
    def is_divided(self) -> bool:
        """Whether there were too many."""
        return self.count > MOST_IN_WINDOW


class ContactLists(ConstantContactStream):
    """The lists that contacts are on, for e-mail and for SMS, deleted ones included."""

    name = "contact_lists"
    path = "/contact_lists"
    params = {"status": "all", "include_membership_count": "all"}
    page_size = 1000
    records_key = "lists"
    primary_keys = ("list_id",)
    scope = "contact_data"
    privilege = "contacts:lists:read"
    schema = th.PropertiesList(
        th.Property("list_id", th.StringType, required=True, description="The list."),
        th.Property("name", th.StringType, description="Its name."),
        th.Property("description", th.StringType, description="What it is for; internal."),
        th.Property("favorite", th.BooleanType, description="Whether the account starred it."),
        th.Property("created_at", th.DateTimeType, description="When it was made."),
        th.Property("updated_at", th.DateTimeType, description="When its own fields changed."),
        th.Property("deleted_at", th.DateTimeType, description="When it was deleted, if it was."),
        th.Property("membership_count", th.IntegerType, description="How many contacts are on it."),
    ).to_dict()

    def of_channel(self, channel: str) -> Unit:
        """Return the unit that reads the lists of a channel: the API shows one at a time.

        Args:
            channel: `email` or `sms`.
        """
        return Unit(self, filters={"channel_type": channel})
