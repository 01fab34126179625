"""What costs a call for each contact: asked of those whom the settings name, and of nobody else."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.planner.part import Part
from tap_constantcontact.streams.base import LEFT
from tap_constantcontact.streams.contact_reports import (
    ContactActivityDetails,
    ContactActivitySummaries,
    ContactOpenAndClickRates,
    ContactSmsHistory,
)
from tap_constantcontact.streams.contacts import (
    SMS_CHANNEL,
    Contacts,
    ContactTotals,
    SegmentContacts,
)
from tap_constantcontact.streams.email_reports import EmailReport
from tap_constantcontact.times import text_of
from tap_constantcontact.units import Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.units import Reading, Row

LONGEST = timedelta(days=5 * 365)
"""The longest time that a rate can be asked for: five years, without their leap days."""

LOGGER = logging.getLogger(__name__)


class SinglesPart(Part):
    """Asks about contacts, one after the other, once everything else has been read.

    Whom there is news of, the rows of the run tell: those of reports, and of contacts.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._details = brief.the(ContactActivityDetails)
        self._windows = [brief.the(ContactActivitySummaries), brief.the(ContactOpenAndClickRates)]
        self._history = brief.the(ContactSmsHistory)
        chosen = brief.settings.contact_reports
        self._segments = brief.the(SegmentContacts)
        self._members: dict[str, set[str]] = {}
        self._reports = brief.wants(self._details, *self._windows)
        self._named: dict[str, None] = dict.fromkeys(chosen.ids)
        self._texted: dict[str, None] = dict.fromkeys(chosen.sms_ids)
        self._notices_reports = self._reports and chosen.with_news
        self._notices_channels = brief.wants(self._history) and chosen.with_channel
        self.notices = self._notices_reports or self._notices_channels
        """Whether it wants to see the rows that other parts ask for."""

    def notice(self, unit: Unit, row: Row) -> None:
        """Learn from a row of another part of whom there is news."""
        if self._notices_reports and isinstance(unit.source, EmailReport):
            self._named[row["contact_id"]] = None
        elif (
            self._notices_channels
            and isinstance(unit.source, Contacts)
            and row[f"{SMS_CHANNEL}__sms_channel_id"]
        ):
            self._texted[row["contact_id"]] = None

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield what asks about all who are named."""
        self._say_what_waits()
        if self._is_alone():
            yield [Unit(ContactTotals())]
        yield [*self._of_reports(), *self._of_history(), *self._of_segments()]

    def _is_alone(self) -> bool:
        """Tell whether nothing else is asked in the run that would tell the API's clock."""
        mine = {stream.name for stream in (self._details, *self._windows, self._history)}
        asks = self._named or self._texted or self._settings.segment_ids
        return bool(asks) and self._brief.wanted <= mine | {self._segments.name}

    def _of_reports(self) -> Iterator[Unit]:
        types = self._settings.contact_reports.types
        until = self._now() if self._named else None
        for contact_id in self._named:
            if self._brief.wants(self._details):
                yield self._details.of(contact_id, types)
            for stream in self._windows:
                if until and self._brief.wants(stream):
                    since = until - LONGEST
                    yield stream.of(contact_id, max(self._settings.start or since, since), until)

    def _of_history(self) -> Iterator[Unit]:
        if self._brief.wants(self._history):
            for contact_id in self._texted:
                yield self._history.of(contact_id)

    def _of_segments(self) -> Iterator[Unit]:
        if self._brief.wants(self._segments):
            for segment_id in self._settings.segment_ids:
                yield self._segments.of(segment_id)

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Remember who is in a segment."""
        if unit.source is self._segments:
            members = self._members.setdefault(unit.filters["segment_id"], set())
            members.update(row["contact_id"] for row in rows)

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Note who is in a segment, and who was and is not any more."""
        if unit.source is self._segments:
            segment_id = unit.filters["segment_id"]
            members = self._members.pop(segment_id, set())
            for contact_id in sorted(self._ledger.segments.get(segment_id, set()) - members):
                key = {"segment_id": int(segment_id), "contact_id": contact_id}
                self.found.append((self._segments, {**key, LEFT.name: text_of(self._now())}))
            self._ledger.segments[segment_id] = members

    def _say_what_waits(self) -> None:
        """Say of each stream that asks nobody what would make it."""
        chosen = self._settings.contact_reports
        if not (chosen.ids or chosen.with_news):
            reports: list[ConstantContactStream] = [self._details, *self._windows]
            self._say("contact_report_ids or contact_report_scope", reports)
        if not (chosen.sms_ids or chosen.with_channel):
            self._say("sms_history_ids or sms_history_scope", [self._history])
        if not self._settings.segment_ids:
            self._say("segment_ids", [self._segments])

    def _say(self, setting: str, streams: Iterable[ConstantContactStream]) -> None:
        names = ", ".join(stream.name for stream in streams if self._brief.wants(stream))
        if names:
            LOGGER.warning("Nobody is asked for %s: %s would say whom.", names, setting)
