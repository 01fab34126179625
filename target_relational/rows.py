"""From records to rows: the hot path.

A `Layout` is made once for a table; a `Batch` collects rows until they are written. Everything
that happens once per value happens here, and in the encoders that a dialect brings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from target_relational.errors import RefusedRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from target_relational.dialects.base import Encoder
    from target_relational.kinds import Kind
    from target_relational.tables import Table

Row = tuple[Any, ...]
"""The values of a table's columns, in their order, as its database's driver takes them."""


class Layout:
    """How a stream's records become rows of its table."""

    def __init__(self, stream: str, table: Table, encoders: Mapping[Kind, Encoder]) -> None:
        """Prepare for one table.

        Args:
            stream: The stream's name, for messages.
            table: Where the rows go.
            encoders: How the database's driver takes a value of each kind.
        """
        self._stream = stream
        self._fields = [(column.property, encoders[column.kind]) for column in table.columns]
        self._keys = [at for at, column in enumerate(table.columns) if column.name in table.keys]

    def row(self, record: Mapping[str, Any]) -> Row:
        """A record's row; a field that is missing is NULL, as in the SDK's own targets.

        Raises:
            RefusedRecord: If a field does not fit its column.
        """
        try:
            return tuple(
                [
                    None if (value := record.get(name)) is None else encode(value)
                    for name, encode in self._fields
                ]
            )
        except (ValueError, OverflowError):
            raise self._refusal(record) from None

    def key(self, row: Row) -> Row:
        """What tells a row from the others of its table.

        Raises:
            RefusedRecord: If a part of it is NULL.
        """
        key = tuple([row[at] for at in self._keys])
        if None in key:
            empty = self._fields[self._keys[key.index(None)]][0]
            raise RefusedRecord(f"A record of '{self._stream}' has no '{empty}', part of its key.")
        return key

    @property
    def keyed(self) -> bool:
        """Whether rows replace each other, rather than being appended."""
        return bool(self._keys)

    def describe(self, record: Mapping[str, Any]) -> str:
        """A record by its key: the only one of its values that a message may show."""
        named = [
            f"{name}={record.get(name)!r}" for name, _ in map(self._fields.__getitem__, self._keys)
        ]
        return f"A record of '{self._stream}'" + (f" ({', '.join(named)})" if named else "")

    def _refusal(self, record: Mapping[str, Any]) -> RefusedRecord:
        complaints = ((name, _complaint(encode, record.get(name))) for name, encode in self._fields)
        name, complaint = next(pair for pair in complaints if pair[1])
        return RefusedRecord(f"{self.describe(record)} is refused: '{name}' {complaint}.")


def _complaint(encode: Encoder, value: object) -> str | None:
    """Why a value does not fit its column, if it does not."""
    try:
        if value is not None:
            encode(value)
    except (ValueError, OverflowError) as error:
        return str(error)
    return None


class Batch:
    """Rows on their way into one table: of a key, the last one read."""

    def __init__(self, layout: Layout) -> None:
        """Begin an empty batch."""
        self._layout = layout
        self._appended: list[Row] = []
        self._keyed: dict[Row, Row] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record in, in the place of an earlier one of the same key."""
        row = self._layout.row(record)
        if self._layout.keyed:
            self._keyed[self._layout.key(row)] = row
        else:
            self._appended.append(row)

    @property
    def rows(self) -> Collection[Row]:
        """The rows to be written."""
        return self._keyed.values() if self._layout.keyed else self._appended
