"""A believable account: what real ones hold after some years, drawn from a seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox import boxoffice, ventures
from constantcontact_sandbox.office import keep_office
from constantcontact_sandbox.postbag import Postbag
from constantcontact_sandbox.records import CompanyLogo, PhysicalAddress
from constantcontact_sandbox.townsfolk import Townsfolk

if TYPE_CHECKING:
    from constantcontact_sandbox.account import Account


def populate(
    account: Account, *, contacts: int, campaigns: int, events: int, text_campaigns: int
) -> None:
    """Fill an empty account with all it may hold, so many of the four that are numerous."""
    _introduce_owner(account)
    town = Townsfolk(account)
    town.settle(contacts)
    Postbag(account, town.leaving).deliver(campaigns)
    boxoffice.host(account, events)
    town.move_on()
    keep_office(account)
    ventures.undertake(account, text_campaigns)


def _introduce_owner(account: Account) -> None:
    owner = account.owner
    owner.contact_phone, owner.website = "5085550199", "https://bakery.example.com"
    owner.state_code = "MA"
    owner.physical_address = PhysicalAddress(
        "123 Maple Street", "Boston", "US", address_line2="Unit 1", state_code="MA"
    )
    owner.physical_address.postal_code = "02451"
    owner.company_logo = CompanyLogo("https://files.example.com/logo.jpg", "ACCOUNT.IMAGE.5")
    account.add_email("hello@example.com", "REPLY_TO")
