"""Messages to load, and a database to look at afterwards."""

from __future__ import annotations

import io
import json
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from target_relational.target import TargetRelational

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Message = dict[str, Any]

INTEGER = {"type": ["null", "integer"]}
NUMBER = {"type": ["null", "number"]}
BOOLEAN = {"type": ["null", "boolean"]}
STRING = {"type": ["null", "string"]}
DATE = {"type": ["null", "string"], "format": "date"}
TIMESTAMP = {"type": ["null", "string"], "format": "date-time"}
TIME = {"type": ["null", "string"], "format": "time"}
OBJECT = {"type": ["null", "object"]}
ARRAY = {"type": ["null", "array"]}


def schema(stream: str, keys: Sequence[str] = ("id",), /, **properties: Any) -> Message:
    """A SCHEMA message; `id` is an integer unless it says otherwise."""
    return {
        "type": "SCHEMA",
        "stream": stream,
        "key_properties": list(keys),
        "schema": {"type": "object", "properties": {"id": INTEGER, **properties}},
    }


def record(stream: str, /, **values: Any) -> Message:
    """A RECORD message."""
    return {"type": "RECORD", "stream": stream, "record": values}


def state(value: Any) -> Message:
    """A STATE message."""
    return {"type": "STATE", "value": {"at": value}}


@dataclass
class Database:
    """A database that is loaded into, read by code that shares nothing with the loader's."""

    url: str
    engine: sa.Engine

    @classmethod
    @contextmanager
    def at(cls, url: str) -> Iterator[Database]:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        yield cls(url, engine)
        engine.dispose()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.name == "sqlite"

    def target(self, **settings: Any) -> TargetRelational:
        return TargetRelational(config={"sqlalchemy_url": self.url, **settings})

    def load(self, *messages: Message | str, **settings: Any) -> list[Any]:
        """Load messages; returns the STATEs that were passed on, each by its `at`."""
        return load(self.target(**settings), *messages)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of a table, sorted, in a form that is the same for both databases."""
        listed = ", ".join(map(self.quoted, columns)) or "*"
        found = self.query(f"SELECT {listed} FROM {self.quoted(table)}")
        return sorted(found, key=lambda row: json.dumps(row, default=str))

    def query(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.engine.connect() as conn:
            return [tuple(row) for row in conn.execute(sa.text(statement), values)]

    def execute(self, *statements: str) -> None:
        with self.engine.begin() as conn:
            for statement in statements:
                conn.exec_driver_sql(statement)

    def clear(self) -> None:
        """Drop everything that is in a PostgreSQL database."""
        schemas = self.query(
            "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^(pg_|information_)'"
        )
        self.execute(
            *[f"DROP SCHEMA {name} CASCADE" for (name,) in schemas], "CREATE SCHEMA public"
        )

    def quoted(self, name: str) -> str:
        return '"' + name.replace('"', '""').replace(":", "\\:") + '"'

    def columns(self, table: str) -> dict[str, str]:
        """The columns of a table with their types, in lower case."""
        found = sa.inspect(self.engine).get_columns(table)
        return {
            column["name"]: column["type"].compile(self.engine.dialect).lower() for column in found
        }

    def key(self, table: str) -> list[str]:
        return sa.inspect(self.engine).get_pk_constraint(table)["constrained_columns"]

    def tables(self) -> list[str]:
        return sorted(sa.inspect(self.engine).get_table_names())


def load(target: TargetRelational, *messages: Message | str) -> list[Any]:
    """Load messages with a target; returns the STATEs that were passed on, each by its `at`."""
    out = io.StringIO()
    try:
        with redirect_stdout(out):
            target.listen(io.StringIO("".join(f"{line(message)}\n" for message in messages)))
    finally:
        target.close()
    return passed_on(out.getvalue())


def passed_on(output: str) -> list[Any]:
    """The STATEs that a loader passed on, each by its `at`."""
    return [json.loads(written)["at"] for written in output.splitlines()]


def line(message: Mapping[str, Any] | str) -> str:
    return message if isinstance(message, str) else json.dumps(message)
