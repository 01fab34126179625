"""What a contact did with all e-mails: asked for one contact after the other.

Source: the vendor's guide, "Contact Reports"; docs/api-notes.md, "Reports on a contact want to be
told what".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import ConstantContactStream
from tap_constantcontact.streams.forms import EXTRA, EXTRA_FIELD
from tap_constantcontact.streams.readings import OCCURRENCE, NewestFirst
from tap_constantcontact.times import text_of
from tap_constantcontact.units import ChangesUnit, ReportUnit, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

CONTACT = th.Property("contact_id", th.StringType, required=True, description="The contact.")

ACTIVITY = th.Property(
    "campaign_activity_id", th.StringType, required=True, description="The e-mail or page."
)


class ContactReport(ConstantContactStream):
    """A report on one contact: it takes a call for each."""

    selected_by_default = False
    scope = "contact_data"
    privilege = "ui:campaign:metrics"
    may_be_missing = True  # nobody knows whether a contact that was named exists


class ContactActivityDetails(ContactReport, NewestFirst):
    """Each thing that chosen contacts did with an e-mail or a landing page.

    No time narrows it and no counter tells of it, but it comes newest first: so of each contact it
    is read down to what is known.
    """

    name = "contact_activity_details"
    path = "/reports/contact_reports/{contact_id}/activity_details"
    page_size = 100
    primary_keys: ClassVar[Sequence[str]] = (
        "contact_id",
        "campaign_activity_id",
        "tracking_activity_type",
        "created_time",
        "occurrence",
    )
    schema = th.PropertiesList(
        CONTACT,
        ACTIVITY,
        th.Property(
            "tracking_activity_type",
            th.StringType,
            required=True,
            description="What happened: em_sends, em_opens, em_clicks, em_bounces, em_optouts, "
            "em_forwards, p_contact_open, p_contact_click, p_contact_add or p_contact_update.",
        ),
        th.Property("created_time", th.DateTimeType, required=True, description="When it did."),
        OCCURRENCE,
        th.Property(
            "campaign_activity_name", th.StringType, description="What the campaign is called."
        ),
    ).to_dict()

    def of(
        self,
        contact_id: str,
        types: Sequence[str],
        *,
        floor: datetime | None,
        lookback: timedelta,
    ) -> ReportUnit:
        """Return the unit that reads what a contact did.

        Args:
            contact_id: The contact.
            types: What to read of it: types of tracking activities.
            floor: What it did before then is known; None if nothing is.
            lookback: How far below the newest row another one may still appear.
        """
        return ReportUnit(
            self,
            about={"contact_id": contact_id},
            filters={"tracking_activities_list": ",".join(types)},
            floor=floor,
            lookback=lookback,
        )


class ContactWindowReport(ContactReport):
    """A report on one contact, for a time that must be said."""

    def of(self, contact_id: str, since: datetime, until: datetime) -> Unit:
        """Return the unit that reads the report for the e-mails sent between two moments."""
        return Unit(
            self,
            about={"contact_id": contact_id},
            filters={
                name: when.strftime("%Y-%m-%dT%H:%M:%S+0000")
                for name, when in (("start", since), ("end", until))
            },
        )


class ContactActivitySummaries(ContactWindowReport):
    """How often chosen contacts did what with each of the 200 e-mails they were sent last."""

    name = "contact_activity_summaries"
    path = "/reports/contact_reports/{contact_id}/activity_summary"
    records_key = "campaign_activities"
    primary_keys = ("contact_id", "campaign_activity_id")
    schema = th.PropertiesList(
        CONTACT,
        ACTIVITY,
        th.Property("start_on", th.DateTimeType, description="When it was sent to the contact."),
        th.Property("em_sends", th.IntegerType, description="How often it was sent."),
        th.Property("em_opens", th.IntegerType, description="How often it was opened."),
        th.Property("em_clicks", th.IntegerType, description="How often a link was clicked."),
        th.Property("em_bounces", th.IntegerType, description="How often it came back."),
        th.Property("em_forwards", th.IntegerType, description="How often it was forwarded."),
        th.Property(
            "em_unsubscribes", th.IntegerType, description="How often the contact opted out by it."
        ),
    ).to_dict()


class ContactOpenAndClickRates(ContactWindowReport):
    """Which share of the e-mails of five years chosen contacts opened, and clicked."""

    name = "contact_open_and_click_rates"
    path = "/reports/contact_reports/{contact_id}/open_and_click_rates"
    primary_keys = ("contact_id",)
    schema = th.PropertiesList(
        CONTACT,
        th.Property(
            "included_activities_count", th.IntegerType, description="How many e-mails were sent."
        ),
        th.Property(
            "average_open_rate", th.NumberType, description="The share opened, from 0 to 1."
        ),
        th.Property(
            "average_click_rate", th.NumberType, description="The share clicked, from 0 to 1."
        ),
    ).to_dict()


class ContactSmsHistory(ContactReport):
    """When chosen contacts agreed to text messages, or refused them.

    The API shows the history of a contact whole: each run drops what is known of it.
    """

    name = "contact_sms_history"
    path = "/contacts/sms_engagement_history/{contact_id}"
    primary_keys = ("sms_channel_history_id",)
    replication_key = "insert_time"
    unfolded = {"history_details": "history_details__"}
    privilege = "contacts:read"
    schema = th.PropertiesList(
        th.Property(
            "sms_channel_history_id", th.StringType, required=True, description="The entry."
        ),
        th.Property("contact_id", th.StringType, description="The contact."),
        th.Property("sms_channel_id", th.StringType, description="Its channel."),
        th.Property("insert_time", th.DateTimeType, description="When the entry was made."),
        *(
            th.Property(f"history_details__{name}", kind, description=description)
            for name, kind, description in (
                ("state", th.StringType, "E if the contact agreed, O if it refused."),
                ("source", th.StringType, "Who said so: C for the contact, A for the account."),
                ("consent_type", th.StringType, "promotional_sms."),
                ("consent_action_time", th.DateTimeType, "When it was said."),
                ("consent_action_type", th.StringType, "opt_in, re_opt_in, opt_out and the like."),
                ("consent_medium_type", th.StringType, "MD for a phone, FI for an imported file."),
                ("source_consent_timestamp", th.StringType, "When, as the source has it."),
                ("source_sms_number", th.StringType, "The number it was said from."),
                ("advertised_frequency", th.IntegerType, "How many messages were announced."),
                ("advertised_interval", th.StringType, "In which time."),
            )
        ),
    ).to_dict()

    def of(self, contact_id: str, since: datetime | None) -> ChangesUnit:
        """Return the unit that reads what was added to the history of a contact since a moment.

        Args:
            contact_id: The contact.
            since: What was added before then is known; None if nothing is.
        """
        return ChangesUnit(self, about={"contact_id": contact_id}, since=since)

    @override
    def records(self, body: Any) -> list[dict[str, Any]]:
        """Return the rows of an answer, which is their list."""
        if not isinstance(body, list):
            raise self.lacking("list")
        return super().records(body)


class ContactCounts(ConstantContactStream):
    """How many contacts there are with each permission: one row for each run."""

    name = "contact_counts"
    primary_keys = ("counted_at",)
    scope = "contact_data"
    privilege = "contacts:read"
    schema = th.PropertiesList(
        th.Property("counted_at", th.DateTimeType, required=True, description="When."),
        th.Property("total", th.IntegerType, description="All but the deleted ones."),
        th.Property("explicit", th.IntegerType, description="Those who opted in."),
        th.Property("implicit", th.IntegerType, description="Those whom the account opted in."),
        th.Property("pending", th.IntegerType, description="Those who are to confirm yet."),
        th.Property("unsubscribed", th.IntegerType, description="Those who opted out."),
        th.Property("new_subscriber", th.IntegerType, description="Those new within 30 days."),
    ).to_dict()
    schema["properties"] |= {EXTRA: EXTRA_FIELD}

    def found(self, counted: Mapping[str, Any], at: datetime) -> Row:
        """Return the row of a run.

        Args:
            counted: What was counted, as the API wrote it.
            at: When the run began, by the API's clock.
        """
        (row,) = self._form.rows([counted], {"counted_at": text_of(at)})
        return row
