"""PostgreSQL: COPY into a staging table, then one upsert."""

from __future__ import annotations

import hashlib
import re
from contextlib import closing
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from typing_extensions import override

from target_relational import values
from target_relational.dialects.base import Dialect
from target_relational.kinds import Kind
from target_relational.names import hashed
from target_relational.rows import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.types import TypeEngine

    from target_relational.dialects.base import Packing
    from target_relational.rows import Part
    from target_relational.tables import Widening

_STAGE = "_target_relational_stage"
_STAGE_MEMORY = "48MB"
_CONNECT_SECONDS = 10
_LINES = 5000
_NULL = "\x01"
"""How COPY is told of NULL: not by its own \\N, as no other line then holds a backslash."""
_ESCAPES = str.maketrans({"\\": r"\\", "\n": r"\n", "\r": r"\r", "\t": r"\t", _NULL: r"\x01"})
_UNESCAPES = {"\\": "\\", "n": "\n", "r": "\r", "t": "\t", "x": _NULL}
_PASSING = frozenset({"40001", "40P01"})  # could not serialize, deadlock
_UNIQUE_VIOLATION = "23505"
_OF_A_ROW = frozenset({"21", "22", "23"})  # a key twice, a value, a constraint
_NUMERIC_DIGITS = 131_072  # before the point
_NUMERIC_SCALE = 16_383  # behind it


# The encoders write values as PostgreSQL reads them; the packing makes a line for COPY of them.


def _boolean(value: object) -> str:
    return "t" if values.boolean(value) else "f"


def _integer(value: object) -> str:
    return str(values.integer(value))


def _number(value: object) -> str:
    exact = Decimal(values.number(value))
    _, digits, exponent = exact.as_tuple()
    if len(digits) + int(exponent) > _NUMERIC_DIGITS or -int(exponent) > _NUMERIC_SCALE:
        raise ValueError("has more digits than PostgreSQL's numeric")
    return str(exact)


def _json(value: object) -> str:
    dumped = values.json(value)
    if "\\u0000" in dumped:  # PostgreSQL has no NUL, not even escaped
        dumped = values.json(values.without_nul(value))
    return dumped


class PostgreSQL(Dialect):
    """PostgreSQL 12 and later, through psycopg2."""

    drivers = dict.fromkeys(
        ("postgresql+psycopg2", "postgresql", "postgres"), "postgresql+psycopg2"
    )
    example = "postgresql+psycopg2://user@host:5432/database"
    has_schemas = True
    max_name_bytes = 63
    case_matters = True
    works_alone = True
    distinct = "IS DISTINCT FROM"
    types = {
        Kind.BOOLEAN: postgresql.BOOLEAN(),
        Kind.INTEGER: postgresql.BIGINT(),
        Kind.NUMBER: postgresql.NUMERIC(),
        Kind.DATE: postgresql.DATE(),
        Kind.TIMESTAMP: postgresql.TIMESTAMP(timezone=True),
        Kind.TIME: postgresql.TIME(),
        Kind.TEXT: postgresql.TEXT(),
        Kind.JSON: postgresql.JSONB(none_as_null=True),
    }

    encoders = {
        Kind.BOOLEAN: _boolean,
        Kind.INTEGER: _integer,
        Kind.NUMBER: _number,
        Kind.DATE: values.date,
        Kind.TIMESTAMP: values.timestamp,
        Kind.TIME: values.time,
        Kind.TEXT: values.text,
        Kind.JSON: _json,
    }

    def __init__(self, url: sa.URL) -> None:
        """Speak to one database, of which no table is known yet."""
        super().__init__(url)
        self._was_empty: dict[str, bool] = {}

    @override
    def create_engine(self) -> sa.Engine:
        own = {"fallback_application_name": "target-relational"}
        if "connect_timeout" not in self.url.query:
            own["connect_timeout"] = str(_CONNECT_SECONDS)
        engine = sa.create_engine(
            self.url,
            connect_args=own,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        sa.event.listen(engine, "connect", _set_up)
        return engine

    @override
    def remedy(self, reason: str) -> str:
        remedies = {
            "password": "check user and password (in the URL, in PGPASSWORD or in ~/.pgpass)",
            "role": "check the user",
            "does not exist": f"create it: createdb {self.url.database}",
            "SSL": "check the sslmode of the URL",
        }
        otherwise = "check host and port, and that PostgreSQL is running there"
        return next((remedy for sign, remedy in remedies.items() if sign in reason), otherwise)

    @override
    def advice(self, error: Exception) -> str:
        hint = getattr(getattr(error, "diag", None), "message_hint", None)
        return hint or ""  # "Check free disk space.", for instance

    @override
    def is_roomy(self, column_type: TypeEngine[Any]) -> bool:
        kind = self.kind_of(column_type)
        if kind is Kind.TEXT:
            is_padded = isinstance(column_type, sa.CHAR)
            return not is_padded and getattr(column_type, "length", None) is None
        # Compared as DDL, which names the width, the precision and the time zone.
        return kind is not None and self.ddl(column_type) == self.ddl(self.types[kind])

    @override
    def widen(self, conn: sa.Connection, table: sa.Table, widenings: Sequence[Widening]) -> None:
        quote = conn.dialect.identifier_preparer.quote
        for widening in widenings:
            column = table.c[widening.column]
            using = self._converted(column, widening).compile(
                dialect=conn.dialect, compile_kwargs={"literal_binds": True}
            )
            self.alter(
                conn,
                table,
                f"ALTER COLUMN {quote(column.name)} "
                f"TYPE {self.ddl(self.types[widening.after])} USING {using}",
            )

    def _converted(self, column: sa.Column[Any], widening: Widening) -> sa.ColumnElement[Any]:
        """What a column holds, as what it shall hold."""
        plain: sa.ColumnElement[Any] = sa.column(column.name)
        if isinstance(column.type, sa.Float):
            # Straight to NUMERIC, PostgreSQL keeps fifteen digits of a float; as text, all.
            plain = sa.cast(plain, sa.TEXT)
        if widening.before is Kind.TIMESTAMP and widening.after is Kind.TEXT:
            in_utc = sa.func.timezone("UTC", sa.cast(plain, self.types[Kind.TIMESTAMP]))
            return sa.func.to_char(in_utc, 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')
        if widening.after is Kind.TIMESTAMP and not getattr(column.type, "timezone", False):
            return sa.func.timezone("UTC", sa.cast(plain, postgresql.TIMESTAMP()))
        return sa.cast(plain, self.types[widening.after])

    @override
    def set_key(self, conn: sa.Connection, table: sa.Table, keys: Sequence[str]) -> None:
        quote = conn.dialect.identifier_preparer.quote
        if table.primary_key.columns:
            # The constraint was reflected, so it has a name.
            self.alter(conn, table, f"DROP CONSTRAINT {quote(str(table.primary_key.name))}")
            for column in table.primary_key.columns:
                self.alter(conn, table, f"ALTER COLUMN {quote(column.name)} DROP NOT NULL")
        if keys:
            self.alter(conn, table, f"ADD PRIMARY KEY ({', '.join(map(quote, keys))})")

    @override
    def rename(self, conn: sa.Connection, table: sa.Table, name: str) -> None:
        quote = conn.dialect.identifier_preparer.quote
        key = sa.inspect(conn).get_pk_constraint(table.name, schema=table.schema)["name"]
        if key is not None:  # named after the table, and in the way of the next one
            renamed = quote(hashed(f"{name}_pkey", self.max_name_bytes))
            self.alter(conn, table, f"RENAME CONSTRAINT {quote(key)} TO {renamed}")
        self.alter(conn, table, f"RENAME TO {quote(name)}")

    @override
    def packing(self, kinds: Sequence[Kind]) -> Packing:
        tabs = len(kinds) - 1

        def pack(row: list[Any]) -> str:
            nulls = row.count(None)
            line = "\t".join([_NULL if value is None else value for value in row] if nulls else row)
            if (
                "\\" in line
                or "\n" in line
                or "\r" in line
                or "\0" in line
                or line.count("\t") != tabs
                or line.count(_NULL) != nulls
            ):
                line = "\t".join([_NULL if value is None else _escaped(value) for value in row])
            return line

        return pack

    @override
    def unpacked(self, row: str) -> list[Any]:
        values = row.split("\t")
        return [None if value == _NULL else _unescaped(value) for value in values]

    @override
    def write(self, conn: sa.Connection, part: Part) -> None:
        table = part.table
        if not table.keys:
            _copy(conn, table.sql, part.rows.values())
            return
        if part.change is Change.PUT and self._has_only_new_keys(conn, part):
            return
        columns = [sa.Column(column.name, column.type) for column in table.sql.columns]
        stage = sa.Table(
            _STAGE, sa.MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP"
        )
        conn.execute(sa.schema.CreateTable(stage))
        _copy(conn, stage, part.rows.values())
        if part.change is Change.REMOVE:
            same = [table.sql.c[key] == stage.c[key] for key in table.keys]
            conn.execute(sa.delete(table.sql).where(*same))
        else:
            names = ", ".join(map(conn.dialect.identifier_preparer.quote, stage.columns.keys()))
            source = f"SELECT {names} FROM {_STAGE}"  # noqa: S608 - quoted
            conn.exec_driver_sql(self.upsert(conn, part, source))
        conn.execute(sa.schema.DropTable(stage))

    def _has_only_new_keys(self, conn: sa.Connection, part: Part) -> bool:
        """Write rows straight into a table that had none of their keys; tell whether it had none.

        That is half the work. It is tried with a table that was empty when the run came to it,
        as long as it has gone well: most first loads never see a key again.
        """
        table = part.table
        if table.full_name not in self._was_empty:
            known = conn.execute(sa.select(sa.exists(sa.select(1).select_from(table.sql))))
            self._was_empty[table.full_name] = not known.scalar_one()
        if self._was_empty[table.full_name]:
            try:
                with conn.begin_nested():
                    _copy(conn, table.sql, part.rows.values())
            except conn.engine.dialect.loaded_dbapi.Error as error:
                if _state_of(error) != _UNIQUE_VIOLATION:
                    raise
                self._was_empty[table.full_name] = False
        return self._was_empty[table.full_name]

    @override
    def lock(self, conn: sa.Connection, names: Collection[str]) -> object:
        # Always in the same order, or two loaders could wait for each other.
        for number in sorted(map(_lock_number, names)):
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
        return conn.execute(sa.select(sa.func.txid_current())).scalar_one()

    @override
    def was_committed(self, conn: sa.Connection, transaction: object) -> bool:
        status = sa.func.txid_status(sa.cast(transaction, sa.BigInteger))
        try:
            with conn.begin_nested():
                return bool(conn.execute(sa.select(status)).scalar_one() == "committed")
        except sa.exc.InternalError:  # A number to come: the server crashed before it was kept.
            return False

    @override
    def is_passing(self, error: Exception) -> bool:
        return _state_of(error) in _PASSING

    @override
    def blames_a_row(self, error: Exception) -> bool:
        return _state_of(error)[:2] in _OF_A_ROW


def _state_of(error: Exception) -> str:
    return getattr(error, "pgcode", None) or ""


def _lock_number(name: str) -> int:
    digest = hashlib.sha256(f"target-relational {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def _escaped(string: str) -> str:
    return string.replace("\0", "\ufffd").translate(_ESCAPES)


def _unescaped(string: str) -> str:
    return re.sub(r"\\(.)", lambda found: _UNESCAPES[found[1]], string)


def _set_up(connection: Any, _: object) -> None:  # noqa: ANN401 - psycopg2 has no types
    """Prepare a connection as it is opened: a batch is staged in memory."""
    with closing(connection.cursor()) as cursor:
        cursor.execute(f"SET temp_buffers = '{_STAGE_MEMORY}'")
    connection.commit()


def _copy(conn: sa.Connection, into: sa.Table, rows: Iterable[str]) -> None:
    preparer = conn.dialect.identifier_preparer
    names = ", ".join(map(preparer.quote, into.columns.keys()))
    command = f"COPY {preparer.format_table(into)} ({names}) FROM STDIN WITH (NULL '{_NULL}')"
    command = command.replace("%%", "%")  # doubled for psycopg2 to halve, which COPY goes past
    with closing(conn.connection.cursor()) as cursor:
        cursor.copy_expert(command, _Lines(rows))


class _Lines:
    """Rows as a file that COPY reads, some at a time so that they are never all joined."""

    def __init__(self, rows: Iterable[str]) -> None:
        self._rows = iter(rows)

    def read(self, _: int) -> bytes:
        """Some lines more; empty at the end."""
        lines = list(islice(self._rows, _LINES))
        return ("\n".join(lines) + "\n").encode() if lines else b""
