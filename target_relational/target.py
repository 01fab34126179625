"""The settings, what happens to a message, and when the STATE is due."""

from __future__ import annotations

import gc
import sys
import weakref
from copy import copy, deepcopy
from functools import partial
from time import monotonic
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import typing as th
from singer_sdk.exceptions import (
    ConfigValidationError,
    RecordsWithoutSchemaException,
    SingerSDKError,
)
from singer_sdk.helpers.capabilities import TargetLoadMethods
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib.json import serialize_json
from singer_sdk.sql import SQLTarget
from typing_extensions import override

from target_relational.dialects import DIALECTS
from target_relational.errors import LoaderError, one_line, unknown_setting
from target_relational.messages import MessageReader
from target_relational.sink import RelationalSink
from target_relational.versions import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

    from singer_sdk.plugin_base import _ConfigInput
    from singer_sdk.sinks import Sink

    from target_relational.connector import RelationalConnector

    _Route = tuple[Callable[[dict[str, Any]], dict[str, Any] | None] | None, RelationalSink]

STATE_LAG_RECORDS = 50_000
"""A STATE waits for no more records than these, however fast they come."""
BUFFER_BYTES = 8 * 2**20
"""All rows that wait, of all streams, come from no more input than this."""

GARBAGE = 50_000
"""How many more objects than before there are when Python looks for cycles among them."""

_ADDRESS = " or ".join(dialect.example for dialect in DIALECTS)


class TargetRelational(SQLTarget):
    """Loads Singer streams into SQLite or PostgreSQL."""

    name = "target-relational"
    package_name = "tap-constantcontact"
    default_sink_class = RelationalSink
    message_reader_class = MessageReader
    message_reader: MessageReader
    bookmarks: tuple[str, ...] = ()
    """By which properties the stream of the SCHEMA goes on that is being worked on."""
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property(
            "sqlalchemy_url",
            th.StringType,
            required=True,
            secret=True,
            title="Database",
            description=f"The database's address: {_ADDRESS}.",
        ),
        th.Property(
            "default_target_schema",
            th.StringType,
            title="Database Schema",
            description=(
                "The PostgreSQL schema that the tables stand in, created when missing; "
                "by default the connection's own. SQLite has none and ignores it."
            ),
        ),
        th.Property(
            "load_method",
            th.StringType,
            allowed_values=[method.value for method in TargetLoadMethods],
            default=TargetLoadMethods.UPSERT.value,
            title="Load Method",
            description=(
                "`upsert` lets a record replace the row of the same key, `append-only` adds a "
                "row for each record, and `overwrite` loads new tables that take the places of "
                "the old ones at the end, all at once; a STATE is passed on only then, and of two "
                "loaders that overwrite a table at once the one that began last has it."
            ),
        ),
        th.Property(
            "max_state_lag_seconds",
            th.NumberType(minimum=0),
            default=30,
            title="Maximum State Lag",
            description=(
                "A STATE is passed on after so many seconds at the latest (or 50,000 records), "
                "once all records before it are committed: what a crash may cost."
            ),
        ),
        th.Property(
            "on_bad_record",
            th.StringType,
            allowed_values=["fail", "skip"],
            default="fail",
            title="On a Bad Record",
            description=(
                "What happens when a record does not fit its schema or its column: `fail` stops "
                "the run and names it, `skip` puts it into the table `_rejected` and goes on."
            ),
        ),
        th.Property(
            "add_indexes",
            th.BooleanType,
            default=True,
            title="Add Indexes",
            description=(
                "Whether columns that one joins or continues by have an index: those whose name "
                "ends in `_id`, and bookmarks."
            ),
        ),
    ).to_dict()

    def __init__(self, *, validate_config: bool = True, **options: Any) -> None:  # noqa: ANN401 - passed on
        """Prepare to load.

        Args:
            validate_config: Whether to check the settings, and that the database answers.
            options: The SDK's.
        """
        super().__init__(validate_config=validate_config, **options)
        self.max_parallelism = 1  # all sinks share one connection
        self._written_state: dict[str, Any] | None = None
        self._state_since: float | None = None
        self._records_since_state = 0
        self._routes: dict[str, list[_Route]] = {}
        self._buffered = 0
        self._replaces = self.config.get("load_method") == TargetLoadMethods.OVERWRITE
        self.message_reader.tick = self._tick
        # However the run ends, SQLite's file is left as one file.
        weakref.finalize(self, self.connector.close)
        if validate_config:
            self.connector.check()

    @property
    def connector(self) -> RelationalConnector:
        """The connection that all sinks share."""
        return cast("RelationalConnector", self.target_connector)

    def close(self) -> None:
        """Let go of the database."""
        self.connector.close()

    # Settings

    @override
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        self.append_builtin_config(self.config_jsonschema)
        known = self.config_jsonschema["properties"]
        errors = [unknown_setting(name, known) for name in self._config if name not in known]
        url = self._config.get("sqlalchemy_url")
        if not errors and not (url and isinstance(url, str)):
            errors = [f"The setting 'sqlalchemy_url' is missing: write it as {_ADDRESS}."]
        if errors and raise_errors:
            raise ConfigValidationError("The settings are wrong.", errors=errors)
        return errors or super()._validate_config(raise_errors=raise_errors)

    @classmethod
    @override
    def cb_config(
        cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]
    ) -> _ConfigInput:
        try:
            return super().cb_config(ctx, param, value)
        except (OSError, ValueError) as error:
            files = ", ".join(value)
            raise click.ClickException(
                f"The settings cannot be read from {files}: {one_line(error)}"
            ) from None

    @classmethod
    @override
    def invoke(  # type: ignore[override]  # as in the SDK: a target takes these by name
        cls,
        *,
        about: bool = False,
        about_format: str | None = None,
        config: _ConfigInput | None = None,
        file_input: IO[str] | None = None,
    ) -> None:
        # Records are made and dropped by the million, and none of them refers to itself.
        gc.freeze()
        gc.set_threshold(GARBAGE)
        try:
            super().invoke(
                about=about, about_format=about_format, config=config, file_input=file_input
            )
        except SingerSDKError as error:
            # Something a person has to put right: a traceback would only hide the one line.
            reasons = getattr(error, "errors", None) or [error]
            cls.logger.error(one_line(" ".join(map(str, reasons))))  # noqa: TRY400
            sys.exit(1)

    # Messages

    @override
    def get_sink(
        self,
        stream_name: str,
        *,
        record: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        key_properties: Sequence[str] | None = None,
    ) -> Sink:
        """The sink of a stream, or a new one if its schema or key changed.

        The SDK would take its own metadata columns for a change of schema, and let the rows of
        the old sink be written after those of the new one.
        """
        sink = self._sinks_active.get(stream_name)
        if schema is None or sink is None:
            return super().get_sink(
                stream_name, schema=deepcopy(schema), key_properties=key_properties
            )
        if sink.original_schema == schema and [*sink.key_properties] == [*(key_properties or ())]:
            return sink
        self.drain_one(sink)
        self._sinks_to_clear.append(self._sinks_active.pop(stream_name))
        return self.add_sqlsink(stream_name, deepcopy(schema), key_properties)

    @override
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        """Hand a record on; the SDK would do it in some twenty steps, one record at a time."""
        try:
            routes = self._routes[message_dict["stream"]]
            record = message_dict["record"]
        except (KeyError, TypeError):
            self._assert_line_requires(message_dict, requires={"stream", "record"})
            raise RecordsWithoutSchemaException(
                f"A record of stream '{message_dict['stream']}' came before its schema."
            ) from None
        if not isinstance(record, dict):
            raise self.message_reader.unreadable("holds a record that is no object")
        size = self.message_reader.line_bytes
        for transform, sink in routes:
            mapped = record if transform is None else transform(copy(record))
            if mapped is None:
                continue
            sink.load(mapped, message_dict, size)
            self._buffered += size
            if sink.batch.records >= sink.most_records:
                self.drain_one(sink)
        if self._buffered > BUFFER_BYTES:
            self._relieve()
        self._records_since_state += 1
        if self._records_since_state >= STATE_LAG_RECORDS and self._state_since is not None:
            self.drain_all()

    def _relieve(self) -> None:
        """Commit the largest batch if too much waits; what was committed before is not counted."""
        sinks = cast("list[RelationalSink]", list(self._sinks_active.values()))
        self._buffered = sum(sink.batch.bytes for sink in sinks)
        if self._buffered > BUFFER_BYTES:
            largest = max(sinks, key=lambda sink: sink.batch.bytes)
            self._buffered -= largest.batch.bytes
            self.drain_one(largest)

    @override
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        self.bookmarks = tuple(message_dict.get("bookmark_properties") or ())
        super()._process_schema_message(message_dict)
        stream_name = message_dict["stream"]
        maps = self.mapper.stream_maps[stream_name]
        self._routes[stream_name] = [
            (
                None
                if len(maps) == 1
                and isinstance(stream_map, SameRecordTransform)
                and not stream_map.flattening_enabled
                else stream_map.transform,
                cast("RelationalSink", self.get_sink(stream_map.stream_alias)),
            )
            for stream_map in maps
            if not isinstance(stream_map, RemoveRecordTransform)
        ]

    @override
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        self._assert_line_requires(message_dict, requires={"stream", "version"})
        stream_name = message_dict["stream"]
        if stream_name not in self._routes:
            raise RecordsWithoutSchemaException(
                f"A version of stream '{stream_name}' is activated before its schema came."
            )
        for _, sink in self._routes[stream_name]:
            if sink.process_activate_version_messages:
                sink.activate(message_dict["version"], message_dict.get(ACCOUNT))
            else:
                self.logger.info("A version of '%s' is not activated", sink.stream_name)

    @override
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        # The SDK would hold the whole file in memory, unchecked, and write it before older rows.
        raise LoaderError(
            "This loader reads no BATCH messages: take 'batch_config' out of the tap's settings."
        )

    # State

    @override
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
        if self._state_since is None and self._latest_state != self._written_state:
            self._state_since = monotonic()
            self._records_since_state = 0
        self._tick()

    def _tick(self) -> float | None:
        """Commit everything and pass the STATE on, once it has waited long enough.

        Returns:
            The seconds until it will have; none if no STATE waits.
        """
        self._handle_max_record_age()
        if self._state_since is None:
            return None
        left = self._state_since + float(self._config["max_state_lag_seconds"]) - monotonic()
        if left > 0:
            return left
        self.drain_all()
        return None

    @override
    def _write_state_message(self, state: dict[str, Any]) -> None:
        """Pass a STATE on, unless it is known; the SDK cannot write one that holds a fraction."""
        self.connector.settle()
        self._state_since = None
        if state != self._written_state and not self._replaces:
            sys.stdout.write(serialize_json(state) + "\n")
            sys.stdout.flush()
            self._written_state = state

    # The end

    @override
    def process_endofpipe(self) -> None:
        if self._replaces:
            self.drain_all()
            self.connector.replace()
            self._replaces = False  # From here on, the tables hold what the STATE says.
        super().process_endofpipe()
        self.connector.settle()
        self.close()

    @override
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:
        """Finish the message that is being worked on, commit, pass the STATE on, and leave."""
        leave = partial(super()._handle_termination, signum, frame)
        if self.message_reader.busy:
            self.message_reader.stop = leave
        else:
            self.message_reader.busy = True
            leave()
