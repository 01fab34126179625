"""Records that were refused and are kept, so that the others need not wait for them."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from target_relational import values
from target_relational.evolution import Wanted
from target_relational.kinds import Kind
from target_relational.rows import Change, Key, Layout, Part, Row

if TYPE_CHECKING:
    from target_relational.connector import RelationalConnector

TABLE = "_rejected"
_KINDS = {
    "id": Kind.TEXT,
    "stream": Kind.TEXT,
    "key": Kind.TEXT,
    "reason": Kind.TEXT,
    "record": Kind.TEXT,
    "rejected_at": Kind.TIMESTAMP,
}


class Rejections:
    """Refused records on their way into the table `_rejected`.

    A record that is refused again, in a run that repeats another, is there once: its `id` is a
    hash of what it says.
    """

    def __init__(self, connector: RelationalConnector, schema: str | None) -> None:
        """Make the table.

        Args:
            connector: The connection.
            schema: The database schema that it stands in, if any.
        """
        wanted = Wanted(stream=TABLE, schema=schema, kinds=_KINDS, keys=["id"])
        self._layout = Layout(TABLE, connector.prepare(wanted), connector.dialect)
        self._rows: dict[Key, Row] = {}
        self.bytes = 0

    def add(self, stream: str, key: object, reason: str, record: object) -> None:
        """Keep a record.

        Args:
            stream: Its stream.
            key: The values of its key.
            reason: Why it was refused.
            record: What it says.
        """
        text = values.written(record)
        identity = hashlib.sha256(f"{stream}\n{text}".encode()).hexdigest()
        row: dict[str, Any] = {
            "id": identity,
            "stream": stream,
            "key": values.written(key),
            "reason": reason,
            "record": text,
            "rejected_at": datetime.now(UTC).isoformat(),
        }
        kept, packed = self._layout.row(row)
        self._rows[kept] = packed
        self.bytes += len(text)

    def taken(self) -> Part:
        """What was kept since the last time."""
        part = Part(self._layout.table, Change.PUT, self._rows)
        self._rows = {}
        self.bytes = 0
        return part
