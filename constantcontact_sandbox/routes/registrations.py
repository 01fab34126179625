"""Who comes to an event: /events/{event_id}/tracks/{track_id}/registrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from constantcontact_sandbox import envelopes
from constantcontact_sandbox.answers import EVENTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.event_records import PaymentStatus, RegistrationStatus
from constantcontact_sandbox.moments import in_milliseconds
from constantcontact_sandbox.routes.events import hosted
from constantcontact_sandbox.routes.shapes import said

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.event_records import Answer, HostedEvent, Registration, Ticket

_PAGE, _MOST = 50, 100  # neither is documented
_STATUSES = frozenset[str](get_args(RegistrationStatus))
_PAYMENTS = frozenset[str](get_args(PaymentStatus))
_ORDERS: dict[str, Callable[[Registration], Any]] = {
    "first_name": lambda each: (each.first_name or "").lower(),
    "last_name": lambda each: (each.last_name or "").lower(),
    "email_address": lambda each: each.email_address.lower(),
    "registration_status": lambda each: each.status,
    "payment_status": lambda each: each.order.payment_status,
    "tickets": lambda each: len(each.tickets),
    "total": lambda each: each.total,
}


def collection(call: Call) -> dict[str, Any]:
    """Show the registrations: the latest first, unless asked otherwise."""
    event = _of_track(call)
    status = call.one_of("registration_status", _STATUSES)
    payment = call.one_of("payment_status", _PAYMENTS)
    order = call.one_of("sort_by", frozenset(_ORDERS))
    direction = call.one_of("sort_order", frozenset({"ASC", "DESC"}))
    size = _size(call)
    text = (call.text("search_text") or "").lower()
    matching = [
        each
        for each in event.registrations.values()
        if each.at <= call.now
        and status in (None, each.status)
        and payment in (None, each.order.payment_status)
        and text in f"{each.first_name}\n{each.last_name}\n{each.email_address}".lower()
    ]
    matching.sort(key=lambda each: each.at, reverse=True)
    if order is not None:
        matching.sort(key=_ORDERS[order], reverse=direction == "DESC")
    rows, envelope = envelopes.cut(call, matching, size)
    return {"records": [_record(event, each) for each in rows]} | envelope


def detail(call: Call) -> dict[str, Any]:
    """Show one registration: its answers, its tickets and its order."""
    event = _of_track(call)
    registration = event.registrations.get(call.uuid("registration_id"))
    if registration is None or registration.at > call.now:
        raise EVENTS.not_found("Registration not found.")
    return {
        "registration_id": registration.registration_id,
        "contact_id": registration.contact_id,
        **_check_in(registration),
        "registration_date": in_milliseconds(registration.at),
        "registration_status": registration.status,
        "display_physical_tickets": event.venue is not None,
        "contact": _answers(registration.answers),
        "tickets": [_ticket(each) for each in registration.tickets],
        "order_summary": _order(event, registration),
    }


def _of_track(call: Call) -> HostedEvent:
    event = hosted(call)
    if event.track.track_id != call.ids["track_id"]:
        raise EVENTS.not_found("Track not found.")
    return event


def _size(call: Call) -> int:
    """Return the length of a page, which has two names that may not contradict each other."""
    by_limit, by_page_size = (call.limit(_PAGE, _MOST, name) for name in ("limit", "page_size"))
    if call.text("page_size") is None:
        return by_limit
    if call.text("limit") is not None and by_limit != by_page_size:
        raise call.invalid("page_size")
    return by_page_size


def _record(event: HostedEvent, registration: Registration) -> dict[str, Any]:
    return said(
        **_check_in(registration),
        email_address=registration.email_address,
        first_name=registration.first_name,
        last_name=registration.last_name,
        new_contact=registration.new_contact,
        payment_status=registration.order.payment_status,
        registration_id=registration.registration_id,
        registration_status=registration.status,
        registration_time=registration.at,
        tickets=len(registration.tickets),
        total=registration.total,
        track_key=event.track.track_id,
    )


def _check_in(registration: Registration) -> dict[str, Any]:
    came, eligible = registration.checked_in, len(registration.tickets)
    status = "CHECKED_IN" if came and came == eligible else "NOT_CHECKED_IN"
    return {
        "checkedIn_tickets": came,
        "checkin_status": "PARTIALLY_CHECKED_IN" if 0 < came < eligible else status,
        "eligible_checkin_tickets": eligible,
    }


def _answers(answers: list[Answer]) -> list[dict[str, Any]]:
    return [
        {
            "display_order": number,
            "field_label": each.label,
            "field_name": each.name,
            "field_type": each.kind,
            "label_key": f"registration.field.label.{each.name.lower()}",
            "field_value": each.value,
            "choices": list(each.choices),
        }
        for number, each in enumerate(answers, start=1)
    ]


def _ticket(ticket: Ticket) -> dict[str, Any]:
    return said(
        checked_in_time=ticket.checked_in_at,
        editable=ticket.checked_in_at is None,
        order_ticket_key=ticket.key,
        price=ticket.price,
        ticket_name=ticket.name,
        fields=[],
    )


def _order(event: HostedEvent, registration: Registration) -> dict[str, Any]:
    order = registration.order
    lines = [
        *(("TICKET", each.name, each.price) for each in registration.tickets),
        *(("ITEM", each.name, each.price * each.quantity) for each in registration.purchases),
    ]
    if order.discount:
        lines.append(("DISCOUNT", "Discount", -order.discount))
    link = f"https://lp.example.com/ev/reg/{event.track.track_id}/registrations"
    return said(
        details=[
            {
                "amount": f"{'-' if amount < 0 else ''}${abs(amount):.2f}",
                "amount_unformatted": amount,
                "line_item_type": kind,
                "name": name,
            }
            for kind, name, amount in lines
        ],
        number=order.number,
        payment_method=order.payment_method,
        payment_status=order.payment_status,
        payment_time=order.payment_time,
        payment_transaction_id=order.transaction_id,
        tickets_link=f"{link}/{registration.registration_id}/tickets",
        tickets_text=f"Your tickets for {event.title}.",
        title=event.title,
    )


_REGISTRATIONS = "/events/{event_id}/tracks/{track_id}/registrations"

ROUTES = (
    Route(
        _REGISTRATIONS,
        collection,
        EVENTS,
        "campaign_data",
        "campaign:read",
        cursor="next",
        back="prev",
    ),
    Route(
        f"{_REGISTRATIONS}/{{registration_id}}",
        detail,
        EVENTS,
        "campaign_data",
        "campaign:read",
    ),
)
