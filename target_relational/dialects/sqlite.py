"""SQLite: one prepared upsert for all rows of a batch.

SQLite has no types for time, so instants are text of equal width in UTC: they sort and compare
as the instants do, SQLite's own date functions read them, and so does `datetime.fromisoformat`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from typing_extensions import override

from target_relational import values
from target_relational.dialects.base import Dialect
from target_relational.errors import UnusableDatabase
from target_relational.kinds import Kind
from target_relational.rows import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.types import TypeEngine

    from target_relational.dialects.base import Packing
    from target_relational.rows import Part
    from target_relational.tables import Widening

_LOCKED_SECONDS = 60
_CACHE_KIB = 16_000
_TEXTUAL = frozenset({str, type(None)})
_OLD = "_target_relational_old"
_DECLARATIONS = sa.text("SELECT name, type FROM pragma_table_info(:table)")
_BELONGINGS = sa.text(
    "SELECT sql FROM sqlite_master"
    " WHERE tbl_name = :table AND type IN ('index', 'trigger') AND sql IS NOT NULL"
)


class _Declared(sa.types.UserDefinedType[Any]):
    """A type by the name it is declared with: values pass as the encoders made them."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: object) -> str:
        """The type's name, for DDL."""
        return self.name


def _number(value: object) -> int | float:
    """A whole number of 64 bits as it is; any other as the nearest double, all SQLite has."""
    exact = values.number(value)
    if isinstance(exact, int) and -(2**63) <= exact < 2**63:
        return exact
    nearest = float(exact)
    if abs(nearest) == float("inf"):
        raise ValueError("is a number beyond what SQLite can store")
    return nearest


def _digits(number: float | None) -> str | None:
    """A number as text with every digit; SQLite's CAST would keep fifteen."""
    return None if number is None else repr(number)


class SQLite(Dialect):
    """SQLite 3.24 and later, through the standard library."""

    drivers = dict.fromkeys(("sqlite", "sqlite+pysqlite"), "sqlite+pysqlite")
    example = "sqlite:///folder/file.db"
    has_schemas = False
    max_name_bytes = None
    case_matters = False
    works_alone = False
    distinct = "IS NOT"
    types = {
        Kind.BOOLEAN: _Declared("BOOLEAN"),
        Kind.INTEGER: _Declared("BIGINT"),
        Kind.NUMBER: _Declared("NUMERIC"),
        Kind.DATE: _Declared("DATE"),
        Kind.TIMESTAMP: _Declared("TIMESTAMP"),
        Kind.TIME: _Declared("TIME"),
        Kind.TEXT: _Declared("TEXT"),
        Kind.JSON: _Declared("JSON"),
    }
    encoders = {
        Kind.BOOLEAN: values.boolean,
        Kind.INTEGER: values.integer,
        Kind.NUMBER: _number,
        Kind.DATE: values.date,
        Kind.TIMESTAMP: values.timestamp,
        Kind.TIME: values.time,
        Kind.TEXT: values.text,
        Kind.JSON: values.json,
    }

    @override
    def create_engine(self) -> sa.Engine:
        file = self.url.database
        if file in {None, "", ":memory:"}:
            raise UnusableDatabase(
                "sqlalchemy_url names no file, so that every row would be lost at the end: "
                f"write it as {self.example}."
            )
        if not str(file).startswith("file:"):
            Path(str(file)).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(
            self.url,
            connect_args={"timeout": _LOCKED_SECONDS, "check_same_thread": False},
            poolclass=sa.QueuePool,
            pool_size=1,
            max_overflow=0,
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _set_up)
        sa.event.listen(engine, "begin", _begin)
        return engine

    @override
    def remedy(self, reason: str) -> str:
        if "locked" in reason:
            return "another program is writing to it: let that end first"
        return "check that the folder and the file may be written to"

    @override
    def advice(self, error: Exception) -> str:
        return "Check free disk space." if "disk" in str(error) else ""

    @override
    def is_roomy(self, column_type: TypeEngine[Any]) -> bool:
        return True  # SQLite does not hold columns to a length or a precision.

    @override
    def widen(self, conn: sa.Connection, table: sa.Table, widenings: Sequence[Widening]) -> None:
        keys = [column.name for column in table.primary_key.columns]
        self._rebuild(conn, table, {widening.column: widening for widening in widenings}, keys)

    @override
    def set_key(self, conn: sa.Connection, table: sa.Table, keys: Sequence[str]) -> None:
        self._rebuild(conn, table, {}, keys)

    def _rebuild(
        self,
        conn: sa.Connection,
        table: sa.Table,
        widenings: dict[str, Widening],
        keys: Sequence[str],
    ) -> None:
        """Make a table anew, as SQLite cannot change a column's type or a key.

        The rows wait in a temporary table, not under another name, so that views which read the
        table need not be touched. Its indexes and triggers are made again afterwards.
        """
        declarations = conn.execute(_DECLARATIONS, {"table": table.name})
        declared = {column.name: column.type for column in declarations}
        belongings = conn.execute(_BELONGINGS, {"table": table.name}).scalars().all()
        old = sa.Table(
            _OLD,
            sa.MetaData(),
            *[sa.Column(column.name, _Declared(declared[column.name])) for column in table.columns],
            prefixes=["TEMPORARY"],
        )
        new = sa.Table(
            table.name,
            sa.MetaData(),
            *[
                sa.Column(
                    column.name,
                    self.types[widenings[column.name].after]
                    if column.name in widenings
                    else _Declared(declared[column.name]),
                    server_default=column.server_default,
                )
                for column in table.columns
            ],
            *([sa.PrimaryKeyConstraint(*keys)] if keys else []),
        )
        kept = [
            _converted(column, widenings[column.name]) if column.name in widenings else column
            for column in old.columns
        ]
        conn.execute(sa.schema.CreateTable(old))
        conn.execute(old.insert().from_select(list(old.columns), sa.select(*table.columns)))
        conn.execute(sa.schema.DropTable(table))
        conn.execute(sa.schema.CreateTable(new))
        conn.execute(new.insert().from_select(list(new.columns), sa.select(*kept)))
        conn.execute(sa.schema.DropTable(old))
        for definition in belongings:
            conn.exec_driver_sql(definition)

    @override
    def rename(self, conn: sa.Connection, table: sa.Table, name: str) -> None:
        self.alter(conn, table, f"RENAME TO {conn.dialect.identifier_preparer.quote(name)}")

    @override
    def packing(self, kinds: Sequence[Kind]) -> Packing:
        texts = [at for at, kind in enumerate(kinds) if kind is Kind.TEXT]

        def pack(values: list[Any]) -> tuple[Any, ...]:
            for at in texts:
                if values[at].__class__ not in _TEXTUAL:
                    raise TypeError
            return tuple(values)

        return pack

    @override
    def unpacked(self, row: tuple[Any, ...]) -> list[Any]:
        return list(row)

    @override
    def write(self, conn: sa.Connection, part: Part) -> None:
        if part.change is Change.REMOVE:
            self._remove(conn, part)
            return
        places = ", ".join("?" * len(part.table.columns))
        statement = self.upsert(conn, part, f"VALUES ({places})")
        conn.exec_driver_sql(statement, list(part.rows.values()))

    def _remove(self, conn: sa.Connection, part: Part) -> None:
        keys = part.table.keys
        preparer = conn.dialect.identifier_preparer
        same = " AND ".join(f"{preparer.quote(key)} = ?" for key in keys)
        given = [key if len(keys) > 1 else (key,) for key in part.rows]
        table = preparer.format_table(part.table.sql)
        conn.exec_driver_sql(f"DELETE FROM {table} WHERE {same}", given)  # noqa: S608 - quoted

    @override
    def lock(self, conn: sa.Connection, names: Collection[str]) -> object:
        return None  # The transaction began as the file's only writer.

    @override
    def was_committed(self, conn: sa.Connection, transaction: object) -> bool:
        return False  # A file has no connection to lose.

    @override
    def is_passing(self, error: Exception) -> bool:
        return False  # A locked file was waited for already.

    @override
    def blames_a_row(self, error: Exception) -> bool:
        return isinstance(error, sqlite3.IntegrityError)


def _converted(column: sa.ColumnElement[Any], widening: Widening) -> sa.ColumnElement[Any]:
    """What a column holds, as what it shall hold."""
    if widening.before is Kind.DATE and widening.after is Kind.TIMESTAMP:
        return column.op("||")("T00:00:00.000000+00:00")
    if widening.before is Kind.BOOLEAN:
        return sa.case((column == sa.literal(1), "true"), (column == sa.literal(0), "false"))
    if widening.before in {Kind.INTEGER, Kind.NUMBER} and widening.after is Kind.TEXT:
        return sa.func.target_relational_digits(column)
    return column


def _set_up(connection: sqlite3.Connection, _: object) -> None:
    """Prepare a connection as it is opened.

    A STATE follows a commit, so a commit has to outlive a power cut: hence FULL, which in WAL
    costs one sync a batch. Keys are of no order, so a batch touches pages everywhere, which the
    two megabytes that SQLite takes by itself do not hold. SQLAlchemy, not sqlite3, begins
    transactions, so that they hold DDL.
    """
    connection.isolation_level = None
    connection.create_function("target_relational_digits", 1, _digits, deterministic=True)
    with closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        # A table that takes the place of another must not stumble over views of the other.
        cursor.execute("PRAGMA legacy_alter_table = ON")


def _begin(conn: sa.Connection) -> None:
    """Begin as the writer at once: to become one later can fail, and busy_timeout cannot help."""
    conn.exec_driver_sql("BEGIN IMMEDIATE")
