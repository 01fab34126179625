"""Lists and contacts: what changed since the last run; all of them at first and now and then."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import override

from tap_constantcontact.ledger import Pass
from tap_constantcontact.planner.census import Census
from tap_constantcontact.planner.forecast import EVERYBODY, batches_of_pass, list_batches, pages
from tap_constantcontact.planner.part import Part
from tap_constantcontact.planner.windows import SECOND, divide
from tap_constantcontact.streams.base import LEFT
from tap_constantcontact.streams.columns import Column, Columns
from tap_constantcontact.streams.contact_reports import ContactCounts
from tap_constantcontact.streams.contacts import (
    COUNTED,
    CUSTOM_FIELDS,
    SMS_CHANNEL,
    ContactLists,
    Contacts,
    ContactsReading,
    ContactTotals,
    DeletedContacts,
    SmsChannelProbe,
    WindowReading,
    status_began,
    status_of,
)
from tap_constantcontact.streams.custom_fields import ContactCustomFields
from tap_constantcontact.streams.tags import ContactTags
from tap_constantcontact.times import moment, text_of
from tap_constantcontact.units import ContactsUnit, Unit, WindowUnit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from tap_constantcontact.ledger import Window
    from tap_constantcontact.planner.census import Movement
    from tap_constantcontact.planner.part import Brief
    from tap_constantcontact.units import Reading, Row

FEW_CALLS = 3
"""Calls that are spent on a movement that the rows which were read may, or may not, explain."""

DAY = timedelta(days=1)
"""How long after all contacts were read a movement makes that due again, if it takes many calls."""

COUNTED_BY = ("list_memberships", "taggings")
"""What of a contact is always asked for: it says what counts it."""

U = TypeVar("U", bound=ContactsUnit)


class ContactsPart(Part):
    """Asks for lists and contacts.

    What changed is found by the two times that the API can filter by. What moves neither of them
    is found by counters, where they count it: a list, a tag or a status that moved otherwise than
    the rows explain is read again; one that was left makes reading all contacts due, since only
    that shows who has left. The rest waits until that is due by itself.

    Reading all contacts may take several runs. So it is done by windows of `created_at`, the
    one time that never changes, and the ledger notes each window that has been read. Where lists
    are chosen, contacts are asked for by these, a batch in a call, and each batch has windows of
    its own; unless that takes more calls than to ask for everybody, and to keep those on them
    (docs/decisions/0022-chosen-lists.md). What changed is asked for whatever it is on: only that
    shows who has left a list.
    """

    def __init__(self, brief: Brief) -> None:
        super().__init__(brief)
        self._lists = brief.the(ContactLists)
        self._contacts = brief.the(Contacts)
        self._tags = brief.the(ContactTags)
        self._custom_fields = brief.the(ContactCustomFields)
        self._totals = ContactTotals()
        self._deleted = DeletedContacts()
        self._probe = SmsChannelProbe()
        self._counts = brief.the(ContactCounts)
        self._counted: Row = {}
        self._fields: list[Row] = []
        self._columns = Columns(
            {key: Column(*column) for key, column in brief.ledger.crowd.columns.items()}
        )
        self._crowd = brief.ledger.crowd
        self._counted_before = self._crowd.counted
        self._choice = brief.settings.contacts
        if self._choice.as_columns and self._brief.wants(self._contacts):
            self._contacts.adopt(self._columns)
        self._census = Census()
        if self._brief.wants(self._contacts):
            told = [self._tags, *self._described_by()]
            self.watches = frozenset(stream.name for stream in told)
        self._deleted_again: list[Unit] = []
        self._optouts_again: list[Unit] = []
        self._divided: list[WindowUnit] = []
        self._open = 0
        self._is_behind = False
        self._is_forbidden = False
        self._batches: list[str] = []
        self._sizes: dict[WindowUnit, float] = {}

    # What is asked

    @override
    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield what counts, and changed contacts, first; then all contacts, if that is due."""
        if not self._brief.wants(self._contacts):
            counts = [Unit(self._totals)] if self._brief.wants(self._counts) else []
            yield [*(self._listed() if self._brief.wants(self._lists) else []), *counts]
            return
        were_shown = SMS_CHANNEL in self._included()
        if self._crowd.sms_channel is None and SMS_CHANNEL in self._choice.include:
            yield [Unit(self._probe, optional=True)]
        if self._crowd.choice != self._choice.mark():
            self._crowd.read_whole = self._crowd.begun = None
            self._crowd.choice = self._choice.mark()
        first = self._counters(with_channels=were_shown)
        if were_shown:
            yield first  # they tell whether channels are shown still
            yield self._deleted_again
            first = []
        known = self._ledger.bookmark(self._contacts.name)
        if known:
            yield [*first, *self._changed_since(known)]
            first = []
            yield self._optouts_again
            yield from self._unexplained()
            if not self.is_overdue():
                return
        yield from self._all(first)
        if self._is_behind:
            yield self._changed_since(self._crowd.read_whole or self._now())
            yield self._optouts_again
            yield from self._unexplained()

    def _all(self, first: list[Unit]) -> Iterator[Iterable[Unit]]:
        """Yield the stages that read all contacts, as far as a pass has not read them yet.

        Args:
            first: What is still to be asked before.
        """
        if len(list_batches(self._choice.lists)) > 1 and self._crowd.begun is None:
            yield first  # they tell which way is the cheaper one
            first = []
        self._batches = self._batches_of_pass()
        yield [*first, *self._windows()]
        if not self._crowd.counts:
            self._settle_counts()
        while self._divided:
            divided, self._divided = self._divided, []
            yield divided

    @override
    def calls_left(self) -> float:
        """Return about how many calls the windows will take that are still to be read."""
        return sum(pages(size, self._contacts.page_size) for size in self._sizes.values())

    def _listed(self) -> list[Unit]:
        """Return what reads all lists; they count contacts, too."""
        optional = not self._brief.wants(self._lists)
        return [
            replace(self._lists.of_channel(channel), optional=optional)
            for channel in ("email", "sms")
        ]

    def _counters(self, *, with_channels: bool) -> list[Unit]:
        """Return what counts contacts, after what tells how their rows look.

        Custom fields and tags whose rows are wanted are asked for by `DimensionsPart`, before.

        Args:
            with_channels: Whether to ask, too, if the API still shows channels for text messages.
        """
        described = [each.all() for each in self._described_by() if not self._brief.wants(each)]
        tags = [] if self._brief.wants(self._tags) else [Unit(self._tags, optional=True)]
        return [
            *described,
            *self._listed(),
            *tags,
            Unit(self._totals, optional=not self._brief.wants(self._counts)),
            self._deleted.counted(with_channels=with_channels),
        ]

    def _described_by(self) -> list[ContactCustomFields]:
        """Return what tells how the rows of contacts look, if anything has to."""
        return [self._custom_fields] if CUSTOM_FIELDS in self._choice.include else []

    def _changed_since(self, known: datetime) -> list[Unit]:
        """Return what reads the contacts that changed, or opted out, since a moment."""
        since = known - self._settings.lookback
        units: list[Unit] = [
            replace(self._mine(unit), known=self._crowd.counted, was_kept=self._was_there)
            for unit in (self._contacts.changed_since(since), self._contacts.opted_out_since(since))
        ]
        self._open = len(units)
        return units

    def _batches_of_pass(self) -> list[str]:
        """Return the batches of lists that a pass asks for: as it was begun, or as is cheaper."""
        chosen = list_batches(self._choice.lists)
        if self._crowd.begun:
            return chosen if len(self._crowd.begun.done) == len(chosen) else [EVERYBODY]
        members = self._census.counts.get("lists")
        return batches_of_pass(self._choice.lists, members, self._census.total)

    def _windows(self) -> list[WindowUnit]:
        """Return what reads all contacts, as far as a pass has not read them yet."""
        if self._crowd.begun:
            left = self._crowd.begun.left()
            return [self._window(self._batches[batch], window) for batch, window in left]
        return [self._window(batch, (self._choice.since, None)) for batch in self._batches]

    def _window(self, batch: str, window: Window, *, divisible: bool = True) -> WindowUnit:
        """Return what reads the contacts added between two moments who are on a batch of lists."""
        unit = self._mine(self._contacts.added_between(*window, divisible=divisible))
        lists = {} if batch == EVERYBODY else {"lists": batch}
        return replace(
            unit,
            filters={**unit.filters, **lists},
            was_kept=partial(self._left_unseen, self._crowd.read_whole),
        )

    def _mine(self, unit: U) -> U:
        """Return a unit that asks for contacts as they are wanted, and keeps those that are."""
        return replace(
            unit,
            filters={"include": ",".join(self._included()), **unit.filters},
            keeps=None if self._choice.is_all() else self._keeps,
            hidden=tuple(name for name in COUNTED_BY if name not in self._choice.include),
        )

    def _included(self) -> list[str]:
        """Return what is asked for with contacts, as far as the API takes it."""
        return [
            name
            for name in dict.fromkeys((*self._choice.include, *COUNTED_BY))
            if name != SMS_CHANNEL or self._crowd.sms_channel
        ]

    def _keeps(self, row: Row) -> bool:
        added = row["created_at"]
        return self._choice.keeps(
            added=moment(added) if added else None,
            status=status_of(row),
            lists=row["list_memberships"] or (),
        )

    def _was_there(self, row: Row) -> bool:
        """Tell whether a contact was there when the run before this one counted contacts."""
        counted, added = self._counted_before, row["created_at"]
        return counted is not None and added is not None and moment(added) <= counted

    def _left_unseen(self, since: datetime | None, row: Row) -> bool:
        """Tell whether a contact that is not kept perhaps was, until its status changed.

        If that moved a time that one can filter by, it has come as a change, and was gone then.
        That it left a list, no time tells: so nobody is gone who is just on none that is chosen.

        Args:
            since: Who had the status before then is known to be gone; None: nobody was kept.
            row: The contact.
        """
        status, statuses, began = status_of(row), self._choice.statuses, status_began(row)
        is_wanted = status in statuses if statuses else status != "deleted"
        if is_wanted or since is None or began is None or began[1] < since:
            return False
        shown = filter(None, (row["updated_at"], row["email_address__opt_out_date"]))
        return all(moment(each) < max(began[0], since) for each in shown)

    # What counters tell

    def _unexplained(self) -> Iterator[Iterable[Unit]]:
        """Yield what reads the contacts that moved a counter though no row shows it."""
        movements = list(self._census.movements(self._crowd.counts))
        if self._cost(movements) > FEW_CALLS:
            movements = [movement for movement in movements if movement.certain]
        left = any(each.by < 0 and each.group[0] != "statuses" for each in movements)
        if left and self._settings.contacts_full_refresh:
            self._crowd.due = self._now()
        come = [each for each in movements if each.by > 0]
        if self.is_overdue():
            # All are read; by chosen lists, though, nobody who was deleted: lists forget them.
            by_lists = bool(self._choice.lists)
            come = [each for each in come if by_lists and each.group[0] == "statuses"]
        yield self._come_to(come)
        self._settle_counts()

    def _cost(self, movements: Iterable[Movement]) -> int:
        """Return how many calls it takes to look into some movements."""
        size = 0
        for movement in movements:
            if movement.by > 0:
                size += movement.size
            elif movement.group[0] != "statuses":
                return self._whole_cost()
        return min(pages(size, self._contacts.page_size), self._whole_cost())

    def _whole_cost(self) -> int:
        """Return how many calls it takes to read all contacts."""
        return pages(self._census.total, self._contacts.page_size)

    def _come_to(self, movements: Iterable[Movement]) -> list[Unit]:
        """Return what reads the lists, tags and statuses to which contacts have come."""
        names: dict[str, list[str]] = {"lists": [], "tags": [], "statuses": []}
        for movement in movements:
            kind, name = movement.group
            names[kind].append(name)
        units = [
            *self._contacts.on_lists(sorted(names["lists"])),
            *self._contacts.tagged(sorted(names["tags"])),
            *self._contacts.of_status(sorted(names["statuses"])),
        ]
        was_kept = partial(self._left_unseen, self._crowd.counted)
        return [replace(self._mine(unit), was_kept=was_kept) for unit in units]

    def _settle_counts(self) -> None:
        """Note that all is known, or due, that moved the counters so far."""
        if self._is_forbidden:
            return
        self._crowd.counts = {**self._crowd.counts, **self._census.counts}
        self._crowd.counted = self._now()

    @property
    def total(self) -> int:
        """How many contacts there are; 0 as long as they were not counted."""
        return self._census.total

    def is_overdue(self) -> bool:
        """Tell whether all contacts are to be read again, or still."""
        whole, every = self._crowd.read_whole, self._settings.contacts_full_refresh
        if whole is None or self._crowd.begun is not None:
            return True
        # By the calendar: a nightly run may begin some seconds earlier than the night before.
        if every is not None and self._now().date() - whole.date() >= every:
            return True
        return self._crowd.due is not None and (
            self._now() - whole >= DAY or self._whole_cost() <= FEW_CALLS
        )

    # What is learnt

    @override
    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Learn what is counted."""
        census = self._census
        if unit.source is self._lists:
            for row in rows:
                census.count("lists", row["list_id"], row["membership_count"] or 0)
        elif unit.source is self._tags:
            for row in rows:
                census.count("tags", row["tag_id"], row.get("contacts_count") or 0)
        elif unit.source is self._deleted:
            census.count("statuses", "deleted", rows[0]["deleted"])
        elif unit.source is self._totals:
            self._counted = self._counts.found(rows[0], self._now())
            self._learn_totals(self._counted)
        elif unit.source is self._custom_fields:
            self._fields += rows

    def _learn_totals(self, totals: Row) -> None:
        """Learn how many have which permission; whoever has none of these, has another one."""
        _, unsubscribed, pending, others = COUNTED
        named = {
            name: totals[name] or 0 for name in ("explicit", "implicit", "unsubscribed", "pending")
        }
        self._census.living = totals["total"] or 0
        self._census.count("statuses", unsubscribed, named["unsubscribed"])
        self._census.count("statuses", pending, named["pending"])
        self._census.count("statuses", others, self._census.living - sum(named.values()))

    def _learn_fields(self) -> None:
        """Learn which custom fields there are; what a deleted one said, only all contacts tell."""
        fields, self._fields = self._fields, []
        if self._columns.learn(fields) and self._settings.contacts_full_refresh:
            self._crowd.due = self._now()
        self._crowd.columns = {
            key: (column.name, column.type, column.choices, column.gone)
            for key, column in self._columns.known.items()
        }
        if self._choice.as_columns and self._contacts.adopt(self._columns):
            self.reshaped.append(self._contacts)

    @override
    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn how far contacts are known, and who is kept no more."""
        if isinstance(reading, ContactsReading):
            gone = {LEFT.name: text_of(self._now())} if reading.left else {}
            self.found += [(self._contacts, {"contact_id": key, **gone}) for key in reading.left]
        if isinstance(unit, WindowUnit) and isinstance(reading, WindowReading):
            self._window_read(unit, reading)
        elif isinstance(unit, ContactsUnit) and isinstance(reading, ContactsReading):
            self._some_read(unit, reading)
        elif unit.source is self._probe:
            self._crowd.sms_channel = not missing
        elif unit.source is self._deleted:
            self._deleted_counted(unit, missing=missing)
        elif not missing:
            self._counted_by(unit)

    @override
    def forbidden(self, unit: Unit) -> None:
        """Learn that contacts may not be read: what moved their counters stays unknown then."""
        self._is_forbidden = self._is_forbidden or unit.source is self._contacts

    def _deleted_counted(self, unit: Unit, *, missing: bool) -> None:
        """Learn whether the API still shows channels: it takes the same without them if not."""
        if unit in self._deleted_again:
            self._crowd.sms_channel = missing
        elif missing and unit.filters:
            self._deleted_again.append(self._deleted.counted(with_channels=False))

    def _counted_by(self, unit: Unit) -> None:
        """Learn that all has been counted that one of the counters counts."""
        if unit.source is self._totals and self._brief.wants(self._counts):
            self.found.append((self._counts, self._counted))
        elif unit.source is self._custom_fields:
            self._learn_fields()
        elif unit.source in (self._lists, self._tags):
            kind = "lists" if unit.source is self._lists else "tags"
            self._census.counts.setdefault(kind, {})  # there may be none

    def _window_read(self, unit: WindowUnit, reading: WindowReading) -> None:
        """Note that a window was read, or divide it."""
        self._sizes.pop(unit, None)
        begun = self._crowd.begun = self._crowd.begun or self._begin()
        batch = unit.filters.get("lists", EVERYBODY)
        if unit.divisible and reading.is_divided:
            self._divide(begun, batch, unit, reading)
        else:
            begun.note(self._batches.index(batch), (unit.since, unit.until))
        if not begun.left():
            self._pass_done(begun)

    def _some_read(self, unit: ContactsUnit, reading: ContactsReading) -> None:
        """Note who was read."""
        self._census.read(reading)
        if {"updated_after", "optout_after"} & unit.filters.keys():
            self._changes_read(unit, reading)

    def _changes_read(self, unit: ContactsUnit, reading: Reading) -> None:
        """Note until when changed contacts are known.

        Whoever opts in again leaves the list of those who opted out, and may push another one
        over the end of a page that is being read. So a list of several pages is read twice.
        """
        if "optout_after" in unit.filters and reading.pages > 1 and not self._optouts_again:
            self._optouts_again.append(replace(unit, known=None))
            self._open += 1
        self._open -= 1
        if not self._open:
            self._advance(self._now())

    def _advance(self, until: datetime) -> None:
        self._ledger.advance(self._contacts.name, "updated_at", until)

    def _begin(self) -> Pass:
        """Return a pass in which nothing has been read yet; whoever is not kept need not be."""
        since = self._choice.since
        return Pass(self._now(), [[(None, since)] if since else [] for _ in self._batches])

    def _pass_done(self, ended: Pass) -> None:
        """Note that all contacts have been read, as they were when that was begun."""
        self._crowd.begun = None
        self._crowd.read_whole = ended.began
        if self._crowd.due and self._crowd.due <= ended.began:
            self._crowd.due = None
        if self._ledger.bookmark(self._contacts.name) is None:
            self._advance(ended.began)
            self._is_behind = ended.began < self._now()  # it was begun by a run before this one

    def _divide(self, begun: Pass, batch: str, unit: WindowUnit, reading: WindowReading) -> None:
        """Divide a window of a batch that holds too many."""
        done, rest = divide((unit.since, unit.until), reading.added, reading.count)
        if done:
            begun.note(self._batches.index(batch), done)
        size = (reading.count - (len(reading.added) if done else 0)) / max(len(rest), 1)
        whole = rest == [(unit.since, unit.until)]
        units = [
            self._window(batch, window, divisible=not whole and not _is_a_second(*window))
            for window in rest
        ]
        self._sizes |= dict.fromkeys(units, size)
        self._divided += units


def _is_a_second(since: datetime | None, until: datetime | None) -> bool:
    return since is not None and until is not None and until - since <= SECOND
