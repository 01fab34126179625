"""The text campaigns at a glance: /reports/summary_reports/sms_campaign_summaries."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import REPORTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.counters import percent
from constantcontact_sandbox.pages import Paging
from constantcontact_sandbox.routes.stats import refreshed_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.text_campaigns import TextCampaign

Row = tuple[datetime, "TextCampaign"]

_COUNTS = ("sends", "delivers", "opens", "clicks", "optouts")
_EASTERN = timezone(timedelta(hours=-4))  # the guide's sample is not in UTC
_PAGING: Paging[Row] = Paging(limit=(50, 50), position="o", first=0)


def text_campaigns(call: Call) -> dict[str, Any]:
    """Show the unique counts of the text campaigns sent in a time, the last sent first."""
    since, until = call.moment("start_at"), call.moment("end_at")
    if since is None:
        raise REPORTS.invalid("start_at is missing, start_at does not have a valid value")
    sent = [
        (moment, each)
        for each in call.account.text_campaigns.values()
        if (moment := each.last_sent_date(call.now)) is not None
        and since <= moment
        and (until is None or moment <= until)
    ]
    sent.sort(key=lambda row: row[0], reverse=True)
    rows, more = _PAGING.cut(call, sent)
    counted = [_count(call, campaign) for _, campaign in rows]
    return {
        "bulk_sms_campaign_summaries": [
            _summary(row, counts) for row, counts in zip(rows, counted, strict=True)
        ],
        "aggregate_percents": _percents(counted),
    } | more


def _count(call: Call, campaign: TextCampaign) -> dict[str, int]:
    until = refreshed_at(call)
    return {
        name: len({each.contact_id for each in getattr(campaign, name) if each.at <= until})
        for name in _COUNTS
        if name != "opens" or campaign.tracks_opens
    }


def _summary(row: Row, counts: Mapping[str, int]) -> dict[str, Any]:
    moment, campaign = row
    return {
        "campaign_id": campaign.campaign_id,
        "campaign_name": campaign.name,
        "last_sent_date": moment.astimezone(_EASTERN).isoformat(timespec="milliseconds"),
        "unique_counts": dict(counts),
        "campaign_type": "SMS",
    }


def _percents(counted: Sequence[Mapping[str, int]]) -> dict[str, float]:
    sends, delivers, clicks, optouts = (
        sum(each[name] for each in counted) for name in ("sends", "delivers", "clicks", "optouts")
    )
    return {
        "deliver": percent(delivers, sends),
        "click": percent(clicks, delivers),
        "bounce": percent(sends - delivers, sends),
        "unsubscribe": percent(optouts, delivers),
    }


ROUTES = (
    Route(
        "/reports/summary_reports/sms_campaign_summaries",
        text_campaigns,
        REPORTS,
        "campaign_data",
        "ui:campaign:metrics",
        cursor="next",
    ),
)
