"""What was done to many contacts at once: imports, exports, tags, lists.

Source: the vendor's guide, "Bulk Activities"; docs/api-notes.md, "Bulk activities link to their
neighbour".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.units import ChangesUnit

if TYPE_CHECKING:
    from datetime import datetime

COUNTS = {
    "items_total_count": "Of how many items it consists",
    "items_completed_count": "How many of them are done",
    "person_count": "How many contacts an import holds",
    "error_count": "How many contacts could not be imported",
    "correctable_count": "How many of them could be once they are corrected",
    "cannot_add_to_list_count": "How many contacts could not be put on a list",
    "list_count": "How many lists it is about",
}
"""The fields of `status`, and what they count: columns `status__…`."""


class BulkActivities(ConstantContactStream):
    """What was done to many contacts at once, job by job."""

    name = "bulk_activities"
    path = "/activities"
    page_size = 500
    records_key = "activities"
    primary_keys = ("activity_id",)
    replication_key = "updated_at"
    unfolded = {"status": "status__"}
    scope = "contact_data"
    privilege = "contacts:write"  # though it only reads
    schema = th.PropertiesList(
        th.Property("activity_id", th.StringType, required=True, description="The job."),
        th.Property(
            "state",
            th.StringType,
            description="initialized, processing, completed, cancelled, failed or timed_out.",
        ),
        th.Property("percent_done", th.IntegerType, description="How much of it is done."),
        th.Property("source_file_name", th.StringType, description="The file of an import."),
        th.Property("created_at", th.DateTimeType, description="When it was asked for."),
        th.Property("started_at", th.DateTimeType, description="When it was begun."),
        th.Property("completed_at", th.DateTimeType, description="When it ended, well or not."),
        th.Property("updated_at", th.DateTimeType, description="When it changed."),
        th.Property(
            "activity_errors", th.ArrayType(th.StringType), description="What went wrong, in words."
        ),
        *(
            th.Property(f"status__{name}", th.IntegerType, description=f"{what}.")
            for name, what in COUNTS.items()
        ),
        th.Property(
            "results_href", th.StringType, description="Where the file of an export can be had."
        ),
    ).to_dict()

    def changed_since(self, since: datetime | None) -> ChangesUnit:
        """Return the unit that reads the jobs that changed since a moment, or all that are shown.

        The API can filter them by state, not by time.
        """
        return ChangesUnit(self, since=since)

    @override
    def records(self, body: Any) -> list[dict[str, Any]]:
        """Return the jobs with their one link of use: to the results of an export."""
        records = super().records(body)
        for record in records:
            links = record.pop("_links", None) or {}
            record["results_href"] = (links.get("results") or {}).get("href")
        return records
