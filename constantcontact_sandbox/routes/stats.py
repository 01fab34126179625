"""The counters of campaigns and of their activities: /reports/stats."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox import counters
from constantcontact_sandbox.answers import REPORTS
from constantcontact_sandbox.calls import Route, is_uuid
from constantcontact_sandbox.moments import in_milliseconds, millisecond
from constantcontact_sandbox.records import SENDABLE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Activity, Campaign

_MOST_CAMPAIGNS, _MOST_ACTIVITIES = 150, 10
_KEY = "reportingsvc.not_found.invalid_path_param"


def of_campaigns(call: Call) -> dict[str, Any]:
    """Show the counters of campaigns: one that has none spoils the whole call."""
    ids = _ids(call, "campaign_ids", _MOST_CAMPAIGNS)
    campaigns = [call.account.campaigns.get(each) for each in ids]
    sent = [each for each in campaigns if each is not None and has_counters(call, each)]
    if len(sent) < len(ids):
        raise REPORTS.not_found(
            "Could not find any campaign stats for all requested campaigns.",
            key=f"{_KEY}.campaign_ids.",
        )
    return {"errors": [], "results": [_campaign(call, each) for each in sent]}


def of_activities(call: Call) -> dict[str, Any]:
    """Show the counters of activities, and which of those asked for have none."""
    ids = _ids(call, "campaign_activity_ids", _MOST_ACTIVITIES)
    if not all(map(is_uuid, ids)):
        raise REPORTS.not_found(
            "Could not find any campaign activity stats for all requested activities.",
            key=f"{_KEY}.campaign_activity_ids.",
        )
    errors: list[dict[str, str]] = []
    results: list[dict[str, Any]] = []
    for each in ids:
        activity = call.account.activities.get(each)
        if activity is None or not _is_counted(call, activity):
            message = f"Could not find campaign activity stats for {each}."
            key = f"{_KEY}.campaign_activity_ids."
            errors.append({"error_key": key, "error_message": message})
        else:
            results.append(_activity(call, activity))
    return {"errors": errors, "results": results}


def has_counters(call: Call, campaign: Campaign) -> bool:
    """Say whether a campaign has counters: it was sent, and not removed since."""
    return any(_is_counted(call, each) for each in campaign.activities)


def refreshed_at(call: Call) -> datetime:
    """Return the moment as of which the counters are true."""
    return millisecond(call.now - call.switches.counter_lag)


def campaign_counters(call: Call, campaign: Campaign) -> Mapping[str, int]:
    """Return the counters of a campaign: those of its activities, added up."""
    until = refreshed_at(call)
    return counters.total(counters.count(each, until) for each in campaign.sendable)


def _is_counted(call: Call, activity: Activity) -> bool:
    return (
        activity.role in SENDABLE
        and activity.last_sent_date is not None
        and activity.last_sent_date <= call.now
        and (activity.current_status != "Removed" or call.switches.removed_reports)
    )


def _ids(call: Call, name: str, at_most: int) -> list[str]:
    ids = call.ids[name].lower().split(",")
    if len(ids) > at_most:
        raise REPORTS.invalid(f"{name} does not have a valid value")
    return list(dict.fromkeys(ids))


def _campaign(call: Call, campaign: Campaign) -> dict[str, Any]:
    counted = campaign_counters(call, campaign)
    return {
        "campaign_id": campaign.campaign_id,
        "stats": _spelt(call, counted),
        "percents": counters.percents(counted),
        "last_refresh_time": in_milliseconds(refreshed_at(call)),
    }


def _activity(call: Call, activity: Activity) -> dict[str, Any]:
    until = refreshed_at(call)
    # Not `|`, which drops a counter's zeros.
    counted = {**counters.count(activity, until), **counters.count_bounces(activity, until)}
    return {
        "campaign_id": activity.campaign_id,
        "campaign_activity_id": activity.campaign_activity_id,
        "stats": _spelt(call, counted),
        "last_refresh_time": in_milliseconds(until),
    }


def _spelt(call: Call, counted: Mapping[str, int]) -> dict[str, int]:
    """Write the names of the counters as the contract does, or as the guide does."""
    if call.switches.stats_key_spelling == "underscore":
        return dict(counted)
    return {_dotted(name): number for name, number in counted.items()}


def _dotted(name: str) -> str:
    head, split, device = name.partition("_all_")
    return f"{head}.all.{device}" if split else name


ROUTES = (
    Route(
        "/reports/stats/email_campaigns/{campaign_ids}",
        of_campaigns,
        REPORTS,
        "campaign_data",
        "ui:campaign:metrics",
    ),
    Route(
        "/reports/stats/email_campaign_activities/{campaign_activity_ids}",
        of_activities,
        REPORTS,
        "campaign_data",
        "ui:campaign:metrics",
    ),
)
