"""Where the API's own numbers do not agree with one another.

Source: docs/api-notes.md, "Counters and reports are refreshed apart".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.times import text_of

if TYPE_CHECKING:
    from datetime import datetime

    from tap_constantcontact.units import Row


class SyncMismatches(ConstantContactStream):
    """Reports that show fewer rows than their counter says, though they were read again."""

    name = "sync_mismatches"
    primary_keys = ("campaign_activity_id", "report")
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    schema = th.PropertiesList(
        th.Property(
            "campaign_activity_id",
            th.StringType,
            required=True,
            description="The activity; the campaign itself where that counts more than all of its "
            "activities together.",
        ),
        th.Property(
            "report", th.StringType, required=True, description="The stream whose rows are fewer."
        ),
        th.Property("campaign_id", th.StringType, description="The campaign."),
        th.Property("expected", th.IntegerType, description="What the counter says."),
        th.Property("seen", th.IntegerType, description="What was read, in the counter's measure."),
        th.Property("since", th.DateTimeType, description="Since when they differ."),
        th.Property(
            "settled_at", th.DateTimeType, description="When they were found to agree after all."
        ),
    ).to_dict()

    def found(
        self,
        campaign_id: str,
        campaign_activity_id: str,
        report: str,
        *,
        expected: int,
        seen: int,
        since: datetime,
        settled_at: datetime | None,
    ) -> Row:
        """Return the row that says what was found."""
        return {
            "campaign_activity_id": campaign_activity_id,
            "report": report,
            "campaign_id": campaign_id,
            "expected": expected,
            "seen": seen,
            "since": text_of(since),
            "settled_at": settled_at and text_of(settled_at),
        }
