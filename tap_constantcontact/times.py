"""Times as the API writes them, and as the tap does."""

from __future__ import annotations

import functools
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec
import pendulum

from tap_constantcontact.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

BLANK_BEFORE_OFFSET = re.compile(r"\s(?=[+-]\d\d:?\d\d$)")


@functools.lru_cache(maxsize=10_000)
def moment(text: str) -> datetime:
    """Return the moment (aware, UTC) that one of the API's texts names.

    Resources differ in precision and offset (`…37Z`, `…37.000Z`, `…37+00:00`, `…37 -0400`), so
    times are compared as moments, never as text.

    Raises:
        UnexpectedAnswer: It is no time.
    """
    try:
        known = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return _unusual(text)
    if known.tzinfo is UTC:
        return known
    return known.replace(tzinfo=known.tzinfo or UTC).astimezone(UTC)


def moments(texts: Sequence[str]) -> list[datetime]:
    """Return the moments that texts name, as `moment` does: many at once take a third of the time.

    Raises:
        UnexpectedAnswer: One of them is no time.
    """
    try:
        known = msgspec.convert(texts, list[datetime])
    except msgspec.ValidationError:
        known = []
    if {each.tzinfo for each in known} != {UTC}:
        return [moment(text) for text in texts]
    return known


def _unusual(text: str) -> datetime:
    """Return the moment of a text that is written as the API does not write times so far."""
    try:
        parsed = pendulum.parse(BLANK_BEFORE_OFFSET.sub("", text), tz="UTC")
    except (ValueError, TypeError):
        parsed = None
    if not isinstance(parsed, pendulum.DateTime):
        raise UnexpectedAnswer("An answer holds a time that is none.")
    return plain(parsed)


def plain(when: pendulum.DateTime) -> datetime:
    """Return one of pendulum's times as a plain `datetime` in UTC.

    Its own times cannot be reckoned with once their zone is the standard library's.
    """
    return datetime.fromisoformat(when.in_timezone("UTC").isoformat())


def text_of(when: datetime) -> str:
    """Return a moment as text: UTC, to the second, or to the microsecond where it has some."""
    return when.astimezone(UTC).isoformat().replace("+00:00", "Z")


def hour_of(when: datetime) -> datetime:
    """Return the beginning of the hour that a moment lies in."""
    return when.replace(minute=0, second=0, microsecond=0)
