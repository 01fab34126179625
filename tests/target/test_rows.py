"""What records become in the database."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from target_relational.errors import LoaderError, RefusedRecord
from tests.target.loading import (
    ARRAY,
    BOOLEAN,
    DATE,
    INTEGER,
    NUMBER,
    OBJECT,
    STRING,
    TIME,
    TIMESTAMP,
    record,
    schema,
)

if TYPE_CHECKING:
    from tests.target.loading import Database

# Keys


def test_of_two_records_with_one_key_the_last_one_stays(database: Database) -> None:
    database.load(
        schema("opens", n=INTEGER),
        record("opens", id=1, n=1),
        record("opens", id=2, n=2),
        record("opens", id=1, n=10),
    )

    assert database.rows("opens") == [(1, 10), (2, 2)]


def test_a_later_batch_and_a_later_run_replace_rows_of_the_same_key(database: Database) -> None:
    messages = [schema("opens", n=INTEGER), *[record("opens", id=at % 3, n=at) for at in range(8)]]
    database.load(*messages, batch_size_rows=2)
    assert database.rows("opens") == [(0, 6), (1, 7), (2, 5)]

    database.load(schema("opens", n=INTEGER), record("opens", id=1, n=70))
    assert database.rows("opens") == [(0, 6), (1, 70), (2, 5)]


def test_a_key_of_several_columns_tells_rows_apart_by_all_of_them(database: Database) -> None:
    clicks = schema("clicks", ["id", "url"], url=STRING, n=INTEGER)
    database.load(
        clicks,
        record("clicks", id=1, url="", n=1),
        record("clicks", id=1, url="a", n=2),
        record("clicks", id=1, url="", n=3),
    )

    assert database.key("clicks") == ["id", "url"]
    assert database.rows("clicks") == [(1, "", 3), (1, "a", 2)]


def test_rows_without_a_key_are_appended(database: Database) -> None:
    for _ in range(2):
        database.load(schema("log", []), record("log", id=1), record("log", id=1))

    assert database.key("log") == []
    assert database.rows("log") == [(1,)] * 4


def test_a_stream_of_nothing_but_its_key_may_be_loaded_twice(database: Database) -> None:
    for _ in range(2):
        database.load(schema("tags"), record("tags", id=1))

    assert database.rows("tags") == [(1,)]


def test_a_record_whose_key_is_null_is_refused(database: Database) -> None:
    with pytest.raises(RefusedRecord, match=r"A record of 'opens' has no 'id', part of its key\."):
        database.load(schema("opens"), record("opens", id=None))


def test_append_only_adds_a_row_for_each_record(database: Database) -> None:
    for n in (1, 2):
        messages = (
            schema("opens", n=INTEGER),
            record("opens", id=1, n=n),
            record("opens", id=1, n=n),
        )
        database.load(*messages, load_method="append-only")

    assert database.rows("opens") == [(1, 1), (1, 1), (1, 2), (1, 2)]


def test_overwrite_begins_with_empty_tables_but_only_once_a_run(database: Database) -> None:
    database.load(schema("opens"), record("opens", id=1))
    database.load(
        schema("opens"),
        record("opens", id=2),
        schema("opens", n=INTEGER),
        record("opens", id=3, n=3),
        load_method="overwrite",
    )

    assert database.rows("opens", "id", "n") == [(2, None), (3, 3)]


# Missing and null


def test_a_field_that_is_missing_is_null_even_where_a_value_was(database: Database) -> None:
    database.load(schema("people", name=STRING), record("people", id=1, name="Ann"))
    database.load(schema("people", name=STRING), record("people", id=1), record("people", id=2))

    assert database.rows("people") == [(1, None), (2, None)]


def test_a_column_that_the_schema_no_longer_has_keeps_its_values(database: Database) -> None:
    database.load(schema("people", name=STRING), record("people", id=1, name="Ann"))
    database.load(schema("people", age=INTEGER), record("people", id=1, age=7))

    assert database.rows("people", "id", "name", "age") == [(1, "Ann", 7)]


def test_null_objects_and_arrays_are_sql_null(database: Database) -> None:
    database.load(
        schema("people", address=OBJECT, tags=ARRAY),
        record("people", id=1, address=None, tags=None),
        record("people", id=2, address={"street": None}, tags=[None]),
        record("people", id=3, address={}, tags=[]),
    )

    found = database.query("SELECT id FROM people WHERE address IS NULL AND tags IS NULL")
    assert found == [(1,)]
    assert loaded_json(database, "people", "address") == [None, {"street": None}, {}]
    assert loaded_json(database, "people", "tags") == [None, [None], []]


def test_a_field_that_no_schema_names_is_left_out_and_said_once(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    database.load(schema("people"), record("people", id=1, x=1), record("people", id=2, x=2))

    assert database.rows("people") == [(1,), (2,)]
    assert caplog.text.count("Not in the schema of 'people', not loaded: x") == 1


# Strings, numbers, JSON


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "NULL",
        r"\N",
        r"\.",
        "\\",
        "a\tb\nc\rd\\ne",
        "\x01\x7f\x85\u2028",
        'O\'Neil "Bob"; DROP TABLE people; --',
        "%s %(id)s :id ?",
        "Zoë 🎉 日本 \u202eright",
        "x" * 100_000,
    ],
)
def test_any_string_comes_back_as_it_was(database: Database, text: str) -> None:
    messages = (
        schema("people", name=STRING, box=OBJECT),
        record("people", id=1, name=text, box={text: [text]}),
    )
    database.load(*messages)

    assert database.rows("people", "name") == [(text,)]
    assert loaded_json(database, "people", "box") == [{text: [text]}]


def test_what_a_database_cannot_write_becomes_a_replacement_character(database: Database) -> None:
    odd = "a\0b\ud800c\\u0000"
    database.load(
        schema("people", name=STRING, box=ARRAY), record("people", id=1, name=odd, box=[odd])
    )

    nul = "\0" if database.is_sqlite else "\ufffd"
    shown = f"a{nul}b\ufffdc\\u0000"
    assert database.rows("people", "name") == [(shown,)]
    assert loaded_json(database, "people", "box") == [[shown]]


def test_a_string_of_a_known_format_is_still_any_string(database: Database) -> None:
    formats = {name: {"type": "string", "format": name} for name in ("uuid", "email", "uri")}
    database.load(schema("people", **formats), record("people", id=1, uuid="x", email="y", uri="z"))

    assert set(database.columns("people").values()) == {"bigint", "text"}
    assert database.rows("people") == [(1, "x", "y", "z")]


def test_numbers_are_exact_in_postgresql(postgres: Database) -> None:
    numbers = ["0.1", "12345678901234567890.123456789012345678901234567890", "-0.00", "1e-300", "7"]
    lines = [
        f'{{"type":"RECORD","stream":"prices","record":{{"id":{at},"price":{number}}}}}'
        for at, number in enumerate(numbers)
    ]
    postgres.load(schema("prices", price=NUMBER), *lines)

    found = postgres.query("SELECT price FROM prices ORDER BY id")
    assert found == [(Decimal(number),) for number in numbers]


def test_numbers_are_the_nearest_double_in_sqlite(sqlite: Database) -> None:
    sqlite.load(
        schema("prices", price=NUMBER),
        '{"type":"RECORD","stream":"prices","record":{"id":1,"price":0.30000000000000004}}',
        '{"type":"RECORD","stream":"prices","record":{"id":2,"price":9007199254740993}}',
        '{"type":"RECORD","stream":"prices","record":{"id":3,"price":1e30}}',
    )

    found = sqlite.query("SELECT price FROM prices ORDER BY id")
    assert found == [(0.30000000000000004,), (9007199254740993,), (1e30,)]


def test_integers_and_booleans_come_back_as_they_were(database: Database) -> None:
    database.load(
        schema("facts", n=INTEGER, yes=BOOLEAN),
        record("facts", id=1, n=2**63 - 1, yes=True),
        record("facts", id=2, n=-(2**63), yes=False),
        record("facts", id=3, n=0, yes=None),
    )

    assert database.rows("facts") == [(1, 2**63 - 1, 1), (2, -(2**63), 0), (3, 0, None)]


def test_nested_numbers_keep_their_digits(database: Database) -> None:
    line = '{"type":"RECORD","stream":"facts","record":{"id":1,"box":{"n":0.12345678901234567890}}}'
    database.load(schema("facts", box=OBJECT), line)

    found = database.query("SELECT CAST(box AS TEXT) FROM facts")
    assert "0.12345678901234567890" in found[0][0]


def test_a_property_of_several_types_is_text(database: Database) -> None:
    mixed = {"type": ["string", "integer", "boolean", "object", "null"]}
    untyped: dict[str, Any] = {}
    values = ["a", 5, True, {"b": [1]}, None]
    database.load(
        schema("facts", mixed=mixed, untyped=untyped),
        *[record("facts", id=at, mixed=value, untyped=value) for at, value in enumerate(values)],
    )

    texts = ["a", "5", "true", '{"b":[1]}', None]
    assert database.rows("facts") == [(at, text, text) for at, text in enumerate(texts)]


# Times

INSTANTS = {
    "2024-05-09T08:15:00Z": datetime(2024, 5, 9, 8, 15, tzinfo=UTC),
    "2024-05-09T08:15:00.123456Z": datetime(2024, 5, 9, 8, 15, 0, 123456, tzinfo=UTC),
    "2024-05-09T22:15:00+14:00": datetime(2024, 5, 9, 8, 15, tzinfo=UTC),
    "2024-05-08T20:15:00-12:00": datetime(2024, 5, 9, 8, 15, tzinfo=UTC),
    "2024-05-09T13:45:00+05:30": datetime(2024, 5, 9, 8, 15, tzinfo=UTC),
    "2024-05-09T08:15:00": datetime(2024, 5, 9, 8, 15, tzinfo=UTC),
    "2024-05-09 08:15:00+00:00": datetime(2024, 5, 9, 8, 15, tzinfo=UTC),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1, tzinfo=UTC),
    "9999-12-31T23:59:59.999999Z": datetime.max.replace(tzinfo=UTC),
}


@pytest.mark.parametrize("text", INSTANTS)
def test_an_instant_comes_back_as_the_same_instant_whatever_its_offset(
    database: Database, text: str
) -> None:
    database.load(schema("opens", at=TIMESTAMP), record("opens", id=1, at=text))

    ((found,),) = database.rows("opens", "at")
    assert (datetime.fromisoformat(found) if database.is_sqlite else found) == INSTANTS[text]


def test_instants_sort_and_compare_in_the_database(database: Database) -> None:
    texts = [
        "2024-05-09T08:15:00.5Z",
        "2024-05-09T08:15:00Z",
        "2024-05-09T08:14:59+00:00",
        "2024-05-09T22:16:00+14:00",
    ]
    database.load(
        schema("opens", at=TIMESTAMP),
        *[record("opens", id=at, at=text) for at, text in enumerate(texts)],
    )

    assert database.query("SELECT id FROM opens ORDER BY at") == [(2,), (1,), (0,), (3,)]
    assert database.query("SELECT count(*) FROM opens WHERE at >= '2024-05-09'") == [(4,)]
    assert database.query("SELECT count(*) FROM opens WHERE at >= '2024-05-10'") == [(0,)]


def test_sqlite_reads_the_instants_with_its_own_functions(sqlite: Database) -> None:
    sqlite.load(
        schema("opens", at=TIMESTAMP), record("opens", id=1, at="2024-05-09T10:15:00+02:00")
    )

    assert sqlite.rows("opens", "at") == [("2024-05-09T08:15:00.000000+00:00",)]
    assert sqlite.query("SELECT datetime(at), strftime('%Y', at) FROM opens") == [
        ("2024-05-09 08:15:00", "2024")
    ]


def test_postgresql_keeps_instants_with_their_time_zone(postgres: Database) -> None:
    postgres.load(
        schema("opens", at=TIMESTAMP), record("opens", id=1, at="2024-05-09T10:15:00+02:00")
    )

    assert postgres.columns("opens")["at"] == "timestamp with time zone"
    assert postgres.query("SELECT at AT TIME ZONE 'Asia/Tokyo' FROM opens") == [
        (datetime(2024, 5, 9, 17, 15),)  # noqa: DTZ001 - as a clock in Tokyo shows it
    ]


def test_the_time_zone_of_the_machine_and_of_the_server_change_nothing(
    postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.setenv("PGTZ", "America/Anchorage")
    postgres.load(
        schema("opens", at=TIMESTAMP, day=DATE),
        record("opens", id=1, at="2024-05-09T00:30:00", day="2024-05-09"),
    )

    ((moment, day),) = postgres.rows("opens", "at", "day")
    assert moment == datetime(2024, 5, 9, 0, 30, tzinfo=UTC)
    assert day == date(2024, 5, 9)


def test_dates_and_times_of_day_come_back_as_they_were(database: Database) -> None:
    database.load(
        schema("events", day=DATE, start=TIME),
        record("events", id=1, day="2024-02-29", start="08:15:00"),
        record("events", id=2, day="0001-01-01", start="00:30:00.5+02:00"),
    )

    found = database.rows("events")
    if database.is_sqlite:
        assert found == [(1, "2024-02-29", "08:15:00.000000"), (2, "0001-01-01", "22:30:00.500000")]
    else:
        assert found == [
            (1, date(2024, 2, 29), time(8, 15)),
            (2, date(1, 1, 1), time(22, 30, 0, 500_000)),
        ]


# Refusals

UNCHECKED = {"validate_records": False}


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        (INTEGER, 2**63, "is a whole number beyond 64 bits"),
        (INTEGER, 1.5, "is not a whole number|does not satisfy type"),
        (NUMBER, [], "is not a number|does not satisfy type"),
        (NUMBER, "one", "is not a number|does not satisfy type"),
        (INTEGER, "5", "is not a whole number|does not satisfy type"),
        (INTEGER, True, "is not a number|does not satisfy type"),
        (BOOLEAN, 1, "is not true or false|does not satisfy type"),
        (TIMESTAMP, "yesterday", "is not a date-time"),
        (TIMESTAMP, "0001-01-01T00:00:00+14:00", "is not within the years 1 to 9999"),
        (DATE, "2024-02-30", "is not a date"),
        (TIME, "25:00:00", "is not a time"),
        (OBJECT, "text", "is not an object or an array|does not satisfy type"),
    ],
)
@pytest.mark.parametrize("validate", [True, False], ids=["validated", "not validated"])
def test_a_value_that_does_not_fit_is_refused_by_its_key(
    database: Database, kind: dict[str, Any], value: object, complaint: str, *, validate: bool
) -> None:
    with pytest.raises(RefusedRecord, match=complaint) as refusal:
        database.load(
            schema("facts", value=kind),
            record("facts", id=6, value=None),
            record("facts", id=7, value=value),
            validate_records=validate,
        )

    assert "A record of 'facts' (id=7) is refused: 'value'" in str(refusal.value)
    assert database.rows("facts") == []


@pytest.mark.parametrize(
    ("number", "complaint"),
    [
        ("1e999999999", "has more digits than PostgreSQL's|is a number beyond what SQLite can"),
        ("-1e400000", "has more digits than PostgreSQL's|is a number beyond what SQLite can"),
    ],
)
def test_a_number_beyond_the_database_is_refused_by_its_key(
    database: Database, number: str, complaint: str
) -> None:
    line = f'{{"type":"RECORD","stream":"facts","record":{{"id":7,"n":{number}}}}}'
    with pytest.raises(RefusedRecord, match=rf"\(id=7\) is refused: 'n' ({complaint})"):
        database.load(schema("facts", n=NUMBER), line)
    with pytest.raises(RefusedRecord, match="'n' is a whole number beyond 64 bits"):
        database.load(schema("others", n=INTEGER), line.replace("facts", "others"), **UNCHECKED)


def test_a_whole_number_may_be_written_with_a_point(database: Database) -> None:
    line = '{"type":"RECORD","stream":"facts","record":{"id":1,"n":-2.50e1}}'
    database.load(schema("facts", n=INTEGER), line, **UNCHECKED)

    assert database.rows("facts") == [(1, -25)]


def test_a_decimal_in_a_string_is_a_number_where_the_schema_says_so(postgres: Database) -> None:
    decimal = {"type": ["string", "null"], "format": "x-singer.decimal"}
    postgres.load(schema("facts", n=decimal), record("facts", id=1, n="1.50"))

    assert postgres.query("SELECT n::text FROM facts") == [("1.50",)]


def test_a_number_that_a_stream_map_computes_is_stored(database: Database) -> None:
    maps = {"facts": {"n": "float(record['id']) / 4"}}
    database.load(schema("facts"), record("facts", id=1), stream_maps=maps)

    assert float(database.rows("facts", "n")[0][0]) == 0.25


def test_a_missing_field_that_the_schema_requires_is_refused(database: Database) -> None:
    required = schema("people", name=STRING)
    required["schema"]["required"] = ["name"]
    with pytest.raises(RefusedRecord, match=r"\(id=1\) is refused: 'name' is a required property"):
        database.load(required, record("people", id=1))


def test_a_batch_of_files_is_refused(sqlite: Database) -> None:
    batch = {"type": "BATCH", "stream": "people", "encoding": {"format": "jsonl"}, "manifest": []}
    with pytest.raises(LoaderError, match="This loader reads no BATCH messages"):
        sqlite.load(schema("people"), batch)


def test_a_refusal_does_not_repeat_what_was_refused(
    database: Database, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    for settings in ({}, {"validate_records": False}):
        with pytest.raises(RefusedRecord) as refusal:
            database.load(
                schema("people", at=TIMESTAMP, n=INTEGER),
                record("people", id=1, at="ann@example.com", n="ann@example.com"),
                **settings,
            )
        assert "ann@" not in str(refusal.value)
    assert "ann@" not in caplog.text + "".join(capsys.readouterr())


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("{", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"stream": "people"}', "lacks type"),
        ('{"type": "RECORD", "stream": "people", "row": {"mail": "ann@"}}', "lacks record"),
        ('{"type": "ROW"}', "is a message of the unknown type 'ROW'"),
    ],
)
def test_a_line_that_is_no_message_is_named_by_its_number(
    sqlite: Database, line: str, complaint: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(LoaderError) as error:
        sqlite.load(schema("people"), "", line)

    assert str(error.value) == f"Line 3 of the input {complaint}."
    assert "ann@" not in caplog.text


def test_after_a_refused_record_nothing_of_its_batch_is_there_and_all_before_it_is(
    database: Database,
) -> None:
    with pytest.raises(RefusedRecord):
        database.load(
            schema("facts"),
            record("facts", id=1),
            record("facts", id=2),
            record("facts", id=3),
            record("facts", id=2**63),
            batch_size_rows=2,
        )

    assert database.rows("facts") == [(1,), (2,)]


# What is left alone


def test_a_second_load_of_the_same_rows_rewrites_none_of_them(database: Database) -> None:
    messages = [
        schema("people", at=TIMESTAMP, price=NUMBER, box=OBJECT, name=STRING),
        *[
            record(
                "people", id=at, at="2024-05-09T08:15:00Z", price=1.5, box={"a": [at]}, name=None
            )
            for at in range(5)
        ],
    ]
    database.load(*messages, add_record_metadata=True)
    before = written(database)
    database.load(*messages, add_record_metadata=True)

    assert written(database) == before


def test_a_row_that_differs_only_by_a_null_is_rewritten(database: Database) -> None:
    database.load(schema("people", name=STRING), record("people", id=1, name=None))
    database.load(schema("people", name=STRING), record("people", id=1, name=""))
    assert database.rows("people", "name") == [("",)]

    database.load(schema("people", name=STRING), record("people", id=1, name=None))
    assert database.rows("people", "name") == [(None,)]


def test_metadata_says_when_a_row_was_last_changed(database: Database) -> None:
    start = datetime.now(UTC) - timedelta(seconds=1)
    extracted = {
        **record("people", id=1),
        "time_extracted": "2024-05-09T10:15:00+02:00",
        "version": 3,
    }
    database.load(schema("people"), extracted, add_record_metadata=True)

    ((extracted_at, received_at, deleted_at, version),) = database.rows(
        "people", "_sdc_extracted_at", "_sdc_received_at", "_sdc_deleted_at", "_sdc_table_version"
    )
    if database.is_sqlite:
        extracted_at, received_at = map(datetime.fromisoformat, (extracted_at, received_at))
    assert extracted_at == datetime(2024, 5, 9, 8, 15, tzinfo=UTC)
    assert received_at >= start
    assert (deleted_at, version) == (None, 3)


def loaded_json(database: Database, table: str, column: str) -> list[Any]:
    found = database.query(f"SELECT {column} FROM {table} ORDER BY id")
    return [
        json.loads(value) if database.is_sqlite and value is not None else value
        for (value,) in found
    ]


def written(database: Database) -> list[tuple[Any, ...]]:
    """What changes when rows are written, even with the values that they had."""
    if database.is_sqlite:
        return database.rows("people", "_sdc_received_at", "_sdc_sequence")
    return database.query("SELECT ctid::text, xmin::text FROM people ORDER BY id")
