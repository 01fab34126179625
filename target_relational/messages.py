"""Bytes become lines, lines become messages; between two of them the clock and a signal are heard.

Reading waits for the input itself rather than for a line, so that a STATE that is due goes out
while a tap is silent.
"""

from __future__ import annotations

import io
import json
import os
import select
import sys
from collections import Counter
from decimal import Decimal
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.singerlib.encoding import GenericSingerReader
from typing_extensions import override

from target_relational.errors import LoaderError
from target_relational.values import unbroken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Message = dict[str, Any]

_CHUNK = 1 << 18
_PYTHON_DIGITS = 4000
"""So many digits Python reads as a whole number; more of them only as a decimal."""

_fast = msgspec.json.Decoder(float_hook=Decimal)


class MessageReader(GenericSingerReader[bytes]):
    """Reads Singer messages, one a line.

    The SDK's own quotes a line that it cannot read, with whatever it says about people, and
    cannot do anything while it waits for the next.
    """

    busy = False
    """Whether a message is being worked on, so that it is no moment to stop."""
    stop: Callable[[], None] | None = None
    """What to do instead of waiting for the next message, once somebody asked."""
    line_bytes = 0
    """How long the current line is."""

    def __init__(self) -> None:
        """Begin before the first line."""
        super().__init__()
        self.tick: Callable[[], float | None] = lambda: None
        """Does what is due, and says in how many seconds the next thing will be."""
        self._number = 0

    @property
    @override
    def default_input(self) -> IO[bytes]:
        return sys.stdin.buffer

    @override
    def process_lines(
        self,
        file_input: IO[Any] | None,
        callbacks: dict[str, Callable[[Message], None]],
    ) -> Counter[str]:
        counts: Counter[str] = Counter()
        for lines in self._arrivals(file_input or self.default_input):
            for line in lines:
                if self.stop is not None:
                    self.stop()
                self._number += 1
                self.line_bytes = len(line)
                if not line or line.isspace():
                    continue
                message = self.deserialize_json(line)
                try:
                    kind = message["type"]
                    process = callbacks[kind]
                except (KeyError, TypeError):
                    raise self._unknown(message) from None
                process(message)
                counts[kind] += 1
        return counts

    def _arrivals(self, source: IO[Any]) -> Iterator[Iterable[bytes]]:
        """What has arrived, line by line, as it arrives."""
        read: Callable[[float | None], bytes | None]
        try:
            read = partial(_read_within, source.fileno())
        except io.UnsupportedOperation:  # text in memory, which is always there
            read = partial(_read_text, source)
        unfinished: list[bytes] = []
        while chunk := self._wait(read):
            *lines, rest = chunk.split(b"\n")
            if lines:
                lines[0] = b"".join([*unfinished, lines[0]])
                unfinished.clear()
                yield lines
            unfinished.append(rest)
        yield [b"".join(unfinished)]

    def _wait(self, read: Callable[[float | None], bytes | None]) -> bytes:
        """Wait for more input; empty at its end."""
        chunk = None
        while chunk is None:
            patience = self.tick()
            self.busy = False
            try:
                if self.stop is not None:
                    self.stop()
                chunk = read(patience)
            finally:
                self.busy = True
        return chunk

    @override
    def deserialize_json(self, line: bytes) -> Message:
        try:
            message = _fast.decode(line)
        except (ValueError, ArithmeticError, RecursionError):
            message = self._read_leniently(line)
        if not isinstance(message, dict):
            raise self.unreadable("is not a JSON object")
        return message

    def _read_leniently(self, line: bytes) -> Any:  # noqa: ANN401 - any JSON value
        """What the fast parser refuses and others send: half characters, NaN, endless digits.

        What such a value is worth is for its column to say, which can name the record.
        """
        try:
            found = json.loads(
                line.decode("utf-8", "surrogatepass"),
                parse_float=_decimal,
                parse_int=_whole,
                parse_constant=Decimal,
            )
            return _mended(found)
        except (ValueError, RecursionError):
            raise self.unreadable("is not JSON") from None

    @override
    def assert_line_requires(  # type: ignore[override]  # a static method that knows no line
        self, line_dict: Message, requires: set[str]
    ) -> None:
        if missing := sorted(requires - line_dict.keys()):
            raise self.unreadable(f"lacks {', '.join(missing)}")

    def _unknown(self, message: Message) -> LoaderError:
        """An error about a message of which nobody knows what it is."""
        self.assert_line_requires(message, {"type"})
        return self.unreadable(f"is a message of the unknown type {message['type']!r}")

    def unreadable(self, reason: str) -> LoaderError:
        """An error about the current line."""
        return LoaderError(f"Line {self._number} of the input {reason}.")


def _read_within(descriptor: int, patience: float | None) -> bytes | None:
    """Some input, if it comes in time."""
    if select.select([descriptor], [], [], patience)[0]:
        return os.read(descriptor, _CHUNK)
    return None


def _read_text(source: IO[Any], _: float | None) -> bytes:
    text = source.readline()
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _decimal(digits: str) -> Decimal:
    try:
        return Decimal(digits)
    except ArithmeticError:  # an exponent beyond any column
        return Decimal("Infinity")


def _whole(digits: str) -> int | Decimal:
    return int(digits) if len(digits) <= _PYTHON_DIGITS else Decimal(digits)


def _mended(value: Any) -> Any:  # noqa: ANN401 - any JSON value, nested at will
    """A JSON value whose strings and names UTF-8 can write."""
    if isinstance(value, str):
        return unbroken(value)
    if isinstance(value, dict):
        return {unbroken(name): _mended(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_mended(inner) for inner in value]
    return value
