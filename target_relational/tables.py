"""What a table looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

    from target_relational.kinds import Kind

DELETED_AT = "_sdc_deleted_at"
"""The column that says when a row was deleted; NULL while it lives."""
VERSION = "_sdc_table_version"
"""The column that says which version of its stream a row came with."""


@dataclass(frozen=True)
class Column:
    """Where one property of a stream is kept."""

    property: str
    name: str
    kind: Kind
    """What the column holds, which may be wider than what the property sends now."""


@dataclass(frozen=True)
class Table:
    """Where a stream is kept."""

    columns: tuple[Column, ...]
    """One for each property of the schema; the database may have more."""
    keys: tuple[str, ...]
    """Names of the columns that tell rows apart; none if rows are only ever appended."""
    sql: sa.Table
    """The same columns, for building statements."""

    @property
    def name(self) -> str:
        """The table's name in the database, without its schema."""
        return self.sql.name

    @property
    def full_name(self) -> str:
        """The table's name with its schema, to tell it from all others."""
        return self.sql.fullname

    def column(self, name: str) -> str | None:
        """The name of the column that keeps a property, if there is one."""
        return next((column.name for column in self.columns if column.property == name), None)


@dataclass(frozen=True)
class Widening:
    """A column that has to hold more than it was made for."""

    column: str
    before: Kind
    after: Kind
