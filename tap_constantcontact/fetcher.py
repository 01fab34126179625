"""From units to pages, in unit order: the only caller of the transport."""

from __future__ import annotations

import itertools
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from tap_constantcontact.errors import Forbidden, NotFound, UnexpectedAnswer
from tap_constantcontact.units import Page

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tap_constantcontact.transport import Transport
    from tap_constantcontact.units import Unit


class Fetcher:
    """Turns units into pages.

    Units are taken from their iterable only when they are due, so a planner may still be
    learning from the pages of one unit when the next is not yet taken.

    Args:
        transport: Asks the API.
        api_url: Where paths begin, and the only host that is asked.
    """

    def __init__(self, transport: Transport, api_url: str) -> None:
        self._transport = transport
        self._api_url = api_url
        self._began: datetime | None = None

    def began(self) -> datetime:
        """Return the API's clock at the first answer: no bookmark may pass it."""
        return self._began or datetime.now(timezone.utc)

    def pages(self, units: Iterable[Unit], *, most: int | None = None) -> Iterator[Page]:
        """Yield the pages of each unit, one unit after the other, each in page order.

        Args:
            units: What to ask.
            most: How many pages of each unit; None for all.
        """
        for unit in units:
            yield from itertools.islice(self._pages_of(unit), most)

    def _pages_of(self, unit: Unit) -> Iterator[Page]:
        request = unit.source.request(unit)
        url: str | None = self._api_url + request.path
        params = request.params
        asked: set[str] = set()
        while url:
            try:
                answer = self._transport.get(url, params, what=request.name)
            except NotFound:
                if not unit.source.may_be_missing or asked:
                    raise
                yield Page(unit, None, last=True)
                return
            except Forbidden:
                raise Forbidden(
                    f"{request.name} is forbidden: it needs the scope {unit.source.scope} and"
                    f" the privilege {unit.source.privilege}. Let an owner or manager of the"
                    " account sign in (tap-constantcontact-login), or deselect the stream."
                ) from None
            self._began = self._began or answer.at
            asked.add(url)
            body, params = answer.body, {}
            url = self._next(unit, body)
            if url in asked:
                raise UnexpectedAnswer(f"{request.name} gives the same page as the next one again.")
            yield Page(unit, body, last=url is None)

    def _next(self, unit: Unit, body: Any) -> str | None:  # noqa: ANN401 - JSON is anything
        """Return the address of the page after this one, if there is one worth asking for.

        A next link is followed whole: it carries the filters and the page size of the first
        request. "No more" comes as a missing, empty or null link; an empty page with a link
        is not the end.
        """
        if unit.source.enough(unit, body):
            return None
        links = body.get("_links") if isinstance(body, dict) else None
        href: str | None = ((links or {}).get("next") or {}).get("href")
        if not href:
            return None
        url = urljoin(self._api_url, href)
        if urlsplit(url)[:2] != urlsplit(self._api_url)[:2]:
            raise UnexpectedAnswer(
                f"A next link leads to another host ({urlsplit(url).netloc}) than api_url:"
                " it is not followed, since the access token must not leave."
            )
        return url
