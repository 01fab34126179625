"""The labels on contacts.

Source: the vendor's guide, "Contact Tags"; docs/api-notes.md, "A next link is to be
taken whole".
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import ConstantContactStream


class ContactTags(ConstantContactStream):
    """The labels on contacts, and how many contacts carry each."""

    name = "contact_tags"
    path = "/contact_tags"
    params = {"include_count": "true"}
    page_size = 500
    records_key = "tags"
    primary_keys = ("tag_id",)
    vanishes = True
    scope = "contact_data"
    privilege = "contacts:read"
    schema = th.PropertiesList(
        th.Property("tag_id", th.StringType, required=True, description="The tag."),
        th.Property("name", th.StringType, description="Its name, unique in the account."),
        th.Property("contacts_count", th.IntegerType, description="How many contacts carry it."),
        th.Property("created_at", th.DateTimeType, description="When it was made."),
        th.Property("updated_at", th.DateTimeType, description="When it was renamed."),
        th.Property(
            "tag_source", th.StringType, description="Where it came from; nothing as a rule."
        ),
    ).to_dict()

    @override
    def following(self, body: Any) -> str | None:
        """Return the query of the next link: its path leads where nobody gets from outside."""
        link = (body.get("_links") or {}).get("next") or {}
        href = link.get("href") or (link.get("next") or {}).get("href")
        return f"?{urlsplit(href).query}" if href else None
