"""How often an application may ask: in a second, and in a day."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


class Pace:
    """Calls in any second, by key. A call that is refused does not count."""

    def __init__(self) -> None:
        self._accepted: defaultdict[str, deque[float]] = defaultdict(deque)

    def allows(self, key: str, arrived: float, per_second: float | None) -> bool:
        """Say whether a call that arrives then is within the pace, and count it if so.

        A pace below one call a second stretches the second accordingly.
        """
        if per_second is None:
            return True
        calls, window = max(1, int(per_second)), max(1.0, 1 / per_second)
        accepted = self._accepted[key]
        while accepted and arrived >= accepted[0] + window:
            accepted.popleft()
        if len(accepted) >= calls:
            return False
        accepted.append(arrived)
        return True


class Quota:
    """Calls of a UTC day, by key. A call that is refused does not count."""

    def __init__(self) -> None:
        self._used: defaultdict[tuple[str, date], int] = defaultdict(int)

    def allows(self, key: str, day: date, per_day: int | None) -> bool:
        """Say whether one more call is within the day's quota, and count it if so."""
        if per_day is not None and self.used(key, day) >= per_day:
            return False
        self._used[key, day] += 1
        return True

    def used(self, key: str, day: date) -> int:
        """Return how many calls of that day have counted."""
        return self._used.get((key, day), 0)
