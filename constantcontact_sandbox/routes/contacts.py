"""The people of the account: /contacts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import CONTACTS, processing
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import as_date, in_seconds
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.records import MAILABLE
from constantcontact_sandbox.routes.shapes import present

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Contact, FieldValue, SmsChannel

_SCALARS = (
    "first_name",
    "last_name",
    "job_title",
    "company_name",
    "birthday_month",
    "birthday_day",
)
_SUBRESOURCES = frozenset(
    {
        "custom_fields",
        "list_memberships",
        "phone_numbers",
        "street_addresses",
        "taggings",
        "notes",
    }
)
_STATUSES = frozenset(
    {
        "all",
        "active",
        "deleted",
        "not_set",
        "pending_confirmation",
        "temp_hold",
        "unsubscribed",
    }
)
_SMS_STATUSES = frozenset({"all", "explicit", "unsubscribed", "pending_confirmation", "not_set"})
_NOT_WITH_A_SEGMENT = frozenset(
    {
        "status",
        "email",
        "lists",
        "tags",
        "updated_after",
        "updated_before",
        "created_after",
        "created_before",
        "optout_after",
        "optout_before",
        "include",
        "sms_status",
        "include_count",
    }
)
_MOST_LISTS, _MOST_TAGS = 25, 50
_NEW = timedelta(days=30)


def _created_at(contact: Contact) -> datetime:
    return contact.created_at


def _updated_at(contact: Contact) -> datetime:
    return contact.updated_at


def _opted_out_at(contact: Contact) -> datetime | None:
    return contact.email_address.opt_out_date if contact.email_address else None


_PAGING = Paging(limit=(50, 500), moment=_created_at)


def collection(call: Call) -> dict[str, Any]:
    """Show the contacts that pass every filter, or those of a segment, the newest first."""
    include = _included(call)
    matching = _matching(call) if call.text("segment_id") is None else _in_segment(call)
    rows, more = _PAGING.cut(call, matching)
    body: dict[str, Any] = {"contacts": [_contact(each, include) for each in rows]}
    if call.flag("include_count"):
        body["contacts_count"] = len(matching)
    return body | more


def detail(call: Call) -> dict[str, Any]:
    """Show one contact, deleted or not."""
    include = _included(call)
    contact = call.account.contacts.get(call.uuid("contact_id"))
    if contact is None:
        raise CONTACTS.not_found("Contact not found.")
    return _contact(contact, include)


def counts(call: Call) -> dict[str, int]:
    """Count the contacts that are not deleted, by permission."""
    with_new = call.one_of("include", frozenset({"new_subscriber"}))
    living = [each for each in call.account.contacts.values() if each.deleted_at is None]
    permissions = [each.permission for each in living]
    body = {
        "total": len(living),
        "explicit": permissions.count("explicit"),
        "implicit": permissions.count("implicit"),
        "pending": permissions.count("pending_confirmation"),
        "unsubscribed": permissions.count("unsubscribed"),
    }
    if with_new:
        body["new_subscriber"] = sum(each.created_at >= call.now - _NEW for each in living)
    return body


def _included(call: Call) -> frozenset[str]:
    known = _SUBRESOURCES
    if call.switches.sms_channel_included:
        known |= {"sms_channel"}
    return frozenset(call.words("include", known=known))


def _in_segment(call: Call) -> Sequence[Contact]:
    """Return the contacts of a segment, if they have been found already."""
    number = call.text("segment_id") or ""
    if not number.isdecimal() or not _NOT_WITH_A_SEGMENT.isdisjoint(call.query):
        raise call.invalid("segment_id")
    segment = call.account.segments.get(int(number))
    if segment is None or segment.deleted_at is not None:
        raise CONTACTS.not_found("Segment not found.")
    if not call.from_cursor and call.account.is_computing(segment):
        raise processing()
    return call.account.members_of(segment)


def _matching(call: Call) -> Sequence[Contact]:
    candidates = call.account.newest_contacts(
        since=call.moment("created_after"), until=call.moment("created_before")
    )
    for test in _tests(call):
        candidates = list(filter(test, candidates))
    return candidates


def _tests(call: Call) -> Iterator[Callable[[Contact], bool]]:
    """Yield what a contact must pass; filters are ANDed."""
    for test in (
        _has_status(call.words("status", known=_STATUSES)),
        _has_sms_status(call.words("sms_status", known=_SMS_STATUSES)),
        call.between("created_after", "created_before", _created_at),
        call.between("updated_after", "updated_before", _updated_at),
        call.between("optout_after", "optout_before", _opted_out_at),
        _has_address(call.text("email")),
        _is_in(call.ids_asked("lists", at_most=_MOST_LISTS)),
        _is_tagged(call.ids_asked("tags", at_most=_MOST_TAGS)),
    ):
        if test is not None:
            yield test


def _has_status(statuses: Sequence[str]) -> Callable[[Contact], bool] | None:
    if not statuses:
        return lambda contact: contact.deleted_at is None
    if "all" in statuses:
        return None
    permissions = {*statuses, *(MAILABLE if "active" in statuses else ())}
    deleted = "deleted" in statuses

    def has_status(contact: Contact) -> bool:
        if contact.deleted_at is not None:
            return deleted
        return contact.permission in permissions

    return has_status


def _has_sms_status(statuses: Sequence[str]) -> Callable[[Contact], bool] | None:
    if not statuses or "all" in statuses:
        return None
    wanted = frozenset(statuses)
    return lambda contact: not wanted.isdisjoint(_sms_permissions(contact))


def _sms_permissions(contact: Contact) -> list[str]:
    consents = contact.sms_channel.consents if contact.sms_channel else ()
    return [each.sms_consent_permission for each in consents] or ["not_set"]


def _has_address(address: str | None) -> Callable[[Contact], bool] | None:
    if address is None:
        return None
    return lambda contact: (
        contact.email_address is not None and contact.email_address.address == address
    )


def _is_in(lists: frozenset[str]) -> Callable[[Contact], bool] | None:
    if not lists:
        return None
    return lambda contact: not lists.isdisjoint(contact.list_memberships)


def _is_tagged(tags: frozenset[str]) -> Callable[[Contact], bool] | None:
    if not tags:
        return None
    return lambda contact: not tags.isdisjoint(contact.taggings)


def _contact(contact: Contact, include: frozenset[str]) -> dict[str, Any]:
    shown: dict[str, Any] = {"contact_id": contact.contact_id}
    if contact.email_address is not None:
        shown["email_address"] = present(contact.email_address)
    for name in _SCALARS:
        value = getattr(contact, name)
        if value is not None:
            shown[name] = value
    if contact.anniversary is not None:
        shown["anniversary"] = as_date(contact.anniversary)
    if contact.update_source is not None:
        shown["update_source"] = contact.update_source
    shown["create_source"] = contact.create_source
    shown["created_at"] = in_seconds(contact.created_at)
    shown["updated_at"] = in_seconds(contact.updated_at)
    if contact.deleted_at is not None:
        shown["deleted_at"] = as_date(contact.deleted_at)
    for name, write in _WRITERS.items():
        if name in include:
            write(shown, contact)
    return shown


def _field_value(said: FieldValue) -> dict[str, Any]:
    shown: dict[str, Any] = {"custom_field_id": said.custom_field_id}
    if said.value is not None:
        shown["value"] = said.value
    if said.choice_ids:
        shown["choice_ids"] = list(said.choice_ids)
    return shown


def _sms_channel(channel: SmsChannel) -> dict[str, Any]:
    consents = [present(each) for each in channel.consents]
    return {**present(channel), "sms_channel_consents": consents}


def _write_sms_channel(shown: dict[str, Any], contact: Contact) -> None:
    if contact.sms_channel is not None:
        shown["sms_channel"] = _sms_channel(contact.sms_channel)


def _writer(name: str, write: Callable[[Any], Any]) -> Callable[[dict[str, Any], Contact], None]:
    def write_all(shown: dict[str, Any], contact: Contact) -> None:
        shown[name] = [write(each) for each in getattr(contact, name)]

    return write_all


#: How each sub-resource is written, in the order in which the API shows them.
_WRITERS = {
    "custom_fields": _writer("custom_fields", _field_value),
    "phone_numbers": _writer("phone_numbers", present),
    "street_addresses": _writer("street_addresses", present),
    "list_memberships": _writer("list_memberships", str),
    "taggings": _writer("taggings", str),
    "notes": _writer("notes", present),
    "sms_channel": _write_sms_channel,
}

ROUTES = (
    Route("/contacts", collection, CONTACTS, "contact_data", "contacts:read", cursor="cursor"),
    Route("/contacts/counts", counts, CONTACTS, "contact_data", "contacts:read"),
    Route("/contacts/{contact_id}", detail, CONTACTS, "contact_data", "contacts:read"),
)
