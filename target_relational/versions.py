"""Which rows a version of a stream has, so that the others can be retired when it is activated.

The keys that came with a version are kept beside the table, in the transaction that writes their
rows: unchanged rows need no rewriting to be known as seen, and a run that is killed leaves them
for the one that goes on with the same version. Activation forgets the keys of older versions; its
own stay, as it may be activated again, and so does the table, to which another loader may write.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from target_relational import values
from target_relational.evolution import Wanted
from target_relational.kinds import Kind
from target_relational.rows import Change, Key, Layout, Part, Row
from target_relational.tables import DELETED_AT, VERSION

if TYPE_CHECKING:
    from target_relational.connector import RelationalConnector
    from target_relational.tables import Table

_SEEN_IN = "_seen_in"
"""A version that a key came with."""
_ACCOUNT = "account_id"
"""The property that says whose a row is: a version retires no other account's rows."""


class Seen:
    """The keys that came with a version of a stream whose records have keys."""

    def __init__(
        self,
        connector: RelationalConnector,
        stream: str,
        schema: str | None,
        table: Table,
        aside: str,
    ) -> None:
        """Make a place for the keys.

        Args:
            connector: The connection.
            stream: The stream's name.
            schema: The database schema that its table stands in, if any.
            table: Its table.
            aside: Whether that is loaded aside, as in `Wanted`: then so are the keys.
        """
        properties = {column.name: column.property for column in table.columns}
        keys = [properties[key] for key in table.keys]
        # As wide as the table's own columns, whatever the stream sends now.
        kinds = {
            column.property: column.kind
            for column in table.columns
            if column.property in {*keys, _ACCOUNT}
        }
        wanted = Wanted(
            stream=f"_seen_{stream}",
            schema=schema,
            kinds={**kinds, _SEEN_IN: Kind.INTEGER},
            keys=[*keys, _SEEN_IN],
            aside=aside,
        )
        self.table = connector.prepare(wanted)
        self._layout = Layout(stream, self.table, connector.dialect)
        self._rows: dict[Key, Row] = {}

    def add(self, record: dict[str, Any], version: int) -> None:
        """Note that a record came with a version."""
        key, row = self._layout.row({**record, _SEEN_IN: version})
        self._rows[key] = row

    def taken(self) -> Part:
        """What was noted since the last time."""
        part = Part(self.table, Change.PUT, self._rows)
        self._rows = {}
        return part


def retire(
    conn: sa.Connection, table: Table, seen: Table | None, version: int, *, hard: bool
) -> None:
    """Delete the rows that a version does not have, or mark them as deleted.

    Args:
        conn: The connection, in a transaction.
        table: The stream's table.
        seen: The keys that came with the version; none where rows have no keys, and say in a
            column of their own with which version they came.
        version: The version.
        hard: Whether they are deleted indeed.
    """
    rows = table.sql
    # A later version is another loader's, which is beginning or has ended meanwhile.
    if seen is None:
        stale = [sa.or_(rows.c[VERSION].is_(None), rows.c[VERSION] < version)]
    else:
        stale = _unseen(table, seen, version)
    statement: sa.Delete | sa.Update = sa.delete(rows).where(*stale)
    if not hard:
        now = values.timestamp(datetime.now(timezone.utc).isoformat())
        living = rows.c[DELETED_AT].is_(None)
        statement = sa.update(rows).where(*stale, living).values({DELETED_AT: now})
    conn.execute(statement)
    if seen is not None:
        conn.execute(sa.delete(seen.sql).where(seen.sql.c[_SEEN_IN] < version))


def _unseen(table: Table, seen: Table, version: int) -> list[sa.ColumnElement[bool]]:
    rows, keys = table.sql, seen.sql
    since = keys.c[_SEEN_IN] >= version
    same = [rows.c[key] == keys.c[kept] for key, kept in zip(table.keys, seen.keys, strict=False)]
    conditions: list[sa.ColumnElement[bool]] = [~sa.exists().where(since, *same)]
    account, seen_account = table.column(_ACCOUNT), seen.column(_ACCOUNT)
    if account and seen_account:
        accounts = sa.select(keys.c[seen_account]).where(keys.c[_SEEN_IN] == version)
        conditions.append(rows.c[account].in_(accounts))
    return conditions
