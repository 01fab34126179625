"""The campaigns that an account sends by text message, and what came of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from constantcontact_sandbox.holder import Holder

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import Contact


@dataclass(slots=True)
class TextEvent:
    """Something that happened between one contact and one text message."""

    contact_id: str
    at: datetime


@dataclass(slots=True)
class TextCampaign:
    """A campaign sent by text message. Only some tell of their opens."""

    campaign_id: str
    name: str
    created_at: datetime
    tracks_opens: bool = False
    sent: list[datetime] = field(default_factory=list)
    sends: list[TextEvent] = field(default_factory=list)
    delivers: list[TextEvent] = field(default_factory=list)
    opens: list[TextEvent] = field(default_factory=list)
    clicks: list[TextEvent] = field(default_factory=list)
    optouts: list[TextEvent] = field(default_factory=list)

    def last_sent_date(self, until: datetime) -> datetime | None:
        """When it was last sent, up to a moment, if ever."""
        return max((each for each in self.sent if each <= until), default=None)


class TextCampaigns(Holder):
    """Text campaigns by their ids.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.text_campaigns: dict[str, TextCampaign] = {}

    def add_text_campaign(
        self, name: str, *, tracks_opens: bool = False, at: datetime | None = None
    ) -> TextCampaign:
        """Write a text campaign; it is not sent yet."""
        campaign = TextCampaign(self.chance.uuid(), name, self._at(at), tracks_opens)
        self.text_campaigns[campaign.campaign_id] = campaign
        return campaign

    def send_texts(
        self,
        campaign: TextCampaign,
        audience: Iterable[Contact],
        *,
        undelivered: Collection[str] = (),
        at: datetime | None = None,
    ) -> None:
        """Send the text to those of the audience who agreed; to some it cannot be delivered.

        Args:
            campaign: what is sent.
            audience: to whom.
            undelivered: the ids of those whom it does not reach.
            at: when.
        """
        moment = self._at(at)
        campaign.sent.append(moment)
        for contact in audience:
            if agreed(contact):
                event = TextEvent(contact.contact_id, moment)
                campaign.sends.append(event)
                if contact.contact_id not in undelivered:
                    campaign.delivers.append(event)

    def add_text_open(
        self, campaign: TextCampaign, contact: Contact, *, at: datetime | None = None
    ) -> None:
        """Let the contact open the text."""
        campaign.opens.append(TextEvent(contact.contact_id, self._at(at)))

    def add_text_click(
        self, campaign: TextCampaign, contact: Contact, *, at: datetime | None = None
    ) -> None:
        """Let the contact click the link in the text."""
        campaign.clicks.append(TextEvent(contact.contact_id, self._at(at)))

    def _add_text_optout(
        self, campaign: TextCampaign, contact: Contact, at: datetime | None
    ) -> None:
        campaign.optouts.append(TextEvent(contact.contact_id, self._at(at)))


def agreed(contact: Contact) -> bool:
    """Say whether text messages may be sent to the contact."""
    return (
        contact.deleted_at is None
        and contact.sms_channel is not None
        and any(each.sms_consent_permission == "explicit" for each in contact.sms_channel.consents)
    )
