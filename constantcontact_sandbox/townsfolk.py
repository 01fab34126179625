"""The people of a believable account, and how they are sorted."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox import invention
from constantcontact_sandbox.moments import as_date, in_seconds
from constantcontact_sandbox.people import addressed
from constantcontact_sandbox.records import FieldMetadata

if TYPE_CHECKING:
    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.chance import Chance
    from constantcontact_sandbox.records import (
        Contact,
        ContactList,
        CustomField,
        Permission,
        Source,
        Tag,
    )

#: Nothing happened for so long before the account is looked at first.
QUIET = timedelta(hours=2)

_SINCE = timedelta(days=3 * 365)

#: How a contact can be reached, and what became of one since: the more often a word stands
#: here, the likelier it is.
_KINDS = (*("mail",) * 90, *("texts alone",) * 3, *("pending",) * 4, *("not set",) * 3)
_FATES = (
    *("nothing",) * 61,
    *("was edited",) * 25,
    *("left",) * 5,
    *("was deleted",) * 4,
    *("is on hold",) * 2,
    *("moved",) * 2,
    "confirmed",
)
_PERMISSIONS: dict[str, Permission] = {"pending": "pending_confirmation", "not set": "not_set"}
_WORDS = {
    "string": ("rye", "spelt; dark", "O'Malley's soda bread", "パン"),
    "number": ("0", "2", "3.5", "-1"),
    "text_area": ("Line one\nLine two", "“Best bread in town” 🥐", "a,b;c\td"),
    "boolean": ("true", "false"),
}
_GOOD: tuple[Permission, ...] = ("implicit", "explicit")
_SOURCES: tuple[Source, ...] = ("Account", "Account", "Contact", "Landing Page")
_LEAVING: tuple[Source, ...] = ("Contact", "Contact", "Account")


@dataclass
class Townsfolk:
    """The people of the account and how they are sorted.

    Those who leave or move do so once the mail has been delivered.
    """

    account: Account
    leaving: dict[str, datetime] = field(default_factory=dict)
    moving: list[Contact] = field(default_factory=list)
    texts: list[ContactList] = field(default_factory=list)
    lists: list[ContactList] = field(default_factory=list)
    tags: list[Tag] = field(default_factory=list)
    fields: list[CustomField] = field(default_factory=list)

    def settle(self, contacts: int) -> None:
        """Add the lists, tags and fields, then the contacts, the oldest first."""
        account, chance = self.account, self.account.chance
        start = account.born - _SINCE
        self._sort_people(start)
        span = (account.born - QUIET - start) // timedelta(seconds=1)
        seconds = sorted(chance.below(span) for _ in range(contacts))
        folks = invention.folks(account.seed)
        awkward = dict(
            zip(
                chance.sample(range(contacts), min(contacts, len(invention.AWKWARD_NAMES))),
                invention.AWKWARD_NAMES,
                strict=False,
            )
        )
        for number, offset in enumerate(seconds):
            contact = self._move_in(
                number, chance.pick(folks), start + timedelta(seconds=offset), chance
            )
            if number in awkward:
                contact.first_name, contact.last_name = awkward[number]
            self._describe(contact, chance)
            self._let_time_pass(contact, chance)
        for closed in ("Old customers", "Christmas 2019"):
            gone = account.add_list(closed, at=start)
            account.delete_list(gone, at=start + timedelta(days=chance.randint(10, 900)))

    def move_on(self) -> None:
        """Delete those who leave, and give those who move their new address."""
        account = self.account
        for contact_id, moment in self.leaving.items():
            account.delete_contact(account.contacts[contact_id], at=moment)
        for number, contact in enumerate(self.moving):
            address = f"new{number}.{addressed(contact).address}"
            account.change_address(contact, address, at=account.born - QUIET)

    def _sort_people(self, start: datetime) -> None:
        account = self.account
        for number, (name, description) in enumerate(invention.LISTS):
            made = account.add_list(
                name,
                description=description,
                favorite=number == 1,
                at=start + timedelta(days=number),
            )
            self.lists.append(made)
        self.texts.append(account.add_list("Texts 📱", channel="sms", at=start))
        self.tags.extend(
            account.add_tag(
                name, source="ETSY" if number == 1 else None, at=start + timedelta(days=number)
            )
            for number, name in enumerate(invention.TAGS)
        )
        self.fields.extend(_custom_fields(account, start))

    def _move_in(
        self, number: int, folk: invention.Folk, moment: datetime, chance: Chance
    ) -> Contact:
        account = self.account
        first = chance.below(len(folk.first_names))
        last = chance.below(len(folk.last_names))
        kind = chance.pick(_KINDS)
        by_sms_alone = kind == "texts alone"
        contact = account.add_contact(
            None if by_sms_alone else f"{folk.mailbox(first, last)}{number}@example.com",
            first_name=folk.first_names[first] if chance.happens(0.9) else None,
            last_name=folk.last_names[last] if chance.happens(0.85) else None,
            permission=_PERMISSIONS.get(kind, chance.pick(_GOOD)),
            source=chance.pick(_SOURCES),
            lists=() if by_sms_alone else chance.some(self.lists, 3),
            tags=chance.some(self.tags, 3) if chance.happens(0.3) else (),
            at=moment,
        )
        if by_sms_alone or chance.happens(0.1):
            self._reach_by_sms(contact, chance)
        if chance.happens(0.3):
            contact.company_name = chance.pick(folk.companies)
            contact.job_title = chance.pick(folk.jobs)
        if chance.happens(0.25):
            place = chance.pick(folk.places)
            account.add_street_address(
                contact,
                chance.pick(("home", "work", "other")),
                street=place.street,
                city=place.city,
                postal_code=place.postal_code,
                country=place.country,
                at=moment,
            )
        return contact

    def _reach_by_sms(self, contact: Contact, chance: Chance) -> None:
        self.account.add_sms_channel(
            contact,
            f"781555{chance.below(10_000):04d}",
            permission=chance.pick(
                ("explicit", "explicit", "explicit", "pending_confirmation", "unsubscribed")
            ),
            at=contact.created_at,
        )
        for contact_list in self.texts:
            self.account.join(contact, contact_list, at=contact.created_at)

    def _describe(self, contact: Contact, chance: Chance) -> None:
        account = self.account
        if chance.happens(0.2):
            contact.birthday_month, contact.birthday_day = (
                chance.randint(1, 12),
                chance.randint(1, 28),
            )
        if chance.happens(0.1):
            contact.anniversary = (account.born - timedelta(days=chance.randint(1, 9000))).date()
        if chance.happens(0.35):
            account.add_phone(
                contact,
                f"+1-555-{chance.below(1000):03d}-{chance.below(10_000):04d}",
                chance.pick(("home", "work", "mobile", "other")),
                at=contact.created_at,
            )
        if chance.happens(0.4):
            for custom_field in chance.some(self.fields, 4):
                fill_in(account, contact, custom_field, chance)
        if chance.happens(0.05):
            account.add_note(contact, chance.pick(invention.NOTES), at=contact.created_at)

    def _let_time_pass(self, contact: Contact, chance: Chance) -> None:
        account = self.account
        lived = (account.born - QUIET - contact.created_at) // timedelta(seconds=1)
        moment = contact.created_at + timedelta(seconds=chance.below(lived + 1))
        fate = chance.pick(_FATES)
        email = contact.email_address
        if fate == "was edited":
            account.touch(contact, at=moment)
        elif fate == "was deleted":
            self.leaving[contact.contact_id] = moment
        elif email is None:
            return
        elif fate == "left":
            source = chance.pick(_LEAVING)
            reason = chance.pick(invention.REASONS)
            account.opt_out(contact, reason=reason, source=source, at=moment)
        elif fate == "is on hold":
            email.permission_to_send = "temp_hold"
        elif fate == "moved":
            self.moving.append(contact)
        elif fate == "confirmed":
            account.confirm(contact, at=moment)


def _custom_fields(account: Account, start: datetime) -> list[CustomField]:
    """Add a custom field of each type, and a date of the time when dates were text."""
    money = FieldMetadata(decimal_places=2, currency_code="USD", integer=False)
    number = FieldMetadata(allow_negative=True, decimal_places=1, integer=False)
    day = FieldMetadata(display_format="MM/DD/YYYY")
    add = account.add_custom_field
    return [
        add("Favourite bread", "string", at=start),
        add("First visit", "date", version=1, at=start),
        add("Next order", "date", version=2, metadata=day, at=start),
        add("Last seen", "datetime", version=2, at=start + timedelta(days=1)),
        add("Loaves a week", "number", metadata=number, at=start + timedelta(days=1)),
        add("Spent this year", "currency", metadata=money, at=start + timedelta(days=2)),
        add("What they told us", "text_area", at=start + timedelta(days=2)),
        add("Has a loyalty card?", "boolean", at=start + timedelta(days=3)),
        add(
            "Comes by",
            "single_select",
            choices=("foot", "bicycle", "car"),
            metadata=FieldMetadata(display_type="radio"),
            at=start + timedelta(days=3),
        ),
        add(
            "Diet & allergies",
            "multi_select",
            choices=("none", "vegan", "no nuts", "gluten-free"),
            metadata=FieldMetadata(display_type="checkbox"),
            at=start + timedelta(days=4),
        ),
    ]


def fill_in(account: Account, contact: Contact, custom_field: CustomField, chance: Chance) -> None:
    """Say something fitting of a contact in a custom field."""
    if custom_field.choices:
        many = 3 if custom_field.type == "multi_select" else 1
        taken = chance.some([each.choice_id for each in custom_field.choices], many)
        account.set_field(contact, custom_field, "", *taken)
        return
    moment = account.born - timedelta(minutes=1 + chance.below(1_000_000))
    account.set_field(contact, custom_field, _value(custom_field, moment, chance))


def _value(custom_field: CustomField, moment: datetime, chance: Chance) -> str:
    kind = custom_field.type
    if kind == "date":
        legacy = custom_field.version == 1
        return moment.strftime("%m/%d/%Y") if legacy else as_date(moment)
    if kind == "datetime":
        return in_seconds(moment)
    if kind == "currency":
        return f"{chance.below(100_000) / 100:.2f}"
    return chance.pick(_WORDS[kind])
