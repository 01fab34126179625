"""What is asked, and in which order.

A run is a sequence of stages. The units of a stage do not depend on each other's answers; a
stage is planned from what the stages before it have taught, so it is begun only when all of
their pages have been taken. Each part of the plan yields stages of its own:

    dimensions   what is small and read whole: tags, custom fields, the account …; segments and
                 automations, with the details of those that changed
    contacts     lists; changed contacts, or all of them
    campaigns    the list of campaigns, when they were sent last, and which are chosen
    events       the list of events, those that changed, and who comes to them
    counters     the totals of all sent campaigns, 150 a call: their rows, and the gate
    follow       where something changed or moved: look-ups, activities, their counters, and the
                 reports that these count; then what never was read, the newest first
    singles      what is asked of contacts, segments and landing pages that the settings name

Read `part` first, then these in their order.
"""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import zip_longest
from typing import TYPE_CHECKING, TypeVar

from tap_constantcontact.planner.campaigns import CampaignsPart
from tap_constantcontact.planner.contacts import ContactsPart
from tap_constantcontact.planner.counters import CountersPart
from tap_constantcontact.planner.dependence import left_out, made_from
from tap_constantcontact.planner.dimensions import DimensionsPart
from tap_constantcontact.planner.events import EventsPart
from tap_constantcontact.planner.follow import FollowPart
from tap_constantcontact.planner.part import Brief, Finding, Part
from tap_constantcontact.planner.singles import SinglesPart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_constantcontact.ledger import Ledger
    from tap_constantcontact.settings import Settings
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.units import Reading, Row, Unit

__all__ = ["Planner"]

T = TypeVar("T")


class Planner:
    """Decides what is asked, and learns from what is answered.

    Args:
        streams: All streams, by name.
        wanted: The names of those whose rows are wanted.
        ledger: What is known from the runs before; it is told what this run learns.
        settings: What to choose, and how far back to look.
        now: The API's clock when the run began; known once it has answered.
    """

    def __init__(
        self,
        streams: Mapping[str, ConstantContactStream],
        wanted: Iterable[str],
        ledger: Ledger,
        settings: Settings,
        now: Callable[[], datetime],
    ) -> None:
        brief = Brief(streams, frozenset(wanted), ledger, settings, now)
        self._wanted = brief.wanted
        self._sources = made_from(brief)
        self._dimensions = DimensionsPart(brief)
        self._contacts = ContactsPart(brief)
        self._campaigns = CampaignsPart(brief)
        self._events = EventsPart(brief)
        self._counters = CountersPart(brief, self._campaigns)
        self._follow = FollowPart(brief, self._counters)
        self._singles = SinglesPart(brief)
        self._parts: tuple[Part, ...] = (
            self._dimensions,
            self._contacts,
            self._campaigns,
            self._events,
            self._counters,
            self._follow,
            self._singles,
        )
        self._watching: defaultdict[str, list[Part]] = defaultdict(list)
        for part in self._parts:
            for name in part.watches:
                self._watching[name].append(part)
        self._learners: dict[Unit, list[Part]] = {}

    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield the stages of the run, each an iterable of units that is to be taken lazily."""
        first = (self._dimensions, self._contacts, self._campaigns, self._events)
        yield from self._side_by_side(*first)
        following = () if self._campaigns.is_forbidden else (self._counters, self._follow)
        for part in (*following, self._singles):
            yield from self._side_by_side(part)

    def _side_by_side(self, *parts: Part) -> Iterator[Iterator[Unit]]:
        """Yield the first stages of some parts together, then their second ones, and so on."""
        for stages in zip_longest(*(part.stages() for part in parts), fillvalue=()):
            yield self._units(zip(parts, stages, strict=True))

    def _units(self, stages: Iterable[tuple[Part, Iterable[Unit]]]) -> Iterator[Unit]:
        for part, units in stages:
            for unit in units:
                others = self._watching.get(unit.source.name, ())
                self._learners[unit] = [part, *(other for other in others if other is not part)]
                yield unit

    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Learn from the rows of a page."""
        for part in self._learners[unit]:
            part.take(unit, rows)

    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn that a unit has been read to its end.

        Args:
            unit: The unit.
            reading: What turned its pages into rows.
            missing: Whether there was nothing to read.
        """
        for part in self._learners.pop(unit):
            part.done(unit, reading, missing=missing)

    def forbidden(self, unit: Unit) -> list[str]:
        """Learn that a unit may not be read; return which wanted streams go without rows then."""
        for part in self._learners.pop(unit):
            part.forbidden(unit)
        return left_out(unit.source.name, self._sources, self._wanted)

    def findings(self) -> list[Finding]:
        """Return rows that the answers have added up to since this was asked last."""
        return _taken(part.found for part in self._parts)

    def reshaped(self) -> list[ConstantContactStream]:
        """Return streams that have got new columns since this was asked last."""
        return _taken(part.reshaped for part in self._parts)

    def whole(self) -> list[tuple[ConstantContactStream, int]]:
        """Return streams, with versions, that have been read whole since this was asked last."""
        return _taken(part.whole for part in self._parts)

    def calls_left(self) -> int:
        """Return about how many calls the run will make yet, as far as it can tell by now."""
        return math.ceil(sum(part.calls_left() for part in self._parts))

    def campaigns_left(self) -> int:
        """Return how many campaigns are still to be read, or read again."""
        return self._follow.campaigns_left()


def _taken(lists: Iterable[list[T]]) -> list[T]:
    """Return what some lists hold, and leave them empty."""
    taken = []
    for each in lists:
        taken += each
        each.clear()
    return taken
