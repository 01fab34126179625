"""What is asked about chosen contacts, segments and landing pages, and about no others."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.planner.part import Part, new_version
from tap_constantcontact.streams.base import LEFT
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactOpenAndClickRates,
    ContactReport,
    ContactSmsHistory,
    ContactWindowReport,
)
from tap_constantcontact.streams.contacts import (
    SMS_CHANNEL,
    Contacts,
    ContactTotals,
    SegmentContacts,
)
from tap_constantcontact.streams.email_reports import EMAIL_REPORTS, EmailOpens, EmailReport
from tap_constantcontact.streams.landing_pages import LANDING_PAGE_REPORTS, LandingPageReport
from tap_constantcontact.streams.readings import NewestFirst, ReportReading
from tap_constantcontact.times import moment, text_of
from tap_constantcontact.units import ReportUnit, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_constantcontact.ledger import Activity
    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.units import Reading, Row, Source

LONGEST = timedelta(days=5 * 365)
"""The longest time that a rate can be asked for: five years, without their leap days."""

LOGGER = logging.getLogger(__name__)


class SinglesPart(Part):
    """Asks about contacts, segments and landing pages, one by one, when all else has been read.

    Which of them, the settings say; and of which contacts there is news, the rows of the run tell:
    those of reports, and of contacts. The ledger keeps the news until it has been asked about: it
    is told once, and the run may end before.

    A stream that turned out to be forbidden is told of nobody more, as it may stay so for ever.
    Whoever was noted before is asked about on each run, which is one call. When that is allowed
    again, what told of contacts meanwhile is due again, and tells of them anew.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._details = brief.the(ContactActivityDetails)
        self._windows = [brief.the(ContactActivitySummaries), brief.the(ContactOpenAndClickRates)]
        self._history = brief.the(ContactSmsHistory)
        self._segments = brief.the(SegmentContacts)
        self._pages = [brief.the(report) for report in LANDING_PAGE_REPORTS]
        chosen = brief.settings.contact_reports
        self._members: dict[str, set[str]] = {}
        self._segments_left = set(brief.settings.segment_ids)
        self._reports: list[ConstantContactStream] = [
            stream for stream in (self._details, *self._windows) if brief.wants(stream)
        ]
        self._unknown_pages: set[str] = set()
        self._again: list[ReportUnit] = []
        self._activities: dict[str, Activity] = {}
        self._told: dict[str, list[ConstantContactStream]] = {}
        """The streams that are told of contacts, by the stream whose rows tell of these."""
        if chosen.with_news and self._reports:
            self._told |= {report.name: self._reports for report in EMAIL_REPORTS}
        if chosen.with_channel and brief.wants(self._history):
            self._told[Contacts.name] = [self._history]
        self.watches = frozenset(self._told)

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield what asks about all that are named."""
        self._say_what_waits()
        if self._brief.wants(self._details):
            self._ledger.deeds.keep_to(self._settings.contact_reports.types)
        if self._is_alone():
            yield [Unit(ContactTotals())]
        yield [
            *self._of_reports(),
            *self._of_history(),
            *self._of_segments(),
            *self._of_pages(),
        ]
        yield self._again

    def _is_alone(self) -> bool:
        """Tell whether nothing else is asked in the run that would tell the API's clock."""
        streams = (self._details, *self._windows, self._history, self._segments, *self._pages)
        chosen = self._settings.contact_reports
        asks = chosen.ids or chosen.sms_ids or self._settings.segment_ids
        return bool(asks) and self._brief.wanted <= {stream.name for stream in streams}

    def _of_reports(self) -> Iterator[Unit]:
        """Yield what reads the reports on each contact that is named, or of whom there is news."""
        asked = {stream: self._asked(stream) for stream in self._reports}
        for contact_id in dict.fromkeys(chain.from_iterable(asked.values())):
            for stream, contacts in asked.items():
                if contact_id in contacts:
                    yield self._report(stream, contact_id)

    def _asked(self, stream: ConstantContactStream) -> dict[str, None]:
        """Return the contacts of whom a stream is to be asked."""
        chosen = self._settings.contact_reports
        named = chosen.sms_ids if stream is self._history else chosen.ids
        return dict.fromkeys((*named, *sorted(self._ledger.news.get(stream.name, ()))))

    def _report(self, stream: ConstantContactStream, contact_id: str) -> Unit:
        if isinstance(stream, ContactWindowReport):
            since = self._now() - LONGEST
            return stream.of(contact_id, max(self._settings.start or since, since), self._now())
        return self._details.of(
            contact_id,
            self._settings.contact_reports.types,
            floor=self._ledger.deeds.floors.get(contact_id),
            lookback=self._settings.report_lookback,
        )

    def _of_history(self) -> Iterator[Unit]:
        if self._brief.wants(self._history):
            for contact_id in self._asked(self._history):
                known = self._ledger.texts.get(contact_id)
                yield self._history.of(contact_id, known and known - self._settings.lookback)

    def _of_segments(self) -> Iterator[Unit]:
        """Yield what reads the segments.

        Whoever has left one is known by the state. Of one that it does not know, a run that was
        killed may have written rows: so all are read with a version.
        """
        is_known = self._segments_left <= self._ledger.segments.keys()
        version = None if is_known else new_version()
        if self._brief.wants(self._segments):
            for segment_id in self._settings.segment_ids:
                yield replace(self._segments.of(segment_id), version=version)

    def _of_pages(self) -> Iterator[Unit]:
        for page_id in self._settings.landing_page_ids:
            floors = self._ledger.landing_pages.get(page_id, {})
            for report in self._pages:
                if self._brief.wants(report):
                    yield report.of(
                        page_id,
                        floor=floors.get(report.name),
                        lookback=self._settings.report_lookback,
                    )

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Remember who is in a segment, and of which contacts there is news."""
        if unit.source is self._segments:
            members = self._members.setdefault(unit.filters["segment_id"], set())
            members.update(row["contact_id"] for row in rows)
        elif isinstance(unit.source, EmailReport):
            self._hear_of(unit, rows)
            self._reach_down(rows)
        elif isinstance(unit.source, Contacts):
            channel = f"{SMS_CHANNEL}__sms_channel_id"
            self._hear_of(unit, [row for row in rows if row[channel]])

    def _hear_of(self, unit: Unit, rows: Iterable[Row]) -> None:
        """Note that there is news of contacts; of some that were deleted the API gives no id."""
        contacts = {row["contact_id"] for row in rows} - {""}
        for stream in self._told[unit.source.name]:
            news = self._ledger.news.setdefault(stream.name, set())
            if news and stream.name in self._ledger.forbidden:
                if contacts - news:
                    self._leave_untold(stream, unit)
            else:
                news.update(contacts)

    def _leave_untold(self, stream: ConstantContactStream, unit: Unit) -> None:
        """Note from where on a stream that is forbidden is to be told of contacts, if ever."""
        self._ledger.forbidden[stream.name] = True
        if isinstance(unit.source, EmailReport):
            activity_id = unit.about["campaign_activity_id"]
            if activity_id not in self._activities:  # it may have been found since
                self._activities = {
                    key: activity
                    for campaign in self._ledger.campaigns.values()
                    for key, activity in campaign.reported.items()
                }
            self._activities[activity_id].report(unit.source.name).leave_untold()

    def _reach_down(self, rows: Iterable[Row]) -> None:
        """Let what contacts did be read down to where reports on e-mails show it, however late."""
        deeds = self._ledger.deeds
        for row in rows:
            if row["contact_id"] in deeds.floors:
                shown = moment(row["created_time"])
                deeds.reach_down(row["contact_id"], shown - self._settings.report_lookback)

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Note who is in a segment, and until when a contact or a landing page is known."""
        if self._ledger.forbidden.pop(unit.source.name, False):
            self._tell_again(unit.source)
        if unit.source is self._segments:
            self._segment_read(unit.filters["segment_id"])
            if unit.version and not self._segments_left:
                self.whole.append((self._segments, unit.version))
        elif isinstance(unit.source, LandingPageReport) and missing:
            self._say_missing(unit.about["campaign_activity_id"])
        elif isinstance(unit, ReportUnit) and isinstance(reading, ReportReading):
            self._read_down(unit, reading, missing=missing)
        elif isinstance(unit.source, ContactReport):
            self._no_news(unit)
            if unit.source is self._history and not missing:
                self._ledger.texts[unit.about["contact_id"]] = self._now()

    def _segment_read(self, segment_id: str) -> None:
        """Note who is in a segment, and who was and is not any more."""
        members = self._members.pop(segment_id, set())
        for contact_id in sorted(self._ledger.segments.get(segment_id, set()) - members):
            key = {"segment_id": int(segment_id), "contact_id": contact_id}
            self.found.append((self._segments, {**key, LEFT.name: text_of(self._now())}))
        self._ledger.segments[segment_id] = members
        self._segments_left.discard(segment_id)

    def _read_down(self, unit: ReportUnit, reading: ReportReading, *, missing: bool) -> None:
        """Note until when a contact or a landing page is known: below that, it is not read again.

        Nothing counts these rows. So where some may have been dropped wrongly, they are read again.
        """
        report = unit.source
        again = report.once_more(unit) if isinstance(report, NewestFirst) else None
        if again and reading.dropped:
            self._again.append(again)
        elif isinstance(report, LandingPageReport):
            if reading.next_floor:
                floors = self._ledger.landing_pages.setdefault(
                    unit.about["campaign_activity_id"], {}
                )
                floors[report.name] = reading.next_floor
        elif report is self._details:
            self._no_news(unit)
            if reading.next_floor and not missing:
                self._ledger.deeds.floors[unit.about["contact_id"]] = reading.next_floor

    def _no_news(self, unit: Unit) -> None:
        """Note that a stream was asked about a contact."""
        self._ledger.news.get(unit.source.name, set()).discard(unit.about["contact_id"])

    @override
    def forbidden(self, unit: Unit) -> None:
        """Learn that a stream that is told of contacts may not be asked about them."""
        if unit.source.name in {each.name for each in chain(*self._told.values())}:
            self._ledger.forbidden.setdefault(unit.source.name, False)

    def _tell_again(self, source: Source) -> None:
        """Make due again what told of contacts while a stream was forbidden."""
        if source is not self._history:
            self._ledger.read_untold_again()
        elif self._settings.contacts_full_refresh:
            self._ledger.crowd.due = self._now()

    def _say_missing(self, page_id: str) -> None:
        """Say, once, that there is no such landing page."""
        if page_id not in self._unknown_pages:
            self._unknown_pages.add(page_id)
            LOGGER.warning(
                "There is no landing page %s: landing_page_ids takes the ids of their activities.",
                page_id,
            )

    def _say_what_waits(self) -> None:
        """Say of each stream that asks nothing what would make it."""
        chosen = self._settings.contact_reports
        if not (chosen.ids or chosen.with_news):
            reports: list[ConstantContactStream] = [self._details, *self._windows]
            self._say("contact_report_ids or contact_report_scope", reports)
        if not (chosen.sms_ids or chosen.with_channel):
            self._say("sms_history_ids or sms_history_scope", [self._history])
        if not self._settings.segment_ids:
            self._say("segment_ids", [self._segments])
        if not self._settings.landing_page_ids:
            self._say("landing_page_ids", self._pages)

        tells = any(report.name in self._brief.wanted for report in EMAIL_REPORTS)
        if chosen.with_news and self._reports and not tells:
            self._say_nobody("contact_report_scope", f"a stream such as {EmailOpens.name}")
        if chosen.with_channel and self._brief.wants(self._history):
            if Contacts.name not in self._brief.wanted:
                self._say_nobody("sms_history_scope", f"the stream {Contacts.name}")
            elif SMS_CHANNEL not in self._settings.contacts.include:
                self._say_nobody("sms_history_scope", f"{SMS_CHANNEL} in contact_include")
            elif self._ledger.crowd.sms_channel is False:
                self._say_nobody("sms_history_scope", "channels, which the API does not show")

    def _say_nobody(self, setting: str, lacking: str) -> None:
        LOGGER.warning("%s names nobody: that takes %s.", setting, lacking)

    def _say(self, setting: str, streams: Iterable[ConstantContactStream]) -> None:
        names = ", ".join(stream.name for stream in streams if self._brief.wants(stream))
        if names:
            LOGGER.info("Nothing is asked for %s: that takes %s.", names, setting)
