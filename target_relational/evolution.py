"""A table follows its stream's schema: it is created, gains columns, and columns widen.

All of it in one transaction, before the first row: a change that cannot be made leaves the
database as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from target_relational.dialects.base import first_line
from target_relational.errors import ImpossibleChange, LoaderError, Overtaken
from target_relational.kinds import Kind, wider
from target_relational.names import assign, hashed
from target_relational.tables import DELETED_AT, Column, Table, Widening

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from target_relational.dialects.base import Dialect


@dataclass(frozen=True)
class Wanted:
    """What a stream needs of its table."""

    stream: str
    schema: str | None
    """The database schema that the table stands in, where there are such."""
    kinds: Mapping[str, Kind]
    """What each property of the stream sends."""
    keys: Sequence[str]
    """The properties that tell its records apart; none if they shall only be appended."""
    indexed: Collection[str] = ()
    """The properties that are asked for."""
    aside: str = ""
    """The mark of the loader that loads the table aside, to put it in the place of the old one at
    the end; empty if its rows go there at once."""

    def __post_init__(self) -> None:
        """Refuse what no table can serve."""
        if not self.kinds:
            raise LoaderError(f"The schema of stream '{self.stream}' has no properties.")
        for key in self.keys:
            if key not in self.kinds:
                raise LoaderError(f"The schema of stream '{self.stream}' lacks its key '{key}'.")
            if self.kinds[key] is Kind.JSON:
                raise LoaderError(
                    f"The key '{key}' of stream '{self.stream}' is an object or an array, "
                    "which cannot tell rows apart: choose another with a stream map."
                )


def follow(conn: sa.Connection, dialect: Dialect, wanted: Wanted, *, afresh: bool) -> Table:
    """Make a stream's table what the stream needs.

    Args:
        conn: The connection, in a transaction.
        dialect: The database's.
        wanted: What the stream needs.
        afresh: Whether a table that is loaded aside begins anew.

    Returns:
        The table, its columns in the order of the stream's properties.

    Raises:
        ImpossibleChange: If the table that is there cannot become that.
    """
    there = sa.inspect(conn).get_table_names(schema=wanted.schema)
    place = _place(dialect, wanted, there)
    name = place
    if wanted.aside and afresh:
        name = _aside(dialect, place, wanted.aside)
        _see_that_it_can_be_dropped(conn, wanted, place)
        _clear_aside(conn, dialect, wanted, place, there)
    elif wanted.aside:
        name = find_aside(conn, dialect, wanted)
    if name in there:
        table = _adapt(conn, dialect, _reflect(conn, name, wanted.schema), wanted)
    else:
        table = _create(conn, dialect, name, wanted)
    if not wanted.aside:
        _index(conn, dialect, table, wanted)
    return table


def replace(conn: sa.Connection, dialect: Dialect, wanted: Wanted) -> None:
    """Put a table that was loaded aside in the place of the old one.

    Args:
        conn: The connection, in a transaction.
        dialect: The database's.
        wanted: What the table was made for.

    Raises:
        Overtaken: If it is not there any more.
    """
    new = _reflect(conn, find_aside(conn, dialect, wanted), wanted.schema)
    place = _place(dialect, wanted, sa.inspect(conn).get_table_names(schema=wanted.schema))
    _drop(conn, wanted, place)
    dialect.rename(conn, new, place)
    names = _assign(dialect, wanted.kinds, new.columns.keys())
    table = _described(dialect, place, wanted, wanted.kinds, names)
    _index(conn, dialect, table, wanted)


def find_aside(conn: sa.Connection, dialect: Dialect, wanted: Wanted) -> str:
    """The name of the table that this loader loads aside.

    Raises:
        Overtaken: If another loader has begun to load the stream anew.
    """
    there = sa.inspect(conn).get_table_names(schema=wanted.schema)
    place = _place(dialect, wanted, there)
    name = _aside(dialect, place, wanted.aside)
    if name not in there:
        raise Overtaken(
            f"Another loader has begun to overwrite table '{place}' since: this one has changed "
            "nothing. Overwrite a table with one loader at a time."
        )
    return name


def lock_name(dialect: Dialect, wanted: Wanted) -> str:
    """What a stream's table is locked by: as `Table.full_name` where case matters in names."""
    return sa.Table(_place(dialect, wanted, ()), sa.MetaData(), schema=wanted.schema).fullname


def _place(dialect: Dialect, wanted: Wanted, there: Collection[str]) -> str:
    """The name of a stream's table."""
    return _assign(dialect, [wanted.stream], there)[wanted.stream]


def _aside(dialect: Dialect, place: str, mark: str) -> str:
    """The name of a table that will take a place: each loader has its own."""
    ending = f"_{mark}"
    most = dialect.max_name_bytes
    return hashed(f"_loading_{place}", most and most - len(ending)) + ending


def _clear_aside(
    conn: sa.Connection, dialect: Dialect, wanted: Wanted, place: str, there: Collection[str]
) -> None:
    """Drop what other loaders have loaded aside: they died, or began before this one."""
    anyones = re.compile(re.escape(_aside(dialect, place, "")) + r"[0-9a-f]{8}")
    for name in there:
        if anyones.fullmatch(name):
            _drop(conn, wanted, name)


def _drop(conn: sa.Connection, wanted: Wanted, name: str) -> None:
    table = sa.Table(name, sa.MetaData(), schema=wanted.schema)
    conn.execute(sa.schema.DropTable(table, if_exists=True))


def _see_that_it_can_be_dropped(conn: sa.Connection, wanted: Wanted, name: str) -> None:
    """Find out now, rather than at the end, that something depends on a table."""
    attempt = conn.begin_nested()
    try:
        _drop(conn, wanted, name)
    except sa.exc.DBAPIError as error:
        raise ImpossibleChange(
            f"Table '{name}' cannot be replaced: {first_line(error)}. "
            "Drop what depends on it, or load it with the method `upsert`."
        ) from None
    attempt.rollback()


def _create(conn: sa.Connection, dialect: Dialect, name: str, wanted: Wanted) -> Table:
    table = _described(dialect, name, wanted, wanted.kinds, _assign(dialect, wanted.kinds, ()))
    key = [sa.PrimaryKeyConstraint(*table.keys)] if table.keys else []
    columns = [sa.Column(c.name, c.type, autoincrement=False) for c in table.sql.columns]
    made = sa.Table(name, sa.MetaData(), *columns, *key, schema=wanted.schema)
    conn.execute(sa.schema.CreateTable(made))
    return table


def _index(conn: sa.Connection, dialect: Dialect, table: Table, wanted: Wanted) -> None:
    """Make indexes on columns that are asked for and that no index begins with."""
    if not wanted.indexed:
        return
    there = sa.inspect(conn).get_indexes(table.name, schema=wanted.schema)
    led = {index["column_names"][0] for index in there} | set(table.keys[:1])
    for column in table.columns:
        wants = column.property in wanted.indexed and column.kind is not Kind.JSON
        if wants and column.name not in led:
            name = hashed(f"{table.name}_{column.name}", dialect.max_name_bytes)
            conn.execute(sa.schema.CreateIndex(sa.Index(name, table.sql.c[column.name])))


def _adapt(conn: sa.Connection, dialect: Dialect, old: sa.Table, wanted: Wanted) -> Table:
    names = {DELETED_AT: DELETED_AT, **_assign(dialect, wanted.kinds, old.columns.keys())}
    kinds = dict(wanted.kinds)
    if DELETED_AT in old.columns:
        kinds.setdefault(DELETED_AT, Kind.TIMESTAMP)  # so that a row that returns is cleared
    widenings = []
    for name, kind in wanted.kinds.items():
        if names[name] not in old.columns:
            continue
        column = old.columns[names[name]]
        before = dialect.kind_of(column.type)
        after = before and wider(before, kind)
        if before is None or after is None:
            raise ImpossibleChange(
                f"Column '{column.name}' of table '{old.name}' is {_typed(dialect, column.type)}, "
                f"and stream '{wanted.stream}' now sends {_typed(dialect, dialect.types[kind])}: "
                "no type holds both. Rename or drop the column, then run again."
            )
        kinds[name] = after
        if after is not before or not dialect.is_roomy(column.type):
            widenings.append(Widening(column.name, before, after))
    if widenings:
        dialect.widen(conn, old, widenings)
    for name, kind in wanted.kinds.items():
        if names[name] not in old.columns:
            dialect.add_column(conn, old, names[name], kind)
    table = _described(dialect, old.name, wanted, kinds, names)
    if set(table.keys) != set(old.primary_key.columns.keys()):
        _set_key(conn, dialect, _reflect(conn, old.name, old.schema), table.keys)
    return table


def _set_key(conn: sa.Connection, dialect: Dialect, old: sa.Table, keys: Sequence[str]) -> None:
    try:
        dialect.set_key(conn, old, keys)
    except (ImpossibleChange, sa.exc.IntegrityError):
        before = ", ".join(old.primary_key.columns.keys()) or "none"
        raise ImpossibleChange(
            f"The key of table '{old.name}' is {before} and would have to become "
            f"{', '.join(keys)}, which is empty or the same in some of its rows. "
            "Repair those rows, or rename or drop the table, then run again."
        ) from None


def _assign(dialect: Dialect, names: Collection[str], taken: Collection[str]) -> dict[str, str]:
    return assign(names, taken, max_bytes=dialect.max_name_bytes, case_matters=dialect.case_matters)


def _reflect(conn: sa.Connection, name: str, schema: str | None) -> sa.Table:
    return sa.Table(name, sa.MetaData(), schema=schema, autoload_with=conn, resolve_fks=False)


def _described(
    dialect: Dialect,
    name: str,
    wanted: Wanted,
    kinds: Mapping[str, Kind],
    names: Mapping[str, str],
) -> Table:
    columns = tuple(Column(prop, names[prop], kind) for prop, kind in kinds.items())
    typed = [sa.Column(column.name, dialect.types[column.kind]) for column in columns]
    return Table(
        columns=columns,
        keys=tuple(names[key] for key in wanted.keys),
        sql=sa.Table(name, sa.MetaData(), *typed, schema=wanted.schema),
    )


def _typed(dialect: Dialect, column_type: sa.types.TypeEngine[Any]) -> str:
    if isinstance(column_type, sa.types.NullType):
        return "of a type that the loader does not know"
    return dialect.ddl(column_type).lower()
