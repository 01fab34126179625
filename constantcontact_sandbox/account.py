"""A Constant Contact account in memory: its people, its mailings, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.mailings import Mailings
from constantcontact_sandbox.people import People
from constantcontact_sandbox.population import populate
from constantcontact_sandbox.records import AccountEmail, Owner, Privilege

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import Activity, Campaign, Contact, OptOut

#: What the account's owner may do. The numbers that live answers showed are 2, 30, 31, 39, 42,
#: 43, 52 and 74; an owner's answer has 94 entries, most of which the V3 API does not use.
OWNER_PRIVILEGES = {
    2: "account:read",
    3: "account:update",
    30: "campaign:create",
    31: "campaign:read",
    32: "campaign:write",
    33: "campaign:delete",
    34: "campaign:send",
    39: "ui:campaign:metrics",
    42: "contacts:read",
    43: "contacts:write",
    44: "contacts:delete",
    52: "contacts:lists:read",
    53: "contacts:lists:write",
    74: "customer-journey:read",
}


class Account(People, Mailings):
    """Everything one Constant Contact account holds, with the builders and changes of it.

    An empty one has an owner and nothing else; `populate` makes a lived-in one.

    Attributes:
        contacts, lists, tags, custom_fields: the people half, each by id.
        campaigns, activities: the mailings half, each by id.
        owner, emails, privileges: whose account it is.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.owner = Owner(
            contact_email="owner@example.com",
            country_code="us",
            encoded_account_id=f"a07e{seed % 36**4:04x}eksd5",
            encoded_partner_id="a01-15dl",
            first_name="Ada",
            last_name="Baker",
            organization_name="The Example Bakery",
            time_zone_id="US/Eastern",
        )
        self.emails = [
            AccountEmail(
                email_id=1,
                email_address="owner@example.com",
                confirm_status="CONFIRMED",
                roles=("BILLING", "CONTACT", "DEFAULT_FROM", "REPLY_TO"),
                confirm_time=self.born,
                confirm_source="192.0.2.7",
                confirm_source_type="SITE_OWNER",
            )
        ]
        self.privileges = [Privilege(number, name) for number, name in OWNER_PRIVILEGES.items()]

    @classmethod
    def populate(
        cls, *, clock: Clock, seed: int = 7, contacts: int = 200, campaigns: int = 12
    ) -> Account:
        """Return a believable account: the same for the same seed, sizes and start of the clock."""
        account = cls(clock, seed)
        populate(account, contacts=contacts, campaigns=campaigns)
        return account

    def opt_out_from(
        self,
        activity: Activity,
        contact: Contact,
        *,
        reason: str | None = None,
        at: datetime | None = None,
    ) -> OptOut:
        """Let the contact leave through the unsubscribe link of an e-mail."""
        optout = self._add_optout(activity, contact, reason, at)
        self.opt_out(contact, reason=reason, at=optout.at)
        return optout

    def resend(
        self,
        campaign: Campaign,
        audience: Iterable[Contact] | None = None,
        *,
        subject: str = "",
        at: datetime | None = None,
    ) -> Activity:
        """Send a sent campaign again: to its non-openers, unless an audience is named."""
        if audience is None:
            audience = self.non_openers(campaign.primary)
        return self.add_resend(campaign, audience, subject=subject, at=at)

    def non_openers(self, activity: Activity) -> list[Contact]:
        """Return whom the e-mail was sent to, who never opened it and may still be written to."""
        opened = {each.contact_id for each in activity.opens}
        sent_to = dict.fromkeys(each.contact_id for each in activity.sends)
        return [
            contact
            for contact_id in sent_to
            if contact_id not in opened and (contact := self.contacts[contact_id]).is_active
        ]
