"""A believable account: what real ones hold after some years, drawn from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.postbag import Postbag
from constantcontact_sandbox.records import AccountEmail, CompanyLogo, PhysicalAddress
from constantcontact_sandbox.townsfolk import Townsfolk

if TYPE_CHECKING:
    from constantcontact_sandbox.account import Account


def populate(account: Account, *, contacts: int, campaigns: int) -> None:
    """Fill an empty account with lists, tags, fields, contacts and campaigns."""
    _introduce_owner(account)
    town = Townsfolk(account)
    town.settle(contacts)
    Postbag(account, town.leaving).deliver(campaigns)
    town.move_on()


def _introduce_owner(account: Account) -> None:
    owner = account.owner
    owner.contact_phone, owner.website = "5085550199", "https://bakery.example.com"
    owner.state_code = "MA"
    owner.physical_address = PhysicalAddress(
        "123 Maple Street", "Boston", "US", address_line2="Unit 1", state_code="MA"
    )
    owner.physical_address.postal_code = "02451"
    owner.company_logo = CompanyLogo("https://files.example.com/logo.jpg", "ACCOUNT.IMAGE.5")
    account.emails.append(
        AccountEmail(2, "hello@example.com", "UNCONFIRMED", pending_roles=("REPLY_TO",))
    )
