"""The latest campaigns at a glance.

Source: the vendor's guide, "Email Campaigns Summary Report"; docs/api-notes.md, "A resend may not
move updated_at".
"""

from __future__ import annotations

from singer_sdk import typing as th

from tap_constantcontact.streams.base import ConstantContactStream

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
"""The unique counts, and what each of them counts."""


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
