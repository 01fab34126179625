"""What other loaders are known to do with a file of messages: one file in `cases` a behaviour."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.exceptions import (
    InvalidJSONSchema,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)

from target_relational.errors import LoaderError, RefusedRecord

if TYPE_CHECKING:
    from tests.target.loading import Database

CASES = Path(__file__).parent / "cases"
TEXTS = ["simple", "日本語", 'é " \\ / \b \f', "tab\tline\nreturn\r", "🎉 \u2028"]

LOADED: dict[str, list[tuple[Any, ...]]] = {
    "duplicate_records": [(1, "quince"), (2, "pear")],
    "missing_values": [(1, None, None, None), (2, None, 0.5, None), (3, "pear", None, None)],
    "camel_case": [(1, "Gitter Ltd", 404)],
    "special_characters": [(1, "a", 5, "'q'", "ü")],
    "schema_updates": [(1, "1", None), (2, "2.5", "pear"), (3, "three", None)],
    "no_keys": [(1, "apple"), (1, "apple"), (None, "pear")],
    "array_data": [(1, ["red", "green"], [{"n": 1}, {"n": None}]), (2, [], [])],
    "encoded_strings": [(at, text, {"name": text}) for at, text in enumerate(TEXTS, 1)],
    "multiple_state_messages": [(1,), (2,)],
    "activate_version_hard": [(2,), (3,)],
    "key_property_changes": [(1, "a", 3), (1, "b", 2)],
}
"""The rows of the first table."""

REFUSED: dict[str, type[Exception]] = {
    "invalid_schema": InvalidJSONSchema,
    "record_before_schema": RecordsWithoutSchemaException,
    "missing_key_property": MissingKeyPropertiesError,
    "missing_required_property": RefusedRecord,
    "schema_without_properties": LoaderError,
}


def load(database: Database, case: str, **settings: Any) -> list[Any]:
    """Load a file as a pipe would bring it; returns the STATEs that were passed on."""
    out = io.StringIO()
    with (CASES / f"{case}.singer").open() as lines, contextlib.redirect_stdout(out):
        target = database.target(**settings)
        try:
            target.listen(lines)
        finally:
            target.close()
    return [json.loads(line) for line in out.getvalue().splitlines()]


def plain(value: Any) -> Any:
    """A value in the form that it came in."""
    if isinstance(value, str) and value[:1] in {"[", "{"}:
        return json.loads(value)
    return float(value) if hasattr(value, "as_tuple") else value


@pytest.mark.parametrize("case", LOADED)
def test_a_file_is_loaded(database: Database, case: str) -> None:
    load(database, case, hard_delete=True)

    table = json.loads((CASES / f"{case}.singer").read_text().splitlines()[0])["stream"]
    rows = [tuple(map(plain, row)) for row in database.rows(table)]
    odd = {"a\0b", "a\ufffdb"}  # NUL, which PostgreSQL does not have
    assert [row for row in rows if not odd & {str(value) for value in row}] == LOADED[case]


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_is_refused(database: Database, case: str) -> None:
    with pytest.raises(REFUSED[case]):
        load(database, case)


def test_rows_are_marked_where_deletes_are_soft(database: Database) -> None:
    load(database, "activate_version_soft")

    found = database.query("SELECT id, _sdc_deleted_at IS NULL FROM fruit ORDER BY id")
    assert [(at, bool(lives)) for at, lives in found] == [(1, False), (2, True), (3, True)]


def test_every_state_may_be_passed_on(sqlite: Database) -> None:
    assert load(sqlite, "multiple_state_messages", max_state_lag_seconds=0) == [
        {"fruit": 0},
        {"fruit": 1},
        {"fruit": 1, "nuts": 1},
        {"fruit": 2, "nuts": 1},
    ]


def test_each_case_has_its_file_and_each_file_its_case() -> None:
    files = {file.stem for file in CASES.glob("*.singer")}

    assert files == {*LOADED, *REFUSED, "activate_version_soft"}
