"""Contacts chosen by criteria, anew whenever somebody asks.

Source: the vendor's guide, "Segments".
"""

from __future__ import annotations

from singer_sdk import typing as th

from tap_constantcontact.streams.base import LEFT, ConstantContactStream
from tap_constantcontact.streams.details import Detail

NAME = th.Property("name", th.StringType, description="Its name, unique in the account.")
CREATED_AT = th.Property("created_at", th.DateTimeType, description="When it was made.")
EDITED_AT = th.Property(
    "edited_at", th.DateTimeType, description="When its name or its criteria changed."
)


class Segments(ConstantContactStream):
    """The segments: contacts that have something in common."""

    name = "segments"
    path = "/segments"
    page_size = 1000
    records_key = "segments"
    primary_keys = ("segment_id",)
    vanishes = True
    scope = "contact_data"
    privilege = "contacts:lists:read"
    schema = th.PropertiesList(
        th.Property("segment_id", th.IntegerType, required=True, description="The segment."),
        NAME,
        CREATED_AT,
        EDITED_AT,
    ).to_dict()


class SegmentCriteria(Detail):
    """What the contacts of a segment have in common."""

    name = "segment_criteria"
    path = "/segments/{segment_id}"
    primary_keys = ("segment_id",)
    replication_key = "edited_at"
    listing = Segments
    may_be_missing = True
    scope = "contact_data"
    privilege = "contacts:lists:read"
    schema = th.PropertiesList(
        th.Property("segment_id", th.IntegerType, required=True, description="The segment."),
        NAME,
        th.Property(
            "segment_criteria",
            th.StringType,
            description="The criteria: JSON as text, nested and/or groups of conditions.",
        ),
        CREATED_AT,
        EDITED_AT,
        LEFT,
    ).to_dict()
