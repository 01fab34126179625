"""What people did on landing pages, whose ids nothing but the settings tells.

Source: the vendor's guide, "Landing Page Reports"; docs/api-notes.md, "No API lists landing pages".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_constantcontact.streams.readings import BLANKS, OCCURRENCE, NewestFirst
from tap_constantcontact.units import ReportUnit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

KEY = (
    th.Property(
        "campaign_activity_id", th.StringType, required=True, description="The landing page."
    ),
    th.Property(
        "contact_id",
        th.StringType,
        required=True,
        description="Who it was, or the empty string where the API does not say.",
    ),
    th.Property("created_time", th.DateTimeType, required=True, description="When it happened."),
    th.Property(
        "url_id",
        th.StringType,
        required=True,
        description="The link that was clicked; the empty string for whatever else happened.",
    ),
    OCCURRENCE,
)
"""What identifies an event."""

SMS_CHANNEL = {
    "country_code": "The country of the contact's number: two letters",
    "state": "What the contact agreed to: E explicitly, O opted out, P to confirm yet, N nothing",
    "formatted_international": "The number as one dials it from abroad",
    "formatted_national": "The number as one dials it at home",
}
"""The fields of `sms_channel`, and what they say: columns `sms_channel__…`."""

PERSON = (
    th.Property(
        "tracking_activity_type", th.StringType, description="What happened: p_contact_opens …"
    ),
    th.Property("email_address", th.StringType, description="The contact's e-mail address."),
    th.Property(
        "first_name", th.StringType, description="First name of the contact, as of the reading."
    ),
    th.Property(
        "last_name", th.StringType, description="Last name of the contact, as of the reading."
    ),
    th.Property(
        "deleted_at",
        th.DateType,
        description="The day the contact was deleted, as of the reading: use contacts to be sure.",
    ),
    *(
        th.Property(f"sms_channel__{name}", th.StringType, description=f"{what}.")
        for name, what in SMS_CHANNEL.items()
    ),
)

DEVICE = th.Property("device_type", th.StringType, description="computer, mobile, tablet, other …")


class LandingPageReport(NewestFirst):
    """A report on one landing page.

    No counter tells whether it has got a row, so its first page is asked for on every run. Where
    it shows each contact once, by the last time, whoever comes again is another row.
    """

    page_size = 500
    primary_keys: ClassVar[Sequence[str]] = (
        "campaign_activity_id",
        "contact_id",
        "created_time",
        "url_id",
        "occurrence",
    )
    blanks: ClassVar[Mapping[str, Any]] = {**BLANKS, "url_id": ""}
    unfolded: ClassVar[Mapping[str, str]] = {"sms_channel": "sms_channel__"}
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    may_be_missing = True  # nobody knows whether a page that was named exists

    def of(
        self, campaign_activity_id: str, *, floor: datetime | None, lookback: timedelta
    ) -> ReportUnit:
        """Return the unit that reads the report on a page.

        Args:
            campaign_activity_id: The page.
            floor: What happened before then is known; None if nothing is.
            lookback: How far below its newest row it may still get one.
        """
        return ReportUnit(
            self,
            about={"campaign_activity_id": campaign_activity_id},
            floor=floor,
            lookback=lookback,
        )


class LandingPageOpens(LandingPageReport):
    """Each time a contact opened a chosen landing page."""

    name = "landing_page_opens"
    path = "/reports/landing_pages/campaign_details/{campaign_activity_id}/p_contact_opens"
    schema = th.PropertiesList(*KEY, *PERSON, DEVICE).to_dict()


class LandingPageUniqueOpens(LandingPageReport):
    """When each contact who opened a chosen landing page did so last, as of the run."""

    name = "landing_page_unique_opens"
    path = "/reports/landing_pages/campaign_details/{campaign_activity_id}/p_unique_contact_opens"
    schema = th.PropertiesList(*KEY, *PERSON, DEVICE).to_dict()


class LandingPageUniqueClicks(LandingPageReport):
    """When each contact who clicked a link of a chosen landing page did so last, as of the run."""

    name = "landing_page_unique_clicks"
    path = "/reports/landing_pages/campaign_details/{campaign_activity_id}/p_unique_contact_clicks"
    schema = th.PropertiesList(
        *KEY,
        *PERSON,
        DEVICE,
        th.Property("link_url", th.StringType, description="Where the link leads."),
    ).to_dict()


class LandingPageUniqueAdds(LandingPageReport):
    """The contacts whom a chosen landing page added to the account."""

    name = "landing_page_unique_adds"
    path = "/reports/landing_pages/campaign_details/{campaign_activity_id}/p_unique_contact_adds"
    schema = th.PropertiesList(*KEY, *PERSON).to_dict()


class LandingPageUniqueUpdates(LandingPageReport):
    """When each contact who changed what is known of it on a chosen landing page did so last."""

    name = "landing_page_unique_updates"
    path = "/reports/landing_pages/campaign_details/{campaign_activity_id}/p_unique_contact_updates"
    schema = th.PropertiesList(*KEY, *PERSON).to_dict()


class LandingPageUniqueSmsOptins(LandingPageReport):
    """The contacts who agreed to text messages on a chosen landing page."""

    name = "landing_page_unique_sms_optins"
    path = (
        "/reports/landing_pages/campaign_details/{campaign_activity_id}/p_unique_contact_sms_optins"
    )
    schema = th.PropertiesList(*KEY, *PERSON).to_dict()


LANDING_PAGE_REPORTS: tuple[type[LandingPageReport], ...] = (
    LandingPageOpens,
    LandingPageUniqueOpens,
    LandingPageUniqueClicks,
    LandingPageUniqueAdds,
    LandingPageUniqueUpdates,
    LandingPageUniqueSmsOptins,
)
"""The reports in the order in which those of one page are read."""
