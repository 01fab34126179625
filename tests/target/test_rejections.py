"""Records that are refused, and kept so that the others need not wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from target_relational.errors import LoaderError, RefusedRecord
from tests.target.loading import (
    ARRAY,
    INTEGER,
    NUMBER,
    STRING,
    TIMESTAMP,
    record,
    schema,
    state,
)

if TYPE_CHECKING:
    from tests.target.loading import Database

SKIP = {"on_bad_record": "skip"}


def test_a_refused_record_is_kept_with_its_key_and_the_reason(database: Database) -> None:
    before = datetime.now(UTC)
    passed = database.load(
        schema("people", n=INTEGER, name=STRING),
        record("people", id=1, n=1, name="Ann"),
        record("people", id=2, n="two", name="Zoë"),
        record("people", id=3, n=3),
        state(1),
        **SKIP,
    )

    assert passed == [1]
    assert database.rows("people") == [(1, 1, "Ann"), (3, 3, None)]
    ((stream, key, reason, said, at),) = rejected(database)
    assert (stream, key) == ("people", "[2]")
    assert reason == (
        "A record of 'people' (id=2) is refused: "
        '\'n\' does not satisfy type: ["null", "integer"].'
    )
    assert json.loads(said) == {"id": 2, "n": "two", "name": "Zoë"}
    at = datetime.fromisoformat(at) if database.is_sqlite else at
    assert before <= at <= datetime.now(UTC)


def test_without_being_told_to_skip_nothing_is_skipped(database: Database) -> None:
    with pytest.raises(RefusedRecord, match=r"\(id=2\) is refused: 'n' does not satisfy type"):
        database.load(schema("people", n=INTEGER), record("people", id=2, n="two"))

    assert "_rejected" not in database.tables()


def test_a_record_that_is_refused_again_is_kept_once(database: Database) -> None:
    for _ in range(2):
        database.load(
            schema("people", n=INTEGER),
            record("people", id=2, n="two"),
            record("people", id=2, n="two"),
            add_record_metadata=True,
            **SKIP,
        )

    assert len(rejected(database)) == 1


def test_what_was_refused_is_counted_at_the_end(
    sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    bad = [record("people", id=at, n="x") for at in range(3)]
    sqlite.load(schema("people", n=INTEGER), *bad, **SKIP)

    assert "3 records of 'people' were refused: see the table '_rejected'" in caplog.text


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ('"n": NaN', "'n' is not a number"),
        ('"n": -Infinity', "'n' is not a number"),
        ('"n": 1e99999999999999999999', "'n' is not a number"),
        ('"box": [1, {"x": NaN}]', "'box' is not a number"),
        ('"name": Infinity', "'name' (does not satisfy type|is not a number)"),
        ('"whole": 9223372036854775808', "'whole' is a whole number beyond 64 bits"),
        (
            f'"whole": {"9" * 5000}',
            "'whole' (does not satisfy type|is a whole number beyond 64 bits)",
        ),
        ('"at": "0000-01-01T00:00:00Z"', "'at' is not a date-time"),
        ('"at": "0001-01-01T00:00:00+14:00"', "'at' is not within the years 1 to 9999 in UTC"),
        ('"at": "9999-12-31T23:59:59-14:00"', "'at' is not within the years 1 to 9999 in UTC"),
    ],
)
@pytest.mark.parametrize("validate", [True, False])
def test_an_odd_value_is_refused_by_its_key_and_the_others_are_loaded(
    database: Database, fields: str, reason: str, *, validate: bool
) -> None:
    messages: list[Any] = [
        schema("odd", n=NUMBER, whole=INTEGER, box=ARRAY, name=STRING, at=TIMESTAMP),
        record("odd", id=1),
        f'{{"type":"RECORD","stream":"odd","record":{{"id":7,{fields}}}}}',
        record("odd", id=2),
    ]
    with pytest.raises(RefusedRecord, match=rf"A record of 'odd' \(id=7\) is refused: {reason}"):
        database.load(*messages, validate_records=validate)

    database.load(*messages, validate_records=validate, **SKIP)
    assert database.rows("odd", "id") == [(1,), (2,)]
    assert [key for _, key, *_ in rejected(database)] == ["[7]"]


@pytest.mark.parametrize(
    "fields",
    [
        '"at": "0001-01-01T00:00:00Z"',
        '"at": "2024-05-09T08:15:00+14:00"',
        '"name": "a\\u0000b\\ud800"',
        f'"n": {"9" * 5000}',
        '"box": [NaN]'.replace("NaN", "1e-5"),
    ],
)
def test_an_odd_value_that_fits_is_loaded(postgres: Database, fields: str) -> None:
    postgres.load(
        schema("odd", n=NUMBER, box=ARRAY, name=STRING, at=TIMESTAMP),
        f'{{"type":"RECORD","stream":"odd","record":{{"id":7,{fields}}}}}',
    )

    assert postgres.rows("odd", "id") == [(7,)]


@pytest.mark.parametrize("mode", ["fail", "skip"])
def test_a_row_that_the_database_refuses_is_found_among_the_others(
    database: Database, mode: str
) -> None:
    database.execute("CREATE TABLE people (id BIGINT PRIMARY KEY, n BIGINT CHECK (n <> 13))")
    messages = [schema("people", n=INTEGER), *[record("people", id=n, n=n) for n in range(40)]]
    if mode == "fail":
        with pytest.raises(RefusedRecord, match=r"people' \(id=13\) is refused by the database: "):
            database.load(*messages, state(1))
        assert database.rows("people") == []
        return

    assert database.load(*messages, state(1), **SKIP) == [1]
    assert [at for at, _ in sorted(database.rows("people"))] == [n for n in range(40) if n != 13]
    ((_, key, reason, said, _),) = rejected(database)
    assert json.loads(key) in (["13"], [13])
    assert "is refused by the database: " in reason
    assert {name: str(value) for name, value in json.loads(said).items()} == {"id": "13", "n": "13"}


def test_a_number_in_an_object_that_postgresql_cannot_hold_is_refused(postgres: Database) -> None:
    line = '{"type":"RECORD","stream":"odd","record":{"id":7,"box":["a\\tb",null,1e400000]}}'
    postgres.load(schema("odd", box=ARRAY), record("odd", id=1), line, **SKIP)

    assert postgres.rows("odd", "id") == [(1,)]
    ((_, key, _, said, _),) = rejected(postgres)
    assert (json.loads(key), json.loads(said)["id"]) == (["7"], "7")
    assert "\\t" in json.loads(said)["box"]


def test_keys_that_only_the_database_takes_for_the_same_replace_each_other(
    postgres: Database,
) -> None:
    lines = [
        f'{{"type":"RECORD","stream":"odd","record":{{"id":1,"n":{number},"name":"{number}"}}}}'
        for number in ("1", "1.0", "1.00")
    ]
    postgres.load(schema("odd", ["n"], n=NUMBER, name=STRING), *lines)

    assert postgres.rows("odd", "name") == [("1.00",)]


def test_a_record_without_a_key_is_kept_as_well(database: Database) -> None:
    database.load(schema("people"), record("people"), record("people", id=None), **SKIP)

    assert [key for _, key, *_ in rejected(database)] == ["[null]", "[null]"]


def test_a_record_that_is_no_object_is_refused(sqlite: Database) -> None:
    line = '{"type":"RECORD","stream":"people","record":[1]}'
    with pytest.raises(LoaderError, match="Line 2 of the input holds a record that is no object"):
        sqlite.load(schema("people"), line)


def test_the_table_stands_in_the_schema_of_the_others(postgres: Database) -> None:
    postgres.load(
        schema("people", n=INTEGER),
        record("people", id=1, n="x"),
        default_target_schema="crm",
        **SKIP,
    )

    assert postgres.query("SELECT count(*) FROM crm._rejected") == [(1,)]


def rejected(database: Database) -> list[tuple[Any, ...]]:
    return database.rows("_rejected", "stream", "key", "reason", "record", "rejected_at")
