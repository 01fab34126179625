"""What the account does by itself when something happens.

Source: the vendor's guide, "Automations"; docs/api-notes.md, "Automations know no 404".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import LEFT
from tap_constantcontact.streams.details import Detail, Listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tap_constantcontact.units import Row, Unit


class AutomationListing(Listing):
    """Which automations there are, and when each of them changed."""

    name = "automation listing"
    path = "/automations/workflows"
    records_key = "flow_summaries"
    primary_keys = ("automation_flow_id",)
    scope = "campaign_data"
    privilege = "customer-journey:read"

    @override
    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:
        """Yield each automation with its id as all else calls it."""
        for record in self.records(body):
            summary = {**record}
            yield {"automation_flow_id": summary.pop("id"), **summary}


class Automations(Detail):
    """What the account does by itself: when it begins, and what it does then."""

    name = "automations"
    path = "/automations/workflows/{automation_flow_id}"
    primary_keys = ("automation_flow_id",)
    replication_key = "update_date"
    listing = AutomationListing
    may_be_missing = True
    refuses_what_is_gone = True
    scope = "campaign_data"
    privilege = "customer-journey:read"
    schema = th.PropertiesList(
        th.Property(
            "automation_flow_id", th.StringType, required=True, description="The automation."
        ),
        th.Property("name", th.StringType, description="Its name."),
        th.Property("description", th.StringType, description="What it is for."),
        th.Property("status", th.StringType, description="DRAFT, ACTIVE, PAUSED …"),
        th.Property("active_state", th.StringType, description="How what it does now is doing."),
        th.Property(
            "draft_state", th.StringType, description="Whether its draft differs from that."
        ),
        th.Property(
            "structured_tags",
            th.ArrayType(
                th.ObjectType(
                    th.Property("key", th.StringType, description="What it is about: GOAL …"),
                    th.Property("value", th.StringType, description="The word for it."),
                    th.Property("display_value", th.StringType, description="The same, to read."),
                    additional_properties=True,
                )
            ),
            description="What it is good for.",
        ),
        th.Property(
            "active_definition",
            th.ObjectType(additional_properties=True),
            description="When it begins (trigger) and what it does then (workflow).",
        ),
        th.Property(
            "draft_definition",
            th.ObjectType(additional_properties=True),
            description="The same, as its owner is about to have it.",
        ),
        th.Property(
            "name_explicitly_set", th.BooleanType, description="Whether somebody gave it its name."
        ),
        th.Property("template_id", th.StringType, description="The template it was made from."),
        th.Property("created_date", th.DateTimeType, description="When it was made."),
        th.Property("created_by_id", th.StringType, description="Who made it."),
        th.Property("update_date", th.DateTimeType, description="When it changed."),
        th.Property("promoted_date", th.DateTimeType, description="When its draft was put to use."),
        th.Property("promoted_by_id", th.StringType, description="Who put it to use."),
        LEFT,
    ).to_dict()

    @override
    def records(self, body: Any) -> list[dict[str, Any]]:
        """Return the automation without its id, which the list knows already."""
        return [
            {name: value for name, value in record.items() if name != "id"}
            for record in super().records(body)
        ]
