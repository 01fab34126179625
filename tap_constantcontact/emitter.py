"""Writes SCHEMA, RECORD and STATE messages, through the SDK's selection and stream maps."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tap_constantcontact.streams.base import ConstantContactStream
    from tap_constantcontact.units import Row
    from tap_constantcontact.writer import PageWriter


class Emitter:
    """Writes messages.

    Args:
        writer: Writes the rows of a page as they are.
        write_state: Writes a STATE message, unless it is the one before again.
    """

    def __init__(self, writer: PageWriter, write_state: Callable[[dict[str, Any]], None]) -> None:
        self._writer = writer
        self._write_state = write_state
        self.rows: Counter[str] = Counter()
        """Rows written, by stream."""

    def schemas(self, streams: Mapping[str, ConstantContactStream]) -> None:
        """Write the SCHEMA of each stream: a table is made even where there is no row yet."""
        for stream in streams.values():
            stream.write_schema()

    def page(
        self, stream: ConstantContactStream, rows: Sequence[Row], version: int | None = None
    ) -> None:
        """Write a RECORD for each row of a page.

        They are written as a whole, but one by one where the SDK has to change each of them.

        Args:
            stream: Their stream.
            rows: The rows.
            version: Which reading of the whole stream they belong to, if any.
        """
        hidden = stream.hidden
        if hidden is None:
            for row in rows:
                stream.write_record(row, version)
        elif rows:
            if hidden:
                rows = [{name: row[name] for name in row if name not in hidden} for row in rows]
            self._writer.write_rows(stream.name, rows, datetime.now(UTC), version)
        self.rows[stream.name] += len(rows)

    def activate(self, stream: ConstantContactStream, version: int) -> None:
        """Write an ACTIVATE_VERSION: all rows of the stream have been written that there are."""
        stream.activate(version)

    def state(self, state: dict[str, Any]) -> None:
        """Write a STATE, which covers all records before it."""
        self._write_state(state)
