"""What tables look like, and how they follow their schemas."""

from __future__ import annotations

import contextlib
import decimal
import io
import json
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException

from target_relational.errors import (
    ImpossibleChange,
    LoaderError,
    RefusedRecord,
    RefusedStatement,
    UnusableDatabase,
)
from target_relational.names import assign
from target_relational.target import TargetRelational
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
    Database,
    record,
    schema,
)

if TYPE_CHECKING:
    from pathlib import Path

EVERY_KIND = {
    "yes": BOOLEAN,
    "n": INTEGER,
    "price": NUMBER,
    "day": DATE,
    "at": TIMESTAMP,
    "start": TIME,
    "name": STRING,
    "box": OBJECT,
    "tags": ARRAY,
}


# Types


def test_each_kind_has_its_type_in_postgresql(postgres: Database) -> None:
    postgres.load(schema("facts", **EVERY_KIND))

    assert postgres.columns("facts") == {
        "id": "bigint",
        "yes": "boolean",
        "n": "bigint",
        "price": "numeric",
        "day": "date",
        "at": "timestamp with time zone",
        "start": "time without time zone",
        "name": "text",
        "box": "jsonb",
        "tags": "jsonb",
    }


def test_each_kind_has_its_declaration_in_sqlite(sqlite: Database) -> None:
    sqlite.load(schema("facts", **EVERY_KIND))

    assert sqlite.columns("facts") == {
        "id": "bigint",
        "yes": "boolean",
        "n": "bigint",
        "price": "numeric",
        "day": "date",
        "at": "timestamp",
        "start": "time",
        "name": "text",
        "box": "json",
        "tags": "json",
    }


def test_keys_become_the_primary_key(database: Database) -> None:
    database.load(schema("clicks", ["url", "id"], url=STRING))

    assert database.key("clicks") == ["url", "id"]


@pytest.mark.parametrize(
    ("either", "type_"),
    [
        (
            {"anyOf": [{"type": "string", "format": "date-time"}, {"type": ["string", "null"]}]},
            "timestamp",
        ),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}, "numeric"),
        ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, "text"),
        ({"anyOf": [{"type": "object"}, {"type": "string"}]}, "text"),
        ({"anyOf": [{"type": "object"}, {"type": "array"}]}, "json"),
        ({"type": "string", "format": "x-singer.decimal"}, "numeric"),
        ({"enum": ["a", 1]}, "text"),
        ({"type": ["null"]}, "text"),
    ],
)
def test_a_property_with_alternatives_has_a_type_for_all_of_them(
    sqlite: Database, either: dict[str, Any], type_: str
) -> None:
    sqlite.load(schema("facts", either=either))

    assert sqlite.columns("facts")["either"] == type_


# Changes


def test_a_new_property_is_a_new_column(database: Database) -> None:
    database.load(
        schema("people", name=STRING),
        record("people", id=1, name="Ann"),
        schema("people", name=STRING, tags=ARRAY, age=INTEGER),
        record("people", id=2, name="Bob", tags=["x"], age=7),
    )

    assert database.rows("people", "id", "name", "age") == [(1, "Ann", None), (2, "Bob", 7)]


WIDENINGS = [
    (INTEGER, 7, NUMBER, 1.5, [7, 1.5]),
    (INTEGER, 7, STRING, "007", ["7", "007"]),
    (NUMBER, 1.25, STRING, "x", ["1.25", "x"]),
    (BOOLEAN, True, STRING, "x", ["true", "x"]),
    (BOOLEAN, False, STRING, "1", ["false", "1"]),
    (DATE, "2024-05-09", STRING, "x", ["2024-05-09", "x"]),
    (
        TIMESTAMP,
        "2024-05-09T10:15:00.5+02:00",
        STRING,
        "x",
        ["2024-05-09T08:15:00.500000+00:00", "x"],
    ),
    (TIME, "08:15:00", STRING, "x", None),
    (INTEGER, 5, BOOLEAN, True, ["5", "true"]),
    (STRING, "007", INTEGER, 7, ["007", "7"]),
    (NUMBER, 1.5, INTEGER, 2, [1.5, 2]),
    (STRING, "x", TIMESTAMP, "2024-05-09T10:15:00+02:00", ["x", "2024-05-09T10:15:00+02:00"]),
]


@pytest.mark.parametrize(("before", "first", "after", "second", "expected"), WIDENINGS)
@pytest.mark.parametrize("runs", [1, 2], ids=["in one run", "in the next run"])
def test_a_column_widens_and_keeps_what_it_holds(
    database: Database,
    before: Any,
    first: Any,
    after: Any,
    second: Any,
    expected: list[Any] | None,
    runs: int,
) -> None:
    older = schema("facts", value=before), record("facts", id=1, value=first), record("facts", id=0)
    newer = schema("facts", value=after), record("facts", id=2, value=second)
    if runs == 1:
        database.load(*older, *newer)
    else:
        database.load(*older)
        database.load(*newer)

    found = [value for _, value in sorted(database.rows("facts"))]
    assert found[0] is None
    if expected is not None:
        assert found[1:] == expected
    else:
        assert found[1].startswith("08:15:00")


def test_a_date_that_becomes_a_timestamp_is_the_day_s_first_instant_in_utc(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGTZ", "Pacific/Kiritimati")
    database.load(schema("facts", at=DATE), record("facts", id=1, at="2024-05-09"))
    database.load(schema("facts", at=TIMESTAMP), record("facts", id=2, at="2024-05-09T00:00:00Z"))

    found = database.query("SELECT count(*), count(DISTINCT at) FROM facts")
    assert found == [(2, 1)]


def test_a_key_may_widen(database: Database) -> None:
    database.load(schema("people"), record("people", id=1), record("people", id=2))
    database.load(schema("people", id=STRING), record("people", id="1"), record("people", id="x"))

    assert database.key("people") == ["id"]
    assert database.rows("people") == [("1",), ("2",), ("x",)]


def test_every_digit_survives_a_number_that_becomes_text(sqlite: Database) -> None:
    line = '{"type":"RECORD","stream":"facts","record":{"id":1,"n":0.30000000000000004}}'
    sqlite.load(schema("facts", n=NUMBER), line)
    sqlite.load(schema("facts", n=STRING))

    assert sqlite.rows("facts", "n") == [("0.30000000000000004",)]


def test_widening_leaves_indexes_triggers_views_and_other_columns_alone(database: Database) -> None:
    database.load(
        schema("people", n=INTEGER, at=TIMESTAMP, name=STRING),
        record("people", id=1, n=1, at="2024-05-09T08:15:00Z", name="Ann"),
    )
    database.execute(
        "CREATE INDEX people_by_name ON people (name)",
        "CREATE VIEW names AS SELECT name FROM people",
        "ALTER TABLE people ADD COLUMN \"mine\" VARCHAR(10) DEFAULT 'kept'",
    )
    before = database.rows("people", "id", "at", "name", "mine")
    types = database.columns("people")
    database.load(schema("people", n=STRING))

    assert database.rows("people", "id", "at", "name", "mine") == before
    assert database.columns("people") == {**types, "n": "text"}
    assert database.rows("names") == [("Ann",)]
    database.load(schema("people"), record("people", id=2))
    assert database.rows("people", "id", "mine") == [(1, "kept"), (2, "kept")]
    indexes = "pg_indexes WHERE indexname" if not database.is_sqlite else "sqlite_master WHERE name"
    assert database.query(f"SELECT count(*) FROM {indexes} = 'people_by_name'") == [(1,)]


@pytest.mark.parametrize(
    ("type_", "wanted", "sent", "after"),
    [
        ("varchar(3)", STRING, "longer than three", "text"),
        ("char(3)", STRING, "longer than three", "text"),
        ("integer", INTEGER, 2**40, "bigint"),
        ("smallint", INTEGER, 2**40, "bigint"),
        ("numeric(5, 2)", NUMBER, 123456.789, "numeric"),
        ("double precision", NUMBER, 0.1, "numeric"),
        ("json", OBJECT, {"a": 1}, "jsonb"),
        ("timestamp", TIMESTAMP, "2024-05-09T10:15:00+02:00", "timestamp with time zone"),
    ],
)
def test_a_column_that_somebody_made_too_narrow_is_widened(
    postgres: Database, type_: str, wanted: Any, sent: Any, after: str
) -> None:
    postgres.execute(f"CREATE TABLE facts (id BIGINT PRIMARY KEY, value {type_})")
    postgres.load(schema("facts", value=wanted), record("facts", id=1, value=sent))

    assert postgres.columns("facts")["value"] == after
    ((found,),) = postgres.rows("facts", "value")
    if isinstance(found, decimal.Decimal):
        assert str(found) == str(sent)
    elif wanted is not TIMESTAMP:
        assert found == sent


def test_a_float_keeps_its_digits_when_it_becomes_numeric(postgres: Database) -> None:
    postgres.execute(
        "CREATE TABLE facts (id BIGINT PRIMARY KEY, n DOUBLE PRECISION)",
        "INSERT INTO facts VALUES (1, 0.30000000000000004)",
    )
    postgres.load(schema("facts", n=NUMBER))

    assert postgres.query("SELECT n::text FROM facts") == [("0.30000000000000004",)]


@pytest.mark.parametrize(
    ("before", "after", "types"),
    [
        (OBJECT, STRING, ("json", "text")),
        (STRING, ARRAY, ("text", "json")),
        (OBJECT, INTEGER, ("json", "bigint")),
        (NUMBER, OBJECT, ("numeric", "json")),
    ],
)
def test_an_impossible_change_names_table_column_and_types_and_changes_nothing(
    database: Database, before: Any, after: Any, types: tuple[str, str]
) -> None:
    database.load(schema("facts", value=before), record("facts", id=1))
    columns = database.columns("facts")

    with pytest.raises(ImpossibleChange) as error:
        database.load(schema("facts", new=INTEGER, value=after), record("facts", id=2))

    was, sent = (
        f"{name}b" if name == "json" and not database.is_sqlite else name for name in types
    )
    assert str(error.value) == (
        f"Column 'value' of table 'facts' is {was}, and stream 'facts' now sends {sent}: "
        "no type holds both. Rename or drop the column, then run again."
    )
    assert database.columns("facts") == columns
    assert database.rows("facts", "id") == [(1,)]


@pytest.mark.parametrize("type_", ["bytea", "mood", "uuid", "text[]"])
def test_a_column_of_a_foreign_type_is_not_touched(postgres: Database, type_: str) -> None:
    postgres.execute(
        "CREATE TYPE mood AS ENUM ('good', 'bad')",
        f"CREATE TABLE facts (id BIGINT PRIMARY KEY, value {type_})",
    )

    with pytest.raises(ImpossibleChange) as error:
        postgres.load(schema("facts", value=STRING))
    assert f"Column 'value' of table 'facts' is {type_}, and" in str(error.value)


def test_a_column_of_an_unknown_type_is_not_touched(sqlite: Database) -> None:
    sqlite.execute("CREATE TABLE facts (id BIGINT PRIMARY KEY, value)")

    with pytest.raises(ImpossibleChange, match="'facts' is of a type that the loader does not kn"):
        sqlite.load(schema("facts", value=STRING))


def test_a_view_in_the_way_of_a_change_is_said(postgres: Database) -> None:
    postgres.load(schema("facts", value=INTEGER))
    postgres.execute("CREATE VIEW seen AS SELECT value FROM facts")

    with pytest.raises(ImpossibleChange, match=r"'facts' could not be changed .* used by a view"):
        postgres.load(schema("facts", value=STRING))


# Keys


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (["id"], ["mail"]),
        (["id"], ["id", "mail"]),
        (["id"], []),
        ([], ["id"]),
        (["id", "mail"], ["id"]),
    ],
)
def test_a_table_takes_on_its_stream_s_new_key(
    database: Database, before: list[str], after: list[str]
) -> None:
    ann, bob = {"id": 1, "mail": "ann@"}, {"id": 2, "mail": "bob@"}
    database.load(
        schema("people", before, mail=STRING), record("people", **ann), record("people", **bob)
    )
    database.load(schema("people", after, mail=STRING), record("people", **bob))

    assert database.key("people") == after
    assert database.rows("people") == [(1, "ann@"), (2, "bob@"), *([] if after else [(2, "bob@")])]


def test_former_key_columns_may_be_null(database: Database) -> None:
    database.load(schema("people", mail=STRING), record("people", id=1, mail="ann@"))
    database.load(schema("people", ["mail"], mail=STRING), record("people", id=None, mail="bob@"))

    assert database.rows("people") == [(1, "ann@"), (None, "bob@")]


@pytest.mark.parametrize("mails", [("same@", "same@"), ("ann@", None)])
def test_a_key_that_the_rows_do_not_have_is_refused(
    database: Database, mails: tuple[str, str]
) -> None:
    database.load(
        schema("people", mail=STRING),
        *[record("people", id=at, mail=mail) for at, mail in enumerate(mails)],
    )

    with pytest.raises(ImpossibleChange) as error:
        database.load(schema("people", ["mail"], mail=STRING))

    assert str(error.value) == (
        "The key of table 'people' is id and would have to become mail, which is empty or the "
        "same in some of its rows. Repair those rows, or rename or drop the table, then run again."
    )
    assert database.key("people") == ["id"]
    assert [mail for _, mail in sorted(database.rows("people"))] == list(mails)


def test_a_key_that_the_schema_lacks_is_refused(database: Database) -> None:
    with pytest.raises(LoaderError, match=r"The schema of stream 'people' lacks its key 'mail'\."):
        database.load(schema("people", ["mail"]))


def test_a_key_that_is_an_object_is_refused(database: Database) -> None:
    with pytest.raises(LoaderError, match="The key 'box' of stream 'people' is an object"):
        database.load(schema("people", ["box"], box=OBJECT))


def test_a_record_without_its_key_is_refused(database: Database) -> None:
    with pytest.raises(MissingKeyPropertiesError):
        database.load(schema("people", name=STRING), record("people", name="Ann"))


def test_a_record_before_its_schema_is_refused(database: Database) -> None:
    with pytest.raises(RecordsWithoutSchemaException):
        database.load(record("people", id=1), schema("people"))


def test_a_schema_without_properties_is_refused(database: Database) -> None:
    empty = {
        "type": "SCHEMA",
        "stream": "people",
        "schema": {"properties": {}},
        "key_properties": [],
    }
    with pytest.raises(LoaderError, match="'people' has no properties"):
        database.load(empty)


# Order


def test_rows_of_an_old_schema_do_not_overwrite_those_of_a_new_one(database: Database) -> None:
    newer = [record("people", id=1, n=at) for at in range(2, 6)]
    database.load(
        schema("people", n=INTEGER),
        record("people", id=1, n=1),
        schema("people", n=INTEGER, name=STRING),
        *newer,
        batch_size_rows=4,
    )

    assert database.rows("people", "id", "n") == [(1, 5)]


@pytest.mark.parametrize("metadata", [True, False])
def test_a_schema_that_is_sent_again_changes_nothing(
    sqlite: Database, caplog: pytest.LogCaptureFixture, *, metadata: bool
) -> None:
    same = [schema("people"), record("people", id=1)] * 3
    sqlite.load(*same, add_record_metadata=metadata)

    assert sqlite.rows("people", "id") == [(1,)]
    assert caplog.text.count('"batch_processing_time"') == 1


def test_a_change_that_a_stream_map_hides_changes_nothing(
    sqlite: Database, caplog: pytest.LogCaptureFixture
) -> None:
    maps = {"people": {"id": "id", "__else__": None}}
    sqlite.load(
        schema("people", a=INTEGER),
        record("people", id=1, a=1),
        schema("people", b=STRING),
        record("people", id=2, b="x"),
        stream_maps=maps,
    )

    assert sqlite.rows("people") == [(1,), (2,)]
    assert caplog.text.count('"batch_processing_time"') == 1


def test_streams_come_interleaved(database: Database) -> None:
    database.load(
        schema("a"),
        schema("b"),
        *[record(stream, id=at) for at in range(5) for stream in "ab"],
        batch_size_rows=3,
    )

    assert database.rows("a") == database.rows("b") == [(at,) for at in range(5)]


# Names

ODD_NAMES = [
    "email_address__address",
    "camelCase",
    "with space",
    'quo"te',
    "it's",
    "back`tick",
    "select",
    "order",
    "100%",
    "a%%b",
    "%s",
    ":colon",
    "semi;colon--",
    "dot.ted",
    "(paren)",
    "[bracket]",
    "Größe",
    "日本",
    "🎉",
    "back\\slash",
    "tab\t",
    "?",
    "_sdc",
    "1st",
    "excluded",
]


def test_columns_keep_the_names_of_their_properties(database: Database) -> None:
    odd = dict.fromkeys(ODD_NAMES, INTEGER)
    for n in (1, 2):
        values = dict.fromkeys(ODD_NAMES, n) | {ODD_NAMES[0]: 1}
        database.load(schema("people", ODD_NAMES[:1], **odd), record("people", id=n, **values))
    assert list(database.columns("people")) == ["id", *ODD_NAMES]
    assert database.rows("people") == [(2, 1, *[2] * (len(ODD_NAMES) - 1))]

    database.load(
        schema("people", ODD_NAMES, **dict.fromkeys(ODD_NAMES, STRING)),
        schema("people", ODD_NAMES, **odd, **{f"{name} too": STRING for name in ODD_NAMES}),
    )
    assert set(database.columns("people")) == {"id", *ODD_NAMES, *[f"{n} too" for n in ODD_NAMES]}
    assert database.key("people") == ODD_NAMES
    assert database.rows("people", *ODD_NAMES) == [("1", *["2"] * (len(ODD_NAMES) - 1))]


def test_tables_keep_the_names_of_their_streams(database: Database) -> None:
    names = ODD_NAMES
    for n in (1, 2):
        database.load(
            *[schema(name, n=INTEGER) for name in names],
            *[record(name, id=1, n=n) for name in names],
        )
    database.load(*[schema(name, [], n=STRING) for name in names])

    assert database.tables() == sorted(names)
    assert [database.rows(name) for name in names] == [[(1, "2")]] * len(names)


def test_names_that_differ_in_case_are_different_names(database: Database) -> None:
    for _ in range(2):
        database.load(
            schema("people", Name=STRING, name=STRING, NAME=STRING),
            record("people", id=1, Name="a", name="b", NAME="c"),
            schema("People"),
            record("People", id=2),
        )

    columns = list(database.columns("people"))
    assert len(columns) == 4
    assert [row[1:] for row in database.rows("people")] == [("a", "b", "c")]
    assert sorted(map(len, (database.rows(table) for table in database.tables()))) == [1, 1]


def test_a_name_keeps_its_column_when_its_rival_comes_later(database: Database) -> None:
    database.load(schema("people", name=STRING), record("people", id=1, name="a"))
    database.load(schema("people", NAME=STRING), record("people", id=2, NAME="b"))
    database.load(
        schema("people", NAME=STRING, name=STRING), record("people", id=3, NAME="d", name="c")
    )

    other = next(name for name in database.columns("people") if name.startswith("NAME"))
    assert database.rows("people", "id", "name", other) == [
        (1, "a", None),
        (2, None, "b"),
        (3, "c", "d"),
    ]


def test_names_beyond_63_bytes_are_shortened_stably_and_without_clashes(postgres: Database) -> None:
    long = "custom_field_" + "ö" * 40
    names = [f"{long}_{at}" for at in range(3)]
    stream = "t" * 70
    for n in (1, 2):
        postgres.load(
            schema(stream, **dict.fromkeys(names, INTEGER)),
            record(stream, id=1, **{name: n + at for at, name in enumerate(names)}),
        )

    (table,) = postgres.tables()
    columns = list(postgres.columns(table))
    assert len(set(columns)) == 4
    assert all(len(name.encode()) <= 63 for name in [table, *columns])
    assert all(name.startswith("custom_field_ööö") for name in columns[1:])
    assert postgres.rows(table) == [(1, 2, 3, 4)]


def test_two_names_that_come_out_the_same_are_refused(postgres: Database) -> None:
    long = "x" * 64
    (short,) = assign([long], (), max_bytes=63, case_matters=True).values()

    with pytest.raises(LoaderError, match="Two of these would get the same name: id, xxx"):
        postgres.load(schema("people", **{long: INTEGER, short: INTEGER}))


def test_a_name_of_just_63_bytes_stays(postgres: Database) -> None:
    postgres.load(schema("t" * 63, **{"c" * 63: INTEGER}))

    assert postgres.tables() == ["t" * 63]
    assert "c" * 63 in postgres.columns("t" * 63)


@pytest.mark.parametrize("name", ["", "nul\0", "half\ud800", "%(id)s"])
def test_a_name_that_no_column_can_have_gets_one(database: Database, name: str) -> None:
    for n in (1, 2):
        database.load(schema("people", **{name: INTEGER}), record("people", id=1, **{name: n}))

    assert database.rows("people") == [(1, 2)]


# Indexes


def indexes(database: Database, table: str) -> list[list[str | None]]:
    found = sa.inspect(database.engine).get_indexes(table)
    return sorted(index["column_names"] for index in found)


def test_columns_that_one_joins_or_continues_by_have_an_index(database: Database) -> None:
    opens = schema(
        "opens", ["id", "list_id"], list_id=STRING, contact_id=INTEGER, at=TIMESTAMP, box_id=STRING
    )
    for _ in range(2):
        database.load({**opens, "bookmark_properties": ["at"]})

    assert indexes(database, "opens") == [["at"], ["box_id"], ["contact_id"], ["list_id"]]


def test_the_first_part_of_the_key_needs_no_index_of_its_own(database: Database) -> None:
    database.load(schema("opens", ["list_id", "id"], list_id=STRING))

    assert indexes(database, "opens") == []


def test_an_index_that_somebody_made_is_enough(database: Database) -> None:
    database.load(schema("opens"))
    database.execute(
        "ALTER TABLE opens ADD list_id BIGINT", "CREATE INDEX mine ON opens (list_id, id)"
    )
    database.load(schema("opens", list_id=INTEGER))

    assert indexes(database, "opens") == [["list_id", "id"]]


def test_objects_and_arrays_have_no_index(database: Database) -> None:
    database.load(schema("opens", box_id=OBJECT))

    assert indexes(database, "opens") == []


def test_indexes_may_be_switched_off(database: Database) -> None:
    database.load(schema("opens", list_id=INTEGER), add_indexes=False)

    assert indexes(database, "opens") == []


def test_an_index_of_a_long_name_is_made_once(postgres: Database) -> None:
    for _ in range(2):
        postgres.load(schema("t" * 60, **{"c" * 50 + "_id": INTEGER}))

    assert len(indexes(postgres, "t" * 60)) == 1


# Tables that are replaced

OVERWRITE = {"load_method": "overwrite"}


def test_a_replaced_table_has_the_new_schema_keys_and_indexes(database: Database) -> None:
    database.load(schema("people", old=STRING, value=OBJECT), record("people", id=1, old="x"))
    for _ in range(2):
        passed = database.load(
            schema("people", value=INTEGER, list_id=INTEGER),
            record("people", id=2, value=2),
            {"type": "STATE", "value": {"at": 1}},
            **OVERWRITE,
        )
        assert passed == [1]

    assert list(database.columns("people")) == ["id", "value", "list_id"]
    assert database.rows("people") == [(2, 2, None)]
    assert (database.key("people"), indexes(database, "people")) == (["id"], [["list_id"]])
    assert database.tables() == ["people"]


def test_a_replaced_table_may_have_any_name(database: Database) -> None:
    names = [*ODD_NAMES, *([] if database.is_sqlite else ["t" * 63])]
    for n in (1, 2):
        messages = [message for name in names for message in (schema(name), record(name, id=n))]
        database.load(*messages, **OVERWRITE)

    assert database.tables() == sorted(names)
    assert [database.rows(name) for name in names] == [[(2,)]] * len(names)


def test_a_replaced_table_stands_in_its_schema(postgres: Database) -> None:
    for n in (1, 2):
        postgres.load(
            schema("people"), record("people", id=n), default_target_schema="crm", **OVERWRITE
        )

    assert postgres.query("SELECT id FROM crm.people") == [(2,)]


def test_no_state_is_passed_on_before_the_tables_are_replaced(database: Database) -> None:
    database.load(schema("people"), record("people", id=1))
    target = database.target(**OVERWRITE, max_state_lag_seconds=0)
    messages = [schema("people"), record("people", id=2), {"type": "STATE", "value": {"at": 1}}]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        target.process_lines(io.StringIO("".join(f"{json.dumps(m)}\n" for m in messages)))
        assert (out.getvalue(), database.rows("people")) == ("", [(1,)])
        target.process_endofpipe()

    assert (out.getvalue(), database.rows("people")) == ('{"at":1}\n', [(2,)])


def test_a_view_of_a_table_that_would_be_replaced_is_said_at_the_start(postgres: Database) -> None:
    postgres.load(schema("people"), record("people", id=1))
    postgres.execute("CREATE VIEW seen AS SELECT id FROM people")

    with pytest.raises(ImpossibleChange, match="Table 'people' cannot be replaced: cannot drop ta"):
        postgres.load(schema("people"), record("people", id=2), **OVERWRITE)
    assert postgres.rows("people") == [(1,)]


def test_a_view_of_a_replaced_table_goes_on_in_sqlite(sqlite: Database) -> None:
    sqlite.load(schema("people"), record("people", id=1))
    sqlite.execute("CREATE VIEW seen AS SELECT id FROM people")
    sqlite.load(schema("people"), record("people", id=2), **OVERWRITE)

    assert sqlite.rows("seen") == [(2,)]


# Schemas of the database


def test_the_schema_is_created_when_missing(postgres: Database) -> None:
    for n in (1, 2):
        postgres.load(
            schema("people", n=INTEGER),
            record("people", id=1, n=n),
            default_target_schema='my "crm"',
        )

    assert postgres.query('SELECT id, n FROM "my ""crm""".people') == [(1, 2)]
    assert postgres.tables() == []


def test_a_loader_has_one_connection_however_many_streams_it_loads(postgres: Database) -> None:
    connections = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE application_name = 'target-relational' AND datname = current_database()"
    )
    target = postgres.target(max_state_lag_seconds=0, batch_size_rows=2)
    seen = set()
    with contextlib.redirect_stdout(io.StringIO()), postgres.engine.connect() as conn:
        for at in range(12):
            stream = f"stream_{at % 3}"
            activation = {"type": "ACTIVATE_VERSION", "stream": stream, "version": at}
            for message in (
                schema(stream),
                {**record(stream, id=at), "version": at},
                {"type": "STATE", "value": {"at": at}},
                activation,
            ):
                target.process_lines(io.StringIO(f"{json.dumps(message)}\n"))
                seen.add(conn.execute(connections).scalar_one())
        target.process_endofpipe()

    assert seen == {1}
    assert [postgres.query(f"SELECT count(*) FROM stream_{at}") for at in range(3)] == [[(4,)]] * 3


def test_sqlite_ignores_the_schema(sqlite: Database) -> None:
    sqlite.load(schema("people"), record("people", id=1), default_target_schema="crm")

    assert sqlite.rows("people") == [(1,)]


def test_a_stream_s_name_is_its_table_s_name_dashes_included(database: Database) -> None:
    database.load(schema("public-people"), record("public-people", id=1))

    assert database.tables() == ["public-people"]


def test_a_table_that_refuses_rows_is_named_without_their_values(database: Database) -> None:
    database.execute("CREATE TABLE people (id BIGINT PRIMARY KEY, name TEXT, must TEXT NOT NULL)")

    with pytest.raises(RefusedRecord) as error:
        database.load(schema("people", name=STRING), record("people", id=1, name="ann@"))

    assert "A record of 'people' (id=1) is refused by the database: " in str(error.value)
    assert "ann@" not in str(error.value)
    assert error.value.__cause__ is None


# SQLite's file


def test_the_folder_of_a_sqlite_file_is_made_and_readers_are_not_disturbed(
    sqlite: Database,
) -> None:
    sqlite.load(schema("people"), record("people", id=1))

    assert sqlite.query("PRAGMA journal_mode") == [("wal",)]


def test_a_reader_in_the_middle_of_reading_disturbs_nobody(sqlite: Database) -> None:
    sqlite.load(schema("people"), record("people", id=1))
    with sqlite.engine.connect() as reader:
        reader.exec_driver_sql("BEGIN")
        before = reader.execute(sa.text("SELECT count(*) FROM people")).scalar()
        sqlite.load(schema("people"), record("people", id=2))
        during = reader.execute(sa.text("SELECT count(*) FROM people")).scalar()

    assert (before, during) == (1, 1)
    assert sqlite.rows("people") == [(1,), (2,)]


def test_a_locked_file_is_waited_for(sqlite: Database) -> None:
    sqlite.load(schema("people"))
    writer = sqlite3.connect(sa.make_url(sqlite.url).database or "", check_same_thread=False)
    writer.execute("BEGIN IMMEDIATE")
    release = threading.Timer(0.3, writer.rollback)
    release.start()
    sqlite.load(schema("people"), record("people", id=1))
    release.join()
    writer.close()

    assert sqlite.rows("people") == [(1,)]


def test_a_file_that_stays_locked_is_said_in_one_line(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite.load(schema("people"))
    monkeypatch.setattr("target_relational.dialects.sqlite._LOCKED_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(sa.make_url(sqlite.url).database or "")) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with pytest.raises(RefusedStatement) as error:
            sqlite.load(schema("people"))

    assert str(error.value).startswith("Could not prepare a table for 'people' in sqlite")
    assert str(error.value).endswith(": database is locked.")


def test_a_file_that_another_program_holds_from_the_start_is_said_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("target_relational.dialects.sqlite._LOCKED_SECONDS", 0.1)
    with contextlib.closing(sqlite3.connect(tmp_path / "held.db")) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UnusableDatabase) as error:
            TargetRelational(config={"sqlalchemy_url": f"sqlite:///{tmp_path}/held.db"})

    assert str(error.value).endswith(
        "(database is locked): another program is writing to it: let that end first."
    )


def test_a_sqlite_file_may_be_named_by_a_uri(tmp_path: Path) -> None:
    with Database.at(f"sqlite:///file:{tmp_path}/by-uri.db?uri=true") as database:
        database.load(schema("people"), record("people", id=1))

        assert database.rows("people") == [(1,)]
