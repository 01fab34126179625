"""What a JSON value means to a column of a given kind.

Each function takes a value as it was parsed (numbers with a point are `Decimal`) and never gives
back less than it got: a value that does not fit raises a `ValueError` that says why, without
repeating the value, which may be somebody's.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

Moment = TypeVar("Moment", dt.date, dt.datetime, dt.time)

_moment = dt.datetime.fromisoformat
_write = msgspec.json.Encoder(decimal_format="number").encode
_SEPARATORS = slice(4, 17, 3)
_AFTER_SECONDS = 19
_IN_UTC = dict.fromkeys(["Z", ".000Z", "+00:00", ".000000+00:00"], ".000000+00:00")
"""What stands behind whole seconds in UTC, and the form of it that is kept."""
_INT64 = range(-(2**63), 2**63)
_LARGEST_EXPONENT = 18
_BEYOND = 2**63


def boolean(value: object) -> bool:
    """True or false."""
    if isinstance(value, bool):
        return value
    raise ValueError("is not true or false")


def integer(value: object) -> int:
    """A whole number of 64 bits, which is as wide as databases have them."""
    whole = value if type(value) is int else _whole(value)
    if whole not in _INT64:
        raise ValueError("is a whole number beyond 64 bits; a schema of type 'number' takes it")
    return whole


def number(value: object) -> int | Decimal:
    """A number, exactly."""
    if isinstance(value, str):
        value = _decimal(value)
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        exact = value if isinstance(value, (int, Decimal)) else Decimal(repr(value))
        if isinstance(exact, int) or exact.is_finite():
            return exact
    raise ValueError("is not a number")


def date(value: object) -> str:
    """A day, as 2024-05-09."""
    return _read(dt.date.fromisoformat, value, "date").isoformat()


def timestamp(value: object) -> str:
    """An instant in UTC, as 2024-05-09T08:15:00.000000+00:00; without an offset it is UTC.

    Always of the same width, so that text sorts and compares as the instants do.
    """
    try:
        moment = _moment(value)  # type: ignore[arg-type]  # which is an error, too
    except (TypeError, ValueError):  # whose words quote the value
        raise ValueError("is not a date-time") from None
    text: str = value  # type: ignore[assignment]
    rest = text[_AFTER_SECONDS:]
    if rest in _IN_UTC and text[_SEPARATORS] == "--T::":  # as most APIs write it
        return text[:_AFTER_SECONDS] + _IN_UTC[rest]
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")
    except OverflowError:
        raise ValueError("is not within the years 1 to 9999 in UTC") from None


def time(value: object) -> str:
    """A time of day in UTC, as 08:15:00.000000; without an offset it is UTC."""
    moment = _read(dt.time.fromisoformat, value, "time")
    if moment.tzinfo is not None:
        # Any day serves: an offset is a number of hours, and the day is dropped again.
        on_a_day = dt.datetime.combine(dt.date(2000, 1, 2), moment)
        moment = on_a_day.astimezone(dt.UTC).time()
    return moment.isoformat(timespec="microseconds")


def text(value: object) -> str:
    """A string as it is; anything else as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return str(number(value))
    return _dumped(value)


def json(value: object) -> str:
    """An object or an array, as JSON text."""
    if isinstance(value, (dict, list)):
        return _dumped(value)
    raise ValueError("is not an object or an array")


def unbroken(string: str) -> str:
    """A string that UTF-8 can write: half of a surrogate pair becomes U+FFFD."""
    if not string.isascii():
        try:
            string.encode()
        except UnicodeEncodeError:
            return string.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return string


def without_nul(value: Any) -> Any:  # noqa: ANN401 - any JSON value, nested at will
    """A JSON value whose strings hold U+FFFD in the place of NUL."""
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {without_nul(name): without_nul(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [without_nul(inner) for inner in value]
    return value


def written(value: object) -> str:
    """Any value as JSON writes it, and NaN and Infinity as Python does."""
    return _write(value).decode()


def _dumped(value: object) -> str:
    dumped = written(value)
    if "nfinity" in dumped or "NaN" in dumped:
        _refuse_endless(value)
    return dumped


def _refuse_endless(value: object) -> None:
    """Refuse what is no number although Python calls it one, however deep it lies."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            _refuse_endless(inner)
    elif isinstance(value, Decimal):
        number(value)


def _read(parse: Callable[[str], Moment], value: object, meaning: str) -> Moment:
    try:
        if isinstance(value, str):
            return parse(value)
    except ValueError:
        pass  # Python's own words quote the value.
    raise ValueError(f"is not a {meaning}")


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:
        raise ValueError("is not a number") from None


def _whole(value: object) -> int:
    exact = None if isinstance(value, str) else Decimal(number(value))
    if exact is None:
        raise ValueError("is not a whole number")
    if exact.adjusted() > _LARGEST_EXPONENT:
        return _BEYOND  # never written out: a few characters can say a billion digits
    if exact != int(exact):
        raise ValueError("is not a whole number")
    return int(exact)
