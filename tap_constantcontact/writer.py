"""Writes lines to stdout: a message at a time, and rows as whole pages."""

from __future__ import annotations

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


AT_ONCE = 100
"""Rows that are written at once: memory for many more goes back to the system each time."""


class PageWriter(GenericSingerWriter[bytes, Message]):
    """Writes messages to stdout, each as a line of JSON."""

    @override
    def serialize_message(self, message: Message) -> bytes:
        if isinstance(message, StateMessage):
            # The SDK would copy the whole value first.
            return encoded({"type": message.type, "value": message.value}) + b"\n"
        return encoded(message.to_dict()) + b"\n"

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
        """Write a RECORD message for each row.

        Args:
            stream: The stream's name.
            rows: Its rows, of JSON's own types.
            read_at: When they were read.
            version: Which reading of the whole stream they belong to, if any.
        """
        said: dict[str, Any] = {"time_extracted": read_at.isoformat()}
        if version is not None:
            said["version"] = version
        # Around each row is the same, which takes longer to say than a row.
        before = encoded({"type": "RECORD", "stream": stream})[:-1] + b',"record":'
        after = b"," + encoded(said)[1:] + b"\n"
        between = after + before
        for start in range(0, len(rows), AT_ONCE):
            # JSON says a line's end in two letters, so those here end rows.
            piece = lines(rows[start : start + AT_ONCE])
            self.write(before + piece[:-1].replace(b"\n", between) + after)

    def write(self, written: bytes) -> None:
        """Write lines to their end, and let go of them."""
        rest = memoryview(written)
        while rest:
            # Without a buffer (PYTHONUNBUFFERED), a signal cuts a write short.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


def lines(rows: Sequence[dict[str, Any]]) -> bytes:
    """Return JSON in one line a row."""
    try:
        return ENCODER.encode_lines(rows)
    except UnicodeEncodeError:
        return b"".join(encoded(row) + b"\n" for row in rows)


def encoded(value: dict[str, Any]) -> bytes:
    """Return JSON in one line."""
    try:
        return ENCODER.encode(value)
    except UnicodeEncodeError:
        # Half of a surrogate pair, as texts cut by others may end in: only an escape can say it.
        return serialize_json(value).encode()
