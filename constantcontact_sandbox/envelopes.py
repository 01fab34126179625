"""Pages with a way back: the collections of events show how many records there are in all.

Their cursors embed the limit, all filters and how many rows come before, as others do; one leads
to the next page, another to the one before, and both stand in the body beside the links.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from constantcontact_sandbox.answers import API_PREFIX
from constantcontact_sandbox.pages import ENDINGS, GAP, encode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constantcontact_sandbox.calls import Call

T = TypeVar("T")
Json = dict[str, Any]

_OFFSET = "offset"


def cut(call: Call, rows: Sequence[T], size: int) -> tuple[Sequence[T], Json]:
    """Return one page of the rows, and the envelope that surrounds it."""
    start = _start(call)
    if call.switches.empty_pages and start < len(rows) and not call.flag(GAP):
        return [], _envelope(call, rows, size, {"next": _cursor(call, size, start, gap=True)})
    end = start + size
    cursors: dict[str, str] = {}
    if end < len(rows):
        cursors["next"] = _cursor(call, size, end)
    if start > 0:
        cursors["prev"] = _cursor(call, size, max(start - size, 0))
    return rows[start:end], _envelope(call, rows, size, cursors)


def _start(call: Call) -> int:
    offset = call.text(_OFFSET) if call.from_cursor else "0"
    if offset is None or not offset.isdecimal():
        raise call.invalid("next")
    return int(offset)


def _cursor(call: Call, size: int, offset: int, *, gap: bool = False) -> str:
    asked = {name: ",".join(values) for name, values in call.query.items() if name != GAP}
    asked |= {"limit": str(size), _OFFSET: str(offset)}
    if gap:
        asked[GAP] = "true"
    return encode(asked)


def _envelope(call: Call, rows: Sequence[T], size: int, cursors: dict[str, str]) -> Json:
    own = f"{API_PREFIX}{call.path}"
    links: Json = {"self": {"href": f"{own}?next={_cursor(call, size, _start(call))}"}}
    body: Json = {"total_records": len(rows)}
    for name, cursor in cursors.items():
        links[name] = {"href": f"{own}?{name}={cursor}"}
        body[f"{name}_cursor"] = unquote(cursor)
    if "next" in cursors:
        return body | {"_links": links}
    style = call.ending()
    if style in ("empty", "null"):
        return body | {"_links": ENDINGS[style]}
    if style in ("next_null", "href_null"):
        links |= ENDINGS[style] or {}
        body["next_cursor"] = None
    return body | {"_links": links}
