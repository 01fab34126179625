"""How fast the loader is, beside others and beside what the databases can do at all.

All load the same Singer files in one run, into a PostgreSQL with its defaults and a SQLite file;
afterwards their tables must hold the same. `python -m benchmarks.loaders`
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from benchmarks import rivals, singer_files
from benchmarks.figures import Figure, publish
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.email_reports import EmailOpens
from tests.postgres import running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.rivals import Rival

CONTACTS, TRACKING = 50_000, 250_000
LIMIT_CONTACTS = 200_000
"""Contacts that are compared with the bare limit, which has no process to start."""
REPEATS = 5
"""How often short runs are repeated: the shortest counts, as others use the machine."""
FEW, MANY = 100_000, 1_000_000
"""Rows whose loading is compared in memory."""
MOST_MEGABYTES = 150
LEAN = {"add_indexes": False}
"""No other loader makes indexes on other columns than the key."""
OFF = {**LEAN, "validate_records": False}
ON = {**LEAN, "add_record_metadata": True}


@dataclass(frozen=True)
class Sample:
    """A Singer file and what to compare of its table."""

    name: str
    file: Path
    stream: str
    key: list[str]
    columns: list[str]
    """Columns that every loader stores alike."""


@dataclass(frozen=True)
class Outcome:
    """What a run took."""

    seconds: float
    megabytes: float


class Bench:
    """The files, the databases, and the clock."""

    def __init__(self, folder: Path, url: sa.URL) -> None:
        self.folder = folder
        self.url = url
        self.contacts = Sample(
            "contacts",
            singer_files.contacts(folder / "contacts.singer", CONTACTS),
            Contacts.name,
            list(Contacts.primary_keys),
            ["contact_id", "email_address__address", "first_name", "job_title", "birthday_day"],
        )
        self.many_contacts = replace(
            self.contacts,
            file=singer_files.contacts(folder / "many_contacts.singer", LIMIT_CONTACTS),
        )
        self.tracking = Sample(
            "tracking rows",
            singer_files.tracking(folder / "tracking.singer", TRACKING),
            EmailOpens.name,
            list(EmailOpens.primary_keys),
            ["campaign_activity_id", "contact_id", "occurrence", "email_address", "device_type"],
        )

    @property
    def address(self) -> str:
        """PostgreSQL's address, for our own loader."""
        return self.url.render_as_string(hide_password=False)

    @property
    def sqlite(self) -> Path:
        """SQLite's file."""
        return self.folder / "loaded.db"

    def ours(self, **settings: Any) -> Rival:  # noqa: ANN401 - any setting
        """Our loader, into PostgreSQL."""
        return rivals.ours(self.address, self.folder, **settings)

    def dlt(self, sample: Sample) -> Rival:
        """The loader dlt."""
        return rivals.dlt(self.url, self.folder, sample.file, sample.stream, sample.key)

    def ours_into_sqlite(self) -> Rival:
        """Our loader, into SQLite."""
        return rivals.ours(f"sqlite:///{self.sqlite}", self.folder, **LEAN)

    def run(self, rival: Rival, file: Path) -> Outcome:
        """Load a file; the seconds are those from the start of the process to its end."""
        with file.open("rb") as lines, (self.folder / "log").open("wb") as log:
            began = time.perf_counter()
            process = subprocess.Popen(  # noqa: S603 - our own words
                rival.command,
                stdin=lines if rival.reads_stdin else subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
                if rival.command[0] == sys.executable
                else {**os.environ, "PYTHONPATH": "", "RUNTIME__DLTHUB_TELEMETRY": "false"},
            )
            megabytes = _peak(process)
            seconds = time.perf_counter() - began
        if process.returncode:
            sys.exit((self.folder / "log").read_text(encoding="utf-8")[-4000:])
        return Outcome(seconds, megabytes)

    def afresh(self, rival: Rival, sample: Sample) -> tuple[Outcome, tuple[Any, ...]]:
        """Load a file into an empty PostgreSQL; returns also what its table then holds."""
        self.clear()
        outcome = self.run(rival, sample.file)
        rate = f"{outcome.seconds:.1f} s, {outcome.megabytes:.0f} MB"
        _say(f"{rival.name} {sample.name}: {rate}")
        return outcome, self.content(sample)

    def clear(self) -> None:
        """Empty both databases, and let PostgreSQL catch up."""
        with self.connected() as conn:
            for schema in self._schemas(conn):
                conn.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")
            conn.exec_driver_sql("CHECKPOINT")
        for file in self.folder.glob("loaded.db*"):
            file.unlink()

    @staticmethod
    def _schemas(conn: sa.Connection) -> list[str]:
        names = sa.text("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname ~ '^loaded'")
        return list(conn.execute(names).scalars())

    @contextlib.contextmanager
    def connected(self) -> Iterator[sa.Connection]:
        """A connection on which each statement is committed."""
        engine = sa.create_engine(self.url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            yield conn

    def content(self, sample: Sample) -> tuple[Any, ...]:
        """How many rows a table has, and a sum over what they hold."""
        columns = ", ".join(f"{name}::text" for name in sample.columns)
        query = (
            f"SELECT count(*), sum(hashtextextended(concat_ws('|', {columns}), 0)::numeric)"  # noqa: S608
            f" FROM {rivals.SCHEMA}.{sample.stream}"
        )
        with self.connected() as conn:
            return tuple(conn.exec_driver_sql(query).one())

    def times_faster(
        self, ours: dict[str, Any], sample: Sample, rival: Callable[[], Rival]
    ) -> float:
        """How many times faster we are: measured before and after the other, which takes longer."""
        before, content = self.afresh(self.ours(**ours), sample)
        theirs, their_content = self.afresh(rival(), sample)
        after, _ = self.afresh(self.ours(**ours), sample)
        _see_that(content == their_content, f"{content} is not {their_content}")
        return theirs.seconds / ((before.seconds + after.seconds) / 2)

    # What the databases can do

    def share_of_copy(self) -> float:
        """Our speed as a share of that of COPY alone, from text that is ready."""
        ours, bare = [], []
        table = f"{rivals.SCHEMA}.{self.many_contacts.stream}"
        for _ in range(REPEATS):
            outcome, content = self.afresh(self.ours(**LEAN), self.many_contacts)
            ours.append(outcome.seconds)
            text = io.BytesIO()
            with self.connected() as conn, contextlib.closing(conn.connection.cursor()) as cursor:
                cursor.copy_expert(f"COPY {table} TO STDOUT", text)
                text.seek(0)
                cursor.execute(f"TRUNCATE {table}")
                cursor.execute("CHECKPOINT")
                began = time.perf_counter()
                cursor.copy_expert(f"COPY {table} FROM STDIN", text)
                bare.append(time.perf_counter() - began)
            _see_that(self.content(self.many_contacts) == content, "COPY stored something else")
        _say(f"bare COPY: {min(bare):.1f} s")
        return min(bare) / min(ours)

    def share_of_tuples(self) -> float:
        """Our speed as a share of that of sqlite3 alone, from tuples that are ready."""
        ours, bare = [], []
        for _ in range(REPEATS):
            self.clear()
            ours.append(self.run(self.ours_into_sqlite(), self.many_contacts.file).seconds)
            bare.append(self._insert_tuples())
        _say(f"SQLite: ours {min(ours):.1f} s, bare {min(bare):.1f} s")
        return min(bare) / min(ours)

    def _insert_tuples(self) -> float:
        """The seconds that sqlite3 takes for the rows that were just loaded."""
        with contextlib.closing(sqlite3.connect(self.sqlite)) as conn:
            rows = conn.execute("SELECT * FROM contacts").fetchall()
            tables = "SELECT sql FROM sqlite_master WHERE name = 'contacts'"
            (definition,) = conn.execute(tables).fetchone()
        bare_file = self.folder / "loaded.db.bare"
        with contextlib.closing(sqlite3.connect(bare_file, isolation_level=None)) as conn:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("PRAGMA synchronous = FULL")
            conn.execute(definition)
            places = ", ".join("?" * len(rows[0]))
            began = time.perf_counter()
            for at in range(0, len(rows), 10_000):
                conn.execute("BEGIN")
                insert = f"INSERT INTO contacts VALUES ({places})"  # noqa: S608 - question marks
                conn.executemany(insert, rows[at : at + 10_000])
                conn.execute("COMMIT")
            seconds = time.perf_counter() - began
            _see_that(conn.execute("SELECT * FROM contacts").fetchall() == rows, "other rows")
        return seconds

    def second_to_first(self, rival: Rival, sample: Sample) -> float:
        """The time that loading the same again takes, as a share of the first time."""
        first, second = [], []
        for _ in range(REPEATS):
            self.clear()
            first.append(self.run(rival, sample.file).seconds)
            second.append(self.run(rival, sample.file).seconds)
        _say(f"{sample.name}: first {min(first):.1f} s, second {min(second):.1f} s")
        return min(second) / min(first)

    def memory(self, rival: Rival) -> tuple[float, float]:
        """The megabytes that few rows take and many, of ten streams interleaved."""
        taken = []
        for number in (FEW, MANY):
            file = singer_files.both(self.folder / "both.singer", number)
            self.clear()
            taken.append(self.run(rival, file).megabytes)
            file.unlink()
        _say(f"memory: {taken[0]:.0f} MB, {taken[1]:.0f} MB")
        return taken[0], taken[1]


def compare(bench: Bench) -> Iterator[Figure]:
    """Measure all that the loader promises."""
    samples = (bench.contacts, bench.tracking)
    for sample, bar in zip(samples, (5, 3), strict=True):
        ratio = bench.times_faster(
            OFF, sample, lambda: rivals.target_postgres(bench.url, bench.folder, **rivals.TUNED)
        )
        yield _times(f"{sample.name} into PostgreSQL against target-postgres, tuned", ratio, bar)
    for sample in samples:
        ratio = bench.times_faster(
            ON, sample, lambda: rivals.target_postgres(bench.url, bench.folder)
        )
        what = "against target-postgres, its defaults, validation and metadata on for both"
        yield _times(f"{sample.name} into PostgreSQL {what}", ratio, 8)
    for sample in samples:
        ratio = bench.times_faster(LEAN, sample, partial(bench.dlt, sample))
        yield _times(f"{sample.name} into PostgreSQL against dlt, merge", ratio, 5)
    yield _share("contacts into PostgreSQL against COPY of text", bench.share_of_copy(), 0.35)
    yield _share("contacts into SQLite against prebuilt tuples", bench.share_of_tuples(), 0.4)
    for place, rival in (("PostgreSQL", bench.ours), ("SQLite", bench.ours_into_sqlite)):
        for sample in samples:
            ratio = bench.second_to_first(rival(), sample)
            what = f"{sample.name} into {place}: a second load of unchanged rows"
            reached = f"{ratio:.2f} of the first"
            yield Figure(what, "no slower than the first", reached, holds=ratio <= 1)
        few, many = bench.memory(rival())
        reached = f"{many:.0f} MB, {few:.0f} MB at {FEW:,}"
        is_lean = many < MOST_MEGABYTES and many <= 1.1 * few
        what = f"{place}: resident memory, {MANY:,} rows of ten streams interleaved"
        most = f"under {MOST_MEGABYTES} MB and within 10 % of that at {FEW:,}"
        yield Figure(what, most, reached, holds=is_lean)


def _peak(process: subprocess.Popen[bytes]) -> float:
    """Wait for a process to end; returns the most megabytes that it had in memory.

    Looked up while it runs: what `wait4` says counts the process that it was forked from as well.
    """
    status = Path(f"/proc/{process.pid}/status")
    peak = 0
    while True:
        with contextlib.suppress(OSError):
            found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="utf-8"))
            peak = int(found[1]) if found else peak
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
        return peak / 1024


def _times(what: str, ratio: float, bar: float) -> Figure:
    return Figure(what, f"at least {bar} times", f"{ratio:.1f} times", holds=ratio >= bar)


def _share(what: str, ratio: float, bar: float) -> Figure:
    return Figure(what, f"at least {bar}", f"{ratio:.2f}", holds=ratio >= bar)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - a command's progress


def _see_that(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - as an assert, which -O drops
    if not holds:
        sys.exit(f"The tables are not equal: {otherwise}")


NOTES = (
    f"{CONTACTS:,} contacts of 30 fields, six of them nested, and {TRACKING:,} opens, from one "
    f"Singer file each, into PostgreSQL with its default settings, fsync on; against "
    f"`{rivals.MELTANOLABS}` and `{rivals.DLT}` (`max_table_nesting=0`), and {LIMIT_CONTACTS:,} "
    "contacts against the bare limits. A time is that of the whole process, its start included; "
    "beside another loader, ours is the mean of a run before and one after the other's, and else "
    f"the shortest of {REPEATS}. Tuned: COPY on, validation and metadata off on both sides. "
    "`add_indexes` is off, as no other loader makes indexes. After each run the tables hold the "
    "same rows."
)


def main() -> None:
    """Measure and publish; whoever stops it finds nothing left behind."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    folder = Path(tempfile.mkdtemp(prefix="loaders-"))
    server = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        with running(server) as url:
            publish("loaders", compare(Bench(folder, url)), NOTES)
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(server)


if __name__ == "__main__":
    main()
