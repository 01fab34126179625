"""From the pages of a report to its rows, numbered where they are equal.

Source: docs/api-notes.md, "Reports have no ids" and "Rows move between two pages".
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from itertools import compress
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict

from singer_sdk import typing as th
from typing_extensions import override

from tap_constantcontact.streams.base import ConstantContactStream, Outline
from tap_constantcontact.times import hour_of, moment, moments
from tap_constantcontact.units import Reading, ReportUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from tap_constantcontact.units import Row, Unit

OCCURRENCE = th.Property(
    "occurrence",
    th.IntegerType,
    required=True,
    description="1, 2, … for events that are equal in all other parts of the key.",
)

BLANKS: Mapping[str, Any] = {"contact_id": "", "occurrence": 1}
"""What stands in a key where the API says nothing, since a key cannot be null."""


Identity = tuple[tuple[Any, ...], Any]
"""What makes a row the same when it is seen again: its key but for `occurrence`, and the device."""


def ends_below_floor(unit: Unit, records: Sequence[dict[str, Any]]) -> bool:
    """Tell whether a page, newest row first, has passed the floor of its unit."""
    floor = unit.floor if isinstance(unit, ReportUnit) else None
    last = records[-1].get("created_time") if records else None
    return floor is not None and bool(last) and moment(last) < floor


class Happened(TypedDict, total=False):
    """When something did."""

    created_time: Any


class NewestFirstOutline(Outline, total=False):
    """What tells whether a page has passed the floor of its unit."""

    tracking_activities: list[Happened]


class NewestFirst(ConstantContactStream):
    """What happened, each time a row: the newest first, and without ids.

    The API cannot filter these by time; how far down a unit reads, its floor says.
    """

    records_key = "tracking_activities"
    outline = NewestFirstOutline
    decodes_rows = True
    replication_key = "created_time"
    blanks: ClassVar[Mapping[str, Any]] = BLANKS
    counts_recipients: ClassVar[bool] = False
    """Whether a counter counts the contacts in the report, and not its rows."""

    @override
    def enough(self, unit: Unit, body: Any) -> bool:
        """Tell whether a page has passed the floor: whole moments are read, or not at all."""
        return ends_below_floor(unit, self.records(body))

    @override
    def reading(self, unit: Unit) -> Reading:
        """Return what numbers equal rows over all pages of the report."""
        return ReportReading(self, unit) if isinstance(unit, ReportUnit) else Reading(self, unit)

    def once_more(self, unit: ReportUnit) -> ReportUnit | None:
        """Return the unit that reads a report again in pages that end elsewhere, and not nearby.

        None if that is what the unit does.
        """
        if unit.page_size or not self.page_size:
            return None
        return replace(unit, page_size=self.page_size * 7 // 8)

    def identity(self, row: Row) -> Identity:
        """Return what makes a row the same when it is seen again, whatever is rendered live."""
        return self.event_of(row), row.get("device_type")

    @cached_property
    def event_of(self) -> Callable[[Row], tuple[Any, ...]]:
        """What returns the parts of a row's key but `occurrence`."""
        return itemgetter(*(key for key in self.primary_keys if key != "occurrence"))


class ReportReading(Reading):
    """Reads a report, newest row first.

    The API gives its rows no ids. Equal rows of one moment are told apart by counting them
    (`occurrence`), which is right only if every row is seen once. But when an event arrives
    between two requests, all older rows move down, and the last rows of one page are the first
    of the next. So what a page shows again of the moment that the page before it ended in, or
    of a later one, is dropped.

    Two events that really are equal and lie on either side of a page's end look just the same.
    They leave the report short of its counter, and it is read again in pages of another size; where
    nothing counts its rows, it is read again whenever rows were dropped.

    Attributes:
        dropped: Rows that pages showed again of the page before.
        rows_as_of: Rows from the unit's floor up that the counter may know of.
        rows_below_next: Rows from the unit's floor up to the next floor.
        next_floor: What the unit's floor should be the next time: a full hour, which takes the
            state few letters.
        contacts: Who is in a report whose counter counts recipients, by hash.
    """

    def __init__(self, source: NewestFirst, unit: ReportUnit) -> None:
        super().__init__(source, unit)
        self._report = source
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
        happened = moments([row["created_time"] for row in rows])
        if self._floor and rows and min(happened) < self._floor:
            above = [created >= self._floor for created in happened]
            rows, happened = [*compress(rows, above)], [*compress(happened, above)]
        if self._moment and rows and max(happened) >= self._moment:
            new = self._are_new(rows, happened)
            rows, happened = [*compress(rows, new)], [*compress(happened, new)]
        if rows:
            self._count(rows, happened)
            self._number(rows, happened)
        return rows

    def _are_new(self, rows: Sequence[Row], happened: Sequence[datetime]) -> list[bool]:
        """Tell of each row of a page whether the page before it did not show it."""
        self._remember_alone()
        shown = dict(self._identities)
        new = []
        for row, created in zip(rows, happened, strict=True):
            if self._moment is None or created < self._moment:
                new.append(True)
                continue
            identity = self._report.identity(row)
            left = shown.get(identity, 0)
            new.append(created == self._moment and not left)
            if not new[-1]:
                shown[identity] = left - (created == self._moment)
                self.dropped += 1
        return new

    def _count(self, rows: Sequence[Row], happened: Sequence[datetime]) -> None:
        if self._newest is None:
            self._newest = happened[0]
            reach = hour_of(self._newest - self._lookback)
            self.next_floor = max(self._floor, reach) if self._floor else reach
        # Nearly every page lies on one side of either: then no row has to be looked at.
        as_of, floor = self._as_of, self.next_floor
        newest, oldest = max(happened), min(happened)
        if as_of is None or newest <= as_of:
            self.rows_as_of += len(happened)
        elif oldest <= as_of:
            self.rows_as_of += sum(created <= as_of for created in happened)
        if floor is not None and newest < floor:
            self.rows_below_next += len(happened)
        elif floor is not None and oldest < floor:
            self.rows_below_next += sum(created < floor for created in happened)
        if self._report.counts_recipients:
            self.contacts.update(hash(row["contact_id"]) for row in rows)

    def _number(self, rows: Sequence[Row], happened: Sequence[datetime]) -> None:
        """Say of each row which of those with its key it is; so far, each says the first."""
        different = set(happened)
        if len(different) == len(happened) and self._moment not in different:
            self._reach(happened[-1], rows[-1])
            return
        for row, created in zip(rows, happened, strict=True):
            if created != self._moment:
                self._reach(created, row)
            else:
                self._remember_alone()
                row["occurrence"] = self._remember(row)

    def _reach(self, created: datetime, row: Row) -> None:
        """Come to the first row of another moment."""
        self._moment, self._alone = created, row
        self._identities.clear()
        self._occurrences.clear()

    def _remember_alone(self) -> None:
        """Remember the first row of a moment, which as a rule is the only one, and needs not be."""
        if self._alone is not None:
            self._remember(self._alone)
            self._alone = None

    def _remember(self, row: Row) -> int:
        """Remember a row of the moment; return which of those with its key it is."""
        identity = self._report.identity(row)
        key, _ = identity
        self._identities[identity] = self._identities.get(identity, 0) + 1
        self._occurrences[key] = number = self._occurrences.get(key, 0) + 1
        return number
