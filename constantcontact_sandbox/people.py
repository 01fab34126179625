"""The people half of an account: contacts, and the lists, tags and fields that sort them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort_right
from typing import TYPE_CHECKING

from constantcontact_sandbox.holder import Holder
from constantcontact_sandbox.records import (
    Choice,
    Contact,
    ContactList,
    CustomField,
    EmailAddress,
    FieldMetadata,
    FieldValue,
    Note,
    PhoneNumber,
    StreetAddress,
    Tag,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from typing import Literal

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import Channel, FieldType, Permission, Source

#: The types of custom fields that offer choices.
SELECTS: frozenset[FieldType] = frozenset({"single_select", "multi_select"})


def _age(contact: Contact) -> float:
    """Order contacts as the API does, newest first."""
    return -contact.created_at.timestamp()


class People(Holder):
    """Contacts, lists, tags and custom fields, each by its id.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.contacts: dict[str, Contact] = {}
        self.lists: dict[str, ContactList] = {}
        self.tags: dict[str, Tag] = {}
        self.custom_fields: dict[str, CustomField] = {}
        self._newest_first: list[Contact] = []  # empty until somebody asks for it

    # Contacts

    def add_contact(
        self,
        address: str | None = "",
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        permission: Permission = "implicit",
        source: Source = "Account",
        lists: Iterable[ContactList] = (),
        tags: Iterable[Tag] = (),
        at: datetime | None = None,
    ) -> Contact:
        """Add a contact. Without an address one is made up; with None there is none."""
        moment = self._at(at)
        contact = Contact(
            contact_id=self._id(moment),
            created_at=moment,
            updated_at=moment,
            first_name=first_name,
            last_name=last_name,
            create_source=source,
            list_memberships=tuple(each.list_id for each in lists),
            taggings=tuple(each.tag_id for each in tags),
        )
        if address is not None:
            address = address or f"contact{len(self.contacts) + 1}@example.com"
            contact.email_address = self._email_address(address, permission, source, moment)
        if self._newest_first:
            insort_right(self._newest_first, contact, key=_age)
        self.contacts[contact.contact_id] = contact
        return contact

    @staticmethod
    def _email_address(
        address: str, permission: Permission, source: Source, moment: datetime
    ) -> EmailAddress:
        email = EmailAddress(address, permission, moment, moment)
        if permission == "pending_confirmation":
            email.confirm_status = "pending"
        elif permission != "not_set":
            email.opt_in_source = "Account" if source == "Account" else "Contact"
            email.opt_in_date = moment
        if permission == "unsubscribed":
            email.opt_out_source, email.opt_out_date = source, moment
        return email

    def touch(
        self, contact: Contact, *, source: Source = "Account", at: datetime | None = None
    ) -> None:
        """Note that somebody changed the contact: `updated_at` moves."""
        contact.updated_at = self._at(at)
        contact.update_source = source

    def rename(
        self,
        contact: Contact,
        first_name: str | None,
        last_name: str | None,
        *,
        at: datetime | None = None,
    ) -> None:
        """Give the contact another name; its e-mail address is left untouched."""
        contact.first_name, contact.last_name = first_name, last_name
        self.touch(contact, at=at)

    def opt_out(
        self,
        contact: Contact,
        *,
        reason: str | None = None,
        source: Source = "Contact",
        at: datetime | None = None,
    ) -> None:
        """Unsubscribe the contact: only `email_address.updated_at` moves, not the contact's."""
        email = addressed(contact)
        moment = self._at(at)
        email.permission_to_send = "unsubscribed"
        email.opt_out_source, email.opt_out_date, email.opt_out_reason = source, moment, reason
        email.updated_at = moment

    def change_address(self, contact: Contact, address: str, *, at: datetime | None = None) -> None:
        """Give the contact another e-mail address: only `email_address.updated_at` moves."""
        email = addressed(contact)
        email.address = address
        email.updated_at = self._at(at)

    def confirm(self, contact: Contact, *, at: datetime | None = None) -> None:
        """Let a pending contact confirm: only `email_address.updated_at` moves."""
        email = addressed(contact)
        moment = self._at(at)
        email.permission_to_send, email.confirm_status = "explicit", "confirmed"
        email.opt_in_source, email.opt_in_date = "Contact", moment
        email.updated_at = moment

    def delete_contact(self, contact: Contact, *, at: datetime | None = None) -> None:
        """Delete the contact, softly; its lists forget it."""
        moment = self._at(at)
        contact.deleted_at = moment
        contact.list_memberships = ()
        if self.switches.delete_moves_updated_at:
            self.touch(contact, at=moment)
        if self.switches.delete_opts_out and contact.email_address is not None:
            email = contact.email_address
            email.permission_to_send = "unsubscribed"
            email.opt_out_source, email.opt_out_date = "Account", moment
            email.updated_at = moment

    def revive(self, contact: Contact, *, at: datetime | None = None) -> None:
        """Bring a deleted contact back; its lists stay forgotten."""
        moment = self._at(at)
        contact.deleted_at = None
        if self.switches.delete_moves_updated_at:
            self.touch(contact, at=moment)
        email = contact.email_address
        if email is not None and email.opt_out_source == "Account":
            email.permission_to_send = "implicit"
            email.opt_out_source = email.opt_out_date = email.opt_out_reason = None
            email.opt_in_source, email.opt_in_date = "Account", moment
            email.updated_at = moment

    def newest_contacts(
        self, *, since: datetime | None = None, until: datetime | None = None
    ) -> Sequence[Contact]:
        """Return the contacts created from `since` to `until` inclusive, newest first."""
        if len(self._newest_first) != len(self.contacts):
            self._newest_first = sorted(self.contacts.values(), key=_age)
        first, last = 0, len(self._newest_first)
        if until is not None:
            first = bisect_left(self._newest_first, -until.timestamp(), key=_age)
        if since is not None:
            last = bisect_right(self._newest_first, -since.timestamp(), key=_age)
        if (first, last) == (0, len(self._newest_first)):
            return self._newest_first
        return self._newest_first[first:last]

    # What belongs to a contact

    def add_phone(
        self,
        contact: Contact,
        number: str,
        kind: Literal["home", "work", "mobile", "other"] = "mobile",
        *,
        at: datetime | None = None,
    ) -> PhoneNumber:
        """Note a telephone number of the contact."""
        moment = self._at(at)
        phone = PhoneNumber(self._id(moment), number, kind, moment, moment)
        contact.phone_numbers += (phone,)
        return phone

    def add_street_address(
        self,
        contact: Contact,
        kind: Literal["home", "work", "other"] = "home",
        *,
        street: str | None = None,
        city: str | None = None,
        state: str | None = None,
        postal_code: str | None = None,
        country: str | None = None,
        at: datetime | None = None,
    ) -> StreetAddress:
        """Note a postal address of the contact."""
        moment = self._at(at)
        place = StreetAddress(
            self._id(moment), kind, moment, moment, street, city, state, postal_code, country
        )
        contact.street_addresses += (place,)
        return place

    def add_note(self, contact: Contact, content: str, *, at: datetime | None = None) -> Note:
        """Write something down about the contact; the newest note comes first."""
        moment = self._at(at)
        note = Note(self._id(moment), moment, content)
        contact.notes = (note, *contact.notes)
        return note

    @staticmethod
    def set_field(
        contact: Contact, custom_field: CustomField, value: str = "", *choice_ids: str
    ) -> None:
        """Say what a custom field is for the contact: a value, or the choices of a select."""
        People.clear_field(contact, custom_field)
        said = FieldValue(custom_field.custom_field_id, value or None, choice_ids)
        contact.custom_fields += (said,)

    @staticmethod
    def clear_field(contact: Contact, custom_field: CustomField) -> None:
        """Say no longer what a custom field is for the contact."""
        contact.custom_fields = tuple(
            each
            for each in contact.custom_fields
            if each.custom_field_id != custom_field.custom_field_id
        )

    # Lists

    def add_list(
        self,
        name: str,
        *,
        channel: Channel = "email",
        description: str | None = None,
        favorite: bool = False,
        at: datetime | None = None,
    ) -> ContactList:
        """Add a list without members."""
        moment = self._at(at)
        made = ContactList(
            self._id(moment), name, moment, moment, description, favorite, channel=channel
        )
        self.lists[made.list_id] = made
        return made

    def rename_list(
        self, contact_list: ContactList, name: str, *, at: datetime | None = None
    ) -> None:
        """Give the list another name."""
        contact_list.name = name
        contact_list.updated_at = self._at(at)

    def delete_list(self, contact_list: ContactList, *, at: datetime | None = None) -> None:
        """Delete the list, softly; its members leave it."""
        moment = self._at(at)
        contact_list.deleted_at = contact_list.updated_at = moment
        for contact in self.contacts.values():
            if contact_list.list_id in contact.list_memberships:
                self.leave(contact, contact_list, at=moment)

    def join(
        self, contact: Contact, contact_list: ContactList, *, at: datetime | None = None
    ) -> None:
        """Make the contact a member of the list."""
        if contact_list.list_id not in contact.list_memberships:
            contact.list_memberships += (contact_list.list_id,)
            self._moved(contact, at)

    def leave(
        self, contact: Contact, contact_list: ContactList, *, at: datetime | None = None
    ) -> None:
        """End the contact's membership."""
        left = tuple(each for each in contact.list_memberships if each != contact_list.list_id)
        if left != contact.list_memberships:
            contact.list_memberships = left
            self._moved(contact, at)

    def _moved(self, contact: Contact, at: datetime | None) -> None:
        if self.switches.membership_moves_updated_at:
            self.touch(contact, at=at)

    # Tags

    def add_tag(self, name: str, *, source: str | None = None, at: datetime | None = None) -> Tag:
        """Add a tag that nobody has yet."""
        moment = self._at(at)
        tag = Tag(self._id(moment), name, moment, moment, source)
        self.tags[tag.tag_id] = tag
        return tag

    def rename_tag(self, tag: Tag, name: str, *, at: datetime | None = None) -> None:
        """Give the tag another name."""
        tag.name = name
        tag.updated_at = self._at(at)

    def delete_tag(self, tag: Tag, *, at: datetime | None = None) -> None:
        """Delete the tag: it is gone, also from its contacts."""
        del self.tags[tag.tag_id]
        for contact in self.contacts.values():
            if tag.tag_id in contact.taggings:
                self.untag(contact, tag, at=at)

    def tag(self, contact: Contact, tag: Tag, *, at: datetime | None = None) -> None:
        """Put the tag on the contact."""
        if tag.tag_id not in contact.taggings:
            contact.taggings += (tag.tag_id,)
            self._moved(contact, at)

    def untag(self, contact: Contact, tag: Tag, *, at: datetime | None = None) -> None:
        """Take the tag off the contact."""
        left = tuple(each for each in contact.taggings if each != tag.tag_id)
        if left != contact.taggings:
            contact.taggings = left
            self._moved(contact, at)

    # Custom fields

    def add_custom_field(
        self,
        label: str,
        kind: FieldType = "string",
        *,
        choices: Sequence[str] = (),
        metadata: FieldMetadata | None = None,
        version: int = 1,
        at: datetime | None = None,
    ) -> CustomField:
        """Add something to know of contacts; the selects offer choices."""
        moment = self._at(at)
        made = CustomField(
            custom_field_id=self._id(moment),
            label=label,
            name=_slug(label),
            type=kind,
            created_at=moment,
            updated_at=moment,
            version=version,
            metadata=metadata,
        )
        if kind in SELECTS:
            made.choices = tuple(
                Choice(f"{number:06d}", choice, number, moment, moment)
                for number, choice in enumerate(choices, start=1)
            )
        self.custom_fields[made.custom_field_id] = made
        return made

    def relabel(self, custom_field: CustomField, label: str, *, at: datetime | None = None) -> None:
        """Give the field another label; its name follows."""
        custom_field.label, custom_field.name = label, _slug(label)
        custom_field.updated_at = self._at(at)

    def add_choice(
        self, custom_field: CustomField, label: str, *, at: datetime | None = None
    ) -> Choice:
        """Offer one more choice."""
        moment, number = self._at(at), len(custom_field.choices) + 1
        choice = Choice(f"{number:06d}", label, number, moment, moment)
        custom_field.choices += (choice,)
        custom_field.updated_at = moment
        return choice

    def rename_choice(
        self, custom_field: CustomField, choice: Choice, label: str, *, at: datetime | None = None
    ) -> None:
        """Word a choice otherwise."""
        choice.choice_label = label
        choice.updated_at = custom_field.updated_at = self._at(at)

    def delete_choice(
        self, custom_field: CustomField, choice: Choice, *, at: datetime | None = None
    ) -> None:
        """Offer a choice no longer: it stays with its `deleted_at`, and so do those who took it."""
        choice.deleted_at = choice.updated_at = custom_field.updated_at = self._at(at)

    def delete_custom_field(self, custom_field: CustomField) -> None:
        """Delete the field: it is gone, and what it said of the contacts."""
        gone = custom_field.custom_field_id
        del self.custom_fields[gone]
        for contact in self.contacts.values():
            contact.custom_fields = tuple(
                each for each in contact.custom_fields if each.custom_field_id != gone
            )


def addressed(contact: Contact) -> EmailAddress:
    """Return the e-mail address of a contact that must have one."""
    if contact.email_address is None:
        raise ValueError(f"contact {contact.contact_id} has no e-mail address")
    return contact.email_address


def _slug(label: str) -> str:
    return "_".join("".join(c if c.isalnum() else " " for c in label.lower()).split())
