"""Writes lines to stdout: a message at a time, and rows as whole pages."""

from __future__ import annotations

import sys
from decimal import Decimal
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

    from tap_constantcontact.units import Row

ENCODER = msgspec.json.Encoder(enc_hook=enc_hook, decimal_format="number")


AT_ONCE = 100
"""Rows that are written at once: memory for many more goes back to the system each time."""


class RecordLine(msgspec.Struct, tag_field="type", tag="RECORD", omit_defaults=True, gc=False):
    """A RECORD message, which is quicker to make and to write than the SDK's."""

    stream: str
    record: Row
    time_extracted: str
    version: int | None = None


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
        rows: Sequence[Row],
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
        at = read_at.isoformat()
        for start in range(0, len(rows), AT_ONCE):
            some = rows[start : start + AT_ONCE]
            self.write(lines([RecordLine(stream, row, at, version) for row in some]))

    def write(self, written: bytes) -> None:
        """Write lines to their end, and let go of them."""
        rest = memoryview(written)
        while rest:
            # Without a buffer (PYTHONUNBUFFERED), a signal cuts a write short.
            rest = rest[sys.stdout.buffer.write(rest) :]
        sys.stdout.buffer.flush()


def lines(messages: Sequence[RecordLine]) -> bytes:
    """Return JSON in one line a message."""
    try:
        return ENCODER.encode_lines(messages)
    except UnicodeEncodeError:
        return b"".join(encoded(each) + b"\n" for each in messages)


def encoded(value: dict[str, Any] | RecordLine) -> bytes:
    """Return JSON in one line."""
    try:
        return ENCODER.encode(value)
    except UnicodeEncodeError:
        # Half of a surrogate pair, as texts cut by others may end in: only an escape can say it.
        return serialize_json(msgspec.to_builtins(value, builtin_types=(Decimal,))).encode()
