"""A database to load into: each test that asks for one runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.postgres import empty_database
from tests.target.loading import Database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import sqlalchemy as sa


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """An empty SQLite file."""
    with Database.at(f"sqlite:///{tmp_path / 'loaded.db'}") as database:
        yield database


@pytest.fixture(scope="session")
def _postgres(postgres_server: sa.URL) -> Iterator[Database]:
    with empty_database(postgres_server) as url, Database.at(url) as database:
        yield database


@pytest.fixture
def postgres(_postgres: Database) -> Database:
    """An empty PostgreSQL database: emptied, as making one takes longer than most tests."""
    _postgres.clear()
    return _postgres


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    """An empty database of either kind."""
    database: Database = request.getfixturevalue(request.param)
    return database
