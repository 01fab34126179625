"""What happened to an e-mail: a report per campaign activity and kind of event.

Source: the vendor's guide, "Email Reports"; docs/api-notes.md, "Reports have no ids" and
"Counters and reports are refreshed apart".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import LEFT, Asking, ConstantContactStream
from tap_constantcontact.streams.readings import (
    BLANKS,
    OCCURRENCE,
    NewestFirst,
    NewestFirstOutline,
    ReportReading,
    ends_below_floor,
)
from tap_constantcontact.times import text_of
from tap_constantcontact.units import ReportUnit, Row, Unit, Work

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

RESEND = "resend"
ROLES = frozenset({"primary_email", RESEND})
"""The roles of activities that have reports."""

KEY = (
    th.Property(
        "campaign_activity_id",
        th.StringType,
        required=True,
        description="The activity that was sent: campaign_activities has the rest.",
    ),
    th.Property(
        "contact_id",
        th.StringType,
        required=True,
        description="The contact, or the empty string where the API does not say.",
    ),
    th.Property(
        "created_time",
        th.DateTimeType,
        required=True,
        description="When it happened; the API may round it to the minute.",
    ),
)
"""What identifies an event together with `occurrence`."""

RECIPIENT = KEY[:2]
"""What identifies a contact in a report that shows each once."""

LAST_OPENED = th.Property(
    "created_time", th.DateTimeType, description="When the contact opened it last."
)
SENT = th.Property("created_time", th.DateTimeType, description="When it was sent to the contact.")

PERSON = (
    th.Property("tracking_activity_type", th.StringType, description="What happened: em_opens …"),
    th.Property(
        "email_address", th.StringType, description="The address that the e-mail was sent to."
    ),
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
)

DEVICE = th.Property("device_type", th.StringType, description="computer, mobile, tablet, other …")


class EmailReport(NewestFirst):
    """A report on one activity, and the counter that tells when it has got a row."""

    page_size = 500
    follows_campaigns = True
    primary_keys: ClassVar[Sequence[str]] = (
        "campaign_activity_id",
        "contact_id",
        "created_time",
        "occurrence",
    )
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    may_be_missing = True  # its campaign may be removed at any moment
    counter: ClassVar[str]
    """The counter of an activity that moves when the report gets a row."""

    def counted(self, reading: ReportReading, below: int) -> int:
        """Return the number of rows, in the counter's own measure.

        Args:
            reading: What was read, down to the floor.
            below: How many rows lie below the floor.
        """
        raise NotImplementedError


class EventReport(EmailReport):
    """A report whose counter counts events, a contact's repeated ones too.

    Its rows stay, so it is read from the newest one down to where all are known.
    """

    @override
    def counted(self, reading: ReportReading, below: int) -> int:
        """Return the events up to the moment that the counter knows of."""
        return below + reading.rows_as_of


class RecipientReport(EmailReport):
    """A report whose counter counts the contacts in it: it is always read whole."""

    counts_recipients = True

    @override
    def counted(self, reading: ReportReading, below: int) -> int:
        """Return the contacts in the report."""
        return len(reading.contacts)


class EmailSends(RecipientReport):
    """The contacts an e-mail was sent to, one row each."""

    name = "email_sends"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/sends"
    counter = "em_sends"
    schema = th.PropertiesList(*KEY, OCCURRENCE, *PERSON).to_dict()


class EmailOpens(EventReport):
    """Each time a contact opened an e-mail."""

    name = "email_opens"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/opens"
    counter = "em_opens_all"
    schema = th.PropertiesList(*KEY, OCCURRENCE, *PERSON, DEVICE).to_dict()


class EmailClicks(EventReport):
    """Each time a contact clicked a link in an e-mail."""

    name = "email_clicks"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/clicks"
    counter = "em_clicks_all"
    primary_keys = ("campaign_activity_id", "contact_id", "created_time", "url_id", "occurrence")
    blanks = {**BLANKS, "url_id": ""}
    schema = th.PropertiesList(
        *KEY,
        th.Property(
            "url_id",
            th.StringType,
            required=True,
            description="The link, or the empty string where the API does not say.",
        ),
        OCCURRENCE,
        *PERSON,
        DEVICE,
        th.Property("link_url", th.StringType, description="Where the link leads."),
    ).to_dict()


class EmailBounces(RecipientReport):
    """The contacts whom an e-mail did not reach, and why."""

    name = "email_bounces"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/bounces"
    counter = "em_bounces"
    primary_keys = (
        "campaign_activity_id",
        "contact_id",
        "created_time",
        "bounce_code",
        "occurrence",
    )
    blanks = {**BLANKS, "bounce_code": ""}
    schema = th.PropertiesList(
        *KEY,
        th.Property(
            "bounce_code",
            th.StringType,
            required=True,
            description="B no such address, D undeliverable, F mailbox full, S suspended, "
            "V on vacation, X other, Z blocked; the empty string where the API does not say.",
        ),
        OCCURRENCE,
        *PERSON,
        th.Property(
            "current_email_address",
            th.StringType,
            description="The address of the contact as of the reading.",
        ),
    ).to_dict()


class EmailOptouts(RecipientReport):
    """The contacts who opted out through an e-mail."""

    name = "email_optouts"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/optouts"
    counter = "em_optouts"
    schema = th.PropertiesList(
        *KEY,
        OCCURRENCE,
        *PERSON,
        th.Property("opt_out_reason", th.StringType, description="The reason given for it."),
    ).to_dict()


class EmailForwards(RecipientReport):
    """The contacts who forwarded an e-mail; that one did so again, no counter tells."""

    name = "email_forwards"
    path = "/reports/email_reports/{campaign_activity_id}/tracking/forwards"
    counter = "em_forwards"
    schema = th.PropertiesList(*KEY, OCCURRENCE, *PERSON).to_dict()


EMAIL_REPORTS: tuple[type[EmailReport], ...] = (
    EmailSends,
    EmailOpens,
    EmailClicks,
    EmailBounces,
    EmailOptouts,
    EmailForwards,
)
"""The reports in the order in which those of one activity are read."""


class DerivedReport(ConstantContactStream):
    """What the API makes of reports: it has no counter of its own, but moves as they do."""

    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    may_be_missing = True  # its campaign may be removed at any moment
    follows_campaigns = True
    sources: ClassVar[tuple[type[EmailReport], ...]]
    """The reports that it is made of."""

    def of(self, campaign_activity_id: str, work: Work) -> Unit:
        """Return the unit that reads what is made of the reports of an activity."""
        return Unit(self, about={"campaign_activity_id": campaign_activity_id}, work=work)


class EmailLinks(DerivedReport):
    """The links of an e-mail, and how many contacts clicked each; those nobody clicked, too."""

    name = "email_links"
    path = "/reports/email_reports/{campaign_activity_id}/links"
    params = {"no_clicks": "true"}
    records_key = "link_click_counts"
    primary_keys = ("campaign_activity_id", "url_id")
    sources = (EmailClicks,)
    schema = th.PropertiesList(
        th.Property(
            "campaign_activity_id",
            th.StringType,
            required=True,
            description="The activity whose e-mail holds the link.",
        ),
        th.Property("url_id", th.StringType, required=True, description="The link."),
        th.Property("link_url", th.StringType, description="Where it leads."),
        th.Property(
            "unique_clicks", th.IntegerType, description="How many contacts clicked the link."
        ),
        th.Property(
            "list_action",
            th.StringType,
            description="What a click does to a list: add the contact to it, or remove it.",
        ),
        th.Property("list_id", th.StringType, description="The list that a click changes."),
        th.Property("link_tag", th.StringType, description="The tag that marks the link."),
    ).to_dict()


class EmailUniqueOpens(DerivedReport):
    """When each contact who opened an e-mail did so last."""

    name = "email_unique_opens"
    selected_by_default = False  # email_opens says it, too
    path = "/reports/email_reports/{campaign_activity_id}/tracking/unique_opens"
    page_size = 500
    records_key = "tracking_activities"
    primary_keys = ("campaign_activity_id", "contact_id")
    blanks = {"contact_id": ""}
    sources = (EmailOpens,)
    schema = th.PropertiesList(*RECIPIENT, LAST_OPENED, *PERSON, DEVICE).to_dict()


class EmailDidNotOpens(DerivedReport):
    """The contacts who were sent an e-mail and have not opened it; whoever does so, goes."""

    name = "email_did_not_opens"
    selected_by_default = False  # email_sends and email_opens say it, too
    path = "/reports/email_reports/{campaign_activity_id}/tracking/didnotopens"
    page_size = 500
    records_key = "tracking_activities"
    primary_keys = ("campaign_activity_id", "contact_id")
    blanks = {"contact_id": ""}
    sources = (EmailSends, EmailOpens)
    schema = th.PropertiesList(*RECIPIENT, SENT, *PERSON, LEFT).to_dict()

    def gone(self, campaign_activity_id: str, contact_id: str, since: datetime) -> Row:
        """Return the row of a contact who is among them no more.

        Args:
            campaign_activity_id: The e-mail.
            contact_id: Who has opened it.
            since: When that was found.
        """
        return {
            "campaign_activity_id": campaign_activity_id,
            "contact_id": contact_id,
            LEFT.name: text_of(since),
        }


class OpenersLookup(Asking):
    """Who opened an e-mail since a moment, and so has gone from those who did not."""

    name = "openers"
    path = EmailUniqueOpens.path
    outline = NewestFirstOutline
    page_size = 500
    records_key = "tracking_activities"
    scope = "campaign_data"
    privilege = "ui:campaign:metrics"
    may_be_missing = True  # its campaign may be removed at any moment

    def since(self, campaign_activity_id: str, since: datetime | None, work: Work) -> ReportUnit:
        """Return the unit that looks up who opened an e-mail since a moment, or ever."""
        return ReportUnit(
            self,
            about={"campaign_activity_id": campaign_activity_id},
            work=work,
            floor=since,
        )

    @override
    def enough(self, unit: Unit, body: Any) -> bool:
        """Tell whether a page has passed the moment: the last ones to open it come first."""
        return ends_below_floor(unit, self.records(body))

    @override
    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:
        """Yield the contacts that opened it since then."""
        for record in self.records(body):
            if record.get("contact_id") and not ends_below_floor(unit, [record]):
                yield {"contact_id": record["contact_id"]}


DERIVED_REPORTS: tuple[type[DerivedReport], ...] = (
    EmailLinks,
    EmailUniqueOpens,
    EmailDidNotOpens,
)
"""The others in the order in which those of one activity are read."""


def counters(stream: EmailReport | DerivedReport) -> tuple[str, ...]:
    """Return the counters of an activity that move when what a stream shows of it does."""
    if isinstance(stream, EmailReport):
        return (stream.counter,)
    return tuple(report.counter for report in stream.sources)
