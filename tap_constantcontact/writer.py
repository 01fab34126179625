"""Writes lines to stdout: a message at a time, and rows as whole pages."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import enc_hook
from singer_sdk.singerlib.encoding.base import GenericSingerWriter
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.singerlib.messages import Message, StateMessage
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

ENCODER = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")

BEYOND_16_BITS = re.compile(rb"\\U([0-9a-f]{8})")
"""How Python escapes letters that JSON writes as a pair."""


class PageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages to stdout, each as a line of JSON."""

    @override
    def serialize_message(self, message: Message) -> bytes:
        if isinstance(message, StateMessage):
            # The SDK would copy the whole value first.
            return lines([{"type": message.type, "value": message.value}])
        return lines([message.to_dict()])

    @override
    def write_message(self, message: Message) -> None:
        self.write(self.format_message(message))

    def write_rows(
        self,
        stream: str,
        rows: Sequence[dict[str, Any]],
        read_at: datetime,
        version: int | None = None,
    ) -> None:
        """Write a RECORD message for each row, all at once.

        Args:
            stream: The stream's name.
            rows: Its rows, of JSON's own types.
            read_at: When they were read.
            version: Which reading of the whole stream they belong to, if any.
        """
        said: dict[str, Any] = {"time_extracted": read_at.isoformat()}
        if version is not None:
            said["version"] = version
        self.write(
            lines([{"type": "RECORD", "stream": stream, "record": row, **said} for row in rows])
        )

    def write(self, written: bytes) -> None:
        """Write lines to their end, and let go of them."""
        rest = memoryview(written)
        while rest:
            # Without a buffer (PYTHONUNBUFFERED), a signal cuts a write short.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


def lines(messages: Sequence[dict[str, Any]]) -> bytes:
    """Return messages as lines of JSON: in ASCII, which whoever reads cannot misread."""
    try:
        written = ENCODER.encode_lines(messages)
    except UnicodeEncodeError:
        # Half of a surrogate pair, as texts cut by others may end in: only an escape can say it.
        return b"".join(map(_as_the_sdk_does, messages))
    if written.isascii():
        return written
    return b"".join(
        line if line.isascii() else _in_ascii(line, message)
        for line, message in zip(written.splitlines(keepends=True), messages, strict=True)
    )


def _in_ascii(line: bytes, message: dict[str, Any]) -> bytes:
    r"""Return the line of a message with escapes for all letters that ASCII lacks.

    Python's own are nearly the same and much faster: what JSON writes as \u00e9, they write as
    \xe9, which can be told from an x behind a backslash where there are no other backslashes.
    """
    escaped = line.decode().encode("ascii", "backslashreplace")
    if b"\\\\" in escaped:
        return _as_the_sdk_does(message)
    if b"\\U" in escaped:
        escaped = BEYOND_16_BITS.sub(_surrogates, escaped)
    return escaped.replace(b"\\x", b"\\u00")


def _surrogates(letter: re.Match[bytes]) -> bytes:
    """Return the pair that stands in JSON for a letter beyond 16 bits."""
    beyond = int(letter[1], 16) - 0x10000
    return b"\\u%04x\\u%04x" % (0xD800 + (beyond >> 10), 0xDC00 + (beyond & 0x3FF))


def _as_the_sdk_does(message: dict[str, Any]) -> bytes:
    return f"{serialize_json(message)}\n".encode()
