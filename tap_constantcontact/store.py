"""What must outlive a run and is no Singer state: the tokens, the calls made today, the pace.

A store keeps small JSON documents under keys, for all processes that share it: in a folder on
one machine, or in a database. docs/decisions/0007-store.md says why, and what a kill leaves.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import random
import re
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy.dialects import postgresql, sqlite
from typing_extensions import override

from tap_constantcontact.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from contextlib import AbstractContextManager

Document = dict[str, Any]

LOCK_SECONDS = 300
"""How long to wait for another process, which may be renewing a token and be out of luck."""

POLL_SECONDS = 0.01
"""How often a file's lock is asked for: a change holds it for a millisecond."""

TABLE = "tap_constantcontact_store"

DIALECTS: dict[str, Callable[[sa.Table], sqlite.Insert | postgresql.Insert]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}
"""The databases that a store can be in, and how each inserts a row unless it is there."""

PLACES = "write a folder, sqlite:///folder/file.db or postgresql+psycopg2://user@host/database"
"""What a store may be, for messages."""

SEALED = "sealed"
"""The one field of a document that is encrypted."""


class Store(ABC):
    """Keeps documents under keys, for all processes that share it.

    Args:
        keys: Fernet keys: the first encrypts what is written, any decrypts. None: plain text.

    Raises:
        SettingsError: A key is none.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        try:
            fernets = [Fernet(key) for key in keys]
        except ValueError:
            raise SettingsError(
                "store_key is no key: make one with tap-constantcontact-login --new-store-key."
            ) from None
        self._fernet = MultiFernet(fernets) if fernets else None

    @abstractmethod
    def __str__(self) -> str:
        """Return where it is, without a password."""

    def get(self, key: str) -> Document | None:
        """Return the document under a key, or None.

        Raises:
            StoreError: It cannot be read.
        """
        text = self._read(key)
        return None if text is None else self._opened(text, key)

    def change(self, key: str, change: Callable[[Document | None, float], Document | None]) -> None:
        """Replace a document by what it becomes, with nobody else's change in between.

        Args:
            key: The document's key.
            change: Returns the new document (None: none) for the old one and the store's clock
                (seconds since 1970; the same for all who share the store). It may be called
                more than once.

        Raises:
            StoreError: It cannot be read or written.
        """

        def changed(old: str | None, now: float) -> str | None:
            before = None if old is None else self._opened(old, key)
            after = change(before, now)
            return None if after is None else self._sealed(after)

        self._change(key, changed)

    def compare_and_set(
        self, key: str, expected: Document | None, document: Document | None
    ) -> bool:
        """Replace a document (None: none) if it is still the expected one; tell whether it was."""
        found: list[bool] = []

        def changed(old: Document | None, _: float) -> Document | None:
            found.append(old == expected)
            return document if found[-1] else old

        self.change(key, changed)
        return found[-1]

    @abstractmethod
    def lock(self, key: str) -> AbstractContextManager[object]:
        """Hold a key against all who lock it, for what takes longer than a change.

        It ends with its process, however that comes. It is not re-entrant.

        Raises:
            StoreError: Another has held it for too long, or it cannot be held here.
        """

    @abstractmethod
    def _read(self, key: str) -> str | None:
        """Return the text under a key, or None."""

    @abstractmethod
    def _change(self, key: str, change: Callable[[str | None, float], str | None]) -> None:
        """Replace a text by what it becomes, with nobody else's change in between."""

    def _sealed(self, document: Document) -> str:
        if self._fernet is not None:
            sealed = self._fernet.encrypt(json.dumps(document).encode())
            document = {SEALED: sealed.decode()}
        return json.dumps(document, indent=1)

    def _opened(self, text: str, key: str) -> Document:
        try:
            document = json.loads(text)
            sealed = document.get(SEALED)
        except (ValueError, AttributeError):
            raise StoreError(
                f"{key} in the store {self} is damaged: delete it and sign in:"
                " tap-constantcontact-login"
            ) from None
        if sealed is None:
            return dict(document)
        if self._fernet is None:
            raise StoreError(f"The store {self} is encrypted: set store_key.")
        try:
            opened: Document = json.loads(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise StoreError(
                f"store_key does not open the store {self}: set the key that it was written with,"
                " or another store, and sign in: tap-constantcontact-login"
            ) from None
        return opened


class FolderStore(Store):
    """A folder that only its owner can read (0700), one file a document (0600).

    A document is replaced as a whole: written beside, brought to the disk, renamed. A process
    killed at any moment leaves the old document or the new one. Locks are the operating
    system's, which ends them with their process.

    Args:
        folder: Where; made when missing.
        keys: See `Store`.
    """

    def __init__(self, folder: Path, keys: Iterable[str] = ()) -> None:
        super().__init__(keys)
        self._folder = folder
        with self._writing():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    @override
    def __str__(self) -> str:
        return str(self._folder)

    @override
    def lock(self, key: str) -> AbstractContextManager[object]:
        return file_lock(self._path(key).with_suffix(".lock"), self)

    @override
    def _read(self, key: str) -> str | None:
        try:
            return self._path(key).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            return ""
        except OSError as error:
            raise StoreError(f"The store {self} cannot be read ({error.strerror}).") from None

    @override
    def _change(self, key: str, change: Callable[[str | None, float], str | None]) -> None:
        with file_lock(self._folder / "changes.lock", self):
            old = self._read(key)
            new = change(old, time.time())
            if new is None:
                with self._writing():
                    self._path(key).unlink(missing_ok=True)
            elif new != old:
                self._write(self._path(key), new)

    def _path(self, key: str) -> Path:
        return self._folder / (re.sub(r"[^\w-]", "_", key) + ".json")

    def _write(self, path: Path, text: str) -> None:
        """Replace a file at once. What a kill leaves beside it, the next one overwrites."""
        beside = path.with_suffix(".new")
        with self._writing():
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(self)


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
            # At DEBUG, parameters and rows would be logged, tokens among them.
            hide_parameters=True,
            logging_name=TABLE,
            **_ENGINE[self._url.get_backend_name()],
        )
        logging.getLogger(f"sqlalchemy.engine.Engine.{TABLE}").setLevel(logging.INFO)
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
    def _change(self, key: str, change: Callable[[str | None, float], str | None]) -> None:
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
                raise StoreError(_held_too_long(f"a lock in {self}")) from None
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


def open_store(where: str, keys: Iterable[str] = ()) -> Store:
    """Return the store at a place: a SQLAlchemy URL, or else a folder.

    Args:
        where: `sqlite:///…`, `postgresql+psycopg2://…` or a path.
        keys: See `Store`.

    Raises:
        SettingsError: The URL or a key makes no sense.
        StoreError: The store cannot be used.
    """
    if "://" in where:
        return DatabaseStore(where, keys)
    return FolderStore(Path(where).expanduser(), keys)


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


@contextlib.contextmanager
def file_lock(path: Path, store: Store) -> Generator[None]:
    """Hold a file against all other processes and threads.

    Args:
        path: The lock's file, which stays and says nothing.
        store: What it belongs to, for messages.

    Raises:
        StoreError: Another has held it for too long, or it cannot be held here.
    """
    lock = filelock.FileLock(path, timeout=LOCK_SECONDS, mode=0o600)
    try:
        with writing(store):
            lock.acquire(poll_interval=POLL_SECONDS)
    except filelock.Timeout:
        raise StoreError(_held_too_long(str(path))) from None
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def writing(store: Store) -> Generator[None]:
    """Say what it means if a file of the store cannot be written.

    Raises:
        StoreError: It cannot.
    """
    try:
        yield
    except filelock.Timeout:
        raise
    except OSError as error:
        raise StoreError(
            f"The store {store} cannot be written ({error.strerror}):"
            " set `store` to a place that can, or refresh tokens would be lost."
        ) from None


def _held_too_long(what: str) -> str:
    return f"Another process has held {what} for {LOCK_SECONDS} seconds: is one hanging?"
