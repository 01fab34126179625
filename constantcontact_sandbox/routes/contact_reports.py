"""What one contact did with all e-mails and landing pages: /reports/contact_reports/{contact_id}.

The rows are those of the tracking reports, seen from the contact's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import REPORTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import in_milliseconds, in_minutes
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.email_reports import has_reports, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.landing_pages import LandingPage
    from constantcontact_sandbox.records import Activity, Contact, Event

_EMAIL_TYPES = ("em_sends", "em_opens", "em_clicks", "em_bounces", "em_optouts", "em_forwards")
_PAGE_TYPES = ("p_contact_open", "p_contact_click", "p_contact_add", "p_contact_update")
_TYPES = frozenset({*_EMAIL_TYPES, *_PAGE_TYPES})

_UNSUBSCRIBES = {"em_optouts": "em_unsubscribes"}  # as only summaries call them

_MOST_CAMPAIGNS = 200
_SUMMARIES_A_PAGE = 50
_MOST_YEARS = 5
_KEY = "reportingsvc.not_found.invalid_path_param.contact_id."


@dataclass(frozen=True)
class _Place:
    """Where something can happen: an activity, its name, and what happened there by its type."""

    campaign_activity_id: str
    name: str
    events: Mapping[str, Sequence[Event]]


def _happened_at(row: tuple[datetime, str, _Place]) -> datetime:
    return row[0]


def _sent_at(row: tuple[datetime, Activity]) -> datetime:
    return row[0]


_DETAILS = Paging(limit=(100, 100), moment=_happened_at)
_SUMMARIES = Paging(limit=(_SUMMARIES_A_PAGE, _SUMMARIES_A_PAGE), moment=_sent_at)


def details(call: Call) -> dict[str, Any]:
    """Show what the contact did, the latest first."""
    types = _types(call)
    named = call.text("include_campaign_activity_names") is None or call.flag(
        "include_campaign_activity_names"
    )
    contact = _contact(call)
    found = [
        (event.at, kind, place)
        for place in _places(call)
        for kind, events in place.events.items()
        if kind in types
        for event in _of(call, contact, events)
    ]
    found.sort(key=_happened_at, reverse=True)
    rows, more = _DETAILS.cut(call, found)
    write = in_minutes if call.switches.minute_granular_times else in_milliseconds
    shown: list[dict[str, Any]] = []
    for at, kind, place in rows:
        row = {
            "contact_id": contact.contact_id,
            "campaign_activity_id": place.campaign_activity_id,
            "created_time": write(at),
            "tracking_activity_type": kind,
        }
        if named:
            row["campaign_activity_name"] = place.name
        shown.append(row)
    return {"tracking_activities": shown} | more


def _places(call: Call) -> Iterator[_Place]:
    for activity in _reported(call):
        name = call.account.campaigns[activity.campaign_id].name
        yield _Place(activity.campaign_activity_id, name, _events(activity))
    for page in call.account.landing_pages.values():
        yield _Place(page.campaign_activity_id, page.name, _visits(page))


def _events(activity: Activity) -> dict[str, Sequence[Event]]:
    return {
        "em_sends": activity.sends,
        "em_opens": activity.opens,
        "em_clicks": activity.clicks,
        "em_bounces": activity.bounces,
        "em_optouts": activity.optouts,
        "em_forwards": activity.forwards,
    }


def _visits(page: LandingPage) -> dict[str, Sequence[Event]]:
    return {
        "p_contact_open": page.opens,
        "p_contact_click": page.clicks,
        "p_contact_add": page.adds,
        "p_contact_update": page.updates,
    }


def _types(call: Call) -> frozenset[str]:
    """Return the types asked for, in one of two ways: never both, never none."""
    listed = call.words("tracking_activities_list", known=_TYPES)
    repeated = call.words("tracking_activity_type", known=_TYPES)
    if bool(listed) == bool(repeated):
        raise call.invalid("tracking_activities_list")
    return frozenset(listed or repeated)


def summary(call: Call) -> dict[str, Any]:
    """Count what the contact did with each e-mail, the one that was sent last first."""
    start, end = _range(call)
    contact = _contact(call)
    if not call.from_cursor:  # here `limit` is no parameter, so it is ignored like any unknown one
        call.query = {name: values for name, values in call.query.items() if name != "limit"}
    rows, more = _SUMMARIES.cut(call, _sent(call, contact, start, end)[:_MOST_CAMPAIGNS])
    return {
        "contact_id": contact.contact_id,
        "campaign_activities": [
            {
                "campaign_activity_id": activity.campaign_activity_id,
                "start_on": in_milliseconds(at),
                **{
                    _UNSUBSCRIBES.get(kind, kind): len(_of(call, contact, events))
                    for kind, events in _events(activity).items()
                },
            }
            for at, activity in rows
        ],
    } | more


def rates(call: Call) -> dict[str, Any]:
    """Show which share of the e-mails sent in some time the contact opened, and clicked."""
    start, end = _range(call)
    if (end.year - _MOST_YEARS, *end.timetuple()[1:6]) > start.timetuple()[:6]:
        raise call.invalid("end")
    contact = _contact(call)
    sent = [activity for _, activity in _sent(call, contact, start, end)]
    opened = sum(bool(_of(call, contact, activity.opens)) for activity in sent)
    clicked = sum(bool(_of(call, contact, activity.clicks)) for activity in sent)
    return {
        "contact_id": contact.contact_id,
        "included_activities_count": len(sent),
        "average_open_rate": opened / len(sent) if sent else 0.0,
        "average_click_rate": clicked / len(sent) if sent else 0.0,
    }


def _contact(call: Call) -> Contact:
    contact = call.account.contacts.get(call.uuid("contact_id"))
    if contact is None:
        raise REPORTS.not_found("Could not find the contact.", key=_KEY)
    return contact


def _range(call: Call) -> tuple[datetime, datetime]:
    """Return from when to when; both must be said."""
    start, end = call.moment("start"), call.moment("end")
    if start is None:
        raise call.invalid("start")
    if end is None or end < start:
        raise call.invalid("end")
    return start, end


def _reported(call: Call) -> Iterator[Activity]:
    return (each for each in call.account.activities.values() if has_reports(call, each))


def _of(call: Call, contact: Contact, events: Sequence[Event]) -> list[Event]:
    """Return those of the events that are the contact's and show by now, the latest first."""
    return visible(call, (each for each in events if each.contact_id == contact.contact_id))


def _sent(
    call: Call, contact: Contact, start: datetime, end: datetime
) -> list[tuple[datetime, Activity]]:
    """Return what was sent to the contact, with the last time if that is in the range."""
    sent = [
        (sends[0].at, activity)
        for activity in _reported(call)
        if (sends := _of(call, contact, activity.sends)) and start <= sends[0].at <= end
    ]
    sent.sort(key=_sent_at, reverse=True)
    return sent


_REPORT = "/reports/contact_reports/{contact_id}"

ROUTES = (
    Route(
        f"{_REPORT}/activity_details",
        details,
        REPORTS,
        "contact_data",
        "ui:campaign:metrics",
        cursor="next",
    ),
    Route(
        f"{_REPORT}/activity_summary",
        summary,
        REPORTS,
        "contact_data",
        "ui:campaign:metrics",
        cursor="next",
    ),
    Route(f"{_REPORT}/open_and_click_rates", rates, REPORTS, "contact_data", "ui:campaign:metrics"),
)
