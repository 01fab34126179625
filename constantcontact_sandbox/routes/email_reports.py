"""What people did with an e-mail: /reports/email_reports/{campaign_activity_id}."""

from __future__ import annotations

import zlib
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from constantcontact_sandbox.answers import REPORTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.counters import BOUNCES
from constantcontact_sandbox.moments import as_date, in_milliseconds, in_minutes
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.records import SENDABLE, Bounce, Click, Event, Open, OptOut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime, timedelta

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Activity

T = TypeVar("T", bound=Event)

_BOUNCE_CODES = frozenset[str](BOUNCES)
_KEY = "reportingsvc.not_found.invalid_path_param.campaign_activity_id."


def _happened_at(event: Event) -> datetime:
    return event.at


_PAGING = Paging(limit=(500, 500), moment=_happened_at)


def _sends(call: Call, activity: Activity) -> Sequence[Event]:
    return visible(call, activity.sends)


def _opens(call: Call, activity: Activity) -> Sequence[Event]:
    return visible(call, activity.opens)


def _unique_opens(call: Call, activity: Activity) -> Sequence[Event]:
    """Keep the last open of each contact."""
    last: dict[str, Event] = {}
    for each in visible(call, activity.opens):
        last.setdefault(each.contact_id, each)
    return list(last.values())


def _did_not_opens(call: Call, activity: Activity) -> Sequence[Event]:
    """Keep the sends to those who have not opened: it shrinks as they do."""
    opened = {each.contact_id for each in visible(call, activity.opens)}
    return [each for each in visible(call, activity.sends) if each.contact_id not in opened]


def _clicks(call: Call, activity: Activity) -> Sequence[Event]:
    url_id = call.text("url_id")
    if url_id is not None and not url_id.isdecimal():
        raise call.invalid("url_id")
    clicks = visible(call, activity.clicks)
    return [each for each in clicks if url_id is None or each.url_id == url_id]


def _forwards(call: Call, activity: Activity) -> Sequence[Event]:
    return visible(call, activity.forwards)


def _optouts(call: Call, activity: Activity) -> Sequence[Event]:
    return visible(call, activity.optouts)


def _bounces(call: Call, activity: Activity) -> Sequence[Event]:
    codes = call.words("bounce_code", known=_BOUNCE_CODES)
    bounces = visible(call, activity.bounces)
    return [each for each in bounces if not codes or each.bounce_code in codes]


#: Each report: what it is called, the type of its rows, and which events they are.
REPORTS_OF: tuple[tuple[str, str, Callable[[Call, Activity], Sequence[Event]]], ...] = (
    ("sends", "em_sends", _sends),
    ("opens", "em_opens", _opens),
    ("unique_opens", "em_opens", _unique_opens),
    ("didnotopens", "em_didnotopens", _did_not_opens),
    ("clicks", "em_clicks", _clicks),
    ("forwards", "em_forwards", _forwards),
    ("optouts", "em_optouts", _optouts),
    ("bounces", "em_bounces", _bounces),
)


def tracking(
    row_type: str, events_of: Callable[[Call, Activity], Sequence[Event]], call: Call
) -> dict[str, Any]:
    """Show a report's rows, the most recent first: none if the e-mail was not sent."""
    rows, more = _PAGING.cut(call, events_of(call, _activity(call)))
    return {"tracking_activities": [row(call, row_type, each) for each in rows]} | more


def links(call: Call) -> dict[str, Any]:
    """Show how many contacts clicked each link: only clicked ones, unless asked otherwise."""
    with_unclicked = call.flag("no_clicks")
    activity = _activity(call)
    clicked: defaultdict[str, set[str]] = defaultdict(set)
    for each in visible(call, activity.clicks):
        clicked[each.url_id].add(each.contact_id)
    counts: list[dict[str, Any]] = []
    for link in activity.links:
        clicks = len(clicked[link.url_id])
        if not clicks and not with_unclicked:
            continue
        counts.append({"link_url": link.link_url, "url_id": link.url_id, "unique_clicks": clicks})
        if link.list_id is not None:
            counts[-1] |= {"list_action": "add", "list_id": link.list_id}
    return {"campaign_activity_id": activity.campaign_activity_id, "link_click_counts": counts}


def _activity(call: Call) -> Activity:
    """Return the activity asked for: only what is sent to contacts has reports."""
    activity = call.account.activities.get(call.uuid("campaign_activity_id"))
    if activity is None or not has_reports(call, activity):
        raise REPORTS.not_found("Could not find the campaign activity.", key=_KEY)
    return activity


def has_reports(call: Call, activity: Activity) -> bool:
    """Say whether there are reports on an activity, be they empty."""
    return activity.role in SENDABLE and (
        activity.current_status != "Removed" or call.switches.removed_reports
    )


def visible(call: Call, events: Iterable[T]) -> list[T]:
    """Return the events that the reports know of by now, the most recent first."""
    switches = call.switches
    horizon = call.now - switches.report_lag
    seen = [each for each in events if each.at <= horizon]
    if switches.report_stragglers:
        share, longest = switches.report_stragglers, switches.straggler_delay
        seen = [each for each in seen if each.at + _delay(each, share, longest) <= horizon]
    seen.sort(key=_happened_at, reverse=True)
    return seen


def _delay(event: Event, share: float, longest: timedelta) -> timedelta:
    """Return how much later than its like a row appears: always the same for the same event."""
    lot = zlib.crc32(f"{event.contact_id}{event.at.isoformat()}".encode()) / 2**32
    return longest * (lot / share) if lot < share else longest * 0


def row(call: Call, row_type: str, event: Event) -> dict[str, Any]:
    """Write an event: the address as it was, the names as they are now."""
    contact = call.account.contacts[event.contact_id]
    row: dict[str, Any] = {
        "contact_id": event.contact_id,
        "campaign_activity_id": call.uuid("campaign_activity_id"),
        "tracking_activity_type": row_type,
        "email_address": event.email_address,
    }
    if contact.first_name is not None:
        row["first_name"] = contact.first_name
    if contact.last_name is not None:
        row["last_name"] = contact.last_name
    row |= _particulars(call, event)
    write = in_minutes if call.switches.minute_granular_times else in_milliseconds
    row["created_time"] = write(event.at)
    if contact.deleted_at is not None:
        row["deleted_at"] = as_date(contact.deleted_at)
    return row


def _particulars(call: Call, event: Event) -> dict[str, Any]:
    """Return what only this kind of row says."""
    said: dict[str, str | None]
    if isinstance(event, Open):
        said = {"device_type": event.device_type}
    elif isinstance(event, Click):
        said = {
            "device_type": event.device_type,
            "url_id": event.url_id,
            "link_url": event.link_url,
        }
    elif isinstance(event, OptOut):
        said = {"opt_out_reason": event.opt_out_reason}
    elif isinstance(event, Bounce):
        email = call.account.contacts[event.contact_id].email_address
        said = {
            "bounce_code": event.bounce_code,
            "current_email_address": email.address if email else None,
        }
    else:
        return {}
    return {name: value for name, value in said.items() if value is not None}


_REPORT = "/reports/email_reports/{campaign_activity_id}"

ROUTES = (
    Route(f"{_REPORT}/links", links, REPORTS, "campaign_data", "ui:campaign:metrics"),
    *(
        Route(
            f"{_REPORT}/tracking/{name}",
            partial(tracking, row_type, events_of),
            REPORTS,
            "campaign_data",
            "ui:campaign:metrics",
            cursor="next",
        )
        for name, row_type, events_of in REPORTS_OF
    ),
)
