"""Which rows were written that may vanish, and that no state is known to cover.

What the API shows no more, it does not name. So the ledger remembers what was shown. But a run
that is killed may have written rows that its last state knows nothing of; should they vanish
before the next run, nobody would ever miss them. So their keys are noted in the store before they
are written, under the mark of the state before them. A run that is given a state takes back what
was written after it, and writes again what is still shown: by that state, all of it is due.
docs/decisions/0016-traces.md says what else was weighed.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_constantcontact.store import Document, Store

Key = dict[str, Any]
"""The primary key of a row."""

FIRST = "first"
"""Begins the mark of no state: whoever begins without one reads everything of its scope."""

KEPT = timedelta(days=30)
"""How long traces are kept of a run that nobody goes on from."""


class Traces:
    """Notes rows in the store.

    Args:
        store: Where.
        client_id: The API key of the runs that share them.
        mark: The mark of the state that the run goes on from; None for none.
        scope: What a run without a state reads. What another scope has written is not its own: a
            backfill with dates of its own may begin while increments run.
        now: The time, in UTC.
    """

    def __init__(
        self,
        store: Store,
        client_id: str,
        mark: str | None,
        *,
        scope: str = "",
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._key = f"traces-{client_id}"
        self._mark = mark
        self._first = f"{FIRST} {scope}"
        self._now = now
        self._is_new = False
        self._passed_on: dict[str, list[Key]] = {}

    def left(self) -> dict[str, list[Key]]:
        """Return what was written after the state, by stream.

        Raises:
            StoreError: The store cannot be read.
        """
        document = self._store.get(self._key) or {}
        streams = document.get(self._mark or self._first, {}).get("streams", {})
        return {stream: list(keys) for stream, keys in streams.items()}

    def note(self, stream: str, keys: Iterable[Key]) -> None:
        """Note rows that are about to be written.

        Raises:
            StoreError: The store cannot be written.
        """
        written = list(keys)
        mark, today = self._mark or self._first, self._now().date()
        self._is_new = True

        def noted(kept: Document | None, _: float) -> Document:
            document = {
                name: traces
                for name, traces in (kept or {}).items()
                if name == mark or traces["at"] >= (today - KEPT).isoformat()
            }
            streams: Mapping[str, list[Key]] = document.get(mark, {}).get("streams", {})
            known = streams.get(stream, [])
            new = [key for key in written if key not in known]
            streams = {**streams, stream: [*known, *new]}
            return {**document, mark: {"at": today.isoformat(), "streams": streams}}

        self._store.change(self._key, noted)

    def pass_on(self, stream: str, keys: list[Key]) -> None:
        """Leave rows to whoever goes on from the states of this run, which does not write them.

        Args:
            stream: A stream that is not selected, or may not be read.
            keys: What is left of it.
        """
        self._passed_on[stream] = keys

    def mark(self) -> str | None:
        """Return the mark of a state that covers all that was noted; a new one if that was any.

        Raises:
            StoreError: The store cannot be written.
        """
        if self._is_new:
            self._mark = secrets.token_hex(4)
            for stream, keys in self._passed_on.items():
                self.note(stream, keys)
            self._is_new = False
        return self._mark
