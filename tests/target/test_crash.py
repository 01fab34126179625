"""Whatever dies, and whenever: after the repeat nothing is lost and nothing doubled."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from tests.target.loading import INTEGER, STRING, Message, line, record, schema, state
from tests.target.processes import PATIENCE, Loader, left_after, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.target.loading import Database

CRASHES = int(os.environ.get("CRASHES", "6"))
"""How many moments are tried, each with its own seed."""
SMALL: dict[str, Any] = {"batch_size_rows": 50, "max_state_lag_seconds": 0.02}


def history(seed: int, length: int = 3000) -> tuple[list[Message], dict[str, list[Any]]]:
    """What a tap says, and what the tables then have to hold."""
    chance = random.Random(seed)
    people: dict[int, int] = {}
    messages = [schema("people", n=INTEGER), schema("opens", ["id", "of"], of=STRING, n=INTEGER)]
    opens: dict[tuple[int, str], int] = {}
    for at in range(length):
        person = chance.randrange(400)
        if chance.random() < 0.6:
            people[person] = at
            messages.append(record("people", id=person, n=at))
        else:
            opens[at, str(person)] = at
            messages.append(record("opens", id=at, of=str(person), n=at))
        if at % 37 == 0:
            messages.append(state(at))
    messages.append(state(length))
    truth: dict[str, list[Any]] = {
        "people": sorted(people.items()),
        "opens": sorted((*key, n) for key, n in opens.items()),
    }
    return messages, truth


def found(database: Database, tables: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {table: sorted(database.query(f"SELECT * FROM {table}")) for table in tables}


@pytest.mark.parametrize("seed", range(CRASHES))
def test_a_loader_that_is_killed_loses_and_doubles_nothing(
    database: Database, tmp_path: Path, seed: int
) -> None:
    messages, truth = history(seed)
    chance = random.Random(seed)
    passed: list[Any] = []
    for attempt in range(5):
        source = written(tmp_path / f"{attempt}.singer", left_after(messages, passed))
        loader = Loader.start(database, source, **SMALL)
        loader.kill(chance.uniform(0, 1.2))
        passed += loader.passed
    source = written(tmp_path / "last.singer", left_after(messages, passed))

    assert Loader.start(database, source, **SMALL).end() == 0
    assert found(database, truth) == truth


def version(number: int, ids: range) -> list[Message]:
    records = [{**record("people", id=at, n=at), "version": number} for at in ids]
    activation = {"type": "ACTIVATE_VERSION", "stream": "people", "version": number}
    return [schema("people", n=INTEGER), *records, activation, state(number)]


@pytest.mark.parametrize("seed", range(CRASHES))
@pytest.mark.parametrize("load_method", ["upsert", "overwrite"])
def test_no_table_is_ever_empty_however_a_run_dies(
    database: Database, tmp_path: Path, load_method: str, seed: int
) -> None:
    chance = random.Random(seed)
    database.load(*version(1, range(400)), hard_delete=True)
    settings: dict[str, Any] = {
        "hard_delete": True,
        "batch_size_rows": 50,
        "load_method": load_method,
    }
    old, new = [(at, at) for at in range(400)], [(at, at) for at in range(200, 1000)]
    source = written(tmp_path / "people.singer", version(2, range(200, 1000)))
    for _ in range(4):
        Loader.start(database, source, **settings).kill(chance.uniform(0, 0.8))
        rows = sorted(database.query("SELECT id, n FROM people"))
        if load_method == "overwrite":
            assert rows in (old, new)
        else:
            assert rows == new or set(old) <= set(rows)

    assert Loader.start(database, source, **settings).end() == 0
    assert sorted(database.query("SELECT id, n FROM people")) == new
    assert set(database.tables()) == {"people", "_seen_people"}


# PostgreSQL goes away


@contextlib.contextmanager
def disturbed(postgres: Database, seed: int, *, crash: bool) -> Iterator[list[int]]:
    """End the loader's connections at random moments; returns those that were ended."""
    ended: list[int] = []
    over = threading.Event()
    chance = random.Random(seed)

    def disturb() -> None:
        while not over.wait(0.02) and not postgres.tables():
            pass  # What cannot be reached at the start is said at once, not waited for.
        while not over.wait(chance.uniform(0, 0.1)) and len(ended) < (2 if crash else 6):
            with contextlib.suppress(sa.exc.DBAPIError):
                ended.extend(_ended(postgres, crash=crash))

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield ended
    finally:
        over.set()
        thread.join()


def _ended(postgres: Database, *, crash: bool) -> list[int]:
    backends = [
        pid
        for (pid,) in postgres.query(
            "SELECT pid FROM pg_stat_activity"
            " WHERE application_name = 'target-relational' AND datname = current_database()"
        )
    ]
    for pid in backends:
        if crash:
            os.kill(pid, signal.SIGKILL)
        else:
            postgres.query(f"SELECT pg_terminate_backend({pid})")
    return backends


@pytest.mark.parametrize("seed", range(CRASHES))
def test_a_connection_that_is_cut_doubles_not_even_rows_without_a_key(
    postgres: Database, tmp_path: Path, seed: int
) -> None:
    messages: list[Message] = [schema("log", []), *[record("log", id=at) for at in range(30_000)]]
    source = written(tmp_path / "log.singer", [*messages, state(1)])
    with disturbed(postgres, seed, crash=False) as ended:
        loader = Loader.start(postgres, source, batch_size_rows=20)

        assert loader.end() == 0
    assert ended
    assert loader.passed == [1]
    assert sorted(postgres.query("SELECT id FROM log")) == [(at,) for at in range(30_000)]


@pytest.mark.parametrize("seed", range(max(1, CRASHES // 3)))
def test_a_server_that_crashes_and_comes_back_loses_and_doubles_nothing(
    postgres: Database, tmp_path: Path, seed: int
) -> None:
    if os.environ.get("TEST_POSTGRES_URL"):
        pytest.skip("the server of TEST_POSTGRES_URL is not ours to kill")
    messages, truth = history(seed, 20_000)
    # The tests' server is not durable, but a commit shall outlive it here.
    name = sa.make_url(postgres.url).database
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = on")
    with disturbed(postgres, seed, crash=True) as ended:
        loader = Loader.start(postgres, written(tmp_path / "a.singer", messages), **SMALL)

        assert loader.end() == 0
    assert ended
    assert loader.passed[-1] == 20_000
    assert found(postgres, truth) == truth


# A full disk

WIDE: dict[str, Any] = {"filling": "x" * 1900}
"""What PostgreSQL neither compresses nor keeps elsewhere: four rows fill a page of 8 kB."""


@contextlib.contextmanager
def quota(postgres: Database) -> Iterator[Callable[[], object]]:
    """Let no file grow beyond a segment of the log (16 MiB); returns what ends that.

    The server hands the limit down to the processes that it starts for new connections.
    """
    ((lines,),) = postgres.query("SELECT pg_read_file('postmaster.pid')")
    server = lines.splitlines()[0]
    owner = Path("/proc", server).stat()

    def limit(*size: str) -> str:
        # Not even root may do this to the processes of other users everywhere.
        command = ["prlimit", f"--pid={server}", "--output=SOFT", "--noheadings", *size]
        return subprocess.run(
            command,
            check=True,
            capture_output=True,
            text=True,
            user=owner.st_uid,
            group=owner.st_gid,
        ).stdout.strip()

    before = limit("--fsize")
    limit(f"--fsize={2**24}:")
    try:
        yield lambda: limit(f"--fsize={before}:")
    finally:
        limit(f"--fsize={before}:")


@contextlib.contextmanager
def disk(postgres: Database) -> Iterator[Callable[[], object]]:
    """Put the tables on a disk of 4 MiB; returns what makes it larger."""
    name = sa.make_url(postgres.url).database
    ((data,),) = postgres.query("SHOW data_directory")
    # As for the server itself: its user must be able to enter all folders on the way.
    with (
        tempfile.TemporaryDirectory(prefix="disk-") as folder,
        postgres.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn,
    ):

        def mount(options: str) -> bool:
            options = f"{options},mode=700,uid={Path(data).stat().st_uid}"
            command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder]
            return subprocess.run(command, check=False, capture_output=True).returncode == 0

        if os.geteuid() or not mount("size=4m"):
            pytest.skip("this user may mount no disk")
        try:
            conn.exec_driver_sql(f"CREATE TABLESPACE small LOCATION '{folder}'")
            conn.exec_driver_sql(f"ALTER DATABASE {name} SET default_tablespace = small")
            yield lambda: mount("remount,size=64m")
        finally:
            conn.exec_driver_sql(f"ALTER DATABASE {name} RESET default_tablespace")
            postgres.clear()
            conn.exec_driver_sql("DROP TABLESPACE small")
            subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize(("room", "rows"), [(quota, 12_000), (disk, 4_000)])
def test_a_full_disk_of_the_server_s_loses_nothing_and_is_said_with_what_to_do(
    postgres: Database, tmp_path: Path, room: Any, rows: int
) -> None:
    if os.environ.get("TEST_POSTGRES_URL"):
        pytest.skip("the server of TEST_POSTGRES_URL is not ours to fill")
    guarded = replace(postgres, url=postgres.url.replace("@", ":open-sesame@", 1))
    messages: list[Message] = [schema("people", filling=STRING)]
    for at in range(rows):
        messages.append(record("people", id=at, **WIDE))
        if at % 100 == 99:
            messages.append(state(at))
    settings: dict[str, Any] = {"batch_size_rows": 100, "max_state_lag_seconds": 0}
    with room(postgres) as make_room:
        loader = Loader.start(guarded, written(tmp_path / "a.singer", messages), **settings)
        assert loader.end() == 1
        covered = loader.passed[-1]
        assert 99 < covered < rows - 1
        assert postgres.query("SELECT id FROM people ORDER BY id") == [
            (at,) for at in range(covered + 1)
        ]
        (line,) = [line for line in loader.said.splitlines() if "ERROR" in line]
        assert "Could not write 100 rows to 'people' in postgresql+psycopg2://" in line
        assert line.endswith("Check free disk space.")
        assert "Traceback" not in loader.said
        assert "open-sesame" not in loader.said

        make_room()
        left = written(tmp_path / "b.singer", left_after(messages, loader.passed))
        assert Loader.start(guarded, left, **settings).end() == 0
        assert postgres.query("SELECT id FROM people ORDER BY id") == [(at,) for at in range(rows)]


def test_a_full_disk_loses_nothing_that_a_state_covers(sqlite: Database, tmp_path: Path) -> None:
    messages, truth = history(1)
    source = written(tmp_path / "people.singer", messages)
    at_every_state = {**SMALL, "max_state_lag_seconds": 0}
    loader = Loader.start(sqlite, source, most_bytes=100_000, **at_every_state)
    assert loader.end() == 1
    covered = loader.passed[-1]
    assert 0 < covered < 3000
    kept = {at for table in truth for *_, at in sqlite.query(f"SELECT * FROM {table}")}
    assert {n for _, n in truth["people"] if n < covered} <= kept
    assert {n for *_, n in truth["opens"] if n < covered} <= kept
    (line,) = [line for line in loader.said.splitlines() if "ERROR" in line]
    assert line.endswith("Check free disk space.")
    assert "Traceback" not in loader.said

    left = left_after(messages, loader.passed)
    assert Loader.start(sqlite, written(tmp_path / "left.singer", left), **SMALL).end() == 0
    assert found(sqlite, truth) == truth


# Two at once


def test_two_loaders_of_the_same_tables_neither_corrupt_nor_deadlock(
    database: Database, tmp_path: Path
) -> None:
    names = ["a", "b"]
    loaders = []
    for seed in range(3):
        chance = random.Random(seed)
        streams = chance.sample(names, 2)
        messages: list[Message] = [schema(stream, n=INTEGER) for stream in streams]
        for _ in range(20):
            ids = chance.sample(range(200), 200)
            messages += [record(stream, id=at, n=at) for at in ids for stream in streams]
            messages.append(state(seed))
        source = written(tmp_path / f"{seed}.singer", messages)
        loaders.append(Loader.start(database, source, batch_size_rows=70, max_state_lag_seconds=0))

    assert [loader.end() for loader in loaders] == [0, 0, 0]
    for name in names:
        assert sorted(database.query(f"SELECT * FROM {name}")) == [(at, at) for at in range(200)]


@pytest.mark.parametrize("shared", [True, False])
def test_two_loaders_may_activate_and_write_at_once(
    database: Database, tmp_path: Path, *, shared: bool
) -> None:
    """Versions that they share, or that each has for itself."""
    sources = []
    for seed in range(2):
        numbers = range(8) if shared else range(seed, 16, 2)
        messages = [message for number in numbers for message in version(number, range(300))]
        sources.append(written(tmp_path / f"{seed}.singer", messages))
    settings: dict[str, Any] = {"batch_size_rows": 90, "hard_delete": True}
    loaders = [Loader.start(database, source, **settings) for source in sources]

    assert [loader.end() for loader in loaders] == [0, 0]
    assert sorted(database.query("SELECT id, n FROM people")) == [(at, at) for at in range(300)]


OVERWRITE: dict[str, Any] = {"load_method": "overwrite", "batch_size_rows": 20}


@pytest.mark.parametrize("further", [0, 100])
def test_of_two_loaders_that_overwrite_a_table_at_once_the_one_that_began_last_has_it(
    database: Database, tmp_path: Path, further: int
) -> None:
    """The other one says so with its next batch, or at its end."""
    database.load(schema("people", n=INTEGER), record("people", id=1, n=1))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    first = Loader.start(database, pipe, hard_delete=True, **OVERWRITE)
    with pipe.open("w") as tap:

        def send(ids: range) -> None:
            _, *records, _, _ = version(1, ids)
            tap.write("".join(f"{line(message)}\n" for message in records))
            tap.flush()

        tap.write(f"{line(schema('people', n=INTEGER))}\n")
        send(range(100))
        wait_for(lambda: any(name.startswith("_loading_") for name in database.tables()))
        source = written(tmp_path / "second.singer", version(2, range(100, 400)))
        second = Loader.start(database, source, hard_delete=True, **OVERWRITE)
        assert second.end() == 0
        with contextlib.suppress(BrokenPipeError):
            send(range(100, 100 + further))
            tap.write(f"{line(state(1))}\n")

    assert first.end() == 1
    assert first.passed == []
    assert "Another loader has begun to overwrite table 'people' since" in first.said
    assert sorted(database.query("SELECT id, n FROM people")) == [
        (at, at) for at in range(100, 400)
    ]
    assert set(database.tables()) == {"people", "_seen_people"}


@pytest.mark.parametrize("seed", range(CRASHES // 2))
def test_loaders_that_overwrite_at_once_leave_whole_tables_of_one_of_them(
    database: Database, tmp_path: Path, seed: int
) -> None:
    """Whenever they begin, and in whatever order: and one more only adds to the tables."""
    chance = random.Random(seed)
    names = ["a", "b"]
    old = {(at, -1) for at in range(50)}
    added = {(at, -2) for at in range(2000, 2400)}
    for name in names:
        database.load(schema(name, n=INTEGER), *[record(name, id=at, n=n) for at, n in old])

    def start(number: int, rows: set[tuple[int, int]], **settings: Any) -> Loader:
        streams = chance.sample(names, 2)
        records = [record(name, id=at, n=n) for at, n in sorted(rows) for name in streams]
        messages = [*[schema(name, n=INTEGER) for name in streams], *records, state(number)]
        source = written(tmp_path / f"{number}.singer", messages)
        return Loader.start(database, source, **settings)

    adding = start(0, added, batch_size_rows=20)
    results = {number: {(at, number) for at in range(1000)} for number in (1, 2, 3)}
    loaders = {}
    for number, rows in results.items():
        time.sleep(chance.uniform(0, 0.3))
        loaders[number] = start(number, rows, **OVERWRITE)

    assert adding.end() == 0
    ended = {number: loader.end() for number, loader in loaders.items()}
    for number, code in ended.items():
        assert (code, loaders[number].passed) in ((0, [number]), (1, []))
        assert code == 0 or "Another loader has begun to overwrite" in loaders[number].said
    whole = [rows for number, rows in results.items() if ended[number] == 0]
    found = [set(database.query(f"SELECT id, n FROM {name}")) - added for name in names]
    assert found[0] == found[1]
    assert found[0] in (whole or [old])


# Silence


def test_a_state_that_is_due_is_passed_on_although_the_tap_is_silent(
    database: Database, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    loader = Loader.start(database, pipe, max_state_lag_seconds=0.2)
    with pipe.open("w") as tap:
        messages = [schema("people"), record("people", id=1), state(1)]
        tap.write("".join(f"{line(message)}\n" for message in messages))
        tap.flush()
        wait_for(lambda: loader.passed == [1])
        assert database.rows("people") == [(1,)]

        tap.write(f"{line(record('people', id=2))}\n{line(state(2))}\n")
        tap.flush()
        wait_for(lambda: loader.passed == [1, 2])
    assert loader.end() == 0


def test_a_request_to_stop_is_heard_although_the_tap_is_silent(
    database: Database, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    loader = Loader.start(database, pipe)
    with pipe.open("w") as tap:
        messages = [schema("people"), record("people", id=1), state(1)]
        tap.write("".join(f"{line(message)}\n" for message in messages))
        tap.flush()
        wait_for(lambda: "people" in database.tables())
        time.sleep(0.1)
        assert loader.process.pid is not None
        os.kill(loader.process.pid, signal.SIGTERM)
        assert loader.end() == 0

    assert loader.passed == [1]
    assert database.rows("people") == [(1,)]


def wait_for(happened: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_an_interrupted_overwrite_leaves_the_tables_as_they_were(sqlite: Database) -> None:
    sqlite.load(schema("people"), record("people", id=1))
    target = sqlite.target(load_method="overwrite")
    with contextlib.suppress(SystemExit):
        for message in (schema("people"), record("people", id=2), state(1)):
            target.message_reader.line_bytes = 1
            if message["type"] == "SCHEMA":
                target._process_schema_message(message)
            elif message["type"] == "RECORD":
                target._process_record_message(message)
        target.message_reader.busy = False
        target._handle_termination(signal.SIGTERM, None)

    assert sqlite.rows("people") == [(1,)]
    with contextlib.closing(sqlite3.connect(sa.make_url(sqlite.url).database or "")) as file:
        assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
