"""The latest campaigns at a glance: those sent by e-mail, and those sent by text message.

Source: the vendor's guide, "Email Campaigns Summary Report" and "SMS Campaigns Summary Report";
docs/api-notes.md, "A resend may not move updated_at" and "Text campaigns want to be told since
when".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.times import text_of
from tap_constantcontact.units import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
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


def _counted(counts: Mapping[str, str]) -> Iterator[th.Property[Any]]:
    """Yield the columns of unique counts."""
    for name, what in counts.items():
        description = f"{what[0].upper()}{what[1:]}."
        yield th.Property(f"unique_counts__{name}", th.IntegerType, description=description)


class Summaries(ConstantContactStream):
    """What campaigns came to: one row each, with unique counts."""

    primary_keys: ClassVar[Sequence[str]] = ("campaign_id",)
    unfolded: ClassVar[Mapping[str, str]] = {"unique_counts": "unique_counts__"}
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"


class CampaignSummaries(Summaries):
    """The 500 campaigns that were sent last, with when that was and how many did what."""

    name = "campaign_summaries"
    path = "/reports/summary_reports/email_campaign_summaries"
    page_size = 500
    records_key = "bulk_email_campaign_summaries"
    schema = th.PropertiesList(
        th.Property("campaign_id", th.StringType, required=True, description="The campaign."),
        th.Property("campaign_type", th.StringType, description="What kind of e-mail it is."),
        th.Property(
            "last_sent_date",
            th.DateTimeType,
            description="When it was sent last; a resend moves it, though nothing else may move.",
        ),
        *_counted(COUNTS),
    ).to_dict()


class SmsCampaignSummaries(Summaries):
    """Campaigns that were sent by text message, with when that was and how many did what."""

    name = "sms_campaign_summaries"
    path = "/reports/summary_reports/sms_campaign_summaries"
    page_size = 50
    records_key = "bulk_sms_campaign_summaries"
    schema = th.PropertiesList(
        th.Property("campaign_id", th.StringType, required=True, description="The campaign."),
        th.Property("campaign_name", th.StringType, description="What it is called."),
        th.Property("campaign_type", th.StringType, description="What kind of message it is: SMS."),
        th.Property("last_sent_date", th.DateTimeType, description="When it was sent last."),
        *_counted(SMS_COUNTS),
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
