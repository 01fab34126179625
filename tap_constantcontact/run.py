"""One run: the planner's units through the fetcher to the emitter, and what is learnt back."""

from __future__ import annotations

import logging
import math
import sys
import time
from typing import TYPE_CHECKING, Any

from tap_constantcontact.errors import BackfillPaused, UnexpectedAnswer
from tap_constantcontact.streams.base import LEFT
from tap_constantcontact.times import text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tap_constantcontact.allowance import Allowance
    from tap_constantcontact.emitter import Emitter
    from tap_constantcontact.fetcher import Fetcher
    from tap_constantcontact.interruption import Interruption
    from tap_constantcontact.ledger import Ledger
    from tap_constantcontact.planner import Planner
    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.traces import Key, Traces
    from tap_constantcontact.units import Page, Reading, Row, Unit

TERMINAL_SECONDS = 5
"""Seconds between two lines of progress for a person who looks on."""

LOG_SECONDS = 60
"""Seconds between two lines of progress in a log."""

LOGGER = logging.getLogger(__name__)


class Run:
    """Turns the crank.

    Args:
        plan: Makes a planner: what to ask.
        fetcher: Asks.
        emitter: Writes.
        ledger: The state; written whenever it says so, and in the end, however that comes.
        traces: What was written after the state that the run goes on from.
        interruption: Whether the run was asked to end.
        allowance: Knows how many calls were made, and may wait for the next day.
        pace: Requests a second, to tell how long the rest will take.
    """

    def __init__(
        self,
        plan: Callable[[], Planner],
        fetcher: Fetcher,
        emitter: Emitter,
        ledger: Ledger,
        traces: Traces,
        interruption: Interruption,
        allowance: Allowance,
        pace: float,
    ) -> None:
        self._plan = plan
        self._planner = plan()
        self._fetcher = fetcher
        self._emitter = emitter
        self._ledger = ledger
        self._traces = traces
        self._interruption = interruption
        self._allowance = allowance
        self._pace = pace
        self._tell_after = TERMINAL_SECONDS if sys.stderr.isatty() else LOG_SECONDS
        self._done = False
        self._readings: dict[Unit, Reading] = {}
        self._forbidden: dict[str, Unit] = {}
        self._doubtful: dict[str, list[Key]] = {}
        self._told_at = time.monotonic()

    def sync(self, streams: Mapping[str, ConstantContactStream]) -> None:
        """Read and write all that is to be.

        Args:
            streams: Those whose rows are wanted.

        Raises:
            TapError: The run ended early; the state written covers what was read.
        """
        self._emitter.schemas(streams)
        for name, keys in self._traces.left().items():
            if name in streams:
                self._doubtful[name] = keys
            else:
                self._traces.pass_on(name, keys)
        try:
            while not self._sync(streams):
                self._emit_state()
                with self._interruption.allowed():
                    self._allowance.wait_for_tomorrow()
                # A new day: what changed meanwhile comes before the rest of the backfill.
                self._fetcher.begin_anew()
                self._planner = self._plan()
        finally:
            self._fetcher.close()
            self._emit_state()
            self._tell("Read")
            self._tell_forbidden()

    def _sync(self, streams: Mapping[str, ConstantContactStream]) -> bool:
        """Read and write all that is to be; tell whether that was all.

        Raises:
            BackfillPaused: It was not, and the run does not wait.
        """
        try:
            for stage in self._planner.stages():
                for page in self._fetcher.pages(stage, meanwhile=self._tell_in_time):
                    self._take(page, streams)
                self._check_that_something_is_allowed()
                self._emit_findings()
        except BackfillPaused as pause:
            if not self._allowance.waits:
                raise
            LOGGER.warning(str(pause))
            return False
        self._done = True
        return True

    def sample(self, streams: Mapping[str, ConstantContactStream], limit: int | None) -> None:
        """Read and write a few rows of each stream, to see that all can be read.

        Args:
            streams: The streams.
            limit: How many rows of each; None for all.
        """
        self._emitter.schemas(streams)
        before = self._ledger.state()
        few: dict[str, Any] = {"most": 1, "ahead": 1} if limit else {}
        try:
            for stage in self._planner.stages():
                for page in self._fetcher.pages(self._few(stage, limit), **few):
                    self._take(page, streams, limit)
                self._check_that_something_is_allowed()
        finally:
            self._fetcher.close()
            self._tell_forbidden()
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
        rows = self._rows(page)
        self._take_back(streams)
        if rows:
            self._planner.take(unit, rows)
        if stream:
            room = len(rows) if limit is None else limit - self._emitter.rows[stream.name]
            self._write(stream, rows[:room], unit.version)
        if page.forbidden:
            self._leave_out(unit)
        elif page.last:
            self._planner.done(unit, self._readings.pop(unit), missing=page.missing)
            self._emitter.schemas(
                {each.name: each for each in self._planner.reshaped() if each.name in streams}
            )
            self._emit_findings()
            if limit is None:  # a sample does not show what is gone
                self._activate()
            if self._ledger.due():
                self._emit_state()
        self._tell_in_time()
        self._interruption.check()

    def _leave_out(self, unit: Unit) -> None:
        """Note what a unit that may not be read leaves without rows."""
        self._readings.pop(unit)
        names = self._planner.forbidden(unit)
        if not (names or unit.optional):
            names = [unit.source.name]
        for name in names:
            self._forbidden.setdefault(name, unit)

    def _write(
        self, stream: ConstantContactStream, rows: Sequence[Row], version: int | None
    ) -> None:
        """Write rows; note those first that may vanish before a state covers them."""
        if rows and stream.comes_and_goes:
            keys = type(stream).primary_keys
            self._traces.note(stream.name, ({key: row[key] for key in keys} for row in rows))
        self._emitter.page(stream, rows, version)

    def _check_that_something_is_allowed(self) -> None:
        """End the run if all that was asked is forbidden.

        Raises:
            Forbidden: It is.
        """
        if self._forbidden and not self._fetcher.has_answer:
            raise self._fetcher.why_forbidden(next(iter(self._forbidden.values())))

    def _tell_forbidden(self) -> None:
        """Log what was left out, and what it needs."""
        by_need: dict[str, list[str]] = {}
        for name, unit in self._forbidden.items():
            by_need.setdefault(unit.source.needs, []).append(name)
        if by_need:
            LOGGER.warning(
                "Left out, since it is forbidden: %s.",
                "; ".join(f"{', '.join(names)} ({needs})" for needs, names in by_need.items()),
            )

    def _emit_state(self) -> None:
        """Write a STATE that covers all that was written."""
        self._ledger.mark = self._traces.mark()
        self._emitter.state(self._ledger.state())

    def _take_back(self, streams: Mapping[str, ConstantContactStream]) -> None:
        """Write that the rows are gone that no state covers: those still shown come again."""
        if not (self._doubtful and self._fetcher.has_answer):
            return
        doubtful, self._doubtful = self._doubtful, {}
        gone = {LEFT.name: text_of(self._fetcher.began())}
        for name in sorted(doubtful):
            stream = streams[name]
            rows = [{**key, **gone, **stream.account} for key in doubtful[name]]
            self._emitter.page(stream, rows)

    def _emit_findings(self) -> None:
        """Write what the answers have added up to."""
        for stream, row in self._planner.findings():
            self._emitter.page(stream, [{**row, **stream.account}])

    def _activate(self) -> None:
        """Write of which streams there are no other rows than were written."""
        for stream, version in self._planner.whole():
            self._emitter.activate(stream, version)

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
        except (AttributeError, TypeError, ValueError):
            raise UnexpectedAnswer(
                f"An answer for {page.unit.source.name} holds something of another type than ever."
            ) from None

    def _tell_in_time(self) -> None:
        """Log how far the run has come, if that is some time ago."""
        if time.monotonic() - self._told_at >= self._tell_after:
            self._tell("So far")

    def _tell(self, how: str) -> None:
        """Log how far the run has come, and what is left."""
        self._told_at = time.monotonic()
        rows = ", ".join(f"{name} {count:,}" for name, count in self._emitter.rows.items())
        LOGGER.info(
            "%s: %s; %s calls, %s today, %s left today; %s.",
            how,
            rows or "nothing new",
            f"{self._allowance.calls:,}",
            f"{self._allowance.calls_today:,}",
            f"{self._allowance.left_today:,}",
            self._left(),
        )

    def _left(self) -> str:
        """Return what is left to do, in words."""
        calls, campaigns = self._planner.calls_left(), self._planner.campaigns_left()
        if not calls:
            return "nothing is left to do" if self._done else "more to come"
        minutes = math.ceil(calls / self._pace / 60)
        of = f" for {campaigns:,} campaigns" if campaigns else ""
        return f"about {calls:,} calls are left{of}: {minutes:,} min"
