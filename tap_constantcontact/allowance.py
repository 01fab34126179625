"""How many calls may still be made: of the key's day, and of the run.

The API says neither how many calls are left nor how many were made. So every process counts the
calls of its key in the store, each as it takes the moment to make it: a kill loses none.

A backfill may spend only what the increments of the rest of the day will not need: a fresh
opt-out never waits for an old campaign. How much they need is learnt from the days before.
Source: docs/api-notes.md, "Nothing says how many calls are left".
"""

from __future__ import annotations

import logging
import math
import platform
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from tap_constantcontact.errors import BackfillPaused, QuotaUsed
from tap_constantcontact.pacer import NoneLeft, Pacer
from tap_constantcontact.units import Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_constantcontact.store import Document, Store

LOGGER = logging.getLogger(__name__)

CLOCKS_DIFFER = timedelta(minutes=2)
"""By how much clocks may differ before that is worth a word."""

AFTER_MIDNIGHT = timedelta(seconds=30)
"""How long after the end of the day the next one is begun: clocks differ."""

DAYS_LEARNT = 7
"""Days from which it is learnt how many calls increments need: a week has all kinds of them."""

RUNS_A_DAY = 24
"""Runs that a day is taken to have before anything was learnt."""

LEAST_SEEN = 0.25
"""The part of its first day that a key was used in, at least: a first run late in the evening does
not repeat itself all day long."""

MARGIN = 1.25
"""By how much increments may exceed what they needed before."""


@dataclass(frozen=True)
class Limits:
    """What a run may spend.

    Args:
        daily_quota: Calls that the key has a UTC day.
        quota_reserve: Calls of them that are left to others.
        increment_reserve: Calls of them that a backfill leaves to increments; None to learn it.
        calls: Calls of the run; None for any number.
        duration: How long the run may take; None for as long as it takes.
        waits: Whether the run waits for the next day when the day's calls are used.
    """

    daily_quota: int
    quota_reserve: int = 0
    increment_reserve: int | None = None
    calls: int | None = None
    duration: timedelta | None = None
    waits: bool = False


@dataclass(frozen=True)
class Day:
    """The calls of a UTC day, as the store keeps them.

    Args:
        day: The day, ISO 8601.
        calls: How many were made.
        increments: How many of them increments made.
        began: Which part of the day was over when calls were counted first; 0 from the second
            day on, however late its first run.
        past: How many increments made on the days before, the latest last; what the first of
            them would have had from its beginning.
    """

    day: str
    calls: int = 0
    increments: int = 0
    began: float = 0.0
    past: tuple[int, ...] = ()

    @classmethod
    def load(cls, kept: Mapping[str, Any] | None, now: datetime) -> Day:
        """Read it from the store; a new day begins with what the ones before have taught."""
        today = now.date().isoformat()
        if kept is None:
            return cls(today, began=1 - _left_of(now) / timedelta(days=1))
        day = cls(**{**kept, "past": tuple(kept["past"])})
        if day.day == today:
            return day
        if day.began:
            seen = max(1 - day.began, LEAST_SEEN)
            return cls(today, past=(math.ceil(day.increments / seen),))
        return cls(today, past=(*day.past, day.increments)[-DAYS_LEARNT:])

    def dump(self) -> dict[str, Any]:
        """Write it to the store."""
        return {**vars(self), "past": list(self.past)}


def _left_of(now: datetime) -> timedelta:
    """Return what is left of a day."""
    tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
    return tomorrow - now


class Allowance:
    """The calls that may be made with a key, shared by all processes that share the store.

    Args:
        store: Where the calls of the day are counted.
        pacer: Says when the next call may be made; they are counted beside its pace.
        limits: What the run may spend.
        now: The time, in UTC.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        store: Store,
        pacer: Pacer,
        limits: Limits,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._pacer = pacer
        self._limits = limits
        self._clock = now
        self._sleep = sleep
        self._skew_key = f"clock-{platform.node()}"
        kept = store.get(self._skew_key)
        self._skew = timedelta(seconds=kept["seconds_off"] if kept else 0)
        self._lock = threading.Lock()
        self._night = threading.Lock()
        self._ends = now() + limits.duration if limits.duration else None
        self.calls = 0
        """Calls of this run."""
        self._increments = 0
        self.calls_today = 0
        """Calls of the key today, as of the last one."""

    def api_clock(self, at: datetime) -> None:
        """Note what the API's clock says: its days count, whatever the clock here says."""
        skew = at - self._clock()
        with self._lock:
            if abs(skew - self._skew) <= CLOCKS_DIFFER:
                return
            self._skew = skew
        # The next run counts by it from its first call on.
        self._store.change(self._skew_key, lambda *_: {"seconds_off": skew.total_seconds()})
        if abs(skew) > CLOCKS_DIFFER:
            LOGGER.warning(
                "The clock of this machine is %d seconds off: the days of the API's are counted.",
                abs(skew).total_seconds(),
            )

    def _now(self) -> datetime:
        """Return the time by the API's clock."""
        return self._clock() + self._skew

    def spend(self, work: Work = Work.INCREMENT, turn: int = 0) -> None:
        """Count a call, and wait for the moment to make it.

        Args:
            work: What it is part of.
            turn: How urgent it is among those who wait: the smallest number goes first.

        Raises:
            QuotaUsed: It may not be made.
            StoreError: It cannot be counted.
        """
        self._take_of_run()
        try:
            while not self._take_of_day(work, turn):
                self._end_day(work)
        except Exception:
            with self._lock:
                self.calls -= 1
            raise
        with self._lock:
            self._increments += work is Work.INCREMENT

    def used_up(self) -> None:
        """Note that the API says the day's calls are used, whatever was counted here.

        Raises:
            QuotaUsed: Always, unless the run waits for the next day.
        """

        def used(kept: Document | None, _: float) -> Document:
            document = kept or {}
            day = self._day(document)
            calls = max(day.calls, self._limits.daily_quota)
            return self._noted(document, replace(day, calls=calls))

        self._store.change(self._pacer.key, used, lasting=False)
        self._end_day()

    def look(self) -> None:
        """Read how many calls were made today, without counting one."""
        self._day(self._store.get(self._pacer.key) or {})

    @property
    def next_day(self) -> datetime:
        """When the calls of the next day may be spent, by the clock of this machine."""
        now = self._clock()
        return now + _left_of(now + self._skew) + AFTER_MIDNIGHT

    @property
    def waits(self) -> bool:
        """Whether the run goes on by itself on the next day, as long as its time lasts."""
        return self._limits.waits and (self._ends is None or self.next_day < self._ends)

    def wait_for_tomorrow(self) -> None:
        """Wait until the calls of the next day may be spent."""
        self._sleep((_left_of(self._now()) + AFTER_MIDNIGHT).total_seconds())

    @property
    def left_today(self) -> int:
        """Calls of the day that this run may still make, as of the last one."""
        return max(self._most() - self.calls_today, 0)

    def _most(self) -> int:
        return self._limits.daily_quota - self._limits.quota_reserve

    def _take_of_run(self) -> None:
        """Count a call of the run.

        Raises:
            QuotaUsed: It has none left.
        """
        with self._lock:
            if self._limits.calls is not None and self.calls >= self._limits.calls:
                raise QuotaUsed(
                    f"The run has made its {self.calls:,} calls (max_calls_per_run)."
                    " Run again: it goes on where it stopped."
                )
            if self._ends and self._clock() >= self._ends:
                raise QuotaUsed(
                    "The run has had its time (max_run_minutes)."
                    " Run again: it goes on where it stopped."
                )
            self.calls += 1

    def _take_of_day(self, work: Work, turn: int) -> bool:
        """Take a call of the day at its moment if there is one left; tell whether there was."""

        def count(document: Document) -> Document | None:
            day = self._day(document)
            kept = self._kept_for_increments(day) if work is Work.BACKFILL else 0
            if day.calls >= self._most() - kept:
                return None
            increments = day.increments + (work is Work.INCREMENT)
            return self._noted(document, replace(day, calls=day.calls + 1, increments=increments))

        try:
            self._pacer.wait(turn, count)
        except NoneLeft:
            return False
        return True

    def _kept_for_increments(self, day: Day) -> int:
        """Return how many calls the increments of the rest of the day will need."""
        left = _left_of(self._now()) / timedelta(days=1)
        a_day: float | None = self._limits.increment_reserve
        if a_day is None:
            seen = max(1 - left - day.began, 1 / RUNS_A_DAY)
            first = max(self._increments * RUNS_A_DAY, day.increments / seen)
            a_day = MARGIN * (max(day.past) if day.past else first)
        return math.ceil(a_day * left)

    def _day(self, document: Document) -> Day:
        """Return what a document says of the calls of today."""
        day = Day.load(document.get("calls"), self._now())
        self.calls_today = day.calls
        return day

    def _noted(self, document: Document, day: Day) -> Document:
        """Return a document that says the calls of a day."""
        self.calls_today = day.calls
        return {**document, "calls": day.dump()}

    def _end_day(self, work: Work = Work.INCREMENT) -> None:
        """Wait for the next day, if the run may: one for all who ask meanwhile.

        Raises:
            BackfillPaused: There are calls left, or will be, but not for a backfill.
            QuotaUsed: The run may not wait.
        """
        if work is Work.BACKFILL and (self.left_today or self.waits):
            raise BackfillPaused(
                f"The backfill pauses: the {self.left_today:,} calls left of today are kept"
                " for increments. It goes on with the first run after 00:00 UTC."
            )
        hours, minutes = divmod(int(_left_of(self._now()).total_seconds()) // 60, 60)
        if not self.waits:
            raise QuotaUsed(
                f"The API key has used its calls of today ({self.calls_today:,} are counted); they"
                f" start again at 00:00 UTC, in {hours} h {minutes} min."
                " Run again after that: it goes on where it stopped."
            )
        today = self._now().date()
        with self._night:
            if self._now().date() == today:
                LOGGER.warning(
                    "The calls of today are used (%s are counted): the run waits for %d h %d min,"
                    " until 00:00 UTC.",
                    f"{self.calls_today:,}",
                    hours,
                    minutes,
                )
                self.wait_for_tomorrow()


def pacer_and_allowance(
    store: Store,
    client_id: str,
    per_second: float,
    limits: Limits,
    **clocks: Any,  # noqa: ANN401 - passed on
) -> tuple[Pacer, Allowance]:
    """Return the pace of an API key and its calls, which the store keeps together.

    Args:
        store: Where.
        client_id: The API key.
        per_second: Requests a second.
        limits: What the run may spend.
        clocks: Those of `Allowance`, if they are not the usual ones.
    """
    pacer = Pacer(store, f"key-{client_id}", per_second)
    return pacer, Allowance(store, pacer, limits, **clocks)
