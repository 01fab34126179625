"""From the pages of a report to its rows, numbered where they are equal."""

from __future__ import annotations

from collections import Counter
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
    (`occurrence`), which is right only if every row is seen once. So the reading drops what
    a page repeats of the page before: when an event arrives between two requests, all older
    ones move one place down, and the last row of one page is the first of the next. Two
    events that really are equal and lie on either side of a page's end look just the same;
    they leave the report short of its counter, and it is read again in pages of another size.

    Attributes:
        report: The stream whose report it is.
        dropped: Rows that pages repeated of the page before.
        newest: When the newest row was created.
        rows_as_of: Rows from the unit's floor up that the counter may know of.
        rows_below_next: Rows from the unit's floor up to the next floor.
        next_floor: What the unit's floor should be the next time.
        contacts: Who is in the report, by hash: for counters that count recipients.
    """

    def __init__(self, source: EmailReport, unit: ReportUnit) -> None:
        super().__init__(source, unit)
        self.report = source
        self._floor = unit.floor
        self._as_of = unit.as_of
        self._lookback = unit.lookback
        self._before: list[tuple[Any, ...]] = []
        self._moment: datetime | None = None
        self._seen: Counter[tuple[Any, ...]] = Counter()
        self.next_floor: datetime | None = unit.floor
        self.newest: datetime | None = None
        self.dropped = 0
        self.rows_as_of = 0
        self.rows_below_next = 0
        self.contacts: set[int] = set()

    @override
    def take(self, body: Any) -> Iterator[Row]:
        """Yield the rows of the next page that lie above the floor, numbered where equal."""
        rows = list(self._source.rows(self._unit, body))
        identities = [self.report.identity(row) for row in rows]
        dropped = repeated(self._before, identities)
        self.dropped += dropped
        # An empty page says nothing about what the next one repeats.
        self._before = identities or self._before
        for row in rows[dropped:]:
            created = moment(row["created_time"])
            if self._floor and created < self._floor:
                continue
            self._count(row, created)
            yield self._numbered(row, created)

    def _count(self, row: Row, created: datetime) -> None:
        if self.newest is None:
            self.newest = created
            reach = created - self._lookback
            self.next_floor = max(self._floor, reach) if self._floor else reach
        self.rows_as_of += self._as_of is None or created <= self._as_of
        self.rows_below_next += self.next_floor is not None and created < self.next_floor
        self.contacts.add(hash(row["contact_id"]))

    def _numbered(self, row: Row, created: datetime) -> Row:
        if created != self._moment:
            self._moment = created
            self._seen.clear()
        key = tuple(row[name] for name in self.report.primary_keys if name != "occurrence")
        self._seen[key] += 1
        row["occurrence"] = self._seen[key]
        return row


def repeated(before: list[tuple[Any, ...]], page: list[tuple[Any, ...]]) -> int:
    """Return how many rows at the head of a page are the tail of the page before it.

    >>> repeated(["a", "b", "c"], ["b", "c", "d"])
    2
    >>> repeated(["a", "b", "c"], ["d"])
    0
    """
    for start, identity in enumerate(before):
        if page and identity == page[0]:
            tail = before[start:]
            if tail == page[: len(tail)]:
                return len(tail)
    return 0
