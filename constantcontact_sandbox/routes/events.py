"""Hosted events: /events and /events/{event_id}."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox import envelopes
from constantcontact_sandbox.answers import EVENTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import in_milliseconds, in_seconds
from constantcontact_sandbox.routes.shapes import present, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.event_records import (
        HostedEvent,
        Item,
        ItemAttribute,
        PromoCode,
        Track,
        Venue,
    )

_STATUSES = frozenset({"ACTIVE", "DRAFT", "COMPLETE", "DELETED", "CANCELLED", "ERROR"})
_ORDERS: dict[str, Callable[[HostedEvent], Any]] = {
    "name": lambda event: event.name.lower(),
    "start_time": lambda event: event.starts,
    "end_time": lambda event: event.ends,
    "created_time": lambda event: event.created_at,
    "updated_time": lambda event: event.updated_at,
}
_PAGE = 100  # events, by default and at most


def collection(call: Call) -> dict[str, Any]:
    """Show the events: the newest first, unless asked otherwise."""
    status = call.one_of("event_status", _STATUSES)
    order = call.one_of("sort_by", frozenset(_ORDERS))
    direction = call.one_of("sort_order", frozenset({"ASC", "DESC"}))
    size = call.limit(_PAGE, _PAGE)
    text = (call.text("search_text") or "").lower()
    matching = [
        each
        for each in call.account.events.values()
        if (each.status == status if status else _shows(call, each))
        and text in f"{each.title}\n{each.name}\n{each.description}".lower()
    ]
    matching.sort(key=_ORDERS[order or "created_time"], reverse=direction == "DESC" or not order)
    rows, envelope = envelopes.cut(call, matching, size)
    return {"records": [_listing(call, each) for each in rows]} | envelope


def _shows(call: Call, event: HostedEvent) -> bool:
    return event.status != "DELETED" or call.switches.deleted_events_listed


def detail(call: Call) -> dict[str, Any]:
    """Show one event, a deleted one too; its settings only when asked for."""
    with_settings = call.flag("include")
    event = hosted(call)
    shown = {
        **said(
            description=event.description,
            title=event.title,
            name=event.name,
            event_id=event.event_id,
            campaign_id=event.event_id,
            event_start=in_seconds(event.starts),
            event_end=in_seconds(event.ends),
            event_type=event.event_type,
            eso=_eso(call),
            contact=_host(event),
            create_time=event.created_at,
            active_time=event.active_at,
            cancelled_time=event.cancelled_at,
            deleted_time=event.deleted_at,
            last_update_time=event.updated_at,
            address=_address(event, event.venue),
            currency_type=event.currency,
            event_code=event.code,
            online_meeting=_meeting(event),
            location_type=event.location_type,
            registration_url=_registration_url(event),
            status=event.status,
            time_zone=event.time_zone,
            time_zone_abbreviation=event.time_zone_abbreviation,
            event_calendar_url=f"https://lp.example.com/ev/calendar/{_eso(call)}",
            event_widget_url=f"https://eventsfeed.example.com/widget/myevents.js?eso={_eso(call)}",
        ),
        "default_track": _track(call, event),
        "display_contact_flag": True,
        "display_end_time_flag": True,
        "display_on_calendar_flag": event.status == "ACTIVE",
        "display_time_zone_flag": event.meeting is not None,
        "notify_owner_on_reg": True,
        "event_metadata": {
            "items_enabled": bool(event.track.items),
            "paid_event": event.is_paid,
            "promo_codes_enabled": bool(event.track.promo_codes),
        },
        "event_promotions": [
            {"assoc_activity_sub_type": "EMAIL_INVITATION", **present(each)}
            for each in event.promotions
        ],
        "failed_campaign_activities": list(event.failed_campaign_activities),
    }
    return shown | {"event_settings": _settings(event)} if with_settings else shown


def hosted(call: Call) -> HostedEvent:
    """Return the event asked for."""
    event = call.account.events.get(call.uuid("event_id"))
    if event is None:
        raise EVENTS.not_found("Event not found.")
    return event


def _listing(call: Call, event: HostedEvent) -> dict[str, Any]:
    return said(
        event_id=event.event_id,
        title=event.title,
        description=event.description,
        start_time=in_seconds(event.starts),
        end_time=in_seconds(event.ends),
        status=event.status,
        registration_url=_registration_url(event),
        name=event.name,
        event_type=event.event_type,
        location_type=event.location_type,
        time_zone_type=event.time_zone_abbreviation,
        address=_address(event, event.venue),
        event_registration_summary_metrics=present(event.metrics(call.now)),
        create_time=in_seconds(event.created_at),
    )


def _eso(call: Call) -> str:
    return f"001{call.account.owner.encoded_account_id}=="


def _registration_url(event: HostedEvent) -> str:
    return f"https://lp.example.com/ev/reg/{event.track.track_id}"


def _times(event: HostedEvent) -> dict[str, str]:
    return {
        "create_time": in_milliseconds(event.created_at),
        "last_update_time": in_milliseconds(event.updated_at),
    }


def _host(event: HostedEvent) -> dict[str, Any]:
    return {**present(event.host), **_times(event)}


def _address(event: HostedEvent, venue: Venue | None) -> dict[str, Any] | None:
    if venue is None:
        return None
    return {"address_type": "EVENT", **present(venue), **_times(event)}


def _meeting(event: HostedEvent) -> dict[str, Any] | None:
    if event.meeting is None:
        return None
    return {**present(event.meeting), "enabled_flag": True, **_times(event)}


def _settings(event: HostedEvent) -> dict[str, bool]:
    return {
        "event_requires_payments": event.is_paid,
        "item_configured": bool(event.track.items),
        "online_payment_configured": event.is_paid,
        "payment_configured": event.is_paid,
        "promo_code_configured": bool(event.track.promo_codes),
        "ticket_configured": True,
    }


def _track(call: Call, event: HostedEvent) -> dict[str, Any]:
    track = event.track
    return {
        "campaign_activity_id": track.campaign_activity_id,
        "conf_email_campaign_activity_id": track.conf_email_campaign_activity_id,
        **_times(event),
        "items_header": "Items",
        "media_assets": [
            {**present(each), "media_type": "BNR", **_times(event)} for each in track.banners
        ],
        "overall_ticket_capacity": track.capacity,
        "platform_fee_scope_type": "OWNER",
        "promo_codes": [_promo_code(call, event, each) for each in track.promo_codes],
        "reg_manually_closed_flag": track.closed,
        "registration_end_time": in_seconds(track.registration_ends),
        "registration_type": "TICKET",
        "restrict_to_single_ticket_flag": False,
        "tickets_header": "Tickets",
        "track_id": track.track_id,
        "items": [_item(call, event, each) for each in track.items],
    }


def _promo_code(call: Call, event: HostedEvent, code: PromoCode) -> dict[str, Any]:
    used = event.used(call.now, code.code_id)
    track: Track = event.track
    return {
        **said(
            id=code.code_id,
            name=code.name,
            description=code.description,
            discount_percent=code.discount_percent,
            discount_amount=code.discount_amount,
            start_time=code.starts,
            end_time=code.ends,
            deleted_time=code.deleted_at,
        ),
        "discount_code_scope": "ORDER_TOTAL",
        "discount_code_type": "AMOUNT" if code.discount_percent is None else "PERCENT",
        "items": [
            {"item_id": each.item_id, "name": each.name, "associated": True, "hidden_flag": False}
            | {"display_item_on_promo_redemption": False}
            for each in track.items
        ],
        "paused_flag": False,
        "quantity_available": code.quantity_total - used,
        "quantity_total": code.quantity_total,
        "quantity_used": used,
        "status": "LIVE",
        "status_labels": _labels(code.quantity_total - used),
        "tickets": [
            {
                "name": track.ticket_name,
                "ticket_id": f"{track.track_id}-1",
                "ticket_type": "PAID" if track.ticket_price else "FREE",
                "associated": True,
                "display_ticket_on_promo_redemption": False,
                "hidden_flag": False,
            }
        ],
        "time_limit_flag": True,
    }


def _item(call: Call, event: HostedEvent, item: Item) -> dict[str, Any]:
    sold = event.sold(call.now, item.item_id)
    left = item.quantity_total - sold
    return {
        **said(
            create_time=item.created_at,
            last_update_time=item.updated_at,
            item_id=item.item_id,
            display_order=item.display_order,
            name=item.name,
            description=item.description,
            price=item.price,
            limit_per_order=item.limit_per_order,
            media_internal_id=item.media_internal_id,
            media_url=item.media_url,
            start_time=item.created_at,
            end_time=event.starts,
            deleted_time=item.deleted_at,
        ),
        "quantity_total": item.quantity_total,
        "quantity_remaining": left,
        "quantity_sold": sold,
        "show_remaining_flag": False,
        "paused_flag": False,
        "deletable_flag": not sold,
        "time_limit_flag": True,
        "hidden_flag": False,
        "status_labels": _labels(left),
        "attributes": [_attribute(call, event, item, each) for each in item.attributes],
    }


def _attribute(
    call: Call, event: HostedEvent, item: Item, attribute: ItemAttribute
) -> dict[str, Any]:
    sold = event.sold(call.now, item.item_id, attribute.attribute_id)
    left = attribute.quantity_total - sold
    return {
        **said(
            create_time=item.created_at,
            last_update_time=item.updated_at,
            deleted_time=item.deleted_at,
        ),
        **present(attribute),
        "quantity_remaining": left,
        "quantity_sold": sold,
        "paused_flag": False,
        "status_labels": _labels(left),
    }


def _labels(left: int) -> list[dict[str, str]]:
    if left > 0:
        return [{"label": "Available", "label_key": "status_label.available"}]
    return [{"label": "Sold out", "label_key": "status_label.sold_out"}]


ROUTES = (
    Route(
        "/events", collection, EVENTS, "campaign_data", "campaign:read", cursor="next", back="prev"
    ),
    Route("/events/{event_id}", detail, EVENTS, "campaign_data", "campaign:read"),
)
