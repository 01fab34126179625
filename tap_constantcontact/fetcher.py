"""From units to pages, in unit order: the only caller of the transport.

A few threads ask ahead through the one pacer. Whoever reads gets the pages in the order of the
units all the same, whatever arrived first; and the unit that is read now is always asked for
first, so that asking ahead uses only what pace is left.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from tap_constantcontact.errors import (
    BadRequest,
    Forbidden,
    NotFound,
    QuotaUsed,
    UnexpectedAnswer,
)
from tap_constantcontact.units import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from tap_constantcontact.interruption import Interruption
    from tap_constantcontact.transport import Transport
    from tap_constantcontact.units import Unit

THREADS = 6
"""Requests on their way at once: enough for a second and a half of latency at the pace of 4."""

AHEAD = 64
"""Units that are begun at once, at most."""

LOOK_UP_SECONDS = 1.0
"""Seconds after which whoever waits for a page looks up, and may do something else."""

BUFFER = 3_000_000
"""Bytes of JSON that wait to be read, at most."""


@dataclass(eq=False)
class Errand:
    """A unit on its way: what to ask next, and what has come back but was not read yet.

    Args:
        unit: The unit.
        turn: Its place in the order of all units.
        name: What is asked, for messages.
        url: What to ask next; None at the end.
        params: The query of the first request.
        most: Pages to ask for; None for all.
    """

    unit: Unit
    turn: int
    name: str
    url: str | None
    params: Mapping[str, str]
    most: int | None
    busy: bool = False
    asked: set[str] = field(default_factory=set)
    back: deque[tuple[Page | Exception, int]] = field(default_factory=deque)


class Fetcher:
    """Turns units into pages.

    Args:
        transport: Asks the API.
        api_url: Where paths begin, and the only host that is asked.
        interruption: May end the run while it waits for an answer.
        skips_forbidden: Whether to go on where something is forbidden.
        threads: How many requests may be on their way at once.
    """

    def __init__(
        self,
        transport: Transport,
        api_url: str,
        interruption: Interruption,
        *,
        skips_forbidden: bool = False,
        threads: int = THREADS,
    ) -> None:
        self._transport = transport
        self._api_url = api_url
        self._interruption = interruption
        self._skips_forbidden = skips_forbidden
        self._forbidden: set[str] = set()
        self._kept: dict[str, bytes | None] = {}
        self._began: datetime | None = None
        self._lock = threading.Lock()
        self._back = threading.Condition(self._lock)
        """Tells whoever reads that the page has come which is read next."""
        self._open = threading.Condition(self._lock)
        """Tells the threads that there is more to ask, or room for it."""
        self._errands: deque[Errand] = deque()
        self._turns = itertools.count()
        self._waiting = 0
        self._is_full = False
        """Whether to ask nothing until half of what waits was read."""
        self._closed = False
        self._threads = [
            threading.Thread(target=self._work, name=f"fetcher-{number}", daemon=True)
            for number in range(threads)
        ]

    def began(self) -> datetime:
        """Return the API's clock at the first answer: no bookmark may pass it.

        Raises:
            RuntimeError: There is no answer yet, and our own clock may be wrong.
        """
        if self._began is None:
            raise RuntimeError("The API has not answered yet.")
        return self._began

    @property
    def has_answer(self) -> bool:
        """Whether the API has given any answer that was none but "forbidden"."""
        return self._began is not None

    def ask_first(self, unit: Unit) -> Any:  # noqa: ANN401 - JSON is anything
        """Return the one page of a unit, and keep it for who asks for the same later.

        Raises:
            TapError: There is none.
        """
        request = unit.source.request(unit)
        (page,) = self.pages([unit], most=1)
        if page.forbidden:
            raise self.why_forbidden(unit)
        self._kept[self._api_url + request.path] = page.content
        return page.body

    def why_forbidden(self, unit: Unit) -> Forbidden:
        """Return what it means that a unit is forbidden."""
        source = unit.source
        name = source.request(unit).name
        return self._transport.why_forbidden(name, scope=source.scope, privilege=source.privilege)

    def pages(
        self,
        units: Iterable[Unit],
        *,
        most: int | None = None,
        ahead: int = AHEAD,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[Page]:
        """Yield the pages of each unit, one unit after the other, each in page order.

        The units of one call must not depend on each other's pages: they are taken ahead.

        Args:
            units: What to ask.
            most: How many pages of each unit; None for all.
            ahead: How many units may be begun at once.
            meanwhile: Is called now and then while there is no page yet.

        Raises:
            TapError: What the transport raised, once all pages before it have been read.
            QuotaUsed: No more calls may be made; of the units that were begun, all are read
                that had no more to ask.
        """
        upcoming = iter(units)
        end: QuotaUsed | None = None
        while True:
            if end is None:
                self._begin(itertools.islice(upcoming, ahead - len(self._errands)), most)
            if not self._errands:
                break
            try:
                while (page := self._next_page()) is None:
                    meanwhile()
                yield page
            except QuotaUsed as used:
                end = end or used
        if end:
            raise end

    def begin_anew(self) -> None:
        """Take the API's clock at the next answer for the beginning of a run."""
        with self._lock:
            self._began = None

    def close(self) -> None:
        """Ask nothing more; what is on its way is left to itself."""
        with self._lock:
            self._closed = True
            self._open.notify_all()
        self._transport.close()

    # What the reader does

    def _begin(self, units: Iterable[Unit], most: int | None) -> None:
        begun = [
            Errand(
                unit,
                next(self._turns),
                request.name,
                self._api_url + request.path,
                request.params,
                most,
            )
            for unit in units
            for request in (unit.source.request(unit),)
        ]
        with self._lock:
            self._errands.extend(begun)
            self._open.notify(len(begun))
        for thread in self._threads:
            if thread.ident is None:
                thread.start()

    def _next_page(self) -> Page | None:
        """Return the next page of the first errand, as soon as there is one; None to look up."""
        with self._interruption.allowed(), self._lock:
            first = self._errands[0]
            if not (first.back or self._back.wait_for(lambda: first.back, LOOK_UP_SECONDS)):
                return None
            page, size = first.back.popleft()
            self._waiting -= size
            if isinstance(page, Exception) or page.last:
                self._errands.popleft()
            if self._is_full and self._waiting <= BUFFER // 2:
                self._is_full = False
                self._open.notify_all()
            elif self._is_full and self._errands and not self._errands[0].back:
                self._open.notify()
        if isinstance(page, Exception):
            raise page
        return page

    # What the threads do

    def _work(self) -> None:
        while (errand := self._take()) is not None:
            page: Page | Exception
            try:
                page, size = self._ask(errand)
            except Exception as error:  # noqa: BLE001 - it is raised where the page is read
                page, size = error, 0
            with self._lock:
                if isinstance(page, Exception) or page.last:
                    errand.url = None
                errand.back.append((page, size))
                errand.busy = False
                self._waiting += size
                self._is_full = self._is_full or self._waiting >= BUFFER
                if errand is self._errands[0]:
                    self._back.notify()

    def _take(self) -> Errand | None:
        """Return the most urgent errand that can be run, as soon as there is one."""
        with self._lock:
            while not self._closed:
                for errand in self._errands:
                    # What is read now must go on, or a full buffer would never empty.
                    needed = errand is self._errands[0] and not errand.back
                    may = needed or not self._is_full
                    if errand.url and not errand.busy and may:
                        errand.busy = True
                        return errand
                    if any(_ends_all(page) for page, _ in errand.back):
                        break  # the run ends here: nothing behind it will be read
                self._open.wait()
            return None

    def _ask(self, errand: Errand) -> tuple[Page, int]:
        """Ask for the next page of an errand; tell its size, too."""
        unit, name, url = errand.unit, errand.name, errand.url or ""
        if unit.source.name in self._forbidden:
            return Page(unit, None, last=True, forbidden=True), 0
        if url in self._kept:
            return Page(unit, self._kept.pop(url), last=True), 0
        try:
            answer = self._transport.get(
                url,
                errand.params,
                what=name,
                turn=errand.turn,
                work=unit.work,
                shape=unit.source.outline,
            )
        except (BadRequest, NotFound) as refusal:
            gone = isinstance(refusal, NotFound) or unit.source.refuses_what_is_gone
            expected = unit.optional or (gone and unit.source.may_be_missing)
            if not expected or errand.asked:
                raise
            return Page(unit, None, last=True), 0
        except Forbidden:
            if not (unit.optional or self._skips_forbidden):
                raise self.why_forbidden(unit) from None
            self._forbidden.add(unit.source.name)
            return Page(unit, None, last=True, forbidden=True), 0
        with self._lock:
            self._began = min(self._began or answer.at, answer.at)
        errand.asked.add(url)
        following = self._following(unit, url, answer.body)
        if following in errand.asked:
            raise UnexpectedAnswer(f"{name} gives the same page as the next one again.")
        errand.url, errand.params = following, {}
        last = following is None or len(errand.asked) == errand.most
        # Only the JSON itself waits to be read: what it says would take five times as much memory,
        # and long to find again there.
        return Page(unit, answer.content, last=last), len(answer.content)

    def _following(self, unit: Unit, url: str, body: Any) -> str | None:  # noqa: ANN401 - JSON
        """Return the address of the page after this one, if there is one worth asking for.

        A next link is followed whole: it carries the filters and the page size of the first
        request. An empty page with a link is not the end.
        """
        if unit.source.enough(unit, body):
            return None
        try:
            href = unit.source.following(body)
        except AttributeError:
            raise UnexpectedAnswer(f"An answer for {unit.source.name} holds no links.") from None
        if not href:
            return None
        url = urljoin(url, href)
        if urlsplit(url)[:2] != urlsplit(self._api_url)[:2]:
            raise UnexpectedAnswer(
                f"A next link leads to another host ({urlsplit(url).netloc}) than api_url:"
                " it is not followed, since the access token must not leave."
            )
        return url


def _ends_all(page: Page | Exception) -> bool:
    return isinstance(page, Exception) and not isinstance(page, QuotaUsed)
