"""A store in a database."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from typing_extensions import override

from tap_constantcontact.errors import SettingsError, StoreError
from tap_constantcontact.store.base import LOCK_SECONDS, Store, held_too_long
from tap_constantcontact.store.folder import file_lock, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

TABLE = "tap_constantcontact_store"

DIALECTS: dict[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""The databases that a store can be in, and how each inserts a row unless it is there."""

PLACES = "write a folder, sqlite:///folder/file.db or postgresql+psycopg2://user@host/database"
"""What a store may be, for messages."""


class DatabaseStore(Store):
    """A table in SQLite, for the processes of a machine, or in PostgreSQL, for machines.

    A change is one statement that holds only if the text is still the one that was read, so
    nobody holds anything while thinking. A lock is a row's, in PostgreSQL: its server ends it
    with the connection. SQLite can lock only as a whole, so there it is a file's.

    Args:
        url: Where; the table is made when missing.
        keys: See `Store`.

    Raises:
        SettingsError: The URL is none, or of another database.
        StoreError: It cannot be reached.
    """

    def __init__(self, url: str, keys: Iterable[str] = ()) -> None:
        super().__init__(keys)
        self._url = database_url(url)
        is_file = self._url.get_backend_name() == "sqlite"
        self._file = Path(self._url.database or "") if is_file else None
        self._engine = sa.create_engine(
            self._url,
            isolation_level="AUTOCOMMIT",
            # At DEBUG, parameters and rows would be logged, tokens among them; at INFO, several
            # statements for each call.
            hide_parameters=True,
            logging_name=TABLE,
            **_ENGINE[self._url.get_backend_name()],
        )
        logging.getLogger(f"sqlalchemy.engine.Engine.{TABLE}").setLevel(logging.WARNING)
        self._insert = DIALECTS[self._url.get_backend_name()]
        self._table = sa.Table(
            TABLE,
            sa.MetaData(),
            sa.Column("key", sa.Text, primary_key=True),
            sa.Column("document", sa.Text, nullable=False),
        )
        self._prepare()

    @override
    def __str__(self) -> str:
        return self._url.render_as_string(hide_password=True)

    @override
    def lock(self, key: str) -> AbstractContextManager[object]:
        if self._file:
            name = re.sub(r"[^\w-]", "_", key)
            return file_lock(self._file.with_name(f"{self._file.name}.{name}.lock"), self)
        return self._row_lock(f"lock {key}")

    @override
    def _read(self, key: str) -> str | None:
        with self._connected() as conn:
            return conn.scalar(sa.select(self._table.c.document).where(self._table.c.key == key))

    @override
    def _change(
        self, key: str, change: Callable[[str | None, float], str | None], *, lasting: bool
    ) -> None:
        with self._connected() as conn:
            while True:
                old, now = self._with_clock(conn, key)
                new = change(old, now)
                if new == old or self._replaced(conn, key, old, new):
                    return
                # Others were faster; not all of them come back at the same moment.
                time.sleep(random.uniform(0, 0.01))  # noqa: S311 - no secret

    def _with_clock(self, conn: sa.Connection, key: str) -> tuple[str | None, float]:
        table = self._table
        if self._file:
            return conn.scalar(sa.select(table.c.document).where(table.c.key == key)), time.time()
        document = sa.select(table.c.document).where(table.c.key == key).scalar_subquery()
        old, now = conn.execute(sa.select(document, _CLOCK)).one()
        return old, float(now)

    def _replaced(self, conn: sa.Connection, key: str, old: str | None, new: str | None) -> bool:
        """Replace a text if it is still the old one; tell whether it was."""
        table = self._table
        is_old = (table.c.key == key) & (table.c.document == old)
        if old is None:
            row = self._insert(table).values(key=key, document=new)
            done = conn.execute(row.on_conflict_do_nothing())
        elif new is None:
            done = conn.execute(sa.delete(table).where(is_old))
        else:
            done = conn.execute(sa.update(table).where(is_old).values(document=new))
        return done.rowcount == 1

    @contextlib.contextmanager
    def _row_lock(self, row: str) -> Generator[None]:
        """Hold a row of the table that nobody changes, in a transaction of its own."""
        with self._connected() as conn:
            values = self._insert(self._table).values(key=row, document="")
            conn.execute(values.on_conflict_do_nothing())
        with self._speaking():
            conn = self._engine.connect().execution_options(isolation_level="READ COMMITTED")
        try:
            with self._speaking():
                conn.execute(sa.text(_LET_GO))
                key = self._table.c.key
                conn.execute(sa.select(key).where(key == row).with_for_update())
            yield
        finally:
            # The server may have ended it meanwhile: then there is nothing to let go.
            with contextlib.suppress(sa.exc.DBAPIError):
                conn.close()

    def _prepare(self) -> None:
        """Make the table, and SQLite's file so that only its owner can read it."""
        if self._file:
            with writing(self):
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not self._file.exists():
                    os.close(os.open(self._file, os.O_WRONLY | os.O_CREAT, 0o600))
        with self._connected() as conn:
            if not sa.inspect(conn).has_table(TABLE):
                made = sa.schema.CreateTable(self._table, if_not_exists=True)
                # Two who make it at once: PostgreSQL tells the slower one that it is there.
                with contextlib.suppress(sa.exc.IntegrityError, sa.exc.ProgrammingError):
                    conn.execute(made)
                conn.execute(sa.select(self._table.c.key).limit(1))

    @contextlib.contextmanager
    def _connected(self) -> Generator[sa.Connection]:
        with self._speaking(), self._engine.connect() as conn:
            yield conn

    @contextlib.contextmanager
    def _speaking(self) -> Generator[None]:
        """Say what it means if the database does not do what it should."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            if getattr(error.orig, "pgcode", None) == _LOCK_NOT_AVAILABLE:
                raise held_too_long(f"a lock in {self}") from None
            reason = str(error.orig).strip().partition("\n")[0]
            raise StoreError(f"The store {self} cannot be used ({reason}).") from None


_CLOCK = sa.func.extract("epoch", sa.func.clock_timestamp())
_LOCK_NOT_AVAILABLE = "55P03"
_ENGINE: dict[str, dict[str, Any]] = {
    "sqlite": {"poolclass": sa.NullPool, "connect_args": {"timeout": 30}},
    "postgresql": {
        "pool_pre_ping": True,
        "connect_args": {"connect_timeout": 10, "application_name": "tap-constantcontact"},
    },
}
_LET_GO = f"""
SET LOCAL lock_timeout = '{LOCK_SECONDS}s';
SET LOCAL idle_in_transaction_session_timeout = '{2 * LOCK_SECONDS}s';
SET LOCAL tcp_keepalives_idle = 30;
SET LOCAL tcp_keepalives_interval = 10;
SET LOCAL tcp_keepalives_count = 3
"""
"""When PostgreSQL ends a lock whose holder hangs, or whose machine has lost its power."""


def database_url(text: str) -> sa.URL:
    """Return the URL of a database that a store can be in.

    Raises:
        SettingsError: It is none.
    """
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError:
        raise SettingsError(f"store is neither a folder nor an address: {PLACES}.") from None
    if url.get_backend_name() not in DIALECTS:
        raise SettingsError(f"store cannot be in {url.get_backend_name()!r}: {PLACES}.")
    no_file = re.match(r"(:memory:|file:|$)", url.database or "")
    if url.get_backend_name() == "sqlite" and no_file:
        raise SettingsError(f"store names no file, so that tokens would be lost: {PLACES}.")
    return url
