"""A tap for some of the same streams, as one writes it with the Singer SDK and its defaults.

`RESTStream`, the paginator for next links, the OAuth authenticator, parents and children, schemas
as lists of properties: they are taken from our tap, so that both describe the same rows. What the
SDK's way cannot know is left out: whether a report has moved, and which of two equal rows is which.
"""

from __future__ import annotations

from base64 import b64encode
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl

from singer_sdk import RESTStream, Stream, Tap
from singer_sdk import typing as th
from singer_sdk.authenticators import OAuthAuthenticator
from singer_sdk.pagination import BaseHATEOASPaginator
from typing_extensions import override

from tap_constantcontact import settings
from tap_constantcontact.streams import contacts, email_reports, emails

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from urllib.parse import ParseResult

    import requests
    from singer_sdk.helpers.types import Context

SENDABLE = frozenset({"primary_email", "resend"})
SENT = frozenset({"Done", "Executing"})


class Authenticator(OAuthAuthenticator):
    """Exchanges the refresh token."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        application = f"{settings['client_id']}:{settings['client_secret']}".encode()
        super().__init__(
            auth_endpoint=f"{settings['auth_url']}/token",
            oauth_headers={"Authorization": f"Basic {b64encode(application).decode()}"},
        )
        self._first_token = settings["refresh_token"]

    @property
    @override
    def oauth_request_body(self) -> dict[str, Any]:
        return {"grant_type": "refresh_token", "refresh_token": self._first_token}


class Paginator(BaseHATEOASPaginator):
    """Follows `_links.next.href`."""

    @override
    def get_next_url(self, response: requests.Response) -> str | None:
        links = response.json().get("_links") or {}
        href: str | None = (links.get("next") or {}).get("href")
        return href


class PlainStream(RESTStream["ParseResult"]):
    """What all streams share."""

    _tap: PlainTap
    page_size: ClassVar[int | None] = 500
    params: ClassVar[dict[str, str]] = {}

    @property
    @override
    def url_base(self) -> str:
        return str(self.config["api_url"])

    @property
    @override
    def authenticator(self) -> Authenticator:
        return self._tap.authenticator

    @override
    def get_new_paginator(self) -> Paginator:
        return Paginator()

    @override
    def get_url_params(
        self, context: Context | None, next_page_token: ParseResult | None
    ) -> dict[str, Any]:
        if next_page_token:
            return dict(parse_qsl(next_page_token.query))
        return {**self.params, **({"limit": self.page_size} if self.page_size else {})}


class Contacts(PlainStream):
    """The people of the account."""

    name = "contacts"
    path = "/contacts"
    params: ClassVar[dict[str, str]] = {
        "status": "all",
        "include": ",".join(settings.SUBRESOURCES),
    }
    records_jsonpath = "$.contacts[*]"
    primary_keys = ("contact_id",)
    replication_key = "updated_at"
    schema = contacts.Contacts.schema

    @override
    def post_process(self, row: dict[str, Any], context: Context | None = None) -> dict[str, Any]:
        for name, value in row.pop("email_address", {}).items():
            row[f"email_address__{name}"] = value
        return row


class Campaigns(PlainStream):
    """E-mail campaigns."""

    name = "campaigns"
    path = "/emails"
    records_jsonpath = "$.campaigns[*]"
    primary_keys = ("campaign_id",)
    replication_key = "updated_at"
    schema = emails.Campaigns.schema

    @override
    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterable[Context | None]:
        if record["current_status"] in SENT:
            yield {"campaign_id": record["campaign_id"]}


class CampaignActivities(PlainStream):
    """The activities of a campaign."""

    name = "campaign_activities"
    path = "/emails/{campaign_id}"
    page_size = None
    records_jsonpath = "$.campaign_activities[*]"
    parent_stream_type = Campaigns
    ignore_parent_replication_key = True
    primary_keys = ("campaign_activity_id",)
    schema = th.PropertiesList(
        th.Property("campaign_activity_id", th.StringType),
        th.Property("campaign_id", th.StringType),
        th.Property("role", th.StringType),
    ).to_dict()

    @override
    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterable[Context | None]:
        if record["role"] in SENDABLE:
            yield {"campaign_activity_id": record["campaign_activity_id"]}


class EmailReport(PlainStream):
    """A report on an activity."""

    records_jsonpath = "$.tracking_activities[*]"
    parent_stream_type = CampaignActivities
    ignore_parent_replication_key = True


class EmailSends(EmailReport):
    """The contacts an e-mail was sent to."""

    name = "email_sends"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/sends"
    primary_keys = ("campaign_activity_id", "contact_id", "created_time")
    schema = email_reports.EmailSends.schema


class EmailOpens(EmailReport):
    """Each time a contact opened an e-mail."""

    name = "email_opens"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/opens"
    primary_keys = ("campaign_activity_id", "contact_id", "created_time")
    schema = email_reports.EmailOpens.schema


class EmailClicks(EmailReport):
    """Each time a contact clicked a link."""

    name = "email_clicks"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/clicks"
    primary_keys = ("campaign_activity_id", "contact_id", "created_time", "url_id")
    schema = email_reports.EmailClicks.schema


class PlainTap(Tap):
    """Reads an account."""

    name = "plain-sdk"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("client_id", th.StringType, required=True),
        th.Property("client_secret", th.StringType, required=True, secret=True),
        th.Property("refresh_token", th.StringType, required=True, secret=True),
        th.Property("api_url", th.StringType, required=True),
        th.Property("auth_url", th.StringType, required=True),
    ).to_dict()

    @cached_property
    def authenticator(self) -> Authenticator:
        """The one sign-in of all streams."""
        return Authenticator(self.config)

    @override
    def discover_streams(self) -> list[Stream]:
        return [
            stream(self)
            for stream in (
                Contacts,
                Campaigns,
                CampaignActivities,
                EmailSends,
                EmailOpens,
                EmailClicks,
            )
        ]


if __name__ == "__main__":
    PlainTap.cli()
