"""When a STATE is passed on: after the commits that cover it, and soon."""

from __future__ import annotations

import io
import os
import signal
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from target_relational import target as target_module
from target_relational.errors import RefusedStatement
from tests.target.loading import (
    INTEGER,
    Database,
    line,
    load,
    passed_on,
    record,
    schema,
    state,
)

if TYPE_CHECKING:
    from target_relational.target import TargetRelational

TEN_OPENS = [record("opens", id=at) for at in range(10)]


class Witness(io.StringIO):
    """A reader of STATEs who looks at once, through a connection of its own, what is there."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.seen: list[tuple[Any, int]] = []

    def write(self, text: str) -> int:
        found = self.database.query("SELECT count(*) FROM opens")
        self.seen += [(at, found[0][0]) for at in passed_on(text)]
        return super().write(text)


def test_when_a_state_is_passed_on_the_records_before_it_are_there_for_everybody(
    database: Database,
) -> None:
    messages = [part for at in range(10) for part in (TEN_OPENS[at], state(at))]
    witness = Witness(database)
    with redirect_stdout(witness):
        target = database.target(max_state_lag_seconds=0, batch_size_rows=3)
        lines = [line(message) for message in (schema("opens"), *messages)]
        target.listen(io.StringIO("\n".join(lines)))

    assert witness.seen == [(at, at + 1) for at in range(10)]


def test_of_several_states_within_the_lag_only_the_last_is_passed_on(database: Database) -> None:
    passed = database.load(
        schema("opens"), state(1), record("opens", id=1), state(2), state(3), record("opens", id=2)
    )

    assert passed == [3]
    assert database.rows("opens") == [(1,), (2,)]


def test_a_state_waits_for_all_streams(database: Database) -> None:
    passed = database.load(
        schema("opens"),
        schema("clicks"),
        record("opens", id=1),
        record("clicks", id=1),
        state(1),
        record("opens", id=2),
        max_state_lag_seconds=0,
    )

    assert passed == [1]
    assert (database.rows("opens"), database.rows("clicks")) == ([(1,), (2,)], [(1,)])


def test_a_state_that_did_not_change_is_passed_on_once(sqlite: Database) -> None:
    passed = sqlite.load(schema("opens"), state(1), state(1), state(2), max_state_lag_seconds=0)

    assert passed == [1, 2]


def test_without_a_state_none_is_passed_on(sqlite: Database) -> None:
    assert sqlite.load(schema("opens"), record("opens", id=1)) == []


def test_a_state_may_hold_a_fraction_and_any_text(sqlite: Database) -> None:
    assert sqlite.load(state({"share": 0.25, "name": "Zoë\u2028🎉"})) == [
        {"share": 0.25, "name": "Zoë\u2028🎉"}
    ]


def test_a_state_is_passed_on_after_the_lag(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = sqlite.target(max_state_lag_seconds=30)
    clock = [0.0]
    monkeypatch.setattr(target_module, "monotonic", lambda: clock[0])
    take = target.message_reader.deserialize_json

    def ten_seconds_later(line: bytes) -> dict[str, Any]:
        clock[0] += 10
        return take(line)

    monkeypatch.setattr(target.message_reader, "deserialize_json", ten_seconds_later)
    messages = [part for at in range(10) for part in (TEN_OPENS[at], state(at))]

    assert load(target, schema("opens"), *messages) == [1, 3, 5, 7, 9]


def test_a_state_is_passed_on_after_so_many_records(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(target_module, "STATE_LAG_RECORDS", 4)
    messages = [part for at in range(10) for part in (TEN_OPENS[at], state(at))]

    passed = sqlite.load(schema("opens"), *messages)

    assert passed == [3, 7, 9]


def test_records_without_a_state_to_pass_on_wait_for_their_batch(sqlite: Database) -> None:
    with_lag = sqlite.target(max_state_lag_seconds=0)
    messages = [schema("opens"), state(0), *TEN_OPENS]
    with_lag.process_lines(io.StringIO("\n".join(map(line, messages))))
    waiting = with_lag.get_sink("opens").current_size
    with_lag.close()

    assert waiting == 10


def test_a_commit_that_fails_passes_no_state_on(database: Database) -> None:
    target = database.target(max_state_lag_seconds=0, batch_size_rows=2)
    commits = 0

    def fail_at_the_third(_: sa.Connection) -> None:
        nonlocal commits
        commits += 1
        if commits > 2:  # the first made the table
            raise OSError(28, "No space left on device")

    sa.event.listen(target.connector._engine, "commit", fail_at_the_third)
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(OSError, match="No space left"):
        load_into(target, schema("opens"), *TEN_OPENS[:2], state(2), *TEN_OPENS[2:4], state(4))
    with redirect_stdout(out):
        target.close()

    assert passed_on(out.getvalue()) == [2]
    assert database.rows("opens") == [(0,), (1,)]


def test_a_constraint_that_fails_at_the_commit_passes_no_state_on(postgres: Database) -> None:
    postgres.execute(
        "CREATE TABLE opens (id BIGINT PRIMARY KEY, n BIGINT)",
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'no room for it' USING DETAIL = 'ann@example.com'; END $$",
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON opens DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW WHEN (NEW.n > 5) EXECUTE FUNCTION refuse()",
    )
    target = postgres.target()
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(RefusedStatement, match="no room for it") as error:
        load(
            target,
            schema("opens", n=INTEGER),
            record("opens", id=1, n=1),
            record("opens", id=2, n=9),
            state(1),
        )

    assert passed_on(out.getvalue()) == []
    assert postgres.rows("opens") == []
    assert "ann@" not in str(error.value)


# A request to stop


class Interrupted(io.StringIO):
    """An input that somebody stops while the loader waits for more of it."""

    def readline(self, *_: Any) -> str:  # type: ignore[override]  # typeshed takes it for bytes
        if text := super().readline():
            return text
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("the loader waited for more")


def test_a_request_to_stop_commits_what_was_read_and_passes_the_state_on(
    database: Database,
) -> None:
    messages = [schema("opens"), record("opens", id=1), state(1), record("opens", id=2)]
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as left:
        database.target().listen(Interrupted("\n".join(map(line, messages)) + "\n"))

    assert left.value.code == 0
    assert passed_on(out.getvalue()) == [1]
    assert database.rows("opens") == [(1,), (2,)]


def test_a_request_to_stop_in_the_middle_of_a_message_waits_for_its_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = database.target(batch_size_rows=2)
    write = target.connector.write

    def stopped_while_writing(*arguments: Any) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        write(*arguments)

    monkeypatch.setattr(target.connector, "write", stopped_while_writing)
    out = io.StringIO()
    with redirect_stdout(out), pytest.raises(SystemExit) as left:
        load_into(target, schema("opens"), state(0), *TEN_OPENS)

    assert left.value.code == 0
    assert passed_on(out.getvalue()) == [0]
    assert database.rows("opens") == [(0,), (1,)]


def load_into(target: TargetRelational, *messages: Any) -> None:
    target.listen(io.StringIO("\n".join(map(line, messages))))
