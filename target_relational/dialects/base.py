"""What one database does differently from another."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

import sqlalchemy as sa

from target_relational.errors import ImpossibleChange, one_line
from target_relational.kinds import Kind
from target_relational.rows import Change
from target_relational.tables import DELETED_AT, VERSION

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

    from target_relational.rows import Part, Row
    from target_relational.tables import Widening

Encoder = Callable[[Any], Any]
"""Turns a JSON value, never null, into what the driver takes; a `ValueError` refuses it."""
Packing = Callable[[list[Any]], "Row"]
"""Turns the values of a table's columns into a row; a `TypeError` says that text is not text."""

NOT_A_CHANGE = frozenset(
    {
        "_sdc_extracted_at",
        "_sdc_received_at",
        "_sdc_batched_at",
        "_sdc_sequence",
        "_sdc_sync_started_at",
        VERSION,
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
    works_alone: ClassVar[bool]
    """Whether it takes a batch without needing Python's attention for each row."""
    distinct: ClassVar[str]
    """The operator that compares two values of which either may be NULL."""
    types: ClassVar[Mapping[Kind, TypeEngine[Any]]]
    """The type of a column that is made for a kind."""
    encoders: ClassVar[Mapping[Kind, Encoder]]
    """How a value of each kind is written; text that is a string needs none."""

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

    @abstractmethod
    def advice(self, error: Exception) -> str:
        """What to do about a statement that was refused, in a sentence; empty if nobody knows.

        Args:
            error: What the driver said.
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
    def packing(self, kinds: Sequence[Kind]) -> Packing:
        """How the values of columns of these kinds become a row."""

    @abstractmethod
    def unpacked(self, row: Row) -> list[Any]:
        """The values of a row, to show them to a person."""

    @abstractmethod
    def write(self, conn: sa.Connection, part: Part) -> None:
        """Write, mark or remove rows."""

    @abstractmethod
    def lock(self, conn: sa.Connection, names: Collection[str]) -> object:
        """Keep other loaders away from some tables until the transaction ends.

        Args:
            conn: The connection, at the beginning of a transaction.
            names: The tables', with their schemas.

        Returns:
            What `was_committed` wants to know of the transaction.
        """

    @abstractmethod
    def was_committed(self, conn: sa.Connection, transaction: object) -> bool:
        """Whether a transaction was committed whose connection broke before it could say so."""

    @abstractmethod
    def is_passing(self, error: Exception) -> bool:
        """Whether what the driver says is worth trying again, the connection being good."""

    @abstractmethod
    def blames_a_row(self, error: Exception) -> bool:
        """Whether a row is at fault, so that the others of its batch could be written."""

    @abstractmethod
    def rename(self, conn: sa.Connection, table: sa.Table, name: str) -> None:
        """Give a table the name of one that has just been dropped."""

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

    def upsert(self, conn: sa.Connection, part: Part, source: str) -> str:
        """The statement that writes or marks rows, and leaves alone what would stay the same.

        The databases share this form; a dialect without ON CONFLICT writes a MERGE instead.

        Args:
            conn: The connection, to quote names.
            part: What is written. The rows are not looked at.
            source: Where they come from: VALUES or a SELECT, of all columns.
        """
        table = part.table
        quote = conn.dialect.identifier_preparer.quote
        into = conn.dialect.identifier_preparer.format_table(table.sql)
        names = [column.name for column in table.columns]
        # Under an alias, as a table may be called "excluded" as well.
        insert = f"INSERT INTO {into} AS loaded ({', '.join(map(quote, names))}) {source}"
        if not table.keys:
            return insert
        marks = [table.column(DELETED_AT)] if part.change is Change.MARK else names
        fresh = [name for name in marks if name and name not in table.keys]
        telling = [quote(name) for name in fresh if name not in NOT_A_CHANGE]
        conflict = f"{insert} ON CONFLICT ({', '.join(map(quote, table.keys))}) DO"
        if not telling:
            return f"{conflict} NOTHING"
        changes = ", ".join(f"{quote(name)} = excluded.{quote(name)}" for name in fresh)
        before = ", ".join(f"loaded.{name}" for name in telling)
        after = ", ".join(f"excluded.{name}" for name in telling)
        return f"{conflict} UPDATE SET {changes} WHERE ({before}) {self.distinct} ({after})"


def said_by(error: Exception) -> Exception:
    """What the driver said, without what SQLAlchemy says about it."""
    return cast("Exception", error.orig) if isinstance(error, sa.exc.DBAPIError) else error


def first_line(error: Exception) -> str:
    """The first line of what a driver says; the further ones may quote a row."""
    said = said_by(error)
    return (str(said).strip().splitlines() or [type(said).__name__])[0].rstrip(".")
