"""The landing pages of an account, and what people did there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from constantcontact_sandbox.holder import Holder
from constantcontact_sandbox.moments import millisecond
from constantcontact_sandbox.people import addressed
from constantcontact_sandbox.records import Click, Event, Link, Open

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import Contact, Device

_FIRST_URL_ID = 1_200_000_000_000


@dataclass(slots=True)
class LandingPage:
    """A page on the web where people leave their address: no API lists such pages."""

    campaign_activity_id: str
    name: str
    links: list[Link] = field(default_factory=list)
    opens: list[Open] = field(default_factory=list)
    clicks: list[Click] = field(default_factory=list)
    adds: list[Event] = field(default_factory=list)
    updates: list[Event] = field(default_factory=list)
    sms_optins: list[Event] = field(default_factory=list)


class LandingPages(Holder):
    """Landing pages by the ids of their activities.

    What happens there takes its moment, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.landing_pages: dict[str, LandingPage] = {}

    def add_landing_page(self, name: str, *link_urls: str) -> LandingPage:
        """Put up a page with some links."""
        page = LandingPage(self.chance.uuid(), name)
        first = _FIRST_URL_ID + 100 * len(self.landing_pages)
        page.links = [Link(str(first + number), url) for number, url in enumerate(link_urls)]
        self.landing_pages[page.campaign_activity_id] = page
        return page

    def open_page(
        self,
        page: LandingPage,
        contact: Contact,
        *,
        device_type: Device | None = "computer",
        at: datetime | None = None,
    ) -> None:
        """Let the contact look at the page."""
        page.opens.append(Open(*self._visit(contact, at), device_type))

    def click_on_page(
        self,
        page: LandingPage,
        contact: Contact,
        link: Link | None = None,
        *,
        device_type: Device | None = "computer",
        at: datetime | None = None,
    ) -> None:
        """Let the contact click a link of the page: its first, unless another is named."""
        link = link or page.links[0]
        visit = self._visit(contact, at)
        page.clicks.append(Click(*visit, link.url_id, link.link_url, device_type))

    def sign_up_on_page(
        self, page: LandingPage, contact: Contact, *, at: datetime | None = None
    ) -> None:
        """Note that the contact was added by the page."""
        page.adds.append(Event(*self._visit(contact, at)))

    def update_on_page(
        self, page: LandingPage, contact: Contact, *, at: datetime | None = None
    ) -> None:
        """Note that somebody already known filled in the form of the page."""
        page.updates.append(Event(*self._visit(contact, at)))

    def opt_in_on_page(
        self, page: LandingPage, contact: Contact, *, at: datetime | None = None
    ) -> None:
        """Note that the contact agreed to text messages on the page."""
        page.sms_optins.append(Event(*self._visit(contact, at)))

    def _visit(self, contact: Contact, at: datetime | None) -> tuple[str, str, datetime]:
        moment = self.clock.now() if at is None else at
        return contact.contact_id, addressed(contact).address, millisecond(moment)
