"""The latest campaigns at a glance: those sent by e-mail, and those sent by text message.

Source: the vendor's guide, "Email Campaigns Summary Report" and "SMS Campaigns Summary Report";
docs/api-notes.md, "A resend may not move updated_at" and "Text campaigns want to be told since
when".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.times import text_of
from tap_constantcontact.units import Unit

if TYPE_CHECKING:
    from datetime import datetime

COUNTS = {
    "sends": "contacts it was sent to",
    "opens": "contacts who opened it",
    "clicks": "contacts who clicked",
    "forwards": "contacts who forwarded it",
    "optouts": "contacts who opted out through it",
    "abuse": "contacts who called it spam",
    "bounces": "contacts it did not reach",
    "not_opened": "contacts who did not open it",
}
"""The unique counts of e-mails, and what each of them counts."""

SMS_COUNTS = {
    "sends": "contacts it was sent to",
    "delivers": "contacts it reached",
    "opens": "contacts who opened it; null where that is not counted",
    "clicks": "contacts who clicked",
    "optouts": "contacts who opted out through it",
}
"""The unique counts of text messages, and what each of them counts."""

EVER = "2000-01-01T00:00:00Z"
"""Before the first text message was sent."""


class CampaignSummaries(ConstantContactStream):
    """The 500 campaigns that were sent last, with when that was and how many did what."""

    name = "campaign_summaries"
    path = "/reports/summary_reports/email_campaign_summaries"
    page_size = 500
    records_key = "bulk_email_campaign_summaries"
    primary_keys = ("campaign_id",)
    unfolded = {"unique_counts": "unique_counts__"}
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    schema = th.PropertiesList(
        th.Property("campaign_id", th.StringType, required=True, description="The campaign."),
        th.Property("campaign_type", th.StringType, description="What kind of e-mail it is."),
        th.Property(
            "last_sent_date",
            th.DateTimeType,
            description="When it was sent last; a resend moves it, though nothing else may move.",
        ),
        *(
            th.Property(
                f"unique_counts__{name}",
                th.IntegerType,
                description=f"{what[0].upper()}{what[1:]}.",
            )
            for name, what in COUNTS.items()
        ),
    ).to_dict()


class SmsCampaignSummaries(ConstantContactStream):
    """Campaigns that were sent by text message, with when that was and how many did what."""

    name = "sms_campaign_summaries"
    path = "/reports/summary_reports/sms_campaign_summaries"
    page_size = 50
    records_key = "bulk_sms_campaign_summaries"
    primary_keys = ("campaign_id",)
    unfolded = {"unique_counts": "unique_counts__"}
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    schema = th.PropertiesList(
        th.Property("campaign_id", th.StringType, required=True, description="The campaign."),
        th.Property("campaign_name", th.StringType, description="What it is called."),
        th.Property("campaign_type", th.StringType, description="What kind of message it is: SMS."),
        th.Property("last_sent_date", th.DateTimeType, description="When it was sent last."),
        *(
            th.Property(
                f"unique_counts__{name}",
                th.IntegerType,
                description=f"{what[0].upper()}{what[1:]}.",
            )
            for name, what in SMS_COUNTS.items()
        ),
    ).to_dict()

    def sent_between(self, since: datetime | None, until: datetime | None) -> Unit:
        """Return the unit that reads the campaigns sent last between two moments.

        Args:
            since: From then on; None for ever, since the API wants to be told.
            until: Until then; None for all after `since`.
        """
        return Unit(
            self,
            filters={
                "start_at": text_of(since) if since else EVER,
                **({"end_at": text_of(until)} if until else {}),
            },
        )
