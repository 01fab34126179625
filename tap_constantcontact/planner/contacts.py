"""Lists and contacts: what changed since the last run; all of them at first and now and then."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_constantcontact.ledger import Pass
from tap_constantcontact.planner.forecast import pages
from tap_constantcontact.planner.part import Part
from tap_constantcontact.planner.windows import SECOND, divide
from tap_constantcontact.streams.contacts import ContactLists, Contacts, WindowReading
from tap_constantcontact.units import WindowUnit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from tap_constantcontact.ledger import Window
    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Unit


class ContactsPart(Part):
    """Asks for lists and contacts.

    Reading all contacts may take several runs. So it is done by windows of `created_at`, the
    one time that never changes, and the ledger notes each window that has been read.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._lists = brief.the(ContactLists)
        self._contacts = brief.the(Contacts)
        self._optouts_again: list[Unit] = []
        self._divided: list[WindowUnit] = []
        self._open = 0
        self._is_behind = False
        self._sizes: dict[Window, float] = {}

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield lists and changed contacts first; then all contacts, if that is due."""
        first = []
        if self._brief.wants(self._lists):
            first = [self._lists.of_channel("email"), self._lists.of_channel("sms")]
        if not self._brief.wants(self._contacts):
            yield first
            return
        known = self._ledger.bookmark(self._contacts.name)
        if known:
            yield [*first, *self._changed_since(known)]
            yield self._optouts_again
            if not self._is_overdue():
                return
            first = []
        windows = (
            self._ledger.contacts_pass.left() if self._ledger.contacts_pass else [(None, None)]
        )
        units = [self._contacts.added_between(*window) for window in windows]
        yield [*first, *units]
        while self._divided:
            divided, self._divided = self._divided, []
            yield divided
        if self._is_behind:
            yield self._changed_since(self._ledger.contacts_read_whole or self._now())
            yield self._optouts_again

    @override
    def calls_left(self) -> float:
        """Return about how many calls the windows will take that are still to be read."""
        return sum(pages(size, self._contacts.page_size) for size in self._sizes.values())

    def _changed_since(self, known: datetime) -> list[Unit]:
        """Return what reads the contacts that changed, or opted out, since a moment."""
        since = known - self._settings.lookback
        units = [self._contacts.changed_since(since), self._contacts.opted_out_since(since)]
        self._open = len(units)
        return units

    def _is_overdue(self) -> bool:
        """Tell whether all contacts are to be read again, or still."""
        whole, every = self._ledger.contacts_read_whole, self._settings.contacts_full_refresh
        due = every is not None and (whole is None or self._now() - whole >= every)
        return due or self._ledger.contacts_pass is not None

    def _pass_done(self, ended: Pass) -> None:
        """Note that all contacts have been read, as they were when that was begun."""
        self._ledger.contacts_pass = None
        self._ledger.contacts_read_whole = ended.began
        if self._ledger.bookmark(self._contacts.name) is None:
            self._advance(ended.began)
            self._is_behind = ended.began < self._now()  # it was begun by a run before this one

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn how far contacts are known."""
        if isinstance(unit, WindowUnit) and isinstance(reading, WindowReading):
            self._sizes.pop((unit.since, unit.until), None)
            begun = self._ledger.contacts_pass or Pass(self._now())
            self._ledger.contacts_pass = begun
            if unit.divisible and reading.is_divided:
                self._divide(begun, unit, reading)
            else:
                begun.note((unit.since, unit.until))
            if not begun.left():
                self._pass_done(begun)
        elif unit.source is self._contacts:
            self._changes_read(unit, reading)

    def _changes_read(self, unit: Unit, reading: Reading) -> None:
        """Note until when changed contacts are known.

        Whoever opts in again leaves the list of those who opted out, and may push another one
        over the end of a page that is being read. So a list of several pages is read twice.
        """
        if "optout_after" in unit.filters and reading.pages > 1 and not self._optouts_again:
            self._optouts_again.append(replace(unit))
            self._open += 1
        self._open -= 1
        if not self._open:
            self._advance(self._now())

    def _advance(self, until: datetime) -> None:
        self._ledger.advance(self._contacts.name, "updated_at", until)

    def _divide(self, begun: Pass, unit: WindowUnit, reading: WindowReading) -> None:
        """Divide a window that holds too many."""
        done, rest = divide((unit.since, unit.until), reading.added, reading.count)
        if done:
            begun.note(done)
        size = (reading.count - (len(reading.added) if done else 0)) / max(len(rest), 1)
        self._sizes |= dict.fromkeys(rest, size)
        whole = rest == [(unit.since, unit.until)]
        self._divided += [
            self._contacts.added_between(
                since, until, divisible=not whole and not _is_a_second(since, until)
            )
            for since, until in rest
        ]


def _is_a_second(since: datetime | None, until: datetime | None) -> bool:
    return since is not None and until is not None and until - since <= SECOND
