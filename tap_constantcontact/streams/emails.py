"""E-mail campaigns, and the way to their activities.

Source: the vendor's guide, "Email Campaigns"; docs/api-notes.md, "A campaign and its activities".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import Asking, ConstantContactStream
from tap_constantcontact.times import text_of
from tap_constantcontact.units import Row, Unit, Work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

TRIAL = 57
"""The type of campaigns that try two subjects."""


class Campaigns(ConstantContactStream):
    """E-mail campaigns, drafts and removed ones included."""

    name = "campaigns"
    path = "/emails"
    page_size = 500
    records_key = "campaigns"
    primary_keys = ("campaign_id",)
    replication_key = "updated_at"
    spellings = {"current_status": str.capitalize}
    scope = "campaign_data"
    privilege = "campaign:read"
    schema = th.PropertiesList(
        th.Property("campaign_id", th.StringType, required=True, description="The campaign."),
        th.Property("name", th.StringType, description="Its name, unique in the account."),
        th.Property(
            "current_status",
            th.StringType,
            description="Draft, Scheduled, Executing, Done, Error or Removed.",
        ),
        th.Property("type", th.StringType, description="What kind of e-mail: NEWSLETTER …"),
        th.Property("type_code", th.IntegerType, description="The kind as a number; 57 is a test."),
        th.Property("created_at", th.DateTimeType, description="When it was made."),
        th.Property(
            "updated_at",
            th.DateTimeType,
            description="When it changed; opens, clicks and maybe resends do not move it.",
        ),
    ).to_dict()

    def changed_since(self, since: datetime | None) -> Unit:
        """Return the unit that reads the campaigns changed since a moment, or all.

        The API could also leave out those that changed after another moment. But a campaign
        that changes while it is read would leave the answer then, and push another one over the
        end of a page.
        """
        return Unit(self, filters={"after_date": text_of(since)} if since else {})


class CampaignLookup(Asking):
    """Which activities a campaign has: the way to `campaign_activities` and all reports."""

    name = "campaign lookups"
    path = "/emails/{campaign_id}"
    scope = "campaign_data"
    privilege = "campaign:read"
    may_be_missing = True

    def of(self, campaign_id: str, work: Work) -> Unit:
        """Return the unit that looks up a campaign."""
        return Unit(self, about={"campaign_id": campaign_id}, work=work)

    @override
    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:
        """Yield the id and role of each activity."""
        for campaign in self.records(body):
            for activity in campaign["campaign_activities"]:
                yield {
                    "campaign_activity_id": activity["campaign_activity_id"],
                    "role": activity.get("role", ""),
                }
