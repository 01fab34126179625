"""From one page to the next: cursors, next links, and the ways to say that there is none.

A cursor is the base64 of a query string that embeds the limit, all filters and a position:
`limit=50&next=51&status=all`. An offset counts the rows before; a keyset position names the
moment of the next row and how many rows of that moment come before it, or simply the next row.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from urllib.parse import parse_qs, quote, urlencode

from constantcontact_sandbox.answers import API_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from constantcontact_sandbox.calls import Call

T = TypeVar("T")
Json = dict[str, Any]

#: What may stand where a next link would, when there is none: "absent" is not in it.
ENDINGS: dict[str, Json | None] = {
    "empty": {},
    "null": None,
    "next_null": {"next": None},
    "href_null": {"next": {"href": None}},
}

#: In a cursor: the empty page before these rows has been served.
GAP = "gap"


def decode(cursor: str) -> dict[str, list[str]]:
    """Return the parameters that a cursor embeds.

    Raises:
        ValueError: if it is no cursor.
    """
    try:
        return parse_qs(base64.b64decode(cursor, validate=True).decode("ascii"))
    except (binascii.Error, UnicodeDecodeError) as unreadable:
        raise ValueError("not a cursor") from unreadable


def encode(parameters: Mapping[str, str]) -> str:
    """Return the cursor that embeds these parameters, ready for a query string."""
    text = urlencode(sorted(parameters.items()), safe=",")
    return quote(base64.b64encode(text.encode("ascii")).decode("ascii"), safe="=")


def next_link(call: Call, query: str) -> Json:
    """Link to the next page of the same collection, by a path relative to the host."""
    return {"next": {"href": f"{API_PREFIX}{call.path}?{query}"}}


@dataclass(frozen=True)
class Paging(Generic[T]):
    """How a collection is cut into pages.

    Attributes:
        limit: the rows of a page, unless asked otherwise, and at most.
        moment: by which moment the rows are ordered; without it only an offset can be counted.
        oldest_first: whether they are ordered the other way round.
        row_id: what names the next row in a cursor, where the API is known to do so.
        position: what the position is called inside a cursor.
        first: how an offset counts the first row.
        fixed: what stands in each cursor besides.
        links: how `_links` looks around the query of the next page.
    """

    limit: tuple[int, int]
    moment: Callable[[T], datetime] | None = None
    oldest_first: bool = False
    row_id: Callable[[T], str] | None = None
    position: str = "next"
    first: int = 1
    fixed: tuple[tuple[str, str], ...] = ()
    links: Callable[[Call, str], Json] = next_link

    def cut(self, call: Call, rows: Sequence[T]) -> tuple[Sequence[T], Json]:
        """Return one page of the rows, and what the body says of the next."""
        limit = call.limit(*self.limit)
        start = self._start(call, rows)
        if call.switches.empty_pages and start < len(rows) and not call.flag(GAP):
            return [], self._link(call, rows, start, gap=True)
        end = start + limit
        if end >= len(rows):
            return rows[start:], self._ending(call)
        return rows[start:end], self._link(call, rows, end)

    def _start(self, call: Call, rows: Sequence[T]) -> int:
        position = call.text(self.position)
        if position is None or not call.from_cursor:
            return 0
        if self.row_id is not None:
            ids = (self.row_id(each) for each in rows)
            return next((number for number, each in enumerate(ids) if each == position), len(rows))
        try:
            if position.isdecimal():
                return max(int(position) - self.first, 0)
            return self._find(rows, position)
        except ValueError:
            raise call.invalid(call.route.cursor) from None

    def _find(self, rows: Sequence[T], position: str) -> int:
        """Return where the rows of the named moment begin, and how many of them to skip."""
        text, _, skip = position.partition("~")
        moment = datetime.fromisoformat(text)
        start = bisect_left(rows, self._rank(moment), key=self._row_rank)
        end = start
        while end < len(rows) and end < start + int(skip) and self._moment(rows[end]) == moment:
            end += 1
        return end

    def _moment(self, row: T) -> datetime:
        if self.moment is None:
            raise ValueError("rows without a moment have no keyset")
        return self.moment(row)

    def _rank(self, moment: datetime) -> float:
        return moment.timestamp() if self.oldest_first else -moment.timestamp()

    def _row_rank(self, row: T) -> float:
        return self._rank(self._moment(row))

    def _place(self, call: Call, rows: Sequence[T], index: int) -> str:
        if self.row_id is not None:
            return self.row_id(rows[index])
        if call.switches.cursor_style == "offset" or self.moment is None:
            return str(index + self.first)
        moment = self.moment(rows[index])
        skip = 0
        while skip < index and self.moment(rows[index - skip - 1]) == moment:
            skip += 1
        return f"{moment.isoformat()}~{skip}"

    def _link(self, call: Call, rows: Sequence[T], index: int, *, gap: bool = False) -> Json:
        asked = {name: ",".join(values) for name, values in call.query.items() if name != GAP}
        asked.update(self.fixed)
        asked["limit"] = str(call.limit(*self.limit))
        asked[self.position] = self._place(call, rows, index)
        if gap:
            asked[GAP] = "true"
        return {"_links": self.links(call, f"{call.route.cursor}={encode(asked)}")}

    def _ending(self, call: Call) -> Json:
        style = call.ending()
        return {} if style == "absent" else {"_links": ENDINGS[style]}
