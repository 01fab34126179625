"""From the pages of a report to its rows, numbered where they are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_constantcontact.times import moment
from tap_constantcontact.units import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from tap_constantcontact.streams.email_reports import EmailReport
    from tap_constantcontact.units import ReportUnit, Row


class ReportReading(Reading):
    """Reads a report of an activity, newest row first.

    The API gives its rows no ids. Equal rows of one moment are told apart by counting them
    (`occurrence`), which is right only if every row is seen once. But when an event arrives
    between two requests, all older rows move down, and the last rows of one page are the first
    of the next. So what a page shows again of the moment that the page before it ended in, or
    of a later one, is dropped.

    Two events that really are equal and lie on either side of a page's end look just the same.
    They leave the report short of its counter, and it is read again in pages of another size.

    Attributes:
        report: The stream whose report it is.
        dropped: Rows that pages showed again of the page before.
        rows_as_of: Rows from the unit's floor up that the counter may know of.
        rows_below_next: Rows from the unit's floor up to the next floor.
        next_floor: What the unit's floor should be the next time.
        contacts: Who is in a report whose counter counts recipients, by hash.
    """

    def __init__(self, source: EmailReport, unit: ReportUnit) -> None:
        super().__init__(source, unit)
        self.report = source
        self._floor = unit.floor
        self._as_of = unit.as_of
        self._lookback = unit.lookback
        self._moment: datetime | None = None
        self._identities: dict[tuple[Any, ...], int] = {}
        self._occurrences: dict[tuple[Any, ...], int] = {}
        self._newest: datetime | None = None
        self.next_floor: datetime | None = unit.floor
        self.dropped = 0
        self.rows_as_of = 0
        self.rows_below_next = 0
        self.contacts: set[int] = set()

    @override
    def take(self, body: Any) -> Iterator[Row]:
        """Yield the rows of the next page that lie above the floor, numbered where equal."""
        ended, known = self._moment, dict(self._identities)
        for row in super().take(body):
            created = moment(row["created_time"])
            if self._floor and created < self._floor:
                continue
            identity = self.report.identity(row)
            if ended and created >= ended:
                left = known.get(identity, 0)
                if created > ended or left:
                    known[identity] = left - (created == ended)
                    self.dropped += 1
                    continue
            self._count(row, created)
            row["occurrence"] = self._number(identity, created)
            yield row

    def _count(self, row: Row, created: datetime) -> None:
        if self._newest is None:
            self._newest = created
            reach = created - self._lookback
            self.next_floor = max(self._floor, reach) if self._floor else reach
        self.rows_as_of += self._as_of is None or created <= self._as_of
        self.rows_below_next += self.next_floor is not None and created < self.next_floor
        if self.report.counts_recipients:
            self.contacts.add(hash(row["contact_id"]))

    def _number(self, identity: tuple[Any, ...], created: datetime) -> int:
        """Return which of the rows with its key a row is, and remember it."""
        if created != self._moment:
            self._moment = created
            self._identities.clear()
            self._occurrences.clear()
        key = identity[:-1]
        self._identities[identity] = self._identities.get(identity, 0) + 1
        self._occurrences[key] = number = self._occurrences.get(key, 0) + 1
        return number
