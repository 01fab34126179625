"""The events of an account, and who comes to them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox.event_records import (
    Answer,
    Banner,
    Host,
    HostedEvent,
    Item,
    ItemAttribute,
    Order,
    PromoCode,
    Promotion,
    Purchase,
    Registration,
    Ticket,
    Track,
)
from constantcontact_sandbox.holder import Holder
from constantcontact_sandbox.people import addressed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.event_records import EventType, Meeting, PaymentStatus, Venue
    from constantcontact_sandbox.records import Contact

_HOST = Host(
    "Ada Baker", "The Example Bakery", "owner@example.com", "hello@example.com", "508 555 0199"
)
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"


class Events(Holder):
    """Hosted events by their ids.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.events: dict[str, HostedEvent] = {}

    def plan_event(
        self,
        title: str,
        starts: datetime,
        *,
        lasts: timedelta = timedelta(hours=2),
        description: str = "",
        event_type: EventType = "CLASS",
        venue: Venue | None = None,
        meeting: Meeting | None = None,
        ticket_price: float = 0.0,
        capacity: int = 100,
        at: datetime | None = None,
    ) -> HostedEvent:
        """Plan an event: a draft for which nobody can register yet."""
        moment = self._at(at)
        event = HostedEvent(
            event_id=self.chance.uuid(),
            name=f"{title} #{len(self.events) + 1}"[:100],
            title=title,
            description=description or f"{title}: come and see.",
            event_type=event_type,
            starts=starts,
            ends=starts + lasts,
            time_zone="US/Eastern",
            time_zone_abbreviation="EST",
            host=_HOST,
            track=Track(
                self._key(),
                self.chance.uuid(),
                self.chance.uuid(),
                capacity,
                starts,
                ticket_price=ticket_price,
            ),
            created_at=moment,
            updated_at=moment,
            code=f"EVENT{len(self.events) + 1}",
            venue=venue,
            meeting=meeting,
            currency="USD" if ticket_price else None,
        )
        self.events[event.event_id] = event
        return event

    def publish(self, event: HostedEvent, *, at: datetime | None = None) -> None:
        """Open the event for registration, and invite to it."""
        event.status, event.active_at = "ACTIVE", self._at(at)
        event.updated_at = event.active_at
        uuid = self.chance.uuid
        event.promotions.append(Promotion(uuid(), uuid(), uuid(), default=not event.promotions))

    def retitle(self, event: HostedEvent, title: str, *, at: datetime | None = None) -> None:
        """Give the event another title."""
        event.title, event.updated_at = title, self._at(at)

    def postpone(self, event: HostedEvent, by: timedelta, *, at: datetime | None = None) -> None:
        """Let the event take place later."""
        event.starts += by
        event.ends += by
        event.track.registration_ends += by
        event.updated_at = self._at(at)

    def complete(self, event: HostedEvent, *, at: datetime | None = None) -> None:
        """Note that the event is over."""
        event.status, event.updated_at = "COMPLETE", self._at(at)
        event.track.closed = True

    def cancel_event(self, event: HostedEvent, *, at: datetime | None = None) -> None:
        """Call the event off."""
        event.status, event.cancelled_at = "CANCELLED", self._at(at)
        event.updated_at = event.cancelled_at

    def fail_event(self, event: HostedEvent, *, at: datetime | None = None) -> None:
        """Try to publish the event, in vain: its form cannot be made."""
        event.status, event.updated_at = "ERROR", self._at(at)
        event.failed_campaign_activities = (event.track.campaign_activity_id,)

    def delete_event(self, event: HostedEvent, *, at: datetime | None = None) -> None:
        """Delete the event, softly."""
        event.status, event.deleted_at = "DELETED", self._at(at)
        event.updated_at = event.deleted_at

    # What can be had beside the tickets

    def add_item(
        self,
        event: HostedEvent,
        name: str,
        price: float,
        *,
        total: int = 50,
        variants: Sequence[str] = (),
        at: datetime | None = None,
    ) -> Item:
        """Sell something beside the tickets, perhaps in variants."""
        moment = self._at(at)
        share = total // max(len(variants), 1)
        item = Item(
            item_id=self._key(),
            name=name,
            price=price,
            quantity_total=total,
            display_order=len(event.track.items) + 1,
            created_at=moment,
            updated_at=moment,
            description=f"{name}, to be taken home.",
            limit_per_order=5,
            attributes=tuple(
                ItemAttribute(self._key(), variant, share, number)
                for number, variant in enumerate(variants, start=1)
            ),
        )
        event.track.items.append(item)
        event.currency = "USD"
        event.updated_at = moment
        return item

    def remove_item(self, event: HostedEvent, item: Item, *, at: datetime | None = None) -> None:
        """Sell an item no more; it stays with its `deleted_at`."""
        item.deleted_at = item.updated_at = event.updated_at = self._at(at)

    def add_promo_code(
        self,
        event: HostedEvent,
        name: str,
        percent: int,
        *,
        total: int = 10,
        at: datetime | None = None,
    ) -> PromoCode:
        """Let those who know a word pay less."""
        moment = self._at(at)
        code = PromoCode(
            self._key(), name, total, name.title(), percent, starts=moment, ends=event.starts
        )
        event.track.promo_codes.append(code)
        event.updated_at = moment
        return code

    def add_banner(self, event: HostedEvent, url: str, *, at: datetime | None = None) -> Banner:
        """Adorn the registration form."""
        banner = Banner(self._key(), url)
        event.track.banners.append(banner)
        event.updated_at = self._at(at)
        return banner

    # Who comes

    def register(
        self,
        event: HostedEvent,
        contact: Contact,
        *,
        tickets: int = 1,
        items: Sequence[Item] = (),
        promo_code: PromoCode | None = None,
        paid: bool = True,
        new_contact: bool = False,
        at: datetime | None = None,
    ) -> Registration:
        """Let the contact register, with some tickets and one of each item; unpaid it is pending.

        The event's metrics move, its `updated_at` only if the switch says so.
        """
        moment, track = self._at(at), event.track
        registration = Registration(
            registration_id=self.chance.uuid(),
            contact_id=contact.contact_id,
            email_address=addressed(contact).address,
            first_name=contact.first_name,
            last_name=contact.last_name,
            at=moment,
            status="REGISTERED" if paid else "PENDING",
            order=Order(self._key(10), "PENDING"),
            tickets=[
                Ticket(self._key(), track.ticket_name, track.ticket_price) for _ in range(tickets)
            ],
            purchases=[_purchase(each) for each in items],
            answers=_answers(contact),
            new_contact=new_contact,
        )
        if promo_code is not None:
            registration.order.promo_code_id = promo_code.code_id
            share = (promo_code.discount_percent or 0) / 100
            registration.order.discount = round(registration.total * share, 2)
        event.registrations[registration.registration_id] = registration
        if paid:
            self._settle(registration, moment)
        self._touch_by_registration(event, moment)
        return registration

    def pay(
        self, event: HostedEvent, registration: Registration, *, at: datetime | None = None
    ) -> None:
        """Pay for a pending registration: no metric moves."""
        moment = self._at(at)
        registration.status = "REGISTERED"
        self._settle(registration, moment)
        self._touch_by_registration(event, moment)

    def cancel_registration(
        self,
        event: HostedEvent,
        registration: Registration,
        *,
        payment: PaymentStatus = "REFUNDED",
        at: datetime | None = None,
    ) -> None:
        """Let somebody stay away after all: the metrics move back."""
        registration.status = "CANCELED"
        registration.order.payment_status = payment
        self._touch_by_registration(event, self._at(at))

    def check_in(
        self, registration: Registration, tickets: int | None = None, *, at: datetime | None = None
    ) -> None:
        """Let in all who hold the tickets, or so many of them: nothing else tells of it."""
        waiting = [each for each in registration.tickets if each.checked_in_at is None]
        for ticket in waiting[:tickets]:
            ticket.checked_in_at = self._at(at)

    def _settle(self, registration: Registration, moment: datetime) -> None:
        order = registration.order
        order.payment_status = "PAID"
        if registration.total > 0:
            order.payment_method, order.payment_time = "STRIPE", moment
            order.transaction_id = self.chance.uuid()

    def _touch_by_registration(self, event: HostedEvent, moment: datetime) -> None:
        if self.switches.registration_moves_event:
            event.updated_at = moment

    def _key(self, length: int = 6) -> str:
        return "".join(self.chance.pick(_LETTERS) for _ in range(length))


def _purchase(item: Item) -> Purchase:
    """Return one of an item, in its first variant if it has any."""
    variant = item.attributes[0].attribute_id if item.attributes else None
    return Purchase(item.item_id, item.name, item.price, attribute_id=variant)


def _answers(contact: Contact) -> list[Answer]:
    said = {
        ("Email Address", "CONTACT_EMAIL_ADDRESS"): addressed(contact).address,
        ("First Name", "CONTACT_FIRST_NAME"): contact.first_name,
        ("Last Name", "CONTACT_LAST_NAME"): contact.last_name,
    }
    answers = [Answer(label, name, "TEXT", value) for (label, name), value in said.items() if value]
    ways = ("foot", "bicycle", "car")
    return [*answers, Answer("How do you get here?", "CUSTOM_1", "SINGLE_SELECT", ways[0], ways)]
