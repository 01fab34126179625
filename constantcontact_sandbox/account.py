"""A Constant Contact account in memory: its people, its mailings, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

from constantcontact_sandbox.automations import Automations
from constantcontact_sandbox.bulk_activities import BulkActivities
from constantcontact_sandbox.events import Events
from constantcontact_sandbox.landing_pages import LandingPages
from constantcontact_sandbox.mailings import Mailings
from constantcontact_sandbox.people import People
from constantcontact_sandbox.population import populate
from constantcontact_sandbox.records import AccountEmail, Owner, Privilege
from constantcontact_sandbox.segments import Segments
from constantcontact_sandbox.social import Social
from constantcontact_sandbox.text_campaigns import TextCampaigns
from constantcontact_sandbox.texting import Texting

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import (
        Activity,
        Campaign,
        Click,
        Contact,
        Device,
        Link,
        OptOut,
    )
    from constantcontact_sandbox.segments import Segment
    from constantcontact_sandbox.text_campaigns import TextCampaign

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


class Account(
    People,
    Texting,
    Segments,
    BulkActivities,
    Mailings,
    TextCampaigns,
    LandingPages,
    Events,
    Automations,
    Social,
):
    """Everything one Constant Contact account holds, with the builders and changes of it.

    An empty one has an owner and nothing else; `populate` makes a lived-in one.

    Attributes:
        contacts, lists, tags, custom_fields, segments: the people half, each by id.
        bulk_activities: what was done to many contacts at once, by id.
        campaigns, activities: the mailings half, each by id.
        text_campaigns: what was sent by text message, by id.
        landing_pages: by the ids of their activities.
        events: the hosted events by id, each with its registrations.
        automations: what it does by itself, by id.
        social_profiles, hashtag_groups: by id.
        social_connections: by network and the network's id of the account.
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
        self._emails_made = len(self.emails)

    @classmethod
    def populate(
        cls,
        *,
        clock: Clock,
        seed: int = 7,
        contacts: int = 200,
        campaigns: int = 12,
        events: int = 8,
        text_campaigns: int = 4,
    ) -> Account:
        """Return a believable account: the same for the same seed, sizes and start of the clock."""
        account = cls(clock, seed)
        populate(
            account,
            contacts=contacts,
            campaigns=campaigns,
            events=events,
            text_campaigns=text_campaigns,
        )
        return account

    @property
    def held_privileges(self) -> list[Privilege]:
        """What the user who signed in may do."""
        withheld = self.switches.withheld_privileges
        return [each for each in self.privileges if each.privilege_name not in withheld]

    def add_email(self, address: str, *roles: str) -> AccountEmail:
        """Add an address to send from, which gets its roles when it is confirmed."""
        self._emails_made += 1
        email = AccountEmail(self._emails_made, address, "UNCONFIRMED", pending_roles=roles)
        self.emails.append(email)
        return email

    def confirm_email(self, email: AccountEmail, *, at: datetime | None = None) -> None:
        """Let the owner confirm an address."""
        email.confirm_status, email.confirm_time = "CONFIRMED", self._at(at)
        email.confirm_source, email.confirm_source_type = "192.0.2.7", "SITE_OWNER"
        email.roles, email.pending_roles = email.pending_roles, ()

    def members_of(self, segment: Segment) -> list[Contact]:
        """Return the contacts whom a segment chooses now, the newest first."""
        criteria = segment.criteria
        openers = {
            opened.contact_id
            for campaign in self._last_sent(criteria.not_opened)
            for activity in campaign.sendable
            for opened in activity.opens
        }
        return [
            contact
            for contact in self.newest_contacts()
            if contact.deleted_at is None
            and (not criteria.lists or not set(criteria.lists).isdisjoint(contact.list_memberships))
            and (not criteria.tags or not set(criteria.tags).isdisjoint(contact.taggings))
            and contact.contact_id not in openers
        ]

    def _last_sent(self, number: int) -> list[Campaign]:
        sent = [
            (moment, campaign)
            for campaign in self.campaigns.values()
            if (moment := campaign.last_sent_date) is not None
        ]
        sent.sort(key=lambda each: each[0], reverse=True)
        return [campaign for _, campaign in sent[:number]]

    @override
    def add_click(
        self,
        activity: Activity,
        contact: Contact,
        link: Link | None = None,
        *,
        device_type: Device | None = "computer",
        at: datetime | None = None,
    ) -> Click:
        """Let the contact click a link of the e-mail, and so join the list that the link adds to.

        It is the first link, unless another is named.
        """
        click = super().add_click(activity, contact, link, device_type=device_type, at=at)
        [clicked] = [each for each in activity.links if each.url_id == click.url_id]
        joined = self.lists.get(clicked.list_id or "")
        if joined is not None and joined.deleted_at is None and contact.deleted_at is None:
            self.join(contact, joined, at=click.at)
        return click

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

    def answer_stop(
        self, campaign: TextCampaign, contact: Contact, *, at: datetime | None = None
    ) -> None:
        """Let the contact answer a text with STOP, and so want no more of them."""
        self._add_text_optout(campaign, contact, at)
        self.opt_out_by_sms(contact, at=at)

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
