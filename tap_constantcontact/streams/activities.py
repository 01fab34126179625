"""The activities of e-mail campaigns, and what else there is to say of each.

Source: the vendor's guide, "Email Campaigns"; docs/api-notes.md, "A campaign and its activities"
and "A resend may be wished for without a word".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th

from tap_constantcontact.streams.base import LEFT, ConstantContactStream
from tap_constantcontact.times import moment, text_of
from tap_constantcontact.units import Row, Unit, Work

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

ACTIVITY = th.Property(
    "campaign_activity_id", th.StringType, required=True, description="The activity."
)
CAMPAIGN = th.Property("campaign_id", th.StringType, description="The campaign it belongs to.")
HEADERS = (
    th.Property("from_email", th.StringType, description="The sender's address."),
    th.Property("from_name", th.StringType, description="The sender's name."),
    th.Property("reply_to_email", th.StringType, description="Where answers go."),
    th.Property("subject", th.StringType, description="The subject line."),
    th.Property("preheader", th.StringType, description="The preview after the subject."),
)
AUDIENCE = (
    th.Property(
        "contact_list_ids", th.ArrayType(th.StringType), description="The lists it is sent to."
    ),
    th.Property(
        "segment_ids", th.ArrayType(th.IntegerType), description="The segment it is sent to."
    ),
)


def _text(name: str, description: str) -> th.Property[Any]:
    return th.Property(name, th.StringType, description=description)


class ActivityDetail(ConstantContactStream):
    """What one call shows of one activity."""

    scope = "campaign_data"
    privilege = "campaign:read"
    may_be_missing = True  # a removed activity cannot be read any more
    follows_campaigns = True

    def of(
        self,
        campaign_id: str,
        campaign_activity_id: str,
        work: Work,
        *,
        include: Iterable[str] = (),
    ) -> Unit:
        """Return the unit that reads it.

        Args:
            campaign_id: The campaign.
            campaign_activity_id: One of its activities.
            work: What the unit is part of.
            include: What is shown only where it is asked for.
        """
        listed = ",".join(include)
        return Unit(
            self,
            about={"campaign_id": campaign_id, "campaign_activity_id": campaign_activity_id},
            filters={"include": listed} if listed else {},
            work=work,
        )


class CampaignActivities(ActivityDetail):
    """What a campaign sends: the e-mail, its resends, its web page."""

    name = "campaign_activities"
    path = "/emails/activities/{campaign_activity_id}"
    primary_keys = ("campaign_activity_id",)
    spellings = {"current_status": str.capitalize}
    schema = th.PropertiesList(
        ACTIVITY,
        CAMPAIGN,
        _text("role", "primary_email, resend (to who did not open), permalink (the web page) …"),
        _text("current_status", "Draft, Scheduled, Executing, Done or Error."),
        *AUDIENCE,
        th.Property(
            "format_type",
            th.IntegerType,
            description="The editor: 1 and 5 custom code, 2 to 4 generations of the editor.",
        ),
        *HEADERS,
        _text("html_content", "The code of a custom-code e-mail, if it is asked for."),
        _text("permalink_url", "The e-mail as a web page."),
        _text("document_id", "The document in the editor."),
        th.Property(
            "physical_address_in_footer",
            th.ObjectType(
                _text("address_line1", "First line of the address."),
                _text("address_line2", "Second line."),
                _text("address_line3", "Third line."),
                _text("address_optional", "A line that may be left out."),
                _text("city", "Town."),
                _text("country_code", "Country, in two letters."),
                _text("country_name", "Country."),
                _text("organization_name", "Whose address it is."),
                _text("postal_code", "Postal code."),
                _text("state_code", "State or province of the USA or Canada, in two letters."),
                _text("state_name", "State or province of the USA or Canada."),
                _text("state_non_us_name", "State or province of another country."),
                additional_properties=True,
            ),
            description="The sender's postal address in the footer.",
        ),
        th.Property(
            "document_properties",
            th.ObjectType(
                _text("style_content", "The style sheet."),
                _text("letter_format", "HTML or XHTML."),
                _text("text_content", "The e-mail without its code, for readers of plain text."),
                _text("greeting_salutation", "How the reader is addressed."),
                _text("greeting_name_type", "Which name follows: F first, L last, B both, N none."),
                _text("greeting_secondary", "The greeting where no name is known."),
                _text("subscribe_link_enabled", "Whether there is a link to subscribe."),
                _text("subscribe_link_name", "What that link says."),
                _text("permission_reminder_enabled", "Whether readers are told why they get it."),
                _text("permission_reminder", "What they are told."),
                _text("view_as_webpage_enabled", "Whether there is a link to the web page."),
                _text("view_as_webpage_text", "What stands before that link."),
                _text("view_as_webpage_link_name", "What that link says."),
                _text("forward_email_link_enabled", "Whether there is a link to forward it."),
                _text("forward_email_link_name", "What that link says."),
                additional_properties=True,
            ),
            description="Layout and texts around the content, for custom-code e-mails.",
        ),
    ).to_dict()


class CampaignActivityPreviews(ActivityDetail):
    """E-mails and their resends as a reader would see them."""

    name = "campaign_activity_previews"
    selected_by_default = False  # large, and it says little that the activities do not
    path = "/emails/activities/{campaign_activity_id}/previews"
    primary_keys = ("campaign_activity_id",)
    schema = th.PropertiesList(
        ACTIVITY,
        CAMPAIGN,
        *HEADERS,
        _text("preview_html_content", "What a reader of HTML would see."),
        _text("preview_text_content", "What a reader of plain text would see."),
    ).to_dict()


class CampaignActivitySendHistory(ActivityDetail):
    """Each time an activity was sent, or was to be, and what came of it."""

    name = "campaign_activity_send_history"
    path = "/emails/activities/{campaign_activity_id}/send_history"
    primary_keys = ("campaign_activity_id", "send_id")
    schema = th.PropertiesList(
        ACTIVITY,
        th.Property("send_id", th.IntegerType, required=True, description="1, 2, … in order."),
        CAMPAIGN,
        *AUDIENCE,
        th.Property("count", th.IntegerType, description="How many it was sent to that time."),
        th.Property("run_date", th.DateTimeType, description="When it was sent."),
        _text("send_status", "COMPLETED or ERRORED."),
        th.Property(
            "reason_code",
            th.IntegerType,
            description="Why it was not sent: 0 it was, 1 an error, 2 under review, 3 the account "
            "may not, 4 too many contacts, 5 staging, 6 in part, 7 bad images, 8 a link too long, "
            "9 and 10 the sender is not proven, 11 surveys are not allowed, 12 nobody to send to.",
        ),
    ).to_dict()


class ActivitySet(ActivityDetail):
    """Things of the e-mail itself that come and go, with nothing that tells when one has gone.

    One that has gone is a row with its key and `_sdc_deleted_at`, so that a loader leaves the
    rest as it was.
    """

    comes_and_goes = True

    part: ClassVar[str | None]
    """What of the key tells the things of an e-mail apart; None if there is one at most."""

    def mark(self, row: Row) -> str:
        """Return what tells a row from the others of its e-mail, however it is written."""
        return str(row[self.part]) if self.part else ""

    def gone(self, campaign_activity_id: str, mark: str, since: datetime) -> Row:
        """Return the row of what has gone.

        Args:
            campaign_activity_id: The e-mail that it was of.
            mark: What told it from the others.
            since: When it was found to be gone.
        """
        part = {self.part: mark} if self.part else {}
        return {
            "campaign_activity_id": campaign_activity_id,
            **part,
            LEFT.name: text_of(since),
        }


class CampaignActivitySchedules(ActivitySet):
    """When e-mails are to be sent."""

    name = "campaign_activity_schedules"
    path = "/emails/activities/{campaign_activity_id}/schedules"
    primary_keys = ("campaign_activity_id", "scheduled_date")
    part = "scheduled_date"
    schema = th.PropertiesList(
        ACTIVITY,
        th.Property(
            "scheduled_date",
            th.DateTimeType,
            required=True,
            description="When it is to be sent; once it has been, it is scheduled no more.",
        ),
        CAMPAIGN,
        LEFT,
    ).to_dict()

    def mark(self, row: Row) -> str:
        """Return the moment, written in one way."""
        return text_of(moment(row["scheduled_date"]))


class CampaignActivityNonOpenerResends(ActivitySet):
    """Wishes to send e-mails again, to those who did not open them."""

    name = "campaign_activity_non_opener_resends"
    path = "/emails/activities/{campaign_activity_id}/non_opener_resends"
    primary_keys = ("campaign_activity_id", "resend_request_id")
    part = "resend_request_id"
    schema = th.PropertiesList(
        ACTIVITY,
        th.Property(
            "resend_request_id",
            th.StringType,
            required=True,
            description="The wish; DRAFT until the e-mail itself is scheduled.",
        ),
        CAMPAIGN,
        _text("resend_subject", "The subject line of the resend."),
        th.Property("delay_days", th.IntegerType, description="Days after the e-mail itself."),
        th.Property("delay_minutes", th.IntegerType, description="The same in minutes."),
        th.Property("resend_date", th.DateTimeType, description="When it is, or was, sent again."),
        _text("resend_status", "What has become of the wish."),
        LEFT,
    ).to_dict()


class CampaignActivityAbTests(ActivitySet):
    """Second subjects on trial: the one that more contacts open is sent to the others."""

    name = "campaign_activity_ab_tests"
    path = "/emails/activities/{campaign_activity_id}/abtest"
    primary_keys = ("campaign_activity_id",)
    part = None
    schema = th.PropertiesList(
        ACTIVITY,
        CAMPAIGN,
        _text("alternative_subject", "The second subject line."),
        th.Property(
            "test_size", th.IntegerType, description="How many percent of the contacts get each."
        ),
        th.Property(
            "winner_wait_duration",
            th.IntegerType,
            description="Hours until the better one is sent: 6, 12, 24 or 48.",
        ),
        LEFT,
    ).to_dict()


ACTIVITY_SETS: tuple[type[ActivitySet], ...] = (
    CampaignActivitySchedules,
    CampaignActivityNonOpenerResends,
    CampaignActivityAbTests,
)
ACTIVITY_DETAILS: tuple[type[ActivityDetail], ...] = (
    CampaignActivities,
    CampaignActivityPreviews,
    CampaignActivitySendHistory,
    *ACTIVITY_SETS,
)
"""The details in the order in which those of one activity are read."""
