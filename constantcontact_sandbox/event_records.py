"""What an account holds of the events it hosts.

HostedEvent              an event, with
  Host, Venue, Meeting     whom to ask, and where it takes place
  Track                    how one registers: what is sold beside the tickets, and
    Item, ItemAttribute      in which variants
    PromoCode                what makes it cheaper
    Banner                   what adorns the form
  Promotion                the e-mails that invite to it
  Registration             who comes, with
    Ticket, Order            for how much, and whether it is paid
    Answer                   what was asked on the form
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

EventStatus = Literal["DRAFT", "ACTIVE", "COMPLETE", "CANCELLED", "DELETED", "ERROR"]
EventType = Literal["PERFORMING_ARTS", "CLASS", "FUNDRAISER", "MEETING", "NETWORKING", "OTHER"]
LocationType = Literal["PHYSICAL", "VIRTUAL", "BOTH", "TBD"]
RegistrationStatus = Literal[
    "PENDING", "REGISTERED", "CANCELED", "EXPIRED", "IN_PROGRESS", "FAILED"
]
PaymentStatus = Literal["PENDING", "PAID", "REFUNDED", "CANCELLED", "FAILED", "CHARGED_BACK"]

#: Registrations that count: who holds a ticket, or is about to.
COUNTED: frozenset[RegistrationStatus] = frozenset({"PENDING", "REGISTERED"})


@dataclass(slots=True)
class Host:
    """Whom to ask about an event."""

    name: str
    organization_name: str
    email_address: str
    from_email_address: str
    phone_number: str | None = None


@dataclass(slots=True)
class Venue:
    """Where an event takes place."""

    location_name: str
    line1: str
    city: str
    country: str
    country_code: str
    line2: str | None = None
    state: str | None = None
    state_code: str | None = None
    postal_code: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(slots=True)
class Meeting:
    """Where an event takes place online."""

    url: str
    provider_type: str
    label: str | None = None
    instructions: str | None = None


@dataclass(slots=True)
class ItemAttribute:
    """A variant of an item, such as a size."""

    attribute_id: str
    name: str
    quantity_total: int
    display_order: int


@dataclass(slots=True)
class Item:
    """Something sold beside the tickets."""

    item_id: str
    name: str
    price: float
    quantity_total: int
    display_order: int
    created_at: datetime
    updated_at: datetime
    description: str | None = None
    limit_per_order: int | None = None
    media_url: str | None = None
    media_internal_id: str | None = None
    deleted_at: datetime | None = None
    attributes: tuple[ItemAttribute, ...] = ()


@dataclass(slots=True)
class PromoCode:
    """What makes an order cheaper: by a share of it, or by an amount."""

    code_id: str
    name: str
    quantity_total: int
    description: str | None = None
    discount_percent: int | None = None
    discount_amount: float | None = None
    starts: datetime | None = None
    ends: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(slots=True)
class Banner:
    """A picture at the head of the registration form."""

    internal_id: str
    external_url: str
    external_id: str | None = None


@dataclass(slots=True)
class Promotion:
    """An e-mail that invites to an event."""

    campaign_activity_id: str
    document_id: str
    ext_id: str
    default: bool = False


@dataclass(slots=True)
class Track:
    """How one registers for an event."""

    track_id: str
    campaign_activity_id: str
    conf_email_campaign_activity_id: str
    capacity: int
    registration_ends: datetime
    ticket_name: str = "General Admission"
    ticket_price: float = 0.0
    closed: bool = False
    items: list[Item] = field(default_factory=list)
    promo_codes: list[PromoCode] = field(default_factory=list)
    banners: list[Banner] = field(default_factory=list)


@dataclass(slots=True)
class Answer:
    """What the registration form asked, and what was said."""

    label: str
    name: str
    kind: str
    value: str
    choices: tuple[str, ...] = ()


@dataclass(slots=True)
class Ticket:
    """A place at an event; whoever was let in with it was so at a moment."""

    key: str
    name: str
    price: float
    checked_in_at: datetime | None = None


@dataclass(slots=True)
class Purchase:
    """Some of an item, perhaps of one variant, bought with the tickets."""

    item_id: str
    name: str
    price: float
    quantity: int = 1
    attribute_id: str | None = None


@dataclass(slots=True)
class Order:
    """What a registration costs and whether it is paid."""

    number: str
    payment_status: PaymentStatus
    payment_method: Literal["STRIPE", "PAYPAL"] | None = None
    payment_time: datetime | None = None
    transaction_id: str | None = None
    promo_code_id: str | None = None
    discount: float = 0.0


@dataclass(slots=True)
class Registration:
    """Somebody who comes to an event, or meant to: the name and the address of that time."""

    registration_id: str
    contact_id: str
    email_address: str
    first_name: str | None
    last_name: str | None
    at: datetime
    status: RegistrationStatus
    order: Order
    tickets: list[Ticket] = field(default_factory=list)
    purchases: list[Purchase] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    new_contact: bool = False

    @property
    def total(self) -> float:
        """What the order comes to."""
        tickets = sum(each.price for each in self.tickets)
        items = sum(each.price * each.quantity for each in self.purchases)
        return round(tickets + items - self.order.discount, 2)

    @property
    def checked_in(self) -> int:
        """How many tickets have been shown at the door."""
        return sum(each.checked_in_at is not None for each in self.tickets)


@dataclass(slots=True)
class Metrics:
    """What an event's registrations amount to."""

    registration_count: int
    ticket_sold: int
    item_sold: int


@dataclass(slots=True)
class HostedEvent:
    """An event that the account hosts. Deleting is soft."""

    event_id: str
    name: str
    title: str
    description: str
    event_type: EventType
    starts: datetime
    ends: datetime
    time_zone: str
    time_zone_abbreviation: str
    host: Host
    track: Track
    created_at: datetime
    updated_at: datetime
    code: str
    status: EventStatus = "DRAFT"
    venue: Venue | None = None
    meeting: Meeting | None = None
    currency: str | None = None
    active_at: datetime | None = None
    cancelled_at: datetime | None = None
    deleted_at: datetime | None = None
    promotions: list[Promotion] = field(default_factory=list)
    failed_campaign_activities: tuple[str, ...] = ()
    registrations: dict[str, Registration] = field(default_factory=dict)

    @property
    def location_type(self) -> LocationType:
        """Whether one goes there, dials in, may do either, or is yet to be told."""
        if self.venue is not None:
            return "BOTH" if self.meeting is not None else "PHYSICAL"
        return "VIRTUAL" if self.meeting is not None else "TBD"

    @property
    def is_paid(self) -> bool:
        """Whether anything costs money."""
        return self.track.ticket_price > 0 or any(each.price > 0 for each in self.track.items)

    def metrics(self, until: datetime) -> Metrics:
        """Return what the registrations that count amount to, up to a moment."""
        counted = list(self.counted(until))
        return Metrics(
            len(counted),
            sum(len(each.tickets) for each in counted),
            sum(bought.quantity for each in counted for bought in each.purchases),
        )

    def sold(self, until: datetime, item_id: str, attribute_id: str | None = None) -> int:
        """Return how many of an item, or of one variant of it, were sold up to a moment."""
        return sum(
            bought.quantity
            for each in self.counted(until)
            for bought in each.purchases
            if bought.item_id == item_id and attribute_id in (None, bought.attribute_id)
        )

    def used(self, until: datetime, promo_code_id: str) -> int:
        """Return how often a promotional code was used up to a moment."""
        return sum(each.order.promo_code_id == promo_code_id for each in self.counted(until))

    def counted(self, until: datetime) -> Iterator[Registration]:
        """Return the registrations that count, up to a moment."""
        return (
            each
            for each in self.registrations.values()
            if each.at <= until and each.status in COUNTED
        )
