"""From the pages of a report to its rows, numbered where they are equal."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_constantcontact.times import moment
from tap_constantcontact.units import Reading

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from tap_constantcontact.streams.email_reports import EmailReport
    from tap_constantcontact.units import ReportUnit, Row

Identity = tuple[tuple[Any, ...], Any]
"""What makes a row the same when it is seen again: its key but for `occurrence`, and the device."""


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
        self._alone: Row | None = None
        self._identities: dict[Identity, int] = {}
        self._occurrences: dict[tuple[Any, ...], int] = {}
        self._newest: datetime | None = None
        self.next_floor: datetime | None = unit.floor
        self.dropped = 0
        self.rows_as_of = 0
        self.rows_below_next = 0
        self.contacts: set[int] = set()

    @override
    def take(self, body: Any) -> list[Row]:
        """Return the rows of the next page that lie above the floor, numbered where equal."""
        rows = list(super().take(body))
        moments = [moment(row["created_time"]) for row in rows]
        if self._floor and rows and min(moments) < self._floor:
            above = [created >= self._floor for created in moments]
            rows, moments = [*compress(rows, above)], [*compress(moments, above)]
        if self._moment and rows and max(moments) >= self._moment:
            new = self._are_new(rows, moments)
            rows, moments = [*compress(rows, new)], [*compress(moments, new)]
        if rows:
            self._count(rows, moments)
            self._number(rows, moments)
        return rows

    def _are_new(self, rows: Sequence[Row], moments: Sequence[datetime]) -> list[bool]:
        """Tell of each row of a page whether the page before it did not show it."""
        self._remember_alone()
        shown = dict(self._identities)
        new = []
        for row, created in zip(rows, moments, strict=True):
            if self._moment is None or created < self._moment:
                new.append(True)
                continue
            identity = self.report.identity(row)
            left = shown.get(identity, 0)
            new.append(created == self._moment and not left)
            if not new[-1]:
                shown[identity] = left - (created == self._moment)
                self.dropped += 1
        return new

    def _count(self, rows: Sequence[Row], moments: Sequence[datetime]) -> None:
        if self._newest is None:
            self._newest = moments[0]
            reach = self._newest - self._lookback
            self.next_floor = max(self._floor, reach) if self._floor else reach
        as_of, floor = self._as_of, self.next_floor
        self.rows_as_of += sum(as_of is None or created <= as_of for created in moments)
        self.rows_below_next += sum(floor is not None and created < floor for created in moments)
        if self.report.counts_recipients:
            self.contacts.update(hash(row["contact_id"]) for row in rows)

    def _number(self, rows: Sequence[Row], moments: Sequence[datetime]) -> None:
        """Say of each row which of those with its key it is."""
        for row, created in zip(rows, moments, strict=True):
            if created != self._moment:
                self._moment, self._alone = created, row
                self._identities.clear()
                self._occurrences.clear()
                row["occurrence"] = 1
            else:
                self._remember_alone()
                row["occurrence"] = self._remember(row)

    def _remember_alone(self) -> None:
        """Remember the first row of a moment, which as a rule is the only one, and needs not be."""
        if self._alone is not None:
            self._remember(self._alone)
            self._alone = None

    def _remember(self, row: Row) -> int:
        """Remember a row of the moment; return which of those with its key it is."""
        identity = self.report.identity(row)
        key, _ = identity
        self._identities[identity] = self._identities.get(identity, 0) + 1
        self._occurrences[key] = number = self._occurrences.get(key, 0) + 1
        return number
