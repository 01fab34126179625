"""Any sequence of messages gives the same tables as a naive model in memory.

The model keeps a list of rows for each stream and looks through all of them for each record. It
shares no code with the loader: what a value becomes in a wider column is said here once more.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.target.loading import (
    ARRAY,
    BOOLEAN,
    DATE,
    INTEGER,
    NUMBER,
    STRING,
    TIMESTAMP,
    Database,
    Message,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import SearchStrategy

EXAMPLES = int(os.environ.get("MODEL_EXAMPLES", "60"))
"""How many histories to try on SQLite, and a quarter of them on PostgreSQL."""

# What a stream may send

SCHEMAS = {
    "boolean": BOOLEAN,
    "integer": INTEGER,
    "number": NUMBER,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "text": STRING,
    "json": ARRAY,
}
KINDS = {repr(schema): kind for kind, schema in SCHEMAS.items()}
OFFSETS = ("Z", "+00:00", "+14:00", "-12:00", "+05:30", "")
VALUES: dict[str, SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**63), 2**63 - 1),
    # Halves, which a double holds exactly and which are not whole
    "number": st.integers(-(2**40), 2**40).map(lambda whole: whole + 0.5),
    "date": st.dates().map(str),
    "timestamp": st.builds(
        lambda moment, offset: moment.isoformat() + offset,
        st.datetimes(datetime(2, 1, 1), datetime(9998, 12, 31)),  # noqa: DTZ001 - the offset follows
        st.sampled_from(OFFSETS),
    ),
    "text": st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    "json": st.lists(st.none() | st.integers(0, 9) | st.text('aé"\\\n', max_size=3), max_size=3),
}
# A property is of one family; within it, its kind may change from one schema to the next.
FAMILIES = {
    "n": ["integer", "number", "text"],
    "At": ["date", "timestamp", "text"],
    "at": ["boolean", "text"],
    'odd "name" %s': ["timestamp", "integer"],
    "tags": ["json"],
}
STREAMS = {"keyed": ["id"], "by two": ["id", "part"], "log": []}


@st.composite
def schemas(draw: st.DrawFn, stream: str) -> dict[str, str]:
    """The kinds of a stream's properties."""
    chosen = draw(st.sets(st.sampled_from(sorted(FAMILIES))))
    kinds = {name: draw(st.sampled_from(FAMILIES[name])) for name in sorted(chosen)}
    return {"id": "integer", **dict.fromkeys(STREAMS[stream][1:], "text"), **kinds}


@st.composite
def records(draw: st.DrawFn, stream: str, kinds: dict[str, str]) -> dict[str, Any]:
    """A record: few keys, so that rows are often replaced; any field null or missing."""
    record: dict[str, Any] = {"id": draw(st.integers(1, 3))}
    if "part" in STREAMS[stream]:
        record["part"] = draw(st.sampled_from(["", "a"]))
    for name in sorted(kinds.keys() - record.keys()):
        if draw(st.integers(0, 4)):
            record[name] = draw(st.none() | VALUES[kinds[name]])
    return record


@st.composite
def histories(draw: st.DrawFn) -> list[list[Message]]:
    """What some runs of a tap say: each begins with the schemas of all its streams."""
    clock = 0
    runs = []
    for number in range(draw(st.integers(1, 3))):
        version = draw(st.none() | st.just(number))
        current = {stream: draw(schemas(stream)) for stream in STREAMS}
        messages = [schema_message(stream, kinds) for stream, kinds in current.items()]
        for step in draw(
            st.lists(
                st.sampled_from(["record"] * 6 + ["schema", "state", "deletion", "activation"]),
                max_size=15,
            )
        ):
            stream = draw(st.sampled_from(sorted(STREAMS)))
            if step == "schema":
                current[stream] = draw(schemas(stream))
                messages.append(schema_message(stream, current[stream]))
            elif step == "state":
                clock += 1
                messages.append({"type": "STATE", "value": {"at": clock}})
            elif step == "activation":
                if version is not None:
                    messages.append(of_version("ACTIVATE_VERSION", stream, version))
            else:
                record = draw(records(stream, current[stream]))
                if step == "deletion":
                    keys = {"id", *STREAMS[stream]}
                    record = {name: record[name] for name in sorted(keys)}
                    record["_sdc_deleted_at"] = "2024-05-09T08:15:00Z"
                messages.append({**of_version("RECORD", stream, version), "record": record})
        runs.append(messages)
    return runs


def of_version(kind: str, stream: str, version: int | None) -> Message:
    message: Message = {"type": kind, "stream": stream}
    return message if version is None else {**message, "version": version}


def schema_message(stream: str, kinds: dict[str, str]) -> Message:
    properties = {name: SCHEMAS[kind] for name, kind in kinds.items()}
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"type": "object", "properties": properties},
        "key_properties": STREAMS[stream],
    }


# The model

GONE, VERSION = "_gone", "_version"


@dataclass
class Model:
    """What is loaded, remembered naively."""

    hard: bool
    """Whether rows that are deleted are gone."""
    kinds: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each stream, what each column has become."""
    sent: dict[str, dict[str, str]] = field(default_factory=dict)
    """Of each stream, what its last schema says."""
    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    seen: dict[tuple[str, int], set[tuple[Any, ...]]] = field(default_factory=dict)
    """Of each stream and version, the keys that came with it."""

    def take(self, message: Message) -> None:
        if message["type"] == "SCHEMA":
            properties = message["schema"]["properties"]
            sent = {name: KINDS[repr(schema)] for name, schema in properties.items()}
            self.change(message["stream"], sent)
        elif message["type"] == "RECORD":
            self.see(message["stream"], message["record"], message.get("version"))
            if "_sdc_deleted_at" in message["record"]:
                self.delete(message["stream"], message["record"], message.get("version"))
            else:
                self.replace(message["stream"], message["record"], message.get("version"))
        elif message["type"] == "ACTIVATE_VERSION":
            self.activate(message["stream"], message["version"])

    def change(self, stream: str, sent: dict[str, str]) -> None:
        kinds = self.kinds.setdefault(stream, {})
        rows = self.rows.setdefault(stream, [])
        for name, kind in sent.items():
            before = kinds.get(name, kind)
            kinds[name] = after = wider(before, kind)
            for row in rows:
                if row.get(name) is not None and before != after:
                    row[name] = widened(row[name], after)
        self.sent[stream] = sent

    def see(self, stream: str, record: dict[str, Any], version: int | None) -> None:
        if version is not None:
            key = tuple(record[name] for name in STREAMS[stream])
            self.seen.setdefault((stream, version), set()).add(key)

    def replace(
        self, stream: str, record: dict[str, Any], version: int | None, *, gone: bool = False
    ) -> None:
        fresh: dict[str, Any] = {
            name: kept(record.get(name), sent, self.kinds[stream][name])
            for name, sent in self.sent[stream].items()
        }
        fresh |= {GONE: gone, VERSION: version}
        if row := self.row(stream, fresh):
            row.update(fresh)
        else:
            self.rows[stream].append(fresh)

    def row(self, stream: str, like: dict[str, Any]) -> dict[str, Any] | None:
        keys = STREAMS[stream]
        alike = (row for row in self.rows[stream] if all(row[key] == like[key] for key in keys))
        return next(alike, None) if keys else None

    def delete(self, stream: str, record: dict[str, Any], version: int | None) -> None:
        row = self.row(stream, record)
        if STREAMS[stream] and self.hard:
            self.rows[stream] = [other for other in self.rows[stream] if other is not row]
        elif row:
            row[GONE] = True
        else:
            self.replace(stream, record, version, gone=True)

    def activate(self, stream: str, version: int) -> None:
        seen = self.seen.get((stream, version), set())
        for row in list(self.rows[stream]):
            key = tuple(row[name] for name in STREAMS[stream])
            if key in seen if key else row[VERSION] == version:
                continue
            row[GONE] = True
            if self.hard:
                self.rows[stream] = [other for other in self.rows[stream] if other is not row]

    def table(self, stream: str) -> list[tuple[Any, ...]]:
        names = sorted(self.kinds[stream])
        return sorted(
            (tuple(row.get(name) for name in [*names, GONE]) for row in self.rows[stream]),
            key=repr,
        )


def wider(one: str, other: str) -> str:
    if one == other:
        return one
    pair = {one, other}
    if pair == {"integer", "number"}:
        return "number"
    return "timestamp" if pair == {"date", "timestamp"} else "text"


def kept(value: Any, sent: str, kind: str) -> Any:
    """A value that was sent as one kind, in a column of the same or a wider one."""
    if value is None or kind == "json":
        return value
    if kind == "text":
        return {True: "true", False: "false"}[value] if sent == "boolean" else str(value)
    if kind == "timestamp":
        moment = datetime.fromisoformat(value)
        # In UTC, as the database shows it: rows are put in order by how they look.
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return zoned.astimezone(UTC)
    return date.fromisoformat(value) if kind == "date" else value


def widened(value: Any, kind: str) -> Any:
    """A value that a column holds, once the column has become wider."""
    if kind == "timestamp":
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if kind == "number":
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)


# What the database has


def table(database: Database, stream: str, kinds: dict[str, str]) -> list[tuple[Any, ...]]:
    """A table as the model would have it."""
    there = database.columns(stream)
    names = [
        # In SQLite, `At` and `at` cannot both keep their names.
        name if name in there else next(other for other in there if other.startswith(f"{name}_"))
        for name in sorted(kinds)
    ]
    reads = [reader(kinds[name], database) for name in sorted(kinds)]
    gone = "_sdc_deleted_at" if "_sdc_deleted_at" in there else "NULL"
    found = database.query(
        f"SELECT {', '.join(map(database.quoted, names))}, {gone} IS NOT NULL"
        f" FROM {database.quoted(stream)}"
    )
    return sorted(
        (
            tuple(
                None if value is None else read(value)
                for value, read in zip(row, [*reads, bool], strict=True)
            )
            for row in found
        ),
        key=repr,
    )


def reader(kind: str, database: Database) -> Callable[[Any], Any]:
    """How a value of a column is read back."""
    if kind == "number":
        return lambda number: int(number) if number == int(number) else float(number)
    if database.is_sqlite:
        readers: dict[str, Callable[[Any], Any]] = {
            "boolean": bool,
            "date": date.fromisoformat,
            "timestamp": datetime.fromisoformat,
            "json": json.loads,
        }
        return readers.get(kind, lambda value: value)
    if kind == "timestamp":
        return lambda moment: moment.astimezone(UTC)
    return lambda value: value


# The property


def check(
    database: Database, runs: list[list[Message]], batch_size: int, lag: int, *, hard: bool
) -> None:
    """Load some runs, and compare after each of them."""
    model = Model(hard)
    for messages in runs:
        for message in messages:
            model.take(message)
        given_settings = {"batch_size_rows": batch_size, "max_state_lag_seconds": lag}
        passed = database.load(*messages, **given_settings, hard_delete=hard)

        states = [message["value"]["at"] for message in messages if message["type"] == "STATE"]
        assert passed == (states if lag == 0 else states[-1:])
        for stream in STREAMS:
            assert table(database, stream, model.kinds[stream]) == model.table(stream)


@given(
    runs=histories(),
    batch_size=st.integers(1, 5),
    lag=st.sampled_from([0, 3600]),
    hard=st.booleans(),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_sqlite_holds_what_the_model_holds(
    runs: list[list[Message]], batch_size: int, lag: int, *, hard: bool
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        Database.at(f"sqlite:///{folder}/model.db") as database,
    ):
        check(database, runs, batch_size, lag, hard=hard)


@given(
    runs=histories(),
    batch_size=st.integers(1, 5),
    lag=st.sampled_from([0, 3600]),
    hard=st.booleans(),
)
@settings(
    max_examples=EXAMPLES // 4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # emptied for each example
)
def test_postgresql_holds_what_the_model_holds(
    postgres: Database, runs: list[list[Message]], batch_size: int, lag: int, *, hard: bool
) -> None:
    postgres.clear()
    check(postgres, runs, batch_size, lag, hard=hard)
