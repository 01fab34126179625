"""Where the API's own numbers do not agree with one another.

Source: docs/api-notes.md, "Counters and reports are refreshed apart".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.times import text_of

if TYPE_CHECKING:
    from datetime import datetime

    from tap_constantcontact.units import Row


@dataclass(frozen=True)
class Mismatch:
    """A report that shows fewer rows than its counter says.

    Args:
        campaign_id: The campaign.
        campaign_activity_id: The activity, or the campaign itself.
        report: The stream whose rows are fewer.
        expected: What the counter says.
        gap: By how many the rows are fewer; 0 if that is over.
        since: Since when they are.
    """

    campaign_id: str
    campaign_activity_id: str
    report: str
    expected: int
    gap: int
    since: datetime


class SyncMismatches(ConstantContactStream):
    """Reports that show fewer rows than their counter says, though they were read again.

    What stands is a row of each run, until a row says that it is over.
    """

    name = "sync_mismatches"
    primary_keys = ("campaign_activity_id", "report")
    scope = "campaign_data"
    follows_campaigns = True
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

    def found(self, mismatch: Mismatch, now: datetime) -> Row:
        """Return the row that says what was found.

        Args:
            mismatch: What stands, or is over.
            now: The API's clock.
        """
        return {
            "campaign_activity_id": mismatch.campaign_activity_id,
            "report": mismatch.report,
            "campaign_id": mismatch.campaign_id,
            "expected": mismatch.expected,
            "seen": mismatch.expected - mismatch.gap,
            "since": text_of(mismatch.since),
            "settled_at": None if mismatch.gap else text_of(now),
        }
