"""One run: the planner's units through the fetcher to the emitter, and what is learnt back."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from tap_constantcontact.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tap_constantcontact.allowance import Allowance
    from tap_constantcontact.emitter import Emitter
    from tap_constantcontact.fetcher import Fetcher
    from tap_constantcontact.interruption import Interruption
    from tap_constantcontact.ledger import Ledger
    from tap_constantcontact.planner import Planner
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.units import Page, Reading, Row, Unit

PROGRESS_SECONDS = 5

LOGGER = logging.getLogger(__name__)


class Run:
    """Turns the crank.

    Args:
        planner: What to ask.
        fetcher: Asks.
        emitter: Writes.
        ledger: The state; written whenever it says so, and in the end, however that comes.
        interruption: Whether the run was asked to end.
        allowance: Knows how many calls were made, for the progress.
    """

    def __init__(
        self,
        planner: Planner,
        fetcher: Fetcher,
        emitter: Emitter,
        ledger: Ledger,
        interruption: Interruption,
        allowance: Allowance,
    ) -> None:
        self._planner = planner
        self._fetcher = fetcher
        self._emitter = emitter
        self._ledger = ledger
        self._interruption = interruption
        self._allowance = allowance
        self._readings: dict[Unit, Reading] = {}
        self._told_at = time.monotonic()

    def sync(self, streams: Mapping[str, ConstantContactStream]) -> None:
        """Read and write all that is to be.

        Args:
            streams: Those whose rows are wanted.

        Raises:
            TapError: The run ended early; the state written covers what was read.
        """
        self._emitter.schemas(streams)
        try:
            for stage in self._planner.stages():
                for page in self._fetcher.pages(stage):
                    self._take(page, streams)
        finally:
            self._fetcher.close()
            self._emitter.state(self._ledger.state())
            self._tell("Read")

    def sample(self, streams: Mapping[str, ConstantContactStream], limit: int | None) -> None:
        """Read and write a few rows of each stream, to see that all can be read.

        Args:
            streams: The streams.
            limit: How many rows of each; None for all.
        """
        self._emitter.schemas(streams)
        before = self._ledger.state()
        few = {"most": 1, "ahead": 1} if limit else {}
        try:
            for stage in self._planner.stages():
                for page in self._fetcher.pages(self._few(stage, limit), **few):
                    self._take(page, streams, limit)
        finally:
            self._fetcher.close()
        self._emitter.state(before if limit else self._ledger.state())

    def _few(self, units: Iterable[Unit], limit: int | None) -> Iterator[Unit]:
        """Yield units of a source until it has given enough rows, or enough units."""
        taken: dict[str, int] = {}
        for unit in units:
            name = unit.source.name
            taken[name] = taken.get(name, 0) + 1
            if limit is None or max(self._emitter.rows[name], taken[name] - 1) < limit:
                yield unit

    def _take(
        self,
        page: Page,
        streams: Mapping[str, ConstantContactStream],
        limit: int | None = None,
    ) -> None:
        """Write the rows of a page and learn from them."""
        unit = page.unit
        stream = streams.get(unit.source.name)
        if unit not in self._readings:
            self._readings[unit] = unit.source.reading(unit)
        for row in self._rows(page):
            self._planner.take(unit, row)
            if stream and (limit is None or self._emitter.rows[stream.name] < limit):
                self._emitter.row(stream, row)
        if page.last:
            self._planner.done(unit, self._readings.pop(unit), missing=page.missing)
            if self._ledger.due():
                self._emitter.state(self._ledger.state())
        if time.monotonic() - self._told_at >= PROGRESS_SECONDS:
            self._tell("So far")
        self._interruption.check()

    def _rows(self, page: Page) -> list[Row]:
        """Return the rows of a page."""
        if page.missing:
            return []
        try:
            return list(self._readings[page.unit].take(page.body))
        except KeyError as error:
            raise UnexpectedAnswer(
                f"An answer for {page.unit.source.name} holds no {error}."
            ) from None

    def _tell(self, how: str) -> None:
        """Log how far the run has come."""
        self._told_at = time.monotonic()
        rows = ", ".join(f"{name} {count:,}" for name, count in self._emitter.rows.items())
        LOGGER.info(
            "%s: %s; %d calls, %d today.",
            how,
            rows or "nothing new",
            self._allowance.calls,
            self._allowance.calls_today,
        )
