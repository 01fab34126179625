"""`tap-constantcontact-status`: what is in the tables, how old it is, and what is missing.

It reads the database that a loader has filled, and changes nothing in it. For people it prints a
table, for programs JSON or what Prometheus reads; for monitors it has exit codes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import sqlalchemy as sa
from dotenv import find_dotenv, load_dotenv

from tap_constantcontact.errors import NoTables, SettingsError, Stale, Unsettled
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.contact_reports import ContactCounts
from tap_constantcontact.streams.mismatches import SyncMismatches
from tap_constantcontact.tap import OneLineCommand, TapConstantContact
from tap_constantcontact.times import moment, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from singer_sdk.plugin_base import _ConfigInput

LOADED = "_sdc_batched_at"
"""The column in which loaders say when they wrote a row."""

DELETED = "_sdc_deleted_at"
"""The column in which loaders say since when a row is no more."""

REJECTED = "_rejected"
"""The table in which `target-relational` keeps the records that it refused."""

METRICS = "constantcontact"
"""What the names of all metrics begin with."""


@dataclass(frozen=True)
class Table:
    """What a table holds.

    Args:
        table: Its name: that of its stream.
        rows: How many rows it has, without those that are marked as deleted.
        deleted: How many are marked so.
        newest: The latest time in the stream's replication key; None if it has none, or no row.
        loaded: When a row was written last; None if the loader does not say.
    """

    table: str
    rows: int
    deleted: int
    newest: datetime | None
    loaded: datetime | None


@dataclass(frozen=True)
class Calls:
    """The calls of a key's day.

    Args:
        today: How many were made.
        left: How many may still be made.
        again_at: When those of the next day may be made.
    """

    today: int
    left: int
    again_at: datetime


@dataclass(frozen=True)
class Status:
    """How things stand.

    Args:
        tables: The tables that are there, in the order of the streams.
        last_run: When the last run that is in them was; None if nothing in them tells.
        unsettled: Reports that show less than their counter.
        rejected: Records that the loader refused.
        calls: The calls of today; None if nobody said whose.
    """

    tables: tuple[Table, ...]
    last_run: datetime | None
    unsettled: int
    rejected: int
    calls: Calls | None = None

    def check(self, *, stale_after: float | None, strict: bool, now: datetime) -> None:
        """Raise what a monitor should know.

        Args:
            stale_after: Hours that the last load may be ago; None for any number.
            strict: Whether nothing may be missing.
            now: The time.

        Raises:
            Stale: The last run is too long ago, or unknown.
            Unsettled: Something is missing.
        """
        if stale_after is not None:
            if self.last_run is None:
                raise Stale(
                    f"Nothing tells when the last run was: select the stream {ContactCounts.name},"
                    " or set the loader's add_record_metadata."
                )
            ago = (now - self.last_run) / timedelta(hours=1)
            if ago > stale_after:
                raise Stale(
                    f"The last run in the tables was {ago:.1f} hours ago: look at the log of the"
                    " runs since."
                )
        if strict and (self.unsettled or self.rejected):
            raise Unsettled(
                f"{self.unsettled} reports show less than their counter and {self.rejected} records"
                f" were refused: see the tables {SyncMismatches.name} and {REJECTED}."
            )


class Database:
    """The database that a loader has filled; it is only read.

    Args:
        url: Where, as a SQLAlchemy URL of SQLite or PostgreSQL.
        schema: The schema of the tables; None for the one that the connection has.

    Raises:
        SettingsError: The URL is none, or of another database.
    """

    def __init__(self, url: str, schema: str | None = None) -> None:
        try:
            self._url = sa.make_url(url)
        except sa.exc.ArgumentError:
            raise SettingsError(
                "--database is no address: write sqlite:///folder/file.db or"
                " postgresql+psycopg2://user@host/database."
            ) from None
        kind = self._url.get_backend_name()
        if kind not in ("sqlite", "postgresql"):
            raise SettingsError(f"--database cannot be {kind!r}: it is SQLite or PostgreSQL.")
        self._schema = schema
        if kind == "sqlite":
            read_only = self._url.set(
                database=f"file:{quote(self._url.database or '')}",
                query={"mode": "ro", "uri": "true"},
            )
            self._engine = sa.create_engine(read_only, poolclass=sa.NullPool)
        else:
            self._engine = sa.create_engine(
                self._url,
                poolclass=sa.NullPool,
                connect_args={"connect_timeout": 10},
                execution_options={
                    "isolation_level": "REPEATABLE READ",
                    "postgresql_readonly": True,
                },
            )

    def status(self, calls: Calls | None = None) -> Status:
        """Return how things stand.

        Args:
            calls: The calls of today, if they are known.

        Raises:
            NoTables: It cannot be read, or holds nothing of the tap's.
        """
        where = self._url.render_as_string(hide_password=True)
        try:
            with self._engine.connect() as conn:
                columns = self._columns(conn)
                tables = tuple(self._tables(conn, columns))
                last_run = self._last_run(conn, columns, tables)
                unsettled = self._count(conn, columns, SyncMismatches.name, unless="settled_at")
                rejected = self._count(conn, columns, REJECTED)
        except sa.exc.DBAPIError as error:
            reason = str(error.orig).strip().partition("\n")[0]
            raise NoTables(f"The database {where} cannot be read ({reason}).") from None
        if not tables:
            raise NoTables(
                f"The database {where} holds no table of the tap's: load it first, or name their"
                " --schema."
            )
        return Status(tables, last_run, unsettled, rejected, calls)

    def _columns(self, conn: sa.Connection) -> dict[str, set[str]]:
        """Return the columns of each table that this is about."""
        inspector = sa.inspect(conn)
        there = set(inspector.get_table_names(self._schema))
        return {
            name: {column["name"] for column in inspector.get_columns(name, self._schema)}
            for name in [*(stream.name for stream in STREAMS), REJECTED]
            if name in there
        }

    def _tables(self, conn: sa.Connection, columns: Mapping[str, set[str]]) -> Iterator[Table]:
        for stream in STREAMS:
            if stream.name not in columns:
                continue
            # The types of the columns are left out: SQLite's would be read as something else.
            asked = {
                "deleted": ("count", DELETED),
                "newest": ("max", stream.replication_key),
                "loaded": ("max", LOADED),
            }
            found = conn.execute(
                sa.select(
                    sa.func.count().label("rows"),
                    *(
                        getattr(sa.func, function)(sa.column(column)).label(fact)
                        for fact, (function, column) in asked.items()
                        if column in columns[stream.name]
                    ),
                ).select_from(self._named(stream.name))
            ).one()
            facts = found._asdict()
            deleted = facts.get("deleted", 0)
            yield Table(
                stream.name,
                facts["rows"] - deleted,
                deleted,
                as_moment(facts.get("newest")),
                as_moment(facts.get("loaded")),
            )

    def _last_run(
        self, conn: sa.Connection, columns: Mapping[str, set[str]], tables: Iterable[Table]
    ) -> datetime | None:
        """Return when anything was loaded last, or counted: each run does both."""
        moments = [each.loaded for each in tables]
        if ContactCounts.name in columns:
            (counted_at,) = ContactCounts.primary_keys
            counted = sa.select(sa.func.max(sa.column(counted_at, sa.types.NullType())))
            moments.append(
                as_moment(conn.scalar(counted.select_from(self._named(ContactCounts.name))))
            )
        return max((each for each in moments if each), default=None)

    def _count(
        self, conn: sa.Connection, columns: Mapping[str, set[str]], name: str, unless: str = ""
    ) -> int:
        """Return how many rows a table has in which a column is null; none if it is not there."""
        if name not in columns:
            return 0
        counting = sa.select(sa.func.count()).select_from(self._named(name))
        if unless in columns[name]:
            counting = counting.where(sa.column(unless).is_(None))
        return int(conn.scalar(counting) or 0)

    def _named(self, name: str) -> sa.TableClause:
        return sa.table(name, schema=self._schema)


def as_moment(value: object) -> datetime | None:
    """Return a time as a database gives it: a `datetime`, or SQLite's text; UTC without a zone."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=value.tzinfo or UTC).astimezone(UTC)
    return None if value is None else moment(str(value))


def calls_of(tap: TapConstantContact) -> Calls:
    """Return the calls of a key's day, of which it makes none.

    Args:
        tap: Knows whose key, how many it has, and where they are counted.

    Raises:
        TapError: The settings make no sense, or the store cannot be read.
    """
    _, allowance = tap.pacer_and_allowance()
    allowance.look()
    return Calls(allowance.calls_today, allowance.left_today, allowance.next_day)


def as_json(status: Status) -> str:
    """Return it for programs."""
    return json.dumps(asdict(status), default=text_of, indent=2)


def as_table(status: Status) -> str:
    """Return it for people."""
    lines = [("table", "rows", "deleted", "newest", "loaded")]
    for each in status.tables:
        times = (_shown(each.newest), _shown(each.loaded))
        lines.append((each.table, f"{each.rows:,}", f"{each.deleted:,}", *times))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    text = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *map(str.rjust, line[1:3], widths[1:3]),
                *map(str.ljust, line[3:], widths[3:]),
            ]
        ).rstrip()
        for line in lines
    ]
    said = [text[0], "-" * sum([*widths, 8]), *text[1:], ""]
    if status.last_run:
        said.append(f"{_shown(status.last_run)}: the last run")
    if status.calls:
        said.append(
            f"{status.calls.today:,} calls made today, {status.calls.left:,} left"
            f" until {_shown(status.calls.again_at)}"
        )
    said.append(f"{status.unsettled:,} reports show less than their counter")
    said.append(f"{status.rejected:,} records were refused")
    return "\n".join(said)


def _shown(when: datetime | None) -> str:
    return "" if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def as_metrics(status: Status) -> str:
    """Return it in the text format of Prometheus.

    Raises:
        SettingsError: The library for it is not installed.
    """
    try:
        import prometheus_client as prometheus  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        raise SettingsError(
            "--prometheus needs a library: pip install 'tap-constantcontact[metrics]'."
        ) from None
    registry = prometheus.CollectorRegistry()

    def gauge(name: str, what: str, values: Mapping[str | None, float | None]) -> None:
        labels = ["table"] if None not in values else []
        made = prometheus.Gauge(f"{METRICS}_{name}", what, labels, registry=registry)
        for table, value in values.items():
            if value is not None:
                (made.labels(table) if table else made).set(value)

    def seconds(when: datetime | None) -> float | None:
        return None if when is None else when.timestamp()

    tables = status.tables
    gauge("rows", "Rows that are not deleted.", {each.table: each.rows for each in tables})
    gauge(
        "newest_record_timestamp_seconds",
        "The latest time in the replication key.",
        {each.table: seconds(each.newest) for each in tables},
    )
    gauge(
        "loaded_timestamp_seconds",
        "When a row was written last.",
        {each.table: seconds(each.loaded) for each in tables},
    )
    gauge("last_run_timestamp_seconds", "The last run.", {None: seconds(status.last_run)})
    gauge("unsettled_reports", "Reports that show too little.", {None: status.unsettled})
    gauge("rejected_records", "Records that were refused.", {None: status.rejected})
    if status.calls:
        gauge("calls_today", "Calls of the key made this UTC day.", {None: status.calls.today})
        gauge("calls_left", "Calls of the key left this UTC day.", {None: status.calls.left})
    return prometheus.generate_latest(registry).decode().rstrip("\n")


FORMATS = {"table": as_table, "json": as_json, "prometheus": as_metrics}


def given_settings(
    ctx: click.Context, option: click.Option, given: tuple[str, ...]
) -> _ConfigInput:
    """Read the tap's settings; those of the environment also from the `.env` file of this folder.

    Raises:
        SettingsError: A file cannot be read.
    """
    if "ENV" in given:
        load_dotenv(find_dotenv(usecwd=True))
    return TapConstantContact.cb_config(ctx, option, given)


@click.command(
    cls=OneLineCommand,
    logger=TapConstantContact.logger,
    help="Say what is in the tables, how old it is, and what is missing.",
)
@click.option(
    "--database",
    metavar="URL",
    required=True,
    envvar=["TARGET_POSTGRES_SQLALCHEMY_URL", "TARGET_SQLITE_SQLALCHEMY_URL"],
    show_envvar=True,
    help="What the loader fills: sqlite:///file.db or postgresql+psycopg2://user@host/database.",
)
@click.option(
    "--schema",
    envvar="TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA",
    show_envvar=True,
    help="The tables' schema; default: the one that the connection has.",
)
@click.option(
    "--config",
    multiple=True,
    callback=given_settings,
    is_eager=True,
    metavar="FILE",
    help="The tap's settings, or ENV for the environment and `.env`: then the calls of today are"
    " told, too.",
)
@click.option("--json", "form", flag_value="json", help="Print JSON.")
@click.option("--prometheus", "form", flag_value="prometheus", help="Print metrics.")
@click.option(
    "--stale-after",
    type=click.FloatRange(min=0),
    metavar="HOURS",
    help=f"Exit with {Stale.exit_code} if the last run is so long ago.",
)
@click.option(
    "--strict",
    is_flag=True,
    help=f"Exit with {Unsettled.exit_code} if a report shows too little or a record was refused.",
)
def main(
    database: str,
    schema: str | None,
    config: _ConfigInput,
    form: str | None,
    stale_after: float | None,
    *,
    strict: bool,
) -> None:
    """Run the command."""
    known = Database(database, schema)
    calls = None
    if config.config or config.parse_env:
        calls = calls_of(
            TapConstantContact(config=config.config, parse_env_config=config.parse_env)
        )
    status = known.status(calls)
    click.echo(FORMATS[form or "table"](status))
    status.check(stale_after=stale_after, strict=strict, now=datetime.now(UTC))


if __name__ == "__main__":
    main()
