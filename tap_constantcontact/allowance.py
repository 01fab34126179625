"""How many calls may still be made: of the key's day, and of the run.

The API says neither how many calls are left nor how many were made. So every process counts the
calls of its key in the store, each before it is made: a kill loses none.
Source: docs/api-notes.md, "Nothing says how many calls are left".
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from tap_constantcontact.errors import QuotaUsed

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_constantcontact.store import Store

AFTER_MIDNIGHT = timedelta(seconds=30)
"""How long after the end of the day the next one is begun: clocks differ."""


@dataclass(frozen=True)
class Limits:
    """What a run may spend.

    Args:
        daily_quota: Calls that the key has a UTC day.
        quota_reserve: Calls of them that are left to others.
        calls: Calls of the run; None for any number.
        duration: How long the run may take; None for as long as it takes.
        waits: Whether the run waits for the next day when the day's calls are used.
    """

    daily_quota: int
    quota_reserve: int = 0
    calls: int | None = None
    duration: timedelta | None = None
    waits: bool = False


class Allowance:
    """The calls that may be made with a key, shared by all processes that share the store.

    Args:
        store: Where the calls of the day are counted.
        key: The API key (client id).
        limits: What the run may spend.
        now: The time, in UTC.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        limits: Limits,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._key = f"calls-{key}"
        self._limits = limits
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._ends = now() + limits.duration if limits.duration else None
        self.calls = 0
        """Calls of this run."""
        self.calls_today = 0
        """Calls of the key today, as of the last one."""

    def spend(self) -> None:
        """Count a call that is about to be made.

        Raises:
            QuotaUsed: It may not be made.
        """
        with self._lock:
            if self._limits.calls is not None and self.calls >= self._limits.calls:
                raise QuotaUsed(
                    f"The run has made its {self.calls:,} calls (max_calls_per_run)."
                    " Run again: it goes on where it stopped."
                )
            if self._ends and self._now() >= self._ends:
                raise QuotaUsed(
                    "The run has had its time (max_run_minutes)."
                    " Run again: it goes on where it stopped."
                )
            while not self._count():
                self._end_day()
            self.calls += 1

    def used_up(self) -> None:
        """Note that the API says the day's calls are used, whatever was counted here.

        Raises:
            QuotaUsed: Always, unless the run waits for the next day.
        """
        with self._lock:
            self._change(lambda calls: max(calls, self._limits.daily_quota))
            self._end_day()

    def _count(self) -> bool:
        """Count a call of the day if there is one left; tell whether there was."""
        most = self._limits.daily_quota - self._limits.quota_reserve
        before = self._change(lambda calls: min(calls + 1, max(calls, most)))
        return self.calls_today > before

    def _change(self, change: Callable[[int], int]) -> int:
        """Change the count of the day; return what it was."""
        day = self._now().date().isoformat()
        with self._store.lock(self._key):
            kept = self._store.get(self._key)
            before: int = kept["calls"] if kept and kept["day"] == day else 0
            self.calls_today = change(before)
            self._store.compare_and_set(self._key, kept, {"day": day, "calls": self.calls_today})
        return before

    def _end_day(self) -> None:
        """Wait for the next day, if the run may."""
        now = self._now()
        tomorrow = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
        left = tomorrow - now
        if not self._limits.waits:
            hours, minutes = divmod(int(left.total_seconds()) // 60, 60)
            raise QuotaUsed(
                f"The API key has used its calls of today ({self.calls_today:,} are counted); they"
                f" start again at 00:00 UTC, in {hours} h {minutes} min."
                " Run again after that: it goes on where it stopped."
            )
        self._sleep((left + AFTER_MIDNIGHT).total_seconds())
