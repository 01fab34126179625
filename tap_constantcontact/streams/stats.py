"""The counters of campaigns and of their activities.

They are rows of their own, and they tell the planner which reports have moved.
Source: the vendor's guide, "Email Campaign Stats"; docs/api-notes.md, "Counters and reports are
refreshed apart".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.units import Unit, Work

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COUNTED = "stats"
"""Where a record holds its counters."""

COUNTERS = {
    "em_sends": "contacts it was sent to",
    "em_opens": "contacts who opened it",
    "em_opens_all": "opens, repeated ones too",
    "em_opens_all_computer": "opens on a computer",
    "em_opens_all_mobile": "opens on a phone",
    "em_opens_all_tablet": "opens on a tablet",
    "em_opens_all_other": "opens on another device",
    "em_opens_all_none": "opens on an unknown device",
    "em_clicks": "contacts who clicked",
    "em_clicks_all": "clicks, repeated ones too",
    "em_clicks_all_computer": "clicks on a computer",
    "em_clicks_all_mobile": "clicks on a phone",
    "em_clicks_all_tablet": "clicks on a tablet",
    "em_clicks_all_other": "clicks on another device",
    "em_clicks_all_none": "clicks on an unknown device",
    "em_bounces": "contacts it did not reach",
    "em_optouts": "contacts who opted out through it",
    "em_forwards": "contacts who forwarded it",
    "em_not_opened": "contacts who did not open it",
}
"""The counters, and what of each they count."""

ACTIVITY_COUNTERS = {
    "em_abuse": "contacts who called it spam",
    "em_bounces_blocked": "bounces: blocked",
    "em_bounces_mailbox_full": "bounces: mailbox full",
    "em_bounces_nonexistent_address": "bounces: no such address",
    "em_bounces_other": "bounces: other reasons",
    "em_bounces_suspended": "bounces: suspended",
    "em_bounces_undeliverable": "bounces: undeliverable",
    "em_bounces_vacation": "bounces: on vacation",
}
"""Counters that only activities have."""

PERCENTS = {
    "open": "contacts who opened it, of those it reached",
    "click": "contacts who clicked, of those who opened it",
    "bounce": "contacts it did not reach",
    "unsubscribe": "contacts who opted out, of those it reached",
    "did_not_open": "contacts who did not open it, of those it reached",
    "desktop_open": "opens on a computer",
    "mobile_open": "opens on a phone or tablet",
    "desktop_click": "clicks on a computer",
    "mobile_click": "clicks on a phone or tablet",
}
"""Percentages that the API computes for campaigns, and what they are of."""

REFRESHED = th.Property(
    "last_refresh_time", th.DateTimeType, description="The moment up to which it was counted."
)


def _counters(*named: Mapping[str, str]) -> list[th.Property[Any]]:
    return [
        th.Property(name, th.IntegerType, description=f"{what[0].upper()}{what[1:]}.")
        for names in named
        for name, what in names.items()
    ]


class Stats(ConstantContactStream):
    """Counters of several things at once: their ids stand in the path."""

    records_key = "results"
    follows_campaigns = True
    unfolded = {COUNTED: "", "percents": "percents__"}
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    ids_a_call: ClassVar[int]
    """How many ids the API takes at once."""

    def of(self, ids: Sequence[str], work: Work = Work.INCREMENT) -> Unit:
        """Return the unit that reads the counters of up to `ids_a_call` ids."""
        return Unit(self, about={"ids": ",".join(ids)}, work=work)

    @override
    def records(self, body: Any) -> list[dict[str, Any]]:
        """Return the rows of a page as the API wrote them.

        Raises:
            UnexpectedAnswer: One has no counters, which would look as if nothing had happened.
        """
        found = super().records(body)
        if not all(isinstance(record.get(COUNTED), dict) for record in found):
            raise self.lacking(COUNTED)
        return found


class CampaignStats(Stats):
    """The total counters of each campaign that was sent."""

    name = "campaign_stats"
    path = "/reports/stats/email_campaigns/{ids}"
    ids_a_call = 150
    primary_keys = ("campaign_id",)
    may_be_missing = True  # one id without counters makes the API find none of them
    schema = th.PropertiesList(
        th.Property("campaign_id", th.StringType, required=True, description="The campaign."),
        *_counters(COUNTERS),
        *(
            th.Property(f"percents__{name}", th.NumberType, description=f"In percent: {what}.")
            for name, what in PERCENTS.items()
        ),
        REFRESHED,
    ).to_dict()


class CampaignActivityStats(Stats):
    """The counters of each activity that was sent: of the e-mail and of each resend apart."""

    name = "campaign_activity_stats"
    path = "/reports/stats/email_campaign_activities/{ids}"
    ids_a_call = 10
    primary_keys = ("campaign_activity_id",)
    schema = th.PropertiesList(
        th.Property(
            "campaign_activity_id", th.StringType, required=True, description="The activity."
        ),
        th.Property("campaign_id", th.StringType, description="The campaign it belongs to."),
        *_counters(COUNTERS, ACTIVITY_COUNTERS),
        REFRESHED,
    ).to_dict()


def batches(stream: Stats, ids: Sequence[str]) -> list[Sequence[str]]:
    """Return ids in as many parts as calls take that read their counters."""
    size = stream.ids_a_call
    return [ids[start : start + size] for start in range(0, len(ids), size)]
