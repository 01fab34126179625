"""Contacts chosen by criteria: /segments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.answers import SEGMENTS
from constantcontact_sandbox.calls import Route
from constantcontact_sandbox.moments import in_milliseconds
from constantcontact_sandbox.pages import Paging

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.calls import Call
    from constantcontact_sandbox.segments import Segment

_MOST = 1000
_LARGEST_ID = 2**31


def _edited_at(segment: Segment) -> datetime:
    return segment.edited_at


def _name(segment: Segment) -> str:
    return segment.name


_BY_DATE = Paging(limit=(_MOST, _MOST), moment=_edited_at)
_BY_NAME: Paging[Segment] = Paging(limit=(_MOST, _MOST))


def collection(call: Call) -> dict[str, Any]:
    """Show the segments, the last edited first or by name. A deleted one is not there."""
    by_name = call.one_of("sort_by", frozenset({"date", "name"})) == "name"
    segments = [each for each in call.account.segments.values() if each.deleted_at is None]
    if by_name:
        segments.sort(key=_name)
    else:
        segments.sort(key=_edited_at, reverse=True)
    rows, more = (_BY_NAME if by_name else _BY_DATE).cut(call, segments)
    return {"segments": [_segment(each) for each in rows]} | more


def detail(call: Call) -> dict[str, Any]:
    """Show one segment and its criteria, deleted or not."""
    number = call.ids["segment_id"]
    if not number.isdecimal() or int(number) >= _LARGEST_ID:
        raise SEGMENTS.malformed("segment_id")
    segment = call.account.segments.get(int(number))
    if segment is None:
        raise SEGMENTS.not_found("Segment not found.")
    return {**_segment(segment), "segment_criteria": str(segment.criteria)}


def _segment(segment: Segment) -> dict[str, Any]:
    return {
        "segment_id": segment.segment_id,
        "name": segment.name,
        "created_at": in_milliseconds(segment.created_at),
        "edited_at": in_milliseconds(segment.edited_at),
    }


ROUTES = (
    Route("/segments", collection, SEGMENTS, "contact_data", "contacts:lists:read", "cursor"),
    Route("/segments/{segment_id}", detail, SEGMENTS, "contact_data", "contacts:lists:read"),
)
