"""ACTIVATE_VERSION: rows that a stream no longer has."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import RecordsWithoutSchemaException

from tests.target.loading import INTEGER, Message, record, schema

if TYPE_CHECKING:
    from tests.target.loading import Database

METADATA = {"add_record_metadata": True}


def version(number: int, *ids: int, **values: Any) -> list[Message]:
    """All that a stream has in one version of it."""
    records = [{**record("people", id=at, **values), "version": number} for at in ids]
    activation = {"type": "ACTIVATE_VERSION", "stream": "people", "version": number}
    return [schema("people", n=INTEGER), *records, activation]


def test_a_hard_delete_removes_the_rows_that_a_version_does_not_have(database: Database) -> None:
    database.load(*version(1, 1, 2, 3), **METADATA, hard_delete=True)
    database.load(*version(2, 2, 3, 4), **METADATA, hard_delete=True)

    assert database.rows("people", "id") == [(2,), (3,), (4,)]


def test_a_soft_delete_says_when_a_row_went(database: Database) -> None:
    before = datetime.now(timezone.utc)
    database.load(*version(1, 1, 2), **METADATA)
    database.load(*version(2, 2), **METADATA)

    (gone, deleted_at), there = database.rows("people", "id", "_sdc_deleted_at")
    if database.is_sqlite:
        deleted_at = datetime.fromisoformat(deleted_at)
    assert (gone, there) == (1, (2, None))
    assert before <= deleted_at <= datetime.now(timezone.utc)


def test_a_row_that_was_deleted_keeps_its_time_until_it_returns(database: Database) -> None:
    for number, ids in enumerate([(1, 2), (2,), (2,)], 1):
        database.load(*version(number, *ids), **METADATA)
    first = database.rows("people", "id", "_sdc_deleted_at")[0]
    database.load(*version(4, 2), **METADATA)
    assert database.rows("people", "id", "_sdc_deleted_at")[0] == first

    database.load(*version(5, 1, 2), **METADATA)
    assert database.rows("people", "id", "_sdc_deleted_at") == [(1, None), (2, None)]


@pytest.mark.parametrize("hard", [True, False])
def test_rows_still_on_their_way_are_written_before_the_others_are_deleted(
    database: Database, *, hard: bool
) -> None:
    database.load(*version(1, 1, 2, n=7), **METADATA, hard_delete=hard)
    _, *without_n = version(2, 1, 2)  # unchanged, but seen
    database.load(schema("people"), *without_n, **METADATA, hard_delete=hard)

    # Rows that had been deleted and written again would have lost what the stream no longer sends.
    assert database.rows("people", "id", "n", "_sdc_deleted_at") == [(1, 7, None), (2, 7, None)]


def test_a_row_that_says_it_was_deleted_is_so_marked(database: Database) -> None:
    moment = "2024-05-09T10:15:00+02:00"
    database.load(schema("people"), record("people", id=1), **METADATA)
    database.load(schema("people"), record("people", id=1, _sdc_deleted_at=moment), **METADATA)

    found = database.query("SELECT count(*) FROM people WHERE _sdc_deleted_at IS NOT NULL")
    assert found == [(1,)]


def test_where_versions_are_switched_off_nothing_is_deleted(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    settings = {"hard_delete": True, "process_activate_version_messages": False}
    database.load(*version(1, 1, 2), **settings)
    database.load(*version(2, 2), **settings)

    assert database.rows("people", "id") == [(1,), (2,)]
    assert "A version of 'people' is not activated" in caplog.text


def test_a_version_deletes_whatever_it_does_not_have_however_that_came(database: Database) -> None:
    database.load(schema("people"), record("people", id=1))
    database.load(*version(2, 2), hard_delete=True)

    assert database.rows("people", "id") == [(2,)]


def test_a_version_of_a_stream_without_a_schema_is_refused(sqlite: Database) -> None:
    with pytest.raises(RecordsWithoutSchemaException, match="A version of stream 'people'"):
        sqlite.load(version(1)[-1])


def test_a_version_of_a_stream_that_a_map_renames_deletes_rows_under_its_new_name(
    sqlite: Database,
) -> None:
    renamed = {"stream_maps": {"people": {"__alias__": "persons"}}, **METADATA, "hard_delete": True}
    sqlite.load(*version(1, 1, 2), **renamed)
    sqlite.load(*version(2, 2), **renamed)

    assert sqlite.rows("persons", "id") == [(2,)]
