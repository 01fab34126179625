"""The databases that the loader knows.

A further one is a subclass of `Dialect` and an entry here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from target_relational.dialects.postgresql import PostgreSQL
from target_relational.dialects.sqlite import SQLite
from target_relational.errors import UnusableDatabase

if TYPE_CHECKING:
    from target_relational.dialects.base import Dialect

DIALECTS: tuple[type[Dialect], ...] = (SQLite, PostgreSQL)


def dialect_of(address: str) -> Dialect:
    """The dialect that a database's address asks for.

    Args:
        address: The setting `sqlalchemy_url`.

    Raises:
        UnusableDatabase: If it is no address, or that of a database the loader does not know.
    """
    forms = " or ".join(dialect.example for dialect in DIALECTS)
    try:
        url = sa.make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        # The reason is not passed on: it may quote the part that holds the password.
        raise UnusableDatabase(f"sqlalchemy_url cannot be read: write it as {forms}.") from None
    for dialect in DIALECTS:
        if url.drivername in dialect.drivers:
            return dialect(url)
    raise UnusableDatabase(
        f"sqlalchemy_url begins with '{url.drivername}', which this loader cannot write to: "
        f"write it as {forms}."
    )
