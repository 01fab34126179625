"""The latest campaigns at a glance: /reports/summary_reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox import counters
from constantcontact_sandbox.answers import REPORTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.mailings import CAMPAIGN_TYPES
from constantcontact_sandbox.moments import in_milliseconds
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.stats import campaign_counters, has_counters, refreshed_at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.records import Campaign

_MOST_CAMPAIGNS = 500
_UNIQUE_COUNTS = ("sends", "opens", "clicks", "forwards", "optouts", "abuse", "bounces")
_AGGREGATES = ("click", "open", "did_not_open", "bounce", "unsubscribe")

_PAGING: Paging[tuple[datetime, Campaign]] = Paging(
    limit=(50, 500),
    position="o",
    first=0,
    fixed=(("campaign_types", ",".join(map(str, CAMPAIGN_TYPES))),),
)


def _last_sent(row: tuple[datetime, Campaign]) -> datetime:
    return row[0]


def email_campaigns(call: Call) -> dict[str, Any]:
    """Show the unique counts of the sent campaigns, the last sent first, five hundred at most."""
    sent = [
        (each.last_sent_date, each)
        for each in call.account.campaigns.values()
        if each.last_sent_date is not None and has_counters(call, each)
    ]
    sent.sort(key=_last_sent, reverse=True)
    rows, more = _PAGING.cut(call, sent[:_MOST_CAMPAIGNS])
    counted = [_counted(call, campaign) for _, campaign in rows]
    percents = counters.percents(counters.total(counted))
    return {
        "bulk_email_campaign_summaries": [
            _summary(call, moment, campaign, counts)
            for (moment, campaign), counts in zip(rows, counted, strict=True)
        ],
        "aggregate_percents": {name: percents[name] for name in _AGGREGATES},
    } | more


def _counted(call: Call, campaign: Campaign) -> Mapping[str, int]:
    until = refreshed_at(call)
    complaints = counters.total(counters.count_bounces(each, until) for each in campaign.sendable)
    return {**complaints, **campaign_counters(call, campaign)}


def _summary(
    call: Call, last_sent: datetime, campaign: Campaign, counted: Mapping[str, int]
) -> dict[str, Any]:
    counts = {name: counted[f"em_{name}"] for name in _UNIQUE_COUNTS}
    counts["not_opened"] = counted["em_not_opened"]
    return {
        "campaign_id": campaign.campaign_id,
        "campaign_type": campaign.type,
        "last_sent_date": in_milliseconds(last_sent),
        "unique_counts": _quoted(counts) if call.switches.quoted_numbers else counts,
    }


def _quoted(counts: Mapping[str, int]) -> dict[str, str]:
    return {name: str(number) for name, number in counts.items()}


ROUTES = (
    Route(
        "/reports/summary_reports/email_campaign_summaries",
        email_campaigns,
        REPORTS,
        "campaign_data",
        "ui:campaign:metrics",
        cursor="next",
    ),
)
