"""How the API writes moments, and what it accepts when asked for some."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

_HOME = timezone(timedelta(hours=-4))  # where the vendor is

_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)"
    r"(?:T(\d\d:\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?"
    r"(Z|[+-]\d\d:?\d\d)?"
)


def second(moment: datetime) -> datetime:
    """Drop what is shorter than a second."""
    return moment.astimezone(UTC).replace(microsecond=0)


def millisecond(moment: datetime) -> datetime:
    """Drop what is shorter than a millisecond."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def in_seconds(moment: datetime) -> str:
    """Write a moment as contacts, lists, tags and custom fields do: `2026-09-29T14:33:39Z`."""
    return f"{moment.astimezone(UTC).isoformat()[:19]}Z"


def in_milliseconds(moment: datetime) -> str:
    """Write a moment as campaigns and reports do: `2026-09-29T14:34:37.000Z`."""
    moment = moment.astimezone(UTC)
    return f"{moment.isoformat()[:19]}.{moment.microsecond // 1000:03d}Z"


def in_minutes(moment: datetime) -> str:
    """Write the minute of a moment as the guide's report samples do: `2019-04-25T11:08:00.000Z`."""
    return f"{moment.astimezone(UTC).isoformat()[:16]}:00.000Z"


def at_home(moment: datetime) -> str:
    """Write a moment as the history of text messages does: `2022-09-15T14:01:10-04:00`."""
    return moment.astimezone(_HOME).isoformat(timespec="seconds")


def at_home_in_words(moment: datetime) -> str:
    """Write a moment as only consents to text messages do: `2021-07-18 00:00:00 -0400`."""
    return f"{moment.astimezone(_HOME):%Y-%m-%d %H:%M:%S %z}"


def as_date(moment: datetime | date) -> str:
    """Write a day: `2016-07-08`."""
    return moment.isoformat()[:10]


def parse(text: str) -> datetime:
    """Read an ISO 8601 moment, with or without offset (then it is UTC), or a day (its midnight).

    Raises:
        ValueError: if the text is no such moment.
    """
    found = _ISO.fullmatch(text)
    if found is None:
        raise ValueError(f"not an ISO 8601 moment: {text!r}")
    day, minute, seconds, fraction, offset = found.groups()
    moment = datetime.fromisoformat(f"{day}T{minute or '00:00'}:{seconds or '00'}+00:00")
    if fraction:
        moment += timedelta(microseconds=int(fraction[:6].ljust(6, "0")))
    if offset and offset != "Z":
        hours, minutes = int(offset[1:3]), int(offset[-2:])
        east = timedelta(hours=hours, minutes=minutes) * (-1 if offset[0] == "-" else 1)
        moment -= east
    return moment.astimezone(UTC)
