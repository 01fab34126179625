"""The pace: never more requests in any second than the API key allows."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

HEADROOM = 1.02
"""Stretch of the distance between two requests, for the jitter of the way to the server."""


class Pacer:
    """Hands out moments to send a request at, evenly spaced.

    Even distances, unlike a bucket of permits that allows bursts, hold in *every* second
    of a sliding window, which is how the API counts, and leave nothing to regain: a run is
    as long as its number of requests, however they are spread.

    Args:
        per_second: Requests a second; a fraction is fine.
        clock: Monotonic seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        per_second: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._distance = HEADROOM / per_second
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._next = clock()

    def wait(self) -> None:
        """Wait for the next moment at which a request may be sent."""
        with self._lock:
            now = self._clock()
            moment = max(self._next, now)
            self._next = moment + self._distance
        if moment > now:
            self._sleep(moment - now)
