"""The pace: never more requests in any second than the API key allows, whoever uses it."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_constantcontact.store import Document, Store

HEADROOM = 1.04
"""Stretch of the distance between two requests. The server counts what *arrives* within a second:
a request that is held up on its way for 40 ms does not yet make its second overfull."""

LATE = HEADROOM - 1
"""Seconds after which a moment is let go, for the same reason."""

SLOWER = 1.5
"""By how much a `throttled` stretches the distance: somebody else uses the key."""

SLOWEST = 8.0
"""How far the distance is stretched at most."""

FASTER = 0.98
"""By how much each good answer shrinks a stretched distance again."""

LONGEST_QUEUE = 120.0
"""Seconds that moments are handed out ahead at most: nobody waits for a clock that was put back."""

LONGEST_LEAD = 1.0
"""Seconds that are allowed for the store's answer at most."""


class NoneLeft(Exception):
    """There is no call left to make."""


class Pacer:
    """Hands out moments to send a request at, evenly spaced, to all who share the store.

    Even distances, unlike a bucket of permits that allows bursts, hold in *every* second
    of a sliding window, which is how the API counts, and leave nothing to regain: a run is
    as long as its number of requests, however they are spread.

    The store keeps the first moment that is still free. A process takes it by moving that on,
    and comes back for another once it has used it: so processes take turns, whoever has more
    threads, and one that is killed costs the others a single moment. Only if the store answers
    more slowly than the pace does a process take several at once.

    Whoever counts calls does so in the same change of the store, which takes the most of what a
    call costs here.

    Where several threads of a process wait, the most urgent goes first.

    Args:
        store: Where moments are handed out.
        key: Under which key it keeps them.
        per_second: Requests a second; a fraction is fine.
        clock: Monotonic seconds.
        turns: What those who wait are woken by.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        turns: threading.Condition | None = None,
    ) -> None:
        self._store = store
        self.key = key
        self._distance = HEADROOM / per_second
        self._clock = clock
        self._turns = turns or threading.Condition()
        self._waiting: list[tuple[int, int]] = []
        self._arrivals = itertools.count()
        self._moments: deque[float] = deque()
        self._took = 0.0
        self._answered = 0
        self._let_go = 0

    def wait(self, turn: int = 0, count: Callable[[Document], Document | None] = dict) -> None:
        """Wait for the next moment at which a request may be sent.

        Args:
            turn: How urgent it is: the smallest number goes first.
            count: Returns what the document at `key` becomes by a call, but for its `pace`; None
                if there is no call left to make.

        Raises:
            NoneLeft: There is none.
            StoreError: Moments cannot be had.
        """
        with self._turns:
            me = (turn, next(self._arrivals))
            heapq.heappush(self._waiting, me)
            try:
                while left := self._left(me, count):
                    self._turns.wait(left)
                self._moments.popleft()
            finally:
                self._waiting.remove(me)
                heapq.heapify(self._waiting)
                if self._waiting:
                    self._turns.notify_all()

    def throttled(self) -> None:
        """Let all go slower: the API has said that the key is used too fast."""

        def slower(kept: Document | None, now: float) -> Document:
            document = kept or {}
            pace = document.get("pace") or {"next": now, "stretch": 1.0}
            stretch = min(pace["stretch"] * SLOWER, SLOWEST)
            return {**document, "pace": {**pace, "stretch": stretch}}

        self._store.change(self.key, slower, lasting=False)

    def answered(self) -> None:
        """Let all go faster again, little by little."""
        with self._turns:
            self._answered += 1

    def _left(self, me: tuple[int, int], count: Callable[[Document], Document | None]) -> float:
        """Return the seconds until it is my turn, as far as can be known."""
        if self._waiting[0] != me:
            return threading.TIMEOUT_MAX
        self._let_late_ones_go()
        while not self._moments:
            self._reserve(count)
            self._let_late_ones_go()
        return max(self._moments[0] - self._clock(), 0)

    def _let_late_ones_go(self) -> None:
        while self._moments and self._moments[0] < self._clock() - LATE:
            self._moments.popleft()
            self._let_go += 1

    def _reserve(self, count: Callable[[Document], Document | None]) -> None:
        """Take moments that are free, as many as can be used before the store answers again.

        Calls whose moments were let go have been counted already.
        """
        number = min(len(self._waiting), 1 + int(2 * self._took / self._distance))
        lead = min(self._took, LONGEST_LEAD)
        moments: list[float] = []

        def reserved(kept: Document | None, now: float) -> Document:
            document, taken = _counted(kept or {}, count, number, self._let_go)
            pace = document.get("pace") or {"next": 0.0, "stretch": 1.0}
            stretch = max(pace["stretch"] * FASTER**self._answered, 1.0)
            distance = self._distance * stretch
            # Threads wake up late, now and then; what that is within the headroom is made up for.
            late = distance * (1 - 1 / HEADROOM)
            free = now + lead - late <= pace["next"] <= now + LONGEST_QUEUE
            first: float = pace["next"] if free else now + lead
            here = self._clock() - now
            moments[:] = [here + first + at * distance for at in range(taken)]
            return {**document, "pace": {"next": first + taken * distance, "stretch": stretch}}

        began = self._clock()
        self._store.change(self.key, reserved, lasting=False)
        self._took = self._clock() - began
        self._answered = 0
        self._let_go = max(self._let_go - len(moments), 0)
        self._moments.extend(moments)


def _counted(
    document: Document,
    count: Callable[[Document], Document | None],
    number: int,
    known: int,
) -> tuple[Document, int]:
    """Return a document once calls are counted, and how many of them may be made.

    Args:
        document: What is known of the key's use.
        count: Counts one.
        number: How many are wanted.
        known: How many of them have been counted before.

    Raises:
        NoneLeft: There is not even one left.
    """
    for may in range(known, number):
        counted = count(document)
        if counted is None:
            if not may:
                raise NoneLeft
            return document, may
        document = counted
    return document, number
