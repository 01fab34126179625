"""The loader's one connection: one transaction a batch, written while the next is put together."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable  # noqa: TC003 - a NamedTuple asks for it
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import sqlalchemy as sa
from singer_sdk.sql import SQLConnector
from typing_extensions import override

from target_relational.dialects import dialect_of
from target_relational.dialects.base import first_line, said_by
from target_relational.errors import RefusedStatement, UnusableDatabase
from target_relational.evolution import Wanted, find_aside, follow, lock_name, replace

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from target_relational.dialects.base import Dialect
    from target_relational.rows import Key, Part, Row
    from target_relational.tables import Table

Result = TypeVar("Result")


class _Pending(NamedTuple):
    """A batch that is being written."""

    done: Future[None]
    otherwise: Callable[[], None]


_PATIENCE_SECONDS = 60
"""So long a database that went away may take to come back."""
_STRUCTURE = ""
"""What is locked while tables are made or changed."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0


class Refusal(NamedTuple):
    """A row that the database refuses."""

    part: Part
    key: Key
    row: Row
    reason: str


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

    @cached_property
    def _worker(self) -> ThreadPoolExecutor:
        """Writes a batch while the next one is put together."""
        return ThreadPoolExecutor(max_workers=1)

    _pending: _Pending | None = None
    """The batch that is being written."""

    @cached_property
    def mark(self) -> str:
        """What tells this loader from all others."""
        return secrets.token_hex(4)

    @cached_property
    def _aside(self) -> dict[str, Wanted]:
        """What each stream needs whose table is to be replaced at the end."""
        return {}

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
        try:
            self._engine.connect().close()
        except sa.exc.DBAPIError as error:
            raise self._unusable(first_line(error)) from None
        self.close()

    def close(self) -> None:
        """Give the connection back to the database, if there is one."""
        self._worker.shutdown()
        del self._worker
        if self._cached_engine is not None:
            self._cached_engine.dispose()

    def transact(
        self, purpose: str, work: Callable[[sa.Connection], Result], *tables: str
    ) -> Result:
        """Do some work, all or nothing: on a new connection once more if this one is lost.

        Args:
            purpose: What it is for, to complete "could not …".
            work: The work; what it did before the connection was lost is undone.
            tables: The tables that no other loader may touch meanwhile.

        Returns:
            What the work does.

        Raises:
            RefusedStatement: If the database refuses, without the values that it was given.
        """
        self.settle()
        return self._transact(purpose, work, *tables)

    def _transact(
        self, purpose: str, work: Callable[[sa.Connection], Result], *tables: str
    ) -> Result:
        patience = time.monotonic() + _PATIENCE_SECONDS
        pause = _FIRST_PAUSE
        doubtful: tuple[object, Result] | None = None
        while True:
            conn = None
            try:
                conn = self._engine.connect()
                with conn, conn.begin():
                    transaction = self.dialect.lock(conn, tables)
                    if doubtful and self.dialect.was_committed(conn, doubtful[0]):
                        return doubtful[1]
                    doubtful = None
                    result = work(conn)
                    # From here on, the commit may happen without our hearing of it.
                    doubtful = transaction, result
                return result  # noqa: TRY300 - the commit is what may fail
            except (sa.exc.DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
                passing = self._is_lost(error, conn) or self.dialect.is_passing(said_by(error))
                if not passing:
                    self._see_that_none_has_overtaken()
                if not passing or time.monotonic() > patience:
                    raise self._refused(purpose, error) from None
            self.logger.warning("%s is gone for the moment: trying again", self.dialect.place)
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def prepare(self, wanted: Wanted) -> Table:
        """Make a stream's table what the stream needs.

        Args:
            wanted: What the stream needs.
        """
        afresh = wanted.stream not in self._aside

        def make(conn: sa.Connection) -> Table:
            if wanted.schema:
                conn.execute(sa.schema.CreateSchema(wanted.schema, if_not_exists=True))
            return follow(conn, self.dialect, wanted, afresh=afresh)

        purpose = f"prepare a table for '{wanted.stream}'"
        table = self.transact(purpose, make, _STRUCTURE, lock_name(self.dialect, wanted))
        if wanted.aside:
            self._aside[wanted.stream] = wanted
        return table

    def replace(self) -> None:
        """Let all tables that were loaded aside take the places of the old ones, at once."""

        def swap(conn: sa.Connection) -> None:
            for wanted in self._aside.values():
                replace(conn, self.dialect, wanted)

        if self._aside:
            self.transact("put the new tables in the places of the old ones", swap, _STRUCTURE)

    def write(self, parts: Sequence[Part], otherwise: Callable[[], None]) -> None:
        """Begin to commit rows; `settle` waits until it is done.

        Args:
            parts: The rows, of one stream and of what is kept about it.
            otherwise: What to do if the database refuses some of them, so that it took none.
        """

        def write(conn: sa.Connection) -> None:
            for part in parts:
                self.dialect.write(conn, part)

        self.settle()
        work = partial(self._transact, _purpose(parts), write, *_tables(parts))
        if self.dialect.works_alone:
            self._pending = _Pending(self._worker.submit(work), otherwise)
            return
        done: Future[None] = Future()
        self._pending = _Pending(done, otherwise)
        try:
            done.set_result(work())
        except RefusedStatement as refused:
            done.set_exception(refused)
        self.settle()

    def settle(self) -> None:
        """Wait until what was begun is committed.

        Raises:
            RefusedStatement: If it could not be.
        """
        pending, self._pending = self._pending, None
        if pending is None:
            return
        try:
            pending.done.result()
        except RefusedStatement as refused:
            if not refused.blames_a_row:
                raise
            pending.otherwise()

    def sift(self, parts: Sequence[Part], refuse: Callable[[Sequence[Refusal]], Part]) -> None:
        """Commit those rows that the database takes.

        Args:
            parts: The rows.
            refuse: What becomes of the others; it may raise, and then none is committed.
        """

        def sift(conn: sa.Connection) -> None:
            refusals = [refusal for part in parts for refusal in self._sift(conn, part)]
            if refusals:
                self.dialect.write(conn, refuse(refusals))

        self.transact(_purpose(parts), sift, *_tables(parts))

    def _sift(self, conn: sa.Connection, part: Part) -> Iterator[Refusal]:
        """Write the rows that the database takes, and find the others by halving."""
        try:
            with conn.begin_nested():
                self.dialect.write(conn, part)
        except (sa.exc.DBAPIError, self._engine.dialect.loaded_dbapi.Error) as error:
            if not self.dialect.blames_a_row(said_by(error)):
                raise
            rows = list(part.rows.items())
            if len(rows) == 1:
                # Some reasons end in the value that was refused.
                reason = re.sub(r': ".*', "", first_line(error))
                yield Refusal(part, *rows[0], reason)
                return
            for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
                yield from self._sift(conn, part._replace(rows=dict(half)))

    def _is_lost(self, error: Exception, conn: sa.Connection | None) -> bool:
        """Whether an error means that there is no connection any more; then it is given up."""
        if conn is None:
            return True
        if isinstance(error, sa.exc.DBAPIError):
            return error.connection_invalidated
        driver = conn.connection.dbapi_connection if not conn.closed else None
        return self._engine.dialect.is_disconnect(cast("Any", error), driver, None)

    def _see_that_none_has_overtaken(self) -> None:
        """Tell the reason why a table that was loaded aside is gone.

        Raises:
            Overtaken: If one is.
        """
        if self._aside:
            with self._engine.connect() as conn:
                for wanted in self._aside.values():
                    find_aside(conn, self.dialect, wanted)

    def _refused(self, purpose: str, error: Exception) -> RefusedStatement:
        said = said_by(error)
        reason = f"{first_line(error)}. {self.dialect.advice(said)}".rstrip()
        refused = RefusedStatement(f"Could not {purpose} in {self.dialect.place}: {reason}")
        refused.blames_a_row = self.dialect.blames_a_row(said)
        return refused

    def _unusable(self, reason: str) -> UnusableDatabase:
        remedy = self.dialect.remedy(reason)
        return UnusableDatabase(f"Cannot use {self.dialect.place} ({reason}): {remedy}.")


def _purpose(parts: Sequence[Part]) -> str:
    rows = sum(len(part.rows) for part in parts)
    return f"write {rows} rows to '{parts[0].table.name}'"


def _tables(parts: Sequence[Part]) -> set[str]:
    return {part.table.full_name for part in parts}
