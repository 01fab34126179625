"""What people did on a landing page: /reports/landing_pages/campaign_details."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from constantcontact_sandbox.answers import REPORTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.records import Click, Event
from constantcontact_sandbox.routes.email_reports import row, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Contact, SmsChannel

T = TypeVar("T", bound=Event)

_KEY = "reportingsvc.not_found.invalid_path_param.campaign_activity_id."
_STATES = {"explicit": "E", "unsubscribed": "O", "pending_confirmation": "P", "not_set": "N"}


def _happened_at(event: Event) -> datetime:
    return event.at


_PAGING: Paging[Event] = Paging(limit=(50, 500), moment=_happened_at)


#: Each report: what it is called, the type of its rows, which events they are, and whether it
#: shows each contact's last one alone.
REPORTS_OF = (
    ("p_unique_contact_clicks", "p_contact_click", "clicks", True),
    ("p_unique_contact_opens", "p_contact_opens", "opens", True),
    ("p_contact_opens", "p_contact_opens", "opens", False),
    ("p_unique_contact_updates", "p_contact_updates", "updates", True),
    ("p_unique_contact_adds", "p_contact_adds", "adds", True),
    ("p_unique_contact_sms_optins", "p_contact_sms_optins", "sms_optins", True),
)


def tracking(
    row_type: str,
    kind: str,
    unique: bool,  # noqa: FBT001 - bound by `partial`
    call: Call,
) -> dict[str, Any]:
    """Show a report's rows, the most recent first."""
    page = call.account.landing_pages.get(call.uuid("campaign_activity_id"))
    if page is None:
        raise REPORTS.not_found("Could not find the campaign activity.", key=_KEY)
    wanted = (call.text("contacts_filter") or "").lower()
    events: list[Event] = visible(call, getattr(page, kind))
    if unique:
        events = _last_of_each(events)
    matching = [each for each in events if wanted in _names(call, each).lower()]
    rows, more = _PAGING.cut(call, matching)
    return {"tracking_activities": [_row(call, row_type, each) for each in rows]} | more


def _last_of_each(events: Sequence[T]) -> list[T]:
    """Keep the first event of each contact, or of each contact and link."""
    last: dict[tuple[str, str], T] = {}
    for each in events:
        link = each.url_id if isinstance(each, Click) else ""
        last.setdefault((each.contact_id, link), each)
    return list(last.values())


def _names(call: Call, event: Event) -> str:
    contact = call.account.contacts[event.contact_id]
    return f"{contact.first_name}\n{contact.last_name}\n{event.email_address}"


def _row(call: Call, row_type: str, event: Event) -> dict[str, Any]:
    contact: Contact = call.account.contacts[event.contact_id]
    shown = row(call, row_type, event)
    if contact.sms_channel is not None:
        shown["sms_channel"] = _sms_channel(call, contact.sms_channel)
    return shown


def _sms_channel(call: Call, channel: SmsChannel) -> dict[str, str]:
    """Write the number as one dials it: at home, or from abroad."""
    number = channel.sms_address
    local = f"({number[:3]}) {number[3:6]}-{number[6:]}"
    shown = {
        "country_code": channel.country_code,
        "state": _STATES[channel.consents[0].sms_consent_permission],
    }
    if channel.country_code.lower() == call.account.owner.country_code.lower():
        return shown | {"formatted_national": local}
    return shown | {"formatted_international": f"+{channel.dial_code} {number}"}


_PAGE = "/reports/landing_pages/campaign_details/{campaign_activity_id}"

ROUTES = tuple(
    Route(
        f"{_PAGE}/{name}",
        partial(tracking, row_type, kind, unique),
        REPORTS,
        "campaign_data",
        "ui:campaign:metrics",
        cursor="next",
    )
    for name, row_type, kind, unique in REPORTS_OF
)
