"""What is small and read whole on every run, and the details of what changed of it."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from tap_constantcontact.ledger import Objects
from tap_constantcontact.planner.part import Part, mark_of, new_version
from tap_constantcontact.streams.account import AccountEmails, AccountSummary, UserPrivileges
from tap_constantcontact.streams.automations import Automations
from tap_constantcontact.streams.base import LEFT, ConstantContactStream
from tap_constantcontact.streams.bulk_activities import BulkActivities
from tap_constantcontact.streams.custom_fields import ContactCustomFields
from tap_constantcontact.streams.details import Detail, Listing
from tap_constantcontact.streams.segments import SegmentCriteria, Segments
from tap_constantcontact.streams.social import (
    SocialConnections,
    SocialHashtagGroups,
    SocialProfiles,
)
from tap_constantcontact.streams.summaries import SmsCampaignSummaries
from tap_constantcontact.streams.tags import ContactTags
from tap_constantcontact.times import moment, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Row, Unit

WHOLE: tuple[type[ConstantContactStream], ...] = (
    AccountSummary,
    AccountEmails,
    UserPrivileges,
    ContactTags,
    ContactCustomFields,
    Segments,
    SocialProfiles,
    SocialConnections,
    SocialHashtagGroups,
)
"""What is read whole."""

DETAILS: tuple[type[Detail], ...] = (SegmentCriteria, Automations)
"""What is asked for one by one, where it changed."""


MOST_READINGS = 3
"""How often a run reads a list of several pages, until it is the same twice."""

Key = tuple[Any, ...]

LOGGER = logging.getLogger(__name__)


class DimensionsPart(Part):
    """Asks for what is small, whole, and for the details of what changed.

    What is deleted leaves no trace but its absence. So each reading of a stream that vanishes has
    a version: once the reading is complete, the rows that came with no such version are gone. Of
    details only those are read that changed: which are gone, the ledger tells, since it knows all
    that were ever read.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._bulk = brief.the(BulkActivities)
        self._texts = brief.the(SmsCampaignSummaries)
        self._details = [brief.the(kind) for kind in DETAILS if kind.name in brief.wanted]
        wanted = [brief.the(kind) for kind in WHOLE if kind.name in brief.wanted]
        listings = [listing_of(detail, brief) for detail in self._details]
        self._sources = {source.name: source for source in (*wanted, *listings)}
        self._listed: dict[Unit, dict[Key, Row]] = {}
        self._readings: Counter[str] = Counter()
        self._asked: dict[Unit, Row] = {}
        self._next: list[Unit] = []

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield what is read whole; then what follows from it."""
        units = [self._all(source) for source in self._sources.values()]
        if self._brief.wants(self._bulk):
            known = self._ledger.bookmark(self._bulk.name)
            units.append(self._bulk.changed_since(known and known - self._settings.lookback))
        if self._brief.wants(self._texts):
            units.append(self._texts.sent_between(self._settings.start, self._settings.end))
        while units:
            yield units
            units, self._next = self._next, []

    def _all(self, source: ConstantContactStream | Listing) -> Unit:
        """Return the unit that reads a list; each reading has a version of its own."""
        vanishes = isinstance(source, ConstantContactStream) and source.vanishes
        unit = replace(source.all(), version=new_version() if vanishes else None)
        self._listed[unit] = {}
        return unit

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Remember what a list shows."""
        if unit in self._listed:
            keys = self._sources[unit.source.name].primary_keys
            self._listed[unit].update((tuple(row[key] for key in keys), row) for row in rows)

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn what is complete, and what follows from that."""
        if unit.source is self._bulk:
            self._ledger.advance(self._bulk.name, "updated_at", self._now())
        elif unit in self._listed:
            self._read(unit, self._listed.pop(unit), reading.pages)
        elif unit in self._asked:
            self._learn(unit, self._asked.pop(unit), missing=missing)

    # Lists

    def _read(self, unit: Unit, rows: dict[Key, Row], pages: int) -> None:
        """Note that a list was read, if that is sure to be all of it.

        What is deleted between two pages pushes another one over the end of a page. So a list of
        several pages is read until two readings show the same; the first may be of an earlier run.
        """
        name = unit.source.name
        self._readings[name] += 1
        if pages > 1 and not self._is_as_before(name, rows):
            if self._readings[name] < MOST_READINGS:
                self._next.append(self._all(self._sources[name]))
            else:
                LOGGER.info("%s changed whenever it was read: the next run tries again.", name)
            return
        if unit.version and name in self._brief.wanted:
            self.whole.append((self._brief.streams[name], unit.version))
        for detail in self._details:
            if detail.listing.name == name:
                self._compare(detail, rows.values())

    def _is_as_before(self, name: str, keys: Iterable[Key]) -> bool:
        """Tell whether a list shows the same objects as when it was read last."""
        mark = mark_of(repr(sorted(keys)))
        before, self._ledger.lists[name] = self._ledger.lists.get(name), mark
        return mark == before

    # Details

    def _compare(self, detail: Detail, listed: Iterable[Row]) -> None:
        """Ask for the objects that changed since they were read, and note which are gone."""
        (key,), changed = type(detail).primary_keys, detail.replication_key
        rows = {row[key]: row for row in listed}
        objects = self._ledger.objects.setdefault(detail.name, Objects(version=new_version()))
        for gone in sorted(objects.known.keys() - rows.keys()):
            del objects.known[gone]
            self.found.append((detail, {key: gone, LEFT.name: text_of(self._now())}))
        for name, row in rows.items():
            if not objects.has(name, row[changed]):
                unit = detail.of(row, objects.version)
                self._asked[unit] = row
                self._next.append(unit)
        self._settle(detail, objects)

    def _learn(self, unit: Unit, row: Row, *, missing: bool) -> None:
        """Note as of which change an object is known; it may have been deleted meanwhile."""
        for detail in self._details:
            if detail is unit.source:
                objects = self._ledger.objects[detail.name]
                (key,), changed = type(detail).primary_keys, row[detail.replication_key]
                if changed and not missing:
                    objects.known[row[key]] = moment(changed)
                self._settle(detail, objects)

    def _settle(self, detail: Detail, objects: Objects) -> None:
        """Note that all objects have been read once, if they have."""
        if objects.version and not any(unit.source is detail for unit in self._asked):
            self.whole.append((detail, objects.version))
            objects.version = None


def listing_of(detail: Detail, brief: Brief) -> ConstantContactStream | Listing:
    """Return who lists the objects of which details are asked."""
    kind = detail.listing
    return kind() if issubclass(kind, Listing) else brief.the(kind)
