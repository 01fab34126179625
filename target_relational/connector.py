"""The loader's one connection: one transaction a batch."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING

import sqlalchemy as sa
from singer_sdk.sql import SQLConnector
from typing_extensions import override

from target_relational import values
from target_relational.dialects import dialect_of
from target_relational.dialects.base import first_line
from target_relational.errors import RefusedStatement, UnusableDatabase
from target_relational.evolution import Wanted, follow

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from target_relational.dialects.base import Dialect
    from target_relational.rows import Row
    from target_relational.tables import Table


class RelationalConnector(SQLConnector):
    """The SDK's connector, with tables, rows and versions of our own.

    What the SDK does to tables is passed over: it opens a connection for each column, has no
    primary keys to upsert by, and does not know which of two types is wider. See
    docs/decisions/0004-loader.md.
    """

    @cached_property
    def dialect(self) -> Dialect:
        """What this database does differently."""
        return dialect_of(self.sqlalchemy_url)

    @override
    def create_engine(self) -> sa.Engine:
        try:
            return self.dialect.create_engine()
        except OSError as error:
            raise self._unusable(f"{error.strerror}: {error.filename}") from None

    def check(self) -> None:
        """See that the database can be reached, and let it go again.

        Raises:
            UnusableDatabase: If it cannot.
        """
        self._connected().close()
        self.close()

    def close(self) -> None:
        """Give the connection back to the database, if there is one."""
        if self._cached_engine is not None:
            self._cached_engine.dispose()

    @contextmanager
    def transaction(self, purpose: str) -> Iterator[sa.Connection]:
        """All or nothing: what happens inside is committed at the end, or undone.

        Args:
            purpose: What it is for, to complete "could not …".

        Yields:
            The connection.

        Raises:
            RefusedStatement: If the database refuses, without the values that it was given.
        """
        conn = self._connected()
        try:
            with conn, conn.begin():
                yield conn
        except (sa.exc.DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            reason = first_line(error)
            raise RefusedStatement(
                f"Could not {purpose} in {self.dialect.place}: {reason}."
            ) from None

    def prepare(self, wanted: Wanted, *, afresh: bool) -> Table:
        """Make a stream's table what the stream needs.

        Args:
            wanted: What the stream needs.
            afresh: Whether the table shall begin empty, if this run has not prepared it before.
        """
        afresh = afresh and not self._tables_prepared.get(wanted.stream, False)
        with self.transaction(f"prepare a table for '{wanted.stream}'") as conn:
            if wanted.schema:
                conn.execute(sa.schema.CreateSchema(wanted.schema, if_not_exists=True))
            table = follow(conn, self.dialect, wanted, afresh=afresh)
        self._tables_prepared[wanted.stream] = True
        return table

    def write(self, table: Table, rows: Collection[Row]) -> None:
        """Commit rows."""
        if rows:
            with self.transaction(f"write {len(rows)} rows to '{table.name}'") as conn:
                self.dialect.write(conn, table, rows)

    def retire(self, table: Table, before: int, *, version: str, deleted_at: str | None) -> None:
        """Delete the rows that were last seen in an earlier version of their stream.

        Args:
            table: The table.
            before: The version that is active now.
            version: The column with the version in which a row was last seen.
            deleted_at: The column that says when a row was deleted; none to delete it indeed.
        """
        stale = table.sql.c[version] < before
        statement: sa.Delete | sa.Update = sa.delete(table.sql).where(stale)
        if deleted_at is not None:
            now = values.timestamp(datetime.now(timezone.utc).isoformat())
            living = table.sql.c[deleted_at].is_(None)
            statement = sa.update(table.sql).where(stale, living).values({deleted_at: now})
        with self.transaction(f"retire rows of '{table.name}'") as conn:
            conn.execute(statement)

    def _connected(self) -> sa.Connection:
        try:
            return self._engine.connect()
        except sa.exc.DBAPIError as error:
            raise self._unusable(first_line(error)) from None

    def _unusable(self, reason: str) -> UnusableDatabase:
        remedy = self.dialect.remedy(reason)
        return UnusableDatabase(f"Cannot use {self.dialect.place} ({reason}): {remedy}.")
