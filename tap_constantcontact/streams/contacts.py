"""The people of the account, and the lists they are on.

Source: the vendor's guide, "Contacts" and "Contact Lists"; docs/api-notes.md, "Opt-outs do not
move updated_at".
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypedDict

from singer_sdk import typing as th
from singer_sdk.helpers._catalog import get_selected_schema
from typing_extensions import override

from tap_constantcontact.streams.base import LEFT, Asking, ConstantContactStream, Outline
from tap_constantcontact.times import moment, text_of
from tap_constantcontact.units import ContactsUnit, Reading, Row, Unit, WindowUnit, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_constantcontact.streams.columns import Columns

CUSTOM_FIELDS = "custom_fields"
"""What custom fields say of a contact, as a list of all of them."""

SMS_CHANNEL = "sms_channel"
"""What only some applications may ask for with a contact."""

MAILABLE = frozenset({"explicit", "implicit"})
"""The permissions of contacts whose status is active: those who may be written to."""

COUNTED = ("deleted", "unsubscribed", "pending_confirmation", "not_set,temp_hold")
"""The statuses that are counted, and few enough to be read again by themselves."""

UNSUBSCRIBED = ("statuses", "unsubscribed")
"""What counts those who opted out: they say when they did."""

MOST_LISTS, MOST_TAGS = 25, 50
"""How many lists, and how many tags, the API takes in one call."""

Group = tuple[str, str]
"""What counts contacts: lists, tags or statuses, and which of them."""

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

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def count(body: Any) -> int:  # noqa: ANN401 - JSON is anything
    """Return how many contacts there are, of which a page shows some."""
    return int(body.get("contacts_count") or 0)


def _list_of(*properties: th.Property[Any]) -> th.ArrayType[Any]:
    return th.ArrayType(th.ObjectType(*properties, additional_properties=True))


SMS = (
    th.Property("sms_channel_id", th.StringType, description="The channel for text messages."),
    th.Property("sms_address", th.StringType, description="Its number."),
    th.Property("dial_code", th.StringType, description="The number's dial code, without +."),
    th.Property("country_code", th.StringType, description="The number's country: two letters."),
    th.Property("create_source", th.StringType, description="Who added it: Contact or Account."),
    th.Property("update_source", th.StringType, description="Who changed it last."),
    th.Property(
        "sms_channel_consents",
        _list_of(
            th.Property(
                "sms_consent_permission",
                th.StringType,
                description="explicit, unsubscribed, pending_confirmation or not_set.",
            ),
            th.Property("consent_type", th.StringType, description="promotional_sms."),
            th.Property("opt_in_date", th.DateTimeType, description="When the contact agreed."),
            th.Property("opt_out_date", th.DateTimeType, description="When it refused."),
            th.Property(
                "advertised_frequency", th.StringType, description="How many were announced."
            ),
            th.Property("advertised_interval", th.StringType, description="In which time."),
            th.Property("created_at", th.DateTimeType, description="When it was noted."),
            th.Property("updated_at", th.DateTimeType, description="When it changed."),
        ),
        description="What the contact agreed to.",
    ),
)
"""The fields of a contact's `sms_channel`: columns `sms_channel__…`."""


class Nobody(TypedDict):
    """A contact of whom nothing is wanted but that there is one."""


class CountedOutline(Outline, total=False):
    """What tells whether there are too many contacts to read one page after the other."""

    contacts_count: Any
    contacts: list[Nobody]


class Contacts(ConstantContactStream):
    """The people of the account, whatever their status, deleted ones included."""

    name = "contacts"
    path = "/contacts"
    params = {"status": "all"}
    page_size = 500
    records_key = "contacts"
    outline = CountedOutline
    decodes_rows = True
    primary_keys = ("contact_id",)
    replication_key = "updated_at"
    unfolded = {"email_address": "email_address__", SMS_CHANNEL: f"{SMS_CHANNEL}__"}
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
        *(
            th.Property(
                f"{SMS_CHANNEL}__{field.name}", field.wrapped, description=field.description
            )
            for field in SMS
        ),
        LEFT,
    ).to_dict()

    columns: Columns | None = None
    """The columns of custom fields, if they have some."""

    def adopt(self, columns: Columns) -> bool:
        """Take up the columns of custom fields; tell whether any is new.

        They are selected where the list of all custom fields is, whatever the catalog knows.
        """
        self.columns = columns
        before, added = self.schema["properties"], columns.schema
        if added.keys() <= before.keys():
            return False
        self.schema = {**self.schema, "properties": {**before, **added}}  # type: ignore[misc]
        for name in added:
            self.mask["properties", name] = self.mask["properties", CUSTOM_FIELDS]
        self._tap.mapper.register_raw_stream_schema(
            self.name, get_selected_schema(self.name, self.schema, self.mask), self.primary_keys
        )
        self._stream_maps = None
        for made in ("hidden", "_form", "shape"):
            vars(self).pop(made, None)
        return True

    @override
    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:
        """Return the rows of a page, with a column for each custom field."""
        rows = super().rows(unit, body)
        if self.columns is not None:
            rows = list(rows)
            for row in rows:
                self.columns.fill(row)
        return rows

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

    def changed_since(self, since: datetime) -> ContactsUnit:
        """Return the unit that reads the contacts whose `updated_at` moved."""
        return ContactsUnit(self, filters={"updated_after": text_of(since)})

    def opted_out_since(self, since: datetime) -> ContactsUnit:
        """Return the unit that reads the contacts who opted out, which moves no `updated_at`."""
        return ContactsUnit(
            self, filters={"optout_after": text_of(since)}, changed_before=since + SECOND
        )

    def on_lists(self, ids: Sequence[str]) -> list[ContactsUnit]:
        """Return the units that read the members of some lists."""
        return self._any_of("lists", ids, MOST_LISTS)

    def tagged(self, ids: Sequence[str]) -> list[ContactsUnit]:
        """Return the units that read the contacts with any of some tags."""
        return self._any_of("tags", ids, MOST_TAGS)

    def of_status(self, statuses: Sequence[str]) -> list[ContactsUnit]:
        """Return the units that read the contacts with any of some statuses, these alone."""
        return self._any_of("status", statuses, len(COUNTED))

    def _any_of(self, name: str, values: Sequence[str], most: int) -> list[ContactsUnit]:
        return [ContactsUnit(self, filters={name: some}) for some in joined(values, most)]

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
        """Return what keeps whom it should, and counts all who are read."""
        if isinstance(unit, WindowUnit):
            return WindowReading(self, unit)
        return (
            ContactsReading(self, unit) if isinstance(unit, ContactsUnit) else Reading(self, unit)
        )


def joined(values: Sequence[str], most: int) -> list[str]:
    """Return values as filters take them: as many in each as one call takes.

    >>> joined(["a", "b", "c"], 2)
    ['a,b', 'c']
    """
    return [",".join(values[start : start + most]) for start in range(0, len(values), most)]


def status_of(row: Row) -> str:
    """Return the status of a contact: deleted, or what its address may be used for."""
    return "deleted" if row["deleted_at"] else permission_of(row)


def permission_of(row: Row) -> str:
    """Return what the address of a contact may be used for, deleted or not."""
    permission: str = row["email_address__permission_to_send"] or "not_set"
    return "active" if permission in MAILABLE else permission


def status_began(row: Row) -> tuple[datetime, datetime] | None:
    """Return between which moments a contact got its status, if it says so.

    Of a deletion it says the day alone, and not whose: that has ended everywhere two days later.
    """
    if row["deleted_at"]:
        day = moment(row["deleted_at"])
        return day, day + 2 * DAY
    changed = row["email_address__updated_at"]
    return (moment(changed), moment(changed)) if changed else None


def groups_of(row: Row) -> Iterator[Group]:
    """Yield what counts a contact; whether a deleted one counts by its permission is not sure."""
    for status in {status_of(row), permission_of(row)}:
        for statuses in COUNTED:
            if status in statuses.split(","):
                yield ("statuses", statuses)
    for key in row["list_memberships"] or ():
        yield ("lists", key)
    for key in () if row["deleted_at"] else row["taggings"] or ():
        yield ("tags", key)


class ContactsReading(Reading):
    """Reads contacts, and keeps those that are wanted.

    Attributes:
        arrived: How many have come to each list, and so on, since contacts were counted, as
            they say themselves: they were added, or opted out.
        others: How many others are on it, who may have been before.
        older: How many were added before, whatever they are on.
        left: Who is not wanted, and perhaps was before.
    """

    def __init__(self, source: Contacts, unit: ContactsUnit) -> None:
        super().__init__(source, unit)
        self._keeps, self._was_kept, self._hidden = unit.keeps, unit.was_kept, unit.hidden
        self._known, self._before = unit.known, unit.changed_before
        self.arrived: Counter[Group] = Counter()
        self.others: Counter[Group] = Counter()
        self.older = 0
        self.left: list[str] = []

    @override
    def take(self, body: Any) -> list[Row]:
        """Return the rows of the next page that are kept."""
        rows = list(super().take(body))
        self._look_at(rows)
        if self._keeps is not None:
            rows = list(self._kept(rows, self._keeps))
        for name in self._hidden:
            for row in rows:
                row[name] = None
        return rows

    def _kept(self, rows: Iterable[Row], keeps: Callable[[Row], bool]) -> Iterator[Row]:
        """Yield the contacts that are wanted; note who perhaps was."""
        for row in rows:
            if keeps(row):
                yield row
            elif self._was_kept and self._was_kept(row):
                self.left.append(row["contact_id"])

    def _look_at(self, rows: Sequence[Row]) -> None:
        """Count the contacts of a page."""
        known = self._known
        if known is None:
            return
        for row in rows:
            added, changed = row["created_at"], row["updated_at"]
            if self._before and changed and moment(changed) >= self._before:
                continue
            new = added is not None and moment(added) > known
            left = row["email_address__opt_out_date"]
            self.older += not new
            for group in groups_of(row):
                opted_out = group == UNSUBSCRIBED and left and moment(left) > known
                (self.arrived if new or opted_out else self.others)[group] += 1


class SegmentContacts(ConstantContactStream):
    """The contacts in chosen segments."""

    name = "segment_contacts"
    path = "/contacts"
    page_size = 500
    records_key = "contacts"
    primary_keys = ("segment_id", "contact_id")
    selected_by_default = False
    may_be_missing = True  # a segment that was deleted has no contacts
    scope = "contact_data"
    privilege = "contacts:read"
    schema = th.PropertiesList(
        th.Property("segment_id", th.IntegerType, required=True, description="The segment."),
        th.Property("contact_id", th.StringType, required=True, description="The contact."),
        LEFT,
    ).to_dict()

    def of(self, segment_id: str) -> Unit:
        """Return the unit that reads the contacts of a segment; no filter goes with it."""
        return Unit(self, about={"segment_id": int(segment_id)}, filters={"segment_id": segment_id})

    @override
    def records(self, body: Any) -> list[dict[str, Any]]:
        """Return of each contact who it is: `contacts` has all the rest."""
        return [{"contact_id": record.get("contact_id")} for record in super().records(body)]


class WindowReading(ContactsReading):
    """Reads a window of contacts.

    Attributes:
        count: How many contacts it holds, as of the last page.
        added: When those of the first page that holds any were added, in their order.
    """

    def __init__(self, source: Contacts, unit: WindowUnit) -> None:
        super().__init__(source, unit)
        self.count = 0
        self.added: list[datetime] = []

    @override
    def take(self, body: Any) -> list[Row]:
        """Return the rows of the next page that are kept."""
        self.count = count(body)
        return super().take(body)

    @override
    def _look_at(self, rows: Sequence[Row]) -> None:
        if not self.added:
            self.added += [moment(row["created_at"]) for row in rows if row["created_at"]]

    @property
    def is_divided(self) -> bool:
        """Whether there were too many."""
        return self.count > MOST_IN_WINDOW


class ContactTotals(Asking):
    """Looks up how many contacts there are with each permission, deleted ones left out."""

    name = "the counts of contacts"
    path = "/contacts/counts"
    params = {"include": "new_subscriber"}
    scope = "contact_data"
    privilege = "contacts:read"


class DeletedContacts(Asking):
    """Looks up how many contacts are deleted."""

    name = "the count of deleted contacts"
    path = "/contacts"
    params = {"status": "deleted", "include_count": "true"}
    page_size = 1
    scope = "contact_data"
    privilege = "contacts:read"

    def counted(self, *, with_channels: bool) -> Unit:
        """Return the unit that counts them.

        Args:
            with_channels: Whether to ask for their channels for text messages, too: that shows
                whether the API still takes it.
        """
        return Unit(self, filters={"include": SMS_CHANNEL} if with_channels else {}, optional=True)

    @override
    def enough(self, unit: Unit, body: Any) -> bool:
        """Tell that the first page says it all."""
        return True

    @override
    def rows(self, unit: Unit, body: Any) -> Iterator[Row]:
        """Yield their number."""
        yield {"deleted": count(body)}


class SmsChannelProbe(Asking):
    """Finds out whether the API shows the channel for text messages, as only its guide says."""

    name = "the probe for text messages"
    path = "/contacts"
    params = {"status": "all", "include": SMS_CHANNEL}
    page_size = 1
    scope = "contact_data"
    privilege = "contacts:read"

    @override
    def enough(self, unit: Unit, body: Any) -> bool:
        """Tell that the first page says it all."""
        return True

    @override
    def rows(self, unit: Unit, body: Any) -> Iterator[Row]:
        """Yield nothing: that there is an answer is the answer."""
        yield from ()


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
