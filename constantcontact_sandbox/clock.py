"""What time it is in the sandbox: a clock that stands still, or ticks, and can be moved forward."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The sandbox's time. It stands still unless moved; a ticking one goes on by itself as well."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("A clock starts at a moment with a time zone.")
        self._moment = start.astimezone(UTC)
        self._ticking_since: float | None = None
        self._lock = threading.Lock()

    @classmethod
    def ticking(cls, start: datetime) -> Clock:
        """Return a clock that shows `start` now and goes on with real time."""
        clock = cls(start)
        clock.tick()
        return clock

    def tick(self) -> None:
        """Go on with real time from here."""
        with self._lock:
            self._moment = self._now()
            self._ticking_since = time.monotonic()

    def now(self) -> datetime:
        """Return the moment it is in the sandbox, in UTC."""
        with self._lock:
            return self._now()

    def advance(self, by: timedelta) -> None:
        """Move the clock forward; nothing happens in the account meanwhile."""
        if by < timedelta(0):
            raise ValueError("Time moves forward only.")
        with self._lock:
            self._moment += by

    def _now(self) -> datetime:
        if self._ticking_since is None:
            return self._moment
        return self._moment + timedelta(seconds=time.monotonic() - self._ticking_since)
