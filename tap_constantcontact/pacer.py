"""The pace: never more requests in any second than the API key allows."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HEADROOM = 1.04
"""Stretch of the distance between two requests. The server counts what *arrives* within a second:
a request that is held up on its way for 40 ms does not yet make its second overfull."""

SLOWER = 1.5
"""By how much a `throttled` stretches the distance: somebody else uses the key."""

SLOWEST = 8.0
"""How far the distance is stretched at most."""

FASTER = 0.98
"""By how much each good answer shrinks a stretched distance again."""


class Pacer:
    """Hands out moments to send a request at, evenly spaced.

    Even distances, unlike a bucket of permits that allows bursts, hold in *every* second
    of a sliding window, which is how the API counts, and leave nothing to regain: a run is
    as long as its number of requests, however they are spread.

    Where several wait, the most urgent goes first.

    Args:
        per_second: Requests a second; a fraction is fine.
        clock: Monotonic seconds.
        turns: What those who wait are woken by.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        turns: threading.Condition | None = None,
    ) -> None:
        self._distance = HEADROOM / per_second
        self._stretch = 1.0
        self._clock = clock
        self._turns = turns or threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._arrivals = itertools.count()
        self._next = clock()

    def wait(self, turn: int = 0) -> None:
        """Wait for the next moment at which a request may be sent.

        Args:
            turn: How urgent it is: the smallest number goes first.
        """
        with self._turns:
            me = (turn, next(self._arrivals))
            heapq.heappush(self._waiting, me)
            self._turns.notify_all()
            try:
                while left := self._left(me):
                    self._turns.wait(left)
            finally:
                self._waiting.remove(me)
                heapq.heapify(self._waiting)
                self._turns.notify_all()
            # Threads wake up late, now and then; what that is within the headroom is made up for.
            late = self._distance * (1 - 1 / HEADROOM)
            self._next = max(self._next, self._clock() - late) + self._distance * self._stretch

    def _left(self, me: tuple[int, int]) -> float:
        """Return the seconds until it is my turn, as far as can be known."""
        if self._waiting[0] != me:
            return threading.TIMEOUT_MAX
        return max(self._next - self._clock(), 0)

    def throttled(self) -> None:
        """Go slower: the API has said that the key is used too fast."""
        with self._turns:
            self._stretch = min(self._stretch * SLOWER, SLOWEST)

    def answered(self) -> None:
        """Go faster again, little by little."""
        with self._turns:
            self._stretch = max(self._stretch * FASTER, 1.0)
