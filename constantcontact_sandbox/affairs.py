"""What happens on a day to all that sorts and describes contacts, and to whom one can text.

The account's people add something and take away what they added before: what a populated account
began with stays, so that its mail still finds readers after a year.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar, get_args

from constantcontact_sandbox.crowd import lives, open_lists, someone
from constantcontact_sandbox.people import SELECTS
from constantcontact_sandbox.records import FieldType
from constantcontact_sandbox.segments import Criteria
from constantcontact_sandbox.townsfolk import fill_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.chance import Chance
    from constantcontact_sandbox.records import Contact, SmsPermission
    from constantcontact_sandbox.segments import Segment

T = TypeVar("T")
C = TypeVar("C", bound="_Created")

_FIELD_TYPES: tuple[FieldType, ...] = get_args(FieldType)
_AT_ONCE = 5
_FIRST_EMAILS = 2  # addresses that a populated account begins with


class _Created(Protocol):
    @property
    def created_at(self) -> datetime: ...


def _one(chance: Chance, among: Iterable[T]) -> T | None:
    things = list(among)
    return chance.pick(things) if things else None


def _added_since(account: Account, among: Iterable[C]) -> list[C]:
    """Return what the account did not begin with."""
    return [each for each in among if each.created_at > account.born]


def _some(account: Account, chance: Chance) -> list[Contact]:
    """Draw a few living contacts, some perhaps twice."""
    drawn = (someone(account, chance, lives) for _ in range(_AT_ONCE))
    return [contact for contact in drawn if contact is not None]


# Tags


def _add_tag(account: Account, chance: Chance, at: datetime) -> bool:
    """Add a tag, and put it on some contacts."""
    tag = account.add_tag(f"since {at:%Y-%m-%d} #{chance.below(1000)}", at=at)
    for contact in _some(account, chance):
        account.tag(contact, tag, at=at)
    return True


def _rename_tag(account: Account, chance: Chance, at: datetime) -> bool:
    tag = _one(chance, account.tags.values())
    if tag is None:
        return False
    account.rename_tag(tag, f"{tag.name.partition(' /')[0]} / {chance.below(1000)}", at=at)
    return True


def _delete_tag(account: Account, chance: Chance, at: datetime) -> bool:
    tag = _one(chance, _added_since(account, account.tags.values()))
    if tag is None:
        return False
    account.delete_tag(tag, at=at)
    return True


def _untag(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, lambda each: lives(each) and bool(each.taggings))
    if contact is None:
        return False
    account.untag(contact, account.tags[chance.pick(contact.taggings)], at=at)
    return True


# Lists


def _add_list(account: Account, chance: Chance, at: datetime) -> bool:
    """Add a list, and put some contacts on it."""
    made = account.add_list(f"Since {at:%Y-%m-%d} #{chance.below(1000)}", at=at)
    for contact in _some(account, chance):
        account.join(contact, made, at=at)
    return True


def _rename_list(account: Account, chance: Chance, at: datetime) -> bool:
    found = _one(chance, open_lists(account))
    if found is None:
        return False
    account.rename_list(found, f"{found.name.partition(' /')[0]} / {chance.below(1000)}", at=at)
    return True


def _delete_list(account: Account, chance: Chance, at: datetime) -> bool:
    found = _one(chance, _added_since(account, open_lists(account)))
    if found is None:
        return False
    account.delete_list(found, at=at)
    return True


# Custom fields


def _add_field(account: Account, chance: Chance, at: datetime) -> bool:
    """Add a field of some type, and fill it in for some contacts."""
    kind = chance.pick(_FIELD_TYPES)
    choices = ("yes", "no", "perhaps") if kind in SELECTS else ()
    label = f"Asked {at:%Y-%m-%d} #{chance.below(1000)}"
    field = account.add_custom_field(label, kind, choices=choices, version=2, at=at)
    for contact in _some(account, chance):
        fill_in(account, contact, field, chance)
        account.touch(contact, at=at)
    return True


def _relabel_field(account: Account, chance: Chance, at: datetime) -> bool:
    field = _one(chance, account.custom_fields.values())
    if field is None:
        return False
    account.relabel(field, f"{field.label.partition(' /')[0]} / {chance.below(1000)}", at=at)
    return True


def _add_choice(account: Account, chance: Chance, at: datetime) -> bool:
    field = _one(chance, (each for each in account.custom_fields.values() if each.choices))
    if field is None:
        return False
    account.add_choice(field, f"choice {len(field.choices) + 1}", at=at)
    return True


def _delete_field(account: Account, chance: Chance, _at: datetime) -> bool:
    field = _one(chance, _added_since(account, account.custom_fields.values()))
    if field is None:
        return False
    account.delete_custom_field(field)
    return True


# Segments


def _shown(account: Account) -> list[Segment]:
    return [each for each in account.segments.values() if each.deleted_at is None]


def _criteria(account: Account, chance: Chance) -> Criteria:
    return Criteria.of(
        lists=chance.some(open_lists(account), 3),
        tags=chance.some(list(account.tags.values()), 2) if chance.happens(1 / 2) else (),
        not_opened=chance.below(4),
    )


def _add_segment(account: Account, chance: Chance, at: datetime) -> bool:
    name = f"Chosen on {at:%Y-%m-%d} #{chance.below(1000)}"
    account.add_segment(name, _criteria(account, chance), at=at)
    return True


def _edit_segment(account: Account, chance: Chance, at: datetime) -> bool:
    segment = _one(chance, _shown(account))
    if segment is None:
        return False
    account.edit_segment(segment, _criteria(account, chance), at=at)
    return True


def _rename_segment(account: Account, chance: Chance, at: datetime) -> bool:
    segment = _one(chance, _shown(account))
    if segment is None:
        return False
    account.rename_segment(segment, f"Renamed on {at:%Y-%m-%d} #{chance.below(1000)}", at=at)
    return True


def _delete_segment(account: Account, chance: Chance, at: datetime) -> bool:
    segment = _one(chance, _added_since(account, _shown(account)))
    if segment is None:
        return False
    account.delete_segment(segment, at=at)
    return True


# Text messages


def _give_number(account: Account, chance: Chance, at: datetime) -> bool:
    """Let somebody give a number for text messages, and join a list for them."""
    contact = someone(account, chance, lambda each: lives(each) and each.sms_channel is None)
    if contact is None:
        return False
    account.add_sms_channel(contact, f"781555{chance.below(10_000):04d}", at=at)
    texts = [each for each in account.lists.values() if each.channel == "sms"]
    for contact_list in texts:
        account.join(contact, contact_list, at=at)
    return True


def _permits(*permissions: SmsPermission) -> Callable[[Contact], bool]:
    """Return what tells whether a living contact's consent to text messages is such."""
    return lambda contact: (
        contact.sms_channel is not None
        and contact.sms_channel.consents[0].sms_consent_permission in permissions
        and lives(contact)
    )


def _opt_in_by_sms(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, _permits("unsubscribed", "pending_confirmation"))
    if contact is None:
        return False
    account.opt_in_by_sms(contact, at=at)
    return True


def _opt_out_by_sms(account: Account, chance: Chance, at: datetime) -> bool:
    contact = someone(account, chance, _permits("explicit"))
    if contact is None:
        return False
    account.opt_out_by_sms(contact, at=at)
    return True


# Bulk activities


def _tag_in_bulk(account: Account, chance: Chance, at: datetime) -> bool:
    """Tag some contacts at once; the job ends with the next that does."""
    tag = _one(chance, account.tags.values())
    if tag is None:
        return False
    contacts = _some(account, chance)
    job = account.add_bulk_activity("contacts_taggings_add", at=at)
    account.begin_bulk_activity(job, len(contacts), at=at)
    for contact in contacts:
        account.tag(contact, tag, at=at)
    return True


def _export(account: Account, _chance: Chance, at: datetime) -> bool:
    """Ask for a file of all contacts; nobody has begun to write it."""
    account.add_bulk_activity("contact_exports", at=at)
    return True


def _move_on_in_bulk(account: Account, chance: Chance, at: datetime) -> bool:
    """Begin the oldest job that was not begun yet, or end the oldest one that was."""
    job = next((each for each in account.bulk_activities.values() if not each.is_over), None)
    if job is None:
        return False
    if job.started_at is None:
        account.begin_bulk_activity(job, len(account.contacts), at=at)
    elif chance.happens(1 / 4):
        account.end_bulk_activity(job, "failed", errors=("The job could not be done.",), at=at)
    else:
        account.end_bulk_activity(job, at=at)
    return True


# The account's own addresses


def _add_email(account: Account, chance: Chance, at: datetime) -> bool:
    account.add_email(f"news{at:%Y%m%d}.{chance.below(1000)}@example.com", "OTHER")
    return True


def _confirm_email(account: Account, chance: Chance, at: datetime) -> bool:
    email = _one(chance, (each for each in account.emails if each.confirm_status != "CONFIRMED"))
    if email is None:
        return False
    account.confirm_email(email, at=at)
    return True


def _remove_email(account: Account, chance: Chance, _at: datetime) -> bool:
    email = _one(chance, account.emails[_FIRST_EMAILS:])
    if email is None:
        return False
    account.emails.remove(email)
    return True


#: What happens on a day: how often, and what it does; a happening that finds nothing fails.
AFFAIRS: dict[str, tuple[int, Callable[[Account, Chance, datetime], bool]]] = {
    "tag added": (1, _add_tag),
    "tag renamed": (1, _rename_tag),
    "tag deleted": (1, _delete_tag),
    "tag taken off": (1, _untag),
    "list added": (1, _add_list),
    "list renamed": (1, _rename_list),
    "list deleted": (1, _delete_list),
    "custom field added": (1, _add_field),
    "custom field renamed": (1, _relabel_field),
    "choice added": (1, _add_choice),
    "custom field deleted": (1, _delete_field),
    "segment added": (1, _add_segment),
    "segment edited": (1, _edit_segment),
    "segment renamed": (1, _rename_segment),
    "segment deleted": (1, _delete_segment),
    "number given": (1, _give_number),
    "opt-in by text message": (1, _opt_in_by_sms),
    "opt-out by text message": (1, _opt_out_by_sms),
    "contacts tagged in bulk": (1, _tag_in_bulk),
    "export asked for": (1, _export),
    "bulk activity moved on": (3, _move_on_in_bulk),
    "account address added": (1, _add_email),
    "account address confirmed": (1, _confirm_email),
    "account address removed": (1, _remove_email),
}
