"""Which rows a version of a stream has, so that the others can be retired when it is activated.

The keys that came with a version are kept beside the table, in the transaction that writes their
rows: unchanged rows need no rewriting to be known as seen, and a run that is killed leaves them
for the one that goes on with the same version. Activation forgets the keys of the versions that
began before; its own stay, as it may be activated again, and so do those of one that began later,
which is another loader's. What began when, the table itself knows: versions are times by clocks
that may be put back.
"""

from __future__ import annotations

from datetime import UTC, datetime
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
_TURN = "_turn"
"""Which number that version has among all in the order in which they began."""
ACCOUNT = "account_id"
"""The property that says whose a row is, and a version: it retires no other account's rows."""


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
            aside: The mark of a loader that loads that aside, as in `Wanted`: then so are the keys.
        """
        properties = {column.name: column.property for column in table.columns}
        keys = [properties[key] for key in table.keys]
        # As wide as the table's own columns, whatever the stream sends now.
        kinds = {
            column.property: column.kind
            for column in table.columns
            if column.property in {*keys, ACCOUNT}
        }
        wanted = Wanted(
            stream=f"_seen_{stream}",
            schema=schema,
            kinds={**kinds, _SEEN_IN: Kind.INTEGER, _TURN: Kind.INTEGER},
            keys=[*keys, _SEEN_IN],
            aside=aside,
        )
        self.table = connector.prepare(wanted)
        self._connector = connector
        self._turns: dict[int, int] = {}
        self._layout = Layout(stream, self.table, connector.dialect)
        self._rows: dict[Key, Row] = {}

    def add(self, record: dict[str, Any], version: int) -> None:
        """Note that a record came with a version."""
        key, row = self._layout.row({**record, _SEEN_IN: version, _TURN: self.turn(version)})
        self._rows[key] = row

    def turn(self, version: int) -> int:
        """The number of a version in the order in which they began; the next if this one does."""
        if version not in self._turns:
            keys = self.table.sql
            known = sa.select(sa.func.max(keys.c[_TURN])).where(keys.c[_SEEN_IN] == version)
            last = sa.select(sa.func.coalesce(sa.func.max(keys.c[_TURN]), 0) + 1)
            number = sa.select(sa.func.coalesce(known.scalar_subquery(), last.scalar_subquery()))
            self._turns[version] = self._connector.transact(
                f"see how far '{self.table.name}' has come",
                lambda conn: int(conn.execute(number).scalar_one()),
            )
        return self._turns[version]

    def taken(self) -> Part:
        """What was noted since the last time."""
        part = Part(self.table, Change.PUT, self._rows)
        self._rows = {}
        return part


def retire(
    conn: sa.Connection,
    table: Table,
    seen: Table | None,
    version: int,
    *,
    turn: int,
    account: str | None,
    hard: bool,
) -> None:
    """Delete the rows that a version does not have, or mark them as deleted.

    Args:
        conn: The connection, in a transaction.
        table: The stream's table.
        seen: The keys that came with the version; none where rows have no keys, and say in a
            column of their own with which version they came.
        version: The version.
        turn: Its number in the order in which versions began, where keys are known.
        account: Whose it is; None where that is told by the rows that came with it, if at all.
        hard: Whether they are deleted indeed.
    """
    rows = table.sql
    if seen is None:
        # A later version is another loader's, which is beginning or has ended meanwhile.
        stale = [sa.or_(rows.c[VERSION].is_(None), rows.c[VERSION] < version)]
    else:
        keys = seen.sql
        same = [
            rows.c[key] == keys.c[kept] for key, kept in zip(table.keys, seen.keys, strict=False)
        ]
        since = keys.c[_TURN] >= turn
        stale = [~sa.exists().where(since, *same), *_whose(table, seen, version, account)]
    statement: sa.Delete | sa.Update = sa.delete(rows).where(*stale)
    if not hard:
        now = values.timestamp(datetime.now(UTC).isoformat())
        living = rows.c[DELETED_AT].is_(None)
        statement = sa.update(rows).where(*stale, living).values({DELETED_AT: now})
    conn.execute(statement)
    if seen is not None:
        before = [seen.sql.c[_TURN] < turn, *_whose(seen, seen, version, account)]
        conn.execute(sa.delete(seen.sql).where(*before))


def _whose(
    table: Table, seen: Table, version: int, account: str | None
) -> list[sa.ColumnElement[bool]]:
    """What a version may touch of a table: its account's rows, where rows say whose they are."""
    whose, seen_whose = table.column(ACCOUNT), seen.column(ACCOUNT)
    if whose and account is not None:
        return [table.sql.c[whose] == account]
    if not (whose and seen_whose):
        return []
    keys = seen.sql
    accounts = sa.select(keys.c[seen_whose]).where(keys.c[_SEEN_IN] == version)
    return [table.sql.c[whose].in_(accounts)]
