"""Somebody, or something, of an account: drawn for what happens next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.records import MAILABLE

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.chance import Chance
    from constantcontact_sandbox.records import Contact, ContactList

#: How often to draw before there seems to be nobody.
TRIES = 60


def someone(account: Account, chance: Chance, test: Callable[[Contact], bool]) -> Contact | None:
    """Draw a contact who passes the test, unless such people are rare."""
    contacts = account.newest_contacts()
    for _ in range(TRIES if contacts else 0):
        contact = chance.pick(contacts)
        if test(contact):
            return contact
    return None


def lives(contact: Contact) -> bool:
    """Say whether the contact was not deleted."""
    return contact.deleted_at is None


def is_mailable(contact: Contact) -> bool:
    """Say whether the contact may be written to."""
    return contact.is_active and contact.permission in MAILABLE


def open_lists(account: Account) -> list[ContactList]:
    """Return the lists for e-mail that were not deleted."""
    return [
        each
        for each in account.lists.values()
        if each.deleted_at is None and each.channel == "email"
    ]
