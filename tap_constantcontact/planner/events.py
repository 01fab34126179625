"""Events and who comes to them: what changed, found by the order of their list."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.planner.part import Part, mark_of
from tap_constantcontact.streams.events import (
    EventRegistrationDetails,
    EventRegistrations,
    Events,
    EventsLookup,
)
from tap_constantcontact.times import moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Row, Unit

GONE = "gone"
"""What the ledger notes of an event that the list shows no more, though it can be read."""


class EventsPart(Part):
    """Asks for the events that changed, and for their registrations.

    The list shows those first that changed last, but not when. What it does show of an event, its
    numbers among it, may have changed; then it is read. And events are read from the top of the
    list down until one has not changed since the last run: none below it has.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._lookup = EventsLookup()
        self._events = brief.the(Events)
        self._registrations = brief.the(EventRegistrations)
        self._details = brief.the(EventRegistrationDetails)
        self._listed: dict[str, Row] = {}
        self._asked: set[str] = set()
        self._read: dict[str, Row] = {}
        self._registered: list[Row] = []
        self._forbidden: set[str] = set()

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield the list, then the events that changed, then their registrations."""
        wants_registrations = self._brief.wants(self._registrations, self._details)
        if not (wants_registrations or self._brief.wants(self._events)):
            return
        yield [self._lookup.all()]
        if self._lookup.name in self._forbidden:
            return
        changed = self.news()
        vanished = [key for key in self._ledger.events if self._is_missing(key)]
        due = [*changed, *vanished] or self._next()
        while due:
            self._asked.update(due)
            yield [self._events.of(key, self._listed.get(key, {})) for key in due]
            due = self._next()
        if wants_registrations:
            yield from self._who_comes()
        if self._forbidden:
            return
        for key in self._read:
            self._ledger.events[key] = (
                self._mark(self._listed[key]) if key in self._listed else GONE
            )
        self._ledger.advance(self._events.name, "last_update_time", self._now())

    def _who_comes(self) -> Iterator[Iterable[Unit]]:
        yield [
            self._registrations.of(key, row["default_track"]["track_id"])
            for key, row in self._read.items()
            if (row["default_track"] or {}).get("track_id")
            and (key not in self._listed or self._is_news(key) or self._has_changed(row))
        ]
        if self._brief.wants(self._details):
            yield [self._details.of(row) for row in self._registered]

    def news(self) -> list[str]:
        """Return the events of which the list shows something new."""
        return [key for key in self._listed if self._is_news(key)]

    def _is_news(self, event_id: str) -> bool:
        return self._ledger.events.get(event_id) != self._mark(self._listed[event_id])

    def _is_missing(self, event_id: str) -> bool:
        return event_id not in self._listed and self._ledger.events[event_id] != GONE

    def _next(self) -> list[str]:
        """Return the first event that was not asked for, if all above it have changed."""
        for key in self._listed:
            if key not in self._asked:
                return [key]
            if key in self._read and not self._has_changed(self._read[key]):
                break
        return []

    def _has_changed(self, row: Row) -> bool:
        """Tell whether an event changed since the last run, or may have."""
        known, updated = self._ledger.bookmark(self._events.name), row["last_update_time"]
        return not (known and updated and moment(updated) < known - self._settings.lookback)

    def _mark(self, listed: Row) -> str:
        """Return a few letters that change when what the list shows does, or an event is over.

        Who was let in, nothing else tells. And a stream that is selected anew is read whole.
        """
        over = bool(listed.get("end_time")) and moment(listed["end_time"]) < self._now()
        streams = (self._events, self._registrations, self._details)
        wanted = [stream.name for stream in streams if self._brief.wants(stream)]
        return mark_of(json.dumps([listed, over, wanted], sort_keys=True))

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Learn which events there are, and by which track one registers."""
        if unit.source is self._lookup:
            self._listed.update((row["event_id"], row) for row in rows)
        elif unit.source is self._events:
            self._read.update((row["event_id"], row) for row in rows)
        elif unit.source is self._registrations and self._brief.wants(self._details):
            self._registered += rows

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn that an event cannot be read any more."""
        if unit.source is self._events and missing:
            self._ledger.events[unit.about["event_id"]] = GONE

    @override
    def forbidden(self, unit: Unit) -> None:
        """Learn that events, or who comes to them, may not be read: what changed stays unknown."""
        self._forbidden.add(unit.source.name)
