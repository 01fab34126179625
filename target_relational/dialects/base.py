"""What one database does differently from another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from target_relational.errors import ImpossibleChange, one_line
from target_relational.kinds import Kind

if TYPE_CHECKING:
    from sqlalchemy.dialects.postgresql import Insert as PostgreSQLInsert
    from sqlalchemy.dialects.sqlite import Insert as SQLiteInsert
    from sqlalchemy.types import TypeEngine

    from target_relational.rows import Row
    from target_relational.tables import Table, Widening

Encoder = Callable[[Any], Any]
"""Turns a JSON value, never null, into what the driver takes; a `ValueError` refuses it."""

NOT_A_CHANGE = frozenset(
    {
        "_sdc_extracted_at",
        "_sdc_received_at",
        "_sdc_batched_at",
        "_sdc_sequence",
        "_sdc_sync_started_at",
    }
)
"""Metadata that differs on every run: alone, it does not make a row worth rewriting."""

_KINDS: Mapping[type[TypeEngine[Any]], Kind] = {
    sa.Boolean: Kind.BOOLEAN,
    sa.Integer: Kind.INTEGER,
    sa.Numeric: Kind.NUMBER,
    sa.Float: Kind.NUMBER,
    sa.Date: Kind.DATE,
    sa.DateTime: Kind.TIMESTAMP,
    sa.Time: Kind.TIME,
    sa.String: Kind.TEXT,
    sa.JSON: Kind.JSON,
}


class Dialect(ABC):
    """One kind of database: its types, its names, its way of taking rows."""

    drivers: ClassVar[Mapping[str, str]]
    """How an address may begin, and the SQLAlchemy driver that it then stands for."""
    example: ClassVar[str]
    """An address, for messages."""
    has_schemas: ClassVar[bool]
    max_name_bytes: ClassVar[int | None]
    case_matters: ClassVar[bool]
    """Whether two names that differ in case only are two names."""
    types: ClassVar[Mapping[Kind, TypeEngine[Any]]]
    """The type of a column that is made for a kind."""
    encoders: ClassVar[Mapping[Kind, Encoder]]

    def __init__(self, url: sa.URL) -> None:
        """Speak to one database.

        Args:
            url: Its address.
        """
        self.url = url.set(drivername=self.drivers[url.drivername])

    @property
    def place(self) -> str:
        """The address without anything secret: the password masked, no parameters."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    def ddl(self, column_type: TypeEngine[Any]) -> str:
        """A type as the database spells it."""
        return column_type.compile(dialect=self.url.get_dialect()())

    @abstractmethod
    def create_engine(self) -> sa.Engine:
        """An engine of one connection, with parameters kept out of its messages and logs."""

    @abstractmethod
    def remedy(self, reason: str) -> str:
        """What to do if no connection could be made.

        Args:
            reason: What the driver said.
        """

    def kind_of(self, column_type: TypeEngine[Any]) -> Kind | None:
        """The kind of values that an existing column holds, if it is one that the loader knows."""
        if isinstance(column_type, sa.Enum):
            return None
        kinds = (kind for base, kind in _KINDS.items() if isinstance(column_type, base))
        return next(kinds, None)

    @abstractmethod
    def is_roomy(self, column_type: TypeEngine[Any]) -> bool:
        """Whether an existing column takes every value of its kind, unshortened."""

    @abstractmethod
    def widen(self, conn: sa.Connection, table: sa.Table, widenings: Sequence[Widening]) -> None:
        """Let columns hold more, and keep what they hold."""

    @abstractmethod
    def set_key(self, conn: sa.Connection, table: sa.Table, keys: Sequence[str]) -> None:
        """Make columns the primary key, in the place of the one that the table has, if any.

        Args:
            conn: The connection, in a transaction.
            table: The table as it is.
            keys: Its future key; empty if rows shall only be appended.
        """

    @abstractmethod
    def write(self, conn: sa.Connection, table: Table, rows: Collection[Row]) -> None:
        """Write rows: over those of the same key if the table has one, else after the others."""

    def add_column(self, conn: sa.Connection, table: sa.Table, name: str, kind: Kind) -> None:
        """Give a table a further column."""
        column = sa.schema.CreateColumn(sa.Column(name, self.types[kind]))
        specification = column.compile(dialect=conn.dialect)
        self.alter(conn, table, f"ADD COLUMN {specification}")

    def alter(self, conn: sa.Connection, table: sa.Table, action: str) -> None:
        """Change a table.

        Args:
            conn: The connection, in a transaction.
            table: The table.
            action: What follows its name in ALTER TABLE, names quoted.

        Raises:
            ImpossibleChange: If the database will not.
        """
        quoted = conn.dialect.identifier_preparer.format_table(table)
        try:
            conn.exec_driver_sql(f"ALTER TABLE {quoted} {action}")
        except sa.exc.DBAPIError as error:
            raise ImpossibleChange(
                f"Table '{table.name}' could not be changed ({one_line(action)}): "
                f"{first_line(error)}. Rename or drop the table or what depends on it, "
                "then run again."
            ) from None


def upsert(
    insert: PostgreSQLInsert | SQLiteInsert, table: Table
) -> PostgreSQLInsert | SQLiteInsert:
    """Let an INSERT replace the rows of the same key that differ, and leave the others alone.

    Both databases share this form; a dialect without ON CONFLICT writes a MERGE instead.
    """
    fresh = [column for column in insert.excluded if column.name not in table.keys]
    telling = [column for column in fresh if column.name not in NOT_A_CHANGE]
    if not telling:
        return insert.on_conflict_do_nothing(index_elements=list(table.keys))
    return insert.on_conflict_do_update(
        index_elements=list(table.keys),
        set_={column.name: column for column in fresh},
        where=sa.or_(*[table.sql.c[column.name].is_distinct_from(column) for column in telling]),
    )


def first_line(error: Exception) -> str:
    """The first line of what a driver says; the further ones may quote a row."""
    origin = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    return (str(origin).strip().splitlines() or [type(origin).__name__])[0].rstrip(".")
