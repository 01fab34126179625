"""How input is read, and how much of it may wait."""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from target_relational import connector as connector_module
from target_relational import messages as messages_module
from target_relational import target as target_module
from target_relational.errors import LoaderError, RefusedStatement
from tests.target.loading import STRING, line, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.loading import Database


def test_no_more_than_so_many_bytes_wait_of_all_streams_together(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_module, "BUFFER_BYTES", 50_000)
    streams = [f"s{at}" for at in range(10)]
    target = database.target()
    waiting: list[int] = []
    write = target.connector.write

    def witness(parts: Any, otherwise: Any) -> None:
        waiting.append(sum(len(str(row)) for part in parts for row in part.rows.values()))
        write(parts, otherwise)

    monkeypatch.setattr(target.connector, "write", witness)
    lines = [line(schema(stream, name=STRING)) for stream in streams]
    lines += [line(record(stream, id=at, name="x" * 900)) for at in range(60) for stream in streams]
    for text in lines:
        target.message_reader.line_bytes = len(text)
        message = json.loads(text)
        handle = {
            "SCHEMA": target._process_schema_message,
            "RECORD": target._process_record_message,
        }[message["type"]]
        handle(message)
        sinks: Any = target._sinks_active.values()
        assert sum(sink.batch.bytes for sink in sinks) <= 50_000
    target.drain_all()
    target.close()

    assert max(waiting) < 50_000
    assert len(waiting) < 200  # not a few rows at a time either
    assert all(len(database.rows(stream)) == 60 for stream in streams)


def test_a_million_rows_take_no_more_memory_than_some(sqlite: Database) -> None:
    def lines(number: int) -> Any:
        for at in range(number):
            yield record("people", id=at, name="x" * 50)

    peaks = []
    for number in (30_000, 60_000):
        tracemalloc.start()
        target = sqlite.target(batch_size_rows=5_000)
        target._process_schema_message(schema("people", name=STRING))
        for message in lines(number):
            target._process_record_message(message)
        target.drain_all()
        target.close()
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.1 * peaks[0]


# Reading


@pytest.mark.parametrize("size", [1, 7, 100, 1 << 18])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_may_come_in_pieces(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch, size: int, ending: str
) -> None:
    monkeypatch.setattr(messages_module, "_CHUNK", size)
    names = ["Ann", "Zoë 🎉", "x" * 300]
    messages = [
        schema("people", name=STRING),
        *[record("people", id=at, name=name) for at, name in enumerate(names)],
    ]
    text = ending.join(json.dumps(message, ensure_ascii=False) for message in messages)
    source, sink = os.pipe()

    def write() -> None:
        with os.fdopen(sink, "wb") as pipe:
            pipe.write(text.encode())  # no line end behind the last

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(source) as lines:
        target = sqlite.target()
        target.listen(lines)
    writer.join()

    assert sqlite.rows("people") == sorted(enumerate(names), key=json.dumps)


def test_bytes_that_are_no_utf_8_are_said(sqlite: Database, tmp_path: Path) -> None:
    file = tmp_path / "latin.singer"
    file.write_bytes(b'{"type":"STATE","value":{"at":"Zo\xeb"}}\n')
    with (
        file.open() as lines,
        pytest.raises(LoaderError, match="Line 1 of the input is not JSON"),
    ):
        sqlite.target().listen(lines)


# A database that does not come back


def test_a_database_that_stays_away_is_said_in_one_line(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connector_module, "_PATIENCE_SECONDS", 0)
    target = postgres.target()

    def cut(conn: sa.Connection) -> None:
        pid = conn.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        postgres.query(f"SELECT pg_terminate_backend({pid})")
        conn.execute(sa.text("SELECT 1"))

    with pytest.raises(RefusedStatement, match="Could not be cut off in postgresql"):
        target.connector.transact("be cut off", cut)
    target.close()


def test_work_that_was_committed_before_the_connection_broke_is_not_done_again(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = postgres.target()
    target._process_schema_message(schema("log", []))
    engine = target.connector._engine
    broken: list[bool] = []

    def break_after_the_commit(conn: sa.Connection) -> None:
        if not broken:
            broken.append(True)
            driver: Any = conn.connection.dbapi_connection
            driver.commit()
            driver.close()

    monkeypatch.setattr("time.sleep", print)
    sa.event.listen(engine, "commit", break_after_the_commit)
    target._process_record_message(record("log", id=1))
    target._process_state_message(state(1))
    target.drain_all()
    target.close()

    assert broken
    assert postgres.rows("log") == [(1,)]
