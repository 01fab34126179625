"""PostgreSQL: COPY into a staging table, then one upsert."""

from __future__ import annotations

import io
from contextlib import closing
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from typing_extensions import override

from target_relational import values
from target_relational.dialects.base import Dialect, upsert
from target_relational.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from sqlalchemy.types import TypeEngine

    from target_relational.rows import Row
    from target_relational.tables import Table, Widening

_STAGE = "_target_relational_stage"
_CONNECT_SECONDS = 10
_NUMERIC_DIGITS = 131_072  # before the point
_NUMERIC_SCALE = 16_383  # behind it


# The encoders write what COPY reads: text in which backslash, tab and line ends are escaped.


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


def _text(value: object) -> str:
    return _escaped(values.text(value).replace("\0", "\ufffd"))


def _json(value: object) -> str:
    dumped = values.json(value)
    if "\\u0000" in dumped:  # PostgreSQL has no NUL, not even escaped
        dumped = values.json(values.without_nul(value))
    return _escaped(dumped)


def _escaped(string: str) -> str:
    if "\\" in string:
        string = string.replace("\\", "\\\\")
    if string.isprintable():
        return string
    return string.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")


class PostgreSQL(Dialect):
    """PostgreSQL 12 and later, through psycopg2."""

    drivers = dict.fromkeys(
        ("postgresql+psycopg2", "postgresql", "postgres"), "postgresql+psycopg2"
    )
    example = "postgresql+psycopg2://user@host:5432/database"
    has_schemas = True
    max_name_bytes = 63
    case_matters = True
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
        Kind.TEXT: _text,
        Kind.JSON: _json,
    }

    @override
    def create_engine(self) -> sa.Engine:
        own = {"fallback_application_name": "target-relational"}
        if "connect_timeout" not in self.url.query:
            own["connect_timeout"] = str(_CONNECT_SECONDS)
        return sa.create_engine(
            self.url,
            connect_args=own,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
        )

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
    def write(self, conn: sa.Connection, table: Table, rows: Collection[Row]) -> None:
        if not table.keys:
            _copy(conn, table.sql, rows)
            return
        columns = [sa.Column(column.name, column.type) for column in table.sql.columns]
        stage = sa.Table(
            _STAGE, sa.MetaData(), *columns, prefixes=["TEMPORARY"], postgresql_on_commit="DROP"
        )
        conn.execute(sa.schema.CreateTable(stage))
        _copy(conn, stage, rows)
        staged = sa.select(*stage.columns)
        insert = postgresql.insert(table.sql).from_select(list(stage.columns.keys()), staged)
        conn.execute(upsert(insert, table))


def _copy(conn: sa.Connection, into: sa.Table, rows: Collection[Row]) -> None:
    preparer = conn.dialect.identifier_preparer
    names = ", ".join(map(preparer.quote, into.columns.keys()))
    command = f"COPY {preparer.format_table(into)} ({names}) FROM STDIN"
    command = command.replace("%%", "%")  # doubled for psycopg2 to halve, which COPY goes past
    lines = "".join(
        ["\t".join([r"\N" if value is None else value for value in row]) + "\n" for row in rows]
    )
    with closing(conn.connection.cursor()) as cursor:
        cursor.copy_expert(command, io.BytesIO(lines.encode()))
