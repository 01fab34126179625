"""From records to rows, and from rows to batches: the hot path.

A `Layout` is made once for a table; a `Batch` collects rows until they are written. Everything
that happens once per value happens here, and in the encoders that a dialect brings.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from target_relational.errors import KeylessRecord, RefusedRecord
from target_relational.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from target_relational.dialects.base import Dialect
    from target_relational.tables import Table

Row = Any
"""The values of a table's columns, in their order, as its database takes them."""
Key = Any
"""The values of a row's key: what tells it from the others of its table."""


class Change(Enum):
    """What rows of a batch do to a table."""

    PUT = "put"
    """They replace the rows of the same key; without a key, they are added."""
    MARK = "mark"
    """They mark the rows of the same key as deleted, or are added so marked."""
    REMOVE = "remove"
    """The rows of the same key are deleted."""


class Part(NamedTuple):
    """Some rows on their way into one table."""

    table: Table
    change: Change
    rows: Mapping[Key, Row]
    """By their keys; where there is none, by their number."""


class Layout:
    """How records become rows of a table."""

    def __init__(
        self,
        stream: str,
        table: Table,
        dialect: Dialect,
        others: Callable[[dict[str, Any]], None] = lambda _: None,
    ) -> None:
        """Prepare for one table.

        Args:
            stream: The stream's name, for messages.
            table: Where the rows go.
            dialect: How its database takes values.
            others: Is told of a record that has other fields than the table has columns.
        """
        self.table = table
        self._others = others
        self._stream = stream
        self._names = [column.property for column in table.columns]
        self._width = len(self._names)
        self._blank: dict[str, Any] = dict.fromkeys(self._names)
        self._encoders = [dialect.encoders[column.kind] for column in table.columns]
        # Text, most of what there is, goes into a row as it is; the packing sees what is not text.
        self._encoded = [
            (at, encode)
            for at, (column, encode) in enumerate(zip(table.columns, self._encoders, strict=True))
            if column.kind is not Kind.TEXT
        ]
        self._pack = dialect.packing([column.kind for column in table.columns])
        at = {column.name: at for at, column in enumerate(table.columns)}
        self._key_names = [self._names[at[key]] for key in table.keys]
        self._key = itemgetter(*[at[key] for key in table.keys]) if table.keys else None
        self._compound = len(table.keys) > 1

    def row(self, record: dict[str, Any]) -> tuple[Key, Row]:
        """A record's key (None where tables have none) and row.

        A field that is missing is NULL, as in the SDK's own targets.

        Raises:
            RefusedRecord: If a field does not fit its column, or a part of the key is NULL.
        """
        # Merged with nulls, a record has its fields in the order of the columns, others behind.
        values = list((self._blank | record).values())
        if len(values) > self._width:
            self._others(record)
            del values[self._width :]
        try:
            for at, encode in self._encoded:
                if (value := values[at]) is not None:
                    values[at] = encode(value)
            row = self._pack(values)
        except (TypeError, ValueError, OverflowError):
            values = self._carefully(record)
            row = self._pack(values)
        if self._key is None:
            return None, row
        key = self._key(values)
        if key is None or (self._compound and None in key):
            self._refuse_keyless(record)
        return key, row

    def describe(self, record: Mapping[str, Any]) -> str:
        """A record by its key: the only one of its values that a message may show."""
        return self.describe_key([repr(record.get(name)) for name in self._key_names])

    def describe_key(self, key: Collection[object]) -> str:
        """A record by the values of its key."""
        named = [f"{name}={value}" for name, value in zip(self._key_names, key, strict=False)]
        return f"A record of '{self._stream}'" + (f" ({', '.join(named)})" if named else "")

    def split(self, key: Key) -> tuple[object, ...]:
        """The values of a key, in the order of the table's keys."""
        return () if self._key is None else tuple(key) if self._compound else (key,)

    def _carefully(self, record: Mapping[str, Any]) -> list[Any]:
        """The values of a row, of which some were not what most are."""
        values = []
        for name, encode in zip(self._names, self._encoders, strict=True):
            value = record.get(name)
            try:
                values.append(None if value is None else encode(value))
            except (ValueError, OverflowError) as error:
                described = self.describe(record)
                raise RefusedRecord(f"{described} is refused: '{name}' {error}.") from None
        return values

    def _refuse_keyless(self, record: Mapping[str, Any]) -> None:
        empty = next(name for name in self._key_names if record.get(name) is None)
        raise KeylessRecord(f"A record of '{self._stream}' has no '{empty}', part of its key.")


class Batch:
    """Rows on their way into one table: of a key, the last one read."""

    def __init__(self) -> None:
        """Begin an empty batch."""
        self.put: dict[Key, Row] = {}
        self.gone: dict[Key, Row] = {}
        """Rows that say they were deleted."""
        self.bytes = 0
        """How long the lines were that came in."""
        self.records = 0
        self.since = datetime.now(UTC).isoformat()
