"""The events of a believable account: who came to them, and what happens to them on a day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from constantcontact_sandbox.chance import Chance
from constantcontact_sandbox.event_records import Meeting, Venue
from constantcontact_sandbox.townsfolk import QUIET

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.event_records import HostedEvent, Registration
    from constantcontact_sandbox.records import Contact

_TITLES = (
    "Sourdough for beginners",
    "Rye & “friends” 🥖",
    "Open bakery night",
    "Bread and soup for the food bank",
    "Ask Ada anything",
)
_VENUE = Venue(
    "The Example Bakery",
    "123 Maple Street",
    "Boston",
    "United States",
    "US",
    line2="Unit 1",
    state="Massachusetts",
    state_code="MA",
    postal_code="02451",
    latitude=42.3601,
    longitude=-71.0589,
)
_MEETING = Meeting(
    "https://meet.example.com/abc-defg-hij", "ZOOM", "Join us", "Have some flour at hand."
)

#: What became of the events, one after the other.
_FATES = ("over", "open", "open", "draft", "cancelled", "deleted", "over", "failed")
_PRICES = (25.0, 12.5, 25.0, 0.0)
_MOST_GUESTS = 25
_PAST = timedelta(days=3)  # since the beginning of an event of which all is known, at least
_SPOKEN = timedelta(days=30)  # from the publication of an event to its beginning


def host(account: Account, events: int) -> None:
    """Add the events, and let people register for those that were published."""
    chance = Chance(f"{account.seed}:events")
    for number in range(events):
        _host(account, number, _FATES[number % len(_FATES)], chance)


def _host(account: Account, number: int, fate: str, chance: Chance) -> None:
    beginning = account.born + timedelta(days=3 + number)
    if fate in ("over", "cancelled", "deleted"):
        beginning -= timedelta(days=40 + chance.below(300))
        beginning = min(beginning, account.born - _PAST)  # however many events there are
    planned = beginning - _SPOKEN - timedelta(hours=chance.randint(2, 40))
    planned = min(planned, account.born - 2 * QUIET)  # however far the event is
    event = account.plan_event(
        _TITLES[number % len(_TITLES)],
        beginning,
        venue=_VENUE if number % 3 != 1 else None,
        meeting=_MEETING if number % 2 else None,
        ticket_price=_PRICES[number % len(_PRICES)],
        at=planned,
    )
    if number % 3 == 0:
        account.add_item(event, "Apron", 12.5, variants=("S", "M", "L"), at=planned)
        account.add_item(event, "Starter", 0.0, at=planned)
        account.add_promo_code(event, f"WIN{number}", 20, at=planned)
        account.add_banner(event, "https://files.example.com/banner.jpg", at=planned)
    if fate == "failed":
        account.fail_event(event, at=planned)
    elif fate != "draft":
        account.publish(event, at=planned + timedelta(hours=1))
        _fill(account, event, chance)
        _end(account, event, fate)


def _fill(account: Account, event: HostedEvent, chance: Chance) -> None:
    opened = event.active_at or event.created_at
    closed = min(event.starts, account.born - QUIET / 2)
    known = account.newest_contacts(until=opened)
    drawn = chance.sample(known, min(len(known), chance.below(_MOST_GUESTS)))
    guests = [each for each in drawn if each.email_address and each.deleted_at is None]
    moments = sorted(opened + (closed - opened) * chance.random() for _ in guests)
    for moment, guest in zip(moments, guests, strict=True):
        registration = _register(account, event, guest, chance, moment)
        if chance.happens(0.1):
            account.cancel_registration(event, registration, at=moment)
        elif event.starts < account.born and chance.happens(0.7):
            account.check_in(registration, at=event.starts)


def _register(
    account: Account, event: HostedEvent, guest: Contact, chance: Chance, at: datetime
) -> Registration:
    items = [each for each in event.track.items if each.deleted_at is None]
    codes = event.track.promo_codes
    return account.register(
        event,
        guest,
        tickets=chance.randint(1, 3),
        items=chance.some(items, 2) if chance.happens(0.5) else (),
        promo_code=chance.pick(codes) if codes and chance.happens(0.3) else None,
        paid=chance.happens(0.8),
        new_contact=chance.happens(0.2),
        at=at,
    )


def _end(account: Account, event: HostedEvent, fate: str) -> None:
    if fate == "over":
        account.complete(event, at=event.ends)
    elif fate == "cancelled":
        account.cancel_event(event, at=event.starts - timedelta(days=1))
    elif fate == "deleted":
        account.complete(event, at=event.ends)
        account.delete_event(event, at=event.ends + timedelta(days=1))


# What happens on a day


def _open_events(account: Account) -> list[HostedEvent]:
    return [each for each in account.events.values() if each.status == "ACTIVE"]


def _registered(
    account: Account, chance: Chance, test: Callable[[Registration], bool]
) -> tuple[HostedEvent, Registration] | None:
    """Pick a registration of an open event that passes a test."""
    found = [
        (event, each)
        for event in _open_events(account)
        for each in event.registrations.values()
        if test(each)
    ]
    return chance.pick(found) if found else None


def _arrive(account: Account, chance: Chance, at: datetime) -> bool:
    events, contacts = _open_events(account), account.newest_contacts()
    if not events or not contacts:
        return False
    guest = chance.pick(contacts)
    if guest.email_address is None or guest.deleted_at is not None:
        return False
    _register(account, chance.pick(events), guest, chance, at)
    return True


def _pay(account: Account, chance: Chance, at: datetime) -> bool:
    found = _registered(account, chance, lambda each: each.status == "PENDING")
    if found is None:
        return False
    account.pay(*found, at=at)
    return True


def _stay_away(account: Account, chance: Chance, at: datetime) -> bool:
    found = _registered(account, chance, lambda each: each.status == "REGISTERED")
    if found is None:
        return False
    account.cancel_registration(*found, at=at)
    return True


def _come_in(account: Account, chance: Chance, at: datetime) -> bool:
    found = _registered(account, chance, lambda each: each.checked_in < len(each.tickets))
    if found is None:
        return False
    account.check_in(found[1], 1, at=at)
    return True


def _edit(account: Account, chance: Chance, at: datetime) -> bool:
    """Give an event another title, or put it off for an hour."""
    if not account.events:
        return False
    event = chance.pick(list(account.events.values()))
    if chance.happens(0.5):
        account.retitle(event, f"{chance.pick(_TITLES)} ({chance.below(100)})", at=at)
    else:
        account.postpone(event, timedelta(hours=1), at=at)
    return True


def _plan(account: Account, chance: Chance, at: datetime) -> bool:
    """Plan another event, and perhaps publish it at once."""
    event = account.plan_event(
        chance.pick(_TITLES),
        at + timedelta(days=chance.randint(5, 30)),
        venue=_VENUE,
        ticket_price=chance.pick((0.0, 25.0)),
        at=at,
    )
    if chance.happens(0.7):
        account.publish(event, at=at)
    return True


def _pass(account: Account, chance: Chance, at: datetime) -> bool:
    """Note that an event is over, if one is."""
    over = [each for each in _open_events(account) if each.ends <= at]
    if not over:
        return False
    account.complete(chance.pick(over), at=at)
    return True


#: What happens on a day: how often, and what it does.
HAPPENINGS: dict[str, tuple[int, Callable[[Account, Chance, datetime], bool]]] = {
    "event registration": (4, _arrive),
    "registration paid": (1, _pay),
    "registration canceled": (1, _stay_away),
    "guest checked in": (1, _come_in),
    "event edited": (1, _edit),
    "event planned": (1, _plan),
    "event over": (2, _pass),
}
