"""Writes SCHEMA, RECORD and STATE messages, through the SDK's selection and stream maps."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.units import Row


class Emitter:
    """Writes messages.

    Args:
        write_state: Writes a STATE message, unless it is the one before again.
    """

    def __init__(self, write_state: Callable[[dict[str, Any]], None]) -> None:
        self._write_state = write_state
        self.rows: Counter[str] = Counter()
        """Rows written, by stream."""

    def schemas(self, streams: Mapping[str, ConstantContactStream]) -> None:
        """Write the SCHEMA of each stream: a table is made even where there is no row yet."""
        for stream in streams.values():
            stream.write_schema()

    def row(self, stream: ConstantContactStream, row: Row) -> None:
        """Write a RECORD."""
        stream.write_record(row)
        self.rows[stream.name] += 1

    def state(self, state: dict[str, Any]) -> None:
        """Write a STATE, which covers all records before it."""
        self._write_state(state)
