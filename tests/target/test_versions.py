"""ACTIVATE_VERSION: rows that a stream no longer has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import RecordsWithoutSchemaException

from tests.target.loading import INTEGER, STRING, Message, record, schema

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
    before = datetime.now(UTC)
    database.load(*version(1, 1, 2), **METADATA)
    database.load(*version(2, 2), **METADATA)

    (gone, deleted_at), there = database.rows("people", "id", "_sdc_deleted_at")
    if database.is_sqlite:
        deleted_at = datetime.fromisoformat(deleted_at)
    assert (gone, there) == (1, (2, None))
    assert before <= deleted_at <= datetime.now(UTC)


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


def deletion(at: int, moment: str = "2024-05-09T10:15:00+02:00") -> Message:
    """A record that says that its row was deleted, and nothing else."""
    return record("people", id=at, _sdc_deleted_at=moment)


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


# Without metadata


def test_a_hard_delete_needs_no_metadata(database: Database) -> None:
    for number, ids in enumerate([(1, 2, 3), (2, 3, 4)], 1):
        database.load(*version(number, *ids), hard_delete=True)

    assert database.rows("people") == [(2, None), (3, None), (4, None)]
    assert {seen_in for (seen_in,) in database.rows("_seen_people", "_seen_in")} == {2}


def test_a_soft_delete_adds_the_column_that_it_needs(database: Database) -> None:
    database.load(schema("people"), record("people", id=1), record("people", id=2))
    assert list(database.columns("people")) == ["id"]

    database.load(*version(1, 2, 3))
    assert deleted(database) == [(1, True), (2, False), (3, False)]


def test_a_key_that_returns_is_no_longer_deleted(database: Database) -> None:
    for number, ids in enumerate([(1, 2), (2,), (1, 2)], 1):
        database.load(*version(number, *ids))

    assert deleted(database) == [(1, False), (2, False)]


def test_a_key_that_returns_in_a_record_of_no_version_is_no_longer_deleted(
    database: Database,
) -> None:
    database.load(*version(1, 1, 2))
    database.load(*version(2, 2))
    database.load(schema("people"), record("people", id=1))

    assert deleted(database) == [(1, False), (2, False)]


def test_a_key_that_goes_and_returns_in_one_batch_has_nothing_of_what_it_had(
    database: Database,
) -> None:
    database.load(schema("people", n=INTEGER), record("people", id=1, n=7), hard_delete=True)
    gone = record("people", id=1, _sdc_deleted_at="2024-05-09T08:15:00Z")
    database.load(
        schema("people"),
        record("people", id=2),
        gone,
        record("people", id=1),
        hard_delete=True,
    )

    assert database.rows("people", "id", "n") == [(1, None), (2, None)]


def deleted(database: Database) -> list[tuple[int, bool]]:
    rows = database.query("SELECT id, _sdc_deleted_at IS NOT NULL FROM people ORDER BY id")
    return [(at, bool(is_deleted)) for at, is_deleted in rows]


# What is touched


@pytest.mark.parametrize("metadata", [True, False])
def test_a_version_rewrites_no_row_that_it_has_unchanged(
    postgres: Database, *, metadata: bool
) -> None:
    postgres.load(*version(1, 1, 2), add_record_metadata=metadata, hard_delete=True)
    before = postgres.query("SELECT ctid::text, xmin::text FROM people")
    postgres.load(*version(2, 1, 2), add_record_metadata=metadata, hard_delete=True)

    assert postgres.query("SELECT ctid::text, xmin::text FROM people") == before


def test_a_version_touches_the_rows_of_its_account_only(database: Database) -> None:
    loads = (("ann", (1, 2)), ("bob", (3, 4)), ("ann", (2,)))
    for number, (account, ids) in enumerate(loads, 1):
        of_account = [with_account(message, account) for message in version(number, *ids)]
        database.load(*of_account, hard_delete=True)

    assert database.rows("people", "id", "account_id") == [(2, "ann"), (3, "bob"), (4, "bob")]


def test_a_version_without_rows_tells_no_account_and_touches_none(database: Database) -> None:
    for number, ids in enumerate(((1, 2), ()), 1):
        of_ann = [with_account(message, "ann") for message in version(number, *ids)]
        database.load(*of_ann, hard_delete=True)

    assert database.rows("people", "id") == [(1,), (2,)]


def test_a_version_without_rows_that_says_whose_it_is_retires_the_rows_of_its_account(
    database: Database,
) -> None:
    for account, ids in (("ann", (1, 2)), ("bob", (3,)), ("ann", ())):
        *others, activation = [with_account(each, account) for each in version(len(ids), *ids)]
        database.load(*others, {**activation, "account_id": account}, hard_delete=True)

    assert database.rows("people", "id", "account_id") == [(3, "bob")]


def with_account(message: Message, account: str) -> Message:
    if message["type"] == "SCHEMA":
        return schema("people", n=INTEGER, account_id=STRING)
    if message["type"] == "RECORD":
        return {**message, "record": {**message["record"], "account_id": account}}
    return message


def test_an_empty_version_of_a_stream_without_accounts_deletes_all_its_rows(
    database: Database,
) -> None:
    database.load(*version(1, 1, 2), hard_delete=True)
    database.load(*version(2), hard_delete=True)

    assert database.rows("people") == []


def test_a_run_that_goes_on_with_a_version_counts_what_the_run_before_has_seen(
    database: Database,
) -> None:
    database.load(*version(1, 1, 2, 3, 4), hard_delete=True)
    database.load(*version(2, 1, 2)[:-1], hard_delete=True)
    assert len(database.rows("people")) == 4

    database.load(*version(2, 3), hard_delete=True)
    assert database.rows("people", "id") == [(1,), (2,), (3,)]
    assert {seen_in for (seen_in,) in database.rows("_seen_people", "_seen_in")} == {2}


def test_what_a_version_saw_that_was_never_activated_does_not_count_for_another(
    database: Database,
) -> None:
    database.load(*version(1, 1, 2, 3)[:-1], hard_delete=True)
    database.load(*version(2, 3), hard_delete=True)

    assert database.rows("people", "id") == [(3,)]


@pytest.mark.parametrize("numbers", [(1, 2), (2, 1)])
def test_a_version_retires_no_row_of_one_that_began_later(
    database: Database, numbers: tuple[int, int]
) -> None:
    """The later one is another loader's, by whose clock it may be earlier."""
    people, *earlier, activation = version(numbers[0], 3)
    _, *later, later_activation = version(numbers[1], 1, 2)
    database.load(people, *earlier, hard_delete=True)
    database.load(people, *later, hard_delete=True)
    database.load(people, activation, hard_delete=True)
    assert database.rows("people", "id") == [(1,), (2,), (3,)]

    database.load(people, later_activation, hard_delete=True)
    assert database.rows("people", "id") == [(1,), (2,)]


def test_a_clock_that_was_put_back_keeps_no_row(database: Database) -> None:
    database.load(*version(10, 1, 2)[:-1], hard_delete=True)
    database.load(*version(5, 2), hard_delete=True)

    assert database.rows("people", "id") == [(2,)]


def test_a_version_that_began_with_no_row_retires_all(database: Database) -> None:
    database.load(*version(10, 1, 2), hard_delete=True)
    database.load(*version(5), hard_delete=True)

    assert database.rows("people", "id") == []


def test_what_another_account_has_seen_is_not_forgotten(database: Database) -> None:
    people = schema("people", ["account_id", "id"], account_id=STRING)

    def messages(account: str, number: int, *ids: int) -> list[Message]:
        rows = [{**record("people", account_id=account, id=at), "version": number} for at in ids]
        activation = {"type": "ACTIVATE_VERSION", "stream": "people", "version": number}
        return [people, *rows, {**activation, "account_id": account}]

    database.load(*messages("a", 1, 1, 2)[:-1], hard_delete=True)
    database.load(*messages("b", 2, 1), hard_delete=True)
    database.load(*messages("a", 1, 3), hard_delete=True)

    assert database.rows("people", "account_id", "id") == [
        ("a", 1),
        ("a", 2),
        ("a", 3),
        ("b", 1),
    ]


def test_of_rows_without_a_key_a_version_retires_none_of_a_later_one(database: Database) -> None:
    people = schema("people", [], n=INTEGER)
    _, *later, activation = version(2, 1, 2)
    _, *earlier = version(1, 3)
    database.load(people, *later, hard_delete=True)
    database.load(people, *earlier, hard_delete=True)
    assert database.rows("people", "id") == [(1,), (2,), (3,)]

    database.load(people, activation, hard_delete=True)
    assert database.rows("people", "id") == [(1,), (2,)]
    database.load(people, earlier[-1], hard_delete=True)
    assert database.rows("people", "id") == [(1,), (2,)]


@pytest.mark.parametrize("metadata", [True, False])
def test_of_rows_without_a_key_those_of_the_version_stay(
    database: Database, *, metadata: bool
) -> None:
    for number, ids in enumerate([(1, 1), (1, 2)], 1):
        _, *messages = version(number, *ids)
        keyless = schema("people", [], n=INTEGER)
        database.load(keyless, *messages, hard_delete=True, add_record_metadata=metadata)

    assert database.rows("people", "id") == [(1,), (2,)]


def test_a_version_that_is_activated_again_still_has_its_rows(database: Database) -> None:
    one, two, activation = version(1, 1, 2)[0], record("people", id=2), version(1)[-1]
    database.load(*version(1, 1), {**two, "version": 1}, activation, hard_delete=True)
    database.load(one, activation, hard_delete=True)

    assert database.rows("people", "id") == [(1,), (2,)]


def test_keys_that_have_become_wider_are_found_again(database: Database) -> None:
    database.load(*version(1, 1, 2), hard_delete=True)
    messages = [
        {**schema("people"), "schema": {"properties": {"id": STRING}}},
        {**record("people", id="2"), "version": 2},
        {**record("people", id="x"), "version": 2},
        version(2)[-1],
    ]
    database.load(*messages, hard_delete=True)
    database.load(*version(3, 2), hard_delete=True)

    assert database.rows("people", "id") == [("2",)]


# Records that say that they are gone


def test_a_deletion_marks_its_row_and_leaves_it_as_it_was(database: Database) -> None:
    database.load(schema("people", n=INTEGER), record("people", id=1, n=7))
    database.load(schema("people", n=INTEGER), deletion(1))

    assert database.rows("people", "id", "n") == [(1, 7)]
    assert deleted(database) == [(1, True)]


def test_a_deletion_needs_no_field_but_the_key(database: Database) -> None:
    needs_n = schema("people", n={"type": "integer"})
    needs_n["schema"]["required"] = ["n"]
    database.load(needs_n, record("people", id=1, n=7), deletion(1))

    assert database.rows("people", "id", "n") == [(1, 7)]
    assert deleted(database) == [(1, True)]


def test_a_deletion_of_an_unknown_row_is_kept_as_a_deleted_row(database: Database) -> None:
    database.load(schema("people"), deletion(1))

    assert deleted(database) == [(1, True)]


@pytest.mark.parametrize("metadata", [True, False])
def test_a_deletion_deletes_its_row_where_deletes_are_hard(
    database: Database, *, metadata: bool
) -> None:
    settings = {"hard_delete": True, "add_record_metadata": metadata}
    two = schema("people", ["id", "n"], n=INTEGER)
    rows = [record("people", id=at, n=n) for at in (1, 2) for n in (1, 2)]
    database.load(two, *rows, **settings)
    database.load(two, record("people", id=1, n=2, _sdc_deleted_at="2024-05-09"), **settings)

    assert database.rows("people", "id", "n") == [(1, 1), (2, 1), (2, 2)]


@pytest.mark.parametrize("batch_size", [1, 100])
@pytest.mark.parametrize("hard", [True, False])
def test_of_a_deletion_and_a_record_the_last_one_counts(
    database: Database, batch_size: int, *, hard: bool
) -> None:
    messages = [
        record("people", id=1),
        deletion(1),
        deletion(2),
        record("people", id=2),
        record("people", id=3),
    ]
    database.load(schema("people"), *messages, hard_delete=hard, batch_size_rows=batch_size)

    if hard:
        assert database.rows("people", "id") == [(2,), (3,)]
    else:
        assert deleted(database) == [(1, True), (2, False), (3, False)]


def test_a_deletion_without_a_key_is_a_row_like_any_other(database: Database) -> None:
    database.load(schema("people", []), record("people", id=1), deletion(1), hard_delete=True)

    assert deleted(database) == [(1, False), (1, True)]
