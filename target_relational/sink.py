"""One stream's rows on their way into one table."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk.helpers.capabilities import TargetLoadMethods
from singer_sdk.sql import SQLSink
from typing_extensions import override

from target_relational.checks import Check
from target_relational.connector import Refusal, RelationalConnector
from target_relational.errors import RefusedRecord
from target_relational.evolution import Wanted
from target_relational.kinds import kind_of
from target_relational.names import assign
from target_relational.rejections import TABLE, Rejections
from target_relational.rows import Batch, Change, Layout, Part
from target_relational.tables import DELETED_AT, VERSION
from target_relational.versions import Seen, retire

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_relational.rows import Key, Row
    from target_relational.tables import Table
    from target_relational.target import TargetRelational

    Record = dict[str, Any]

_OWN: dict[str, dict[str, Any]] = {
    DELETED_AT: {"type": ["null", "string"], "format": "date-time"},
    VERSION: {"type": ["null", "integer"]},
}
"""The loader's columns that a table gets when it needs them, with or without other metadata."""
_METADATA = frozenset(
    {
        *_OWN,
        "_sdc_extracted_at",
        "_sdc_received_at",
        "_sdc_batched_at",
        "_sdc_sequence",
        "_sdc_sync_started_at",
    }
)


class RelationalSink(SQLSink[RelationalConnector]):
    """One stream's rows on their way into one table."""

    connector_class = RelationalConnector
    MAX_SIZE_DEFAULT = 20_000
    table: Table
    """Where the rows go; known once the sink is set up."""
    layout: Layout
    """How the stream's records become rows of that table."""
    batch: Batch
    """The rows that wait."""
    most_records: int
    """So many of them wait at most."""

    def __init__(
        self,
        target: TargetRelational,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
        connector: RelationalConnector | None = None,
    ) -> None:
        """Prepare for a stream, as the SDK asks for it."""
        super().__init__(target, stream_name, schema, key_properties, connector)
        self._bookmarks = target.bookmarks

    @override
    def setup(self) -> None:
        self._own: dict[str, dict[str, Any]] = {}
        self._seen: Seen | None = None
        self._rejections: Rejections | None = None
        self._refused = 0
        self._with_metadata = self.include_sdc_metadata_properties
        self._with_versions = self.process_activate_version_messages
        self._fails = self.config["on_bad_record"] == "fail"
        overwrites = self.config["load_method"] == TargetLoadMethods.OVERWRITE
        self._aside = self.connector.mark if overwrites else ""
        self._check = (
            Check(self.original_schema, self._validator) if self._validator is not None else None
        )
        self.most_records = self.max_size
        self._known = self.original_schema["properties"].keys() | _METADATA
        self._prepare()

    def _prepare(self) -> None:
        """Make the table what the stream needs now."""
        properties = {**self.schema["properties"], **self._own}
        appends = self.config["load_method"] == TargetLoadMethods.APPEND_ONLY
        wanted = Wanted(
            stream=self.stream_name,
            schema=self.schema_name,
            kinds={name: kind_of(schema or {}) for name, schema in properties.items()},
            keys=() if appends else self.key_properties,
            indexed=self._indexed() if self.config["add_indexes"] else (),
            aside=self._aside,
        )
        self.table = self.connector.prepare(wanted)
        self.layout = Layout(
            self.stream_name, self.table, self.connector.dialect, self._warn_of_unknown
        )
        self.batch = Batch()
        self._marks = self.table.column(DELETED_AT) is not None

    def _indexed(self) -> set[str]:
        """The properties that one joins or continues by."""
        names = self.original_schema["properties"]
        return {name for name in names if name.endswith("_id") or name in self._bookmarks}

    @property
    @override
    def schema_name(self) -> str | None:
        dialect = self.connector.dialect
        name = self.default_target_schema
        if not (name and dialect.has_schemas):
            return None
        return assign(
            [name], (), max_bytes=dialect.max_name_bytes, case_matters=dialect.case_matters
        )[name]

    @property
    @override
    def key_properties(self) -> Sequence[str]:
        # As the tap names them: what their columns are called is the table's affair.
        return self._key_properties

    @property
    @override
    def current_size(self) -> int:
        return self.batch.records

    # Records

    def load(self, record: Record, message: Record, size: int) -> None:
        """Take a record in.

        Args:
            record: The record, which is not used by anybody else.
            message: The message that it came with.
            size: How much memory it takes, roughly.

        Raises:
            RefusedRecord: If it does not fit, and the run shall fail then.
        """
        version = message.get("version") if self._with_versions else None
        deleted_at = record.pop(DELETED_AT, None)
        if version is not None or deleted_at is not None:
            self._make_room(version, deleted_at)
        batch = self.batch
        batch.records += 1
        batch.bytes += size
        try:
            key, row = self._row(record, message, version, deleted_at)
        except RefusedRecord as refused:
            self._reject(refused, record)
            return
        if key is None:
            batch.put[batch.records] = row
        elif deleted_at is not None:
            batch.gone[key] = row
        else:
            if batch.gone and key in batch.gone:
                batch = self._return(key)
            batch.put[key] = row

    def _return(self, key: Key) -> Batch:
        """Let a row that was deleted come back; returns the batch that it belongs to."""
        if not self.config["hard_delete"]:
            del self.batch.gone[key]
        else:
            # It comes back with no more than it says, not with what its row held before.
            self.batch.records -= 1
            self.flush()
            self.batch.records += 1
        return self.batch

    def _row(
        self, record: Record, message: Record, version: int | None, deleted_at: object
    ) -> tuple[Key, Row]:
        """A record's key and row, with what the loader notes about it."""
        # A record that only says what is gone needs no more than its key.
        if self._check is not None and deleted_at is None:
            broken = self._check.complaint(record)
            if broken:
                raise RefusedRecord(f"{self.layout.describe(record)} is refused: {broken}.")
        if self._with_metadata:
            record.update(self._metadata(message))
        elif version is not None:
            record[VERSION] = version
        if self._marks:
            record[DELETED_AT] = deleted_at
        key, row = self.layout.row(record)
        if version is not None and self._seen is not None:
            self._seen.add(record, version)
        return key, row

    def _make_room(self, version: int | None, deleted_at: object) -> None:
        """Keep what a record says beside its fields, from the first one on that says so."""
        if deleted_at is not None and not (self.config["hard_delete"] and self.table.keys):
            self._require(DELETED_AT)
        if version is not None and not self.table.keys:
            self._require(VERSION)
        elif version is not None and self._seen is None:
            self._seen = Seen(
                self.connector, self.stream_name, self.schema_name, self.table, self._aside
            )

    def _require(self, column: str) -> None:
        """Give the table a column of the loader's own, unless it has it."""
        if self.table.column(column) is None:
            self.flush()
            self._own[column] = _OWN[column]
            self._prepare()

    def _warn_of_unknown(self, record: Record) -> None:
        if unknown := record.keys() - self._known - self._warned_missing_fields:
            self._warned_missing_fields |= unknown
            names = ", ".join(sorted(unknown))
            self.logger.warning(
                "Not in the schema of '%s', not loaded: %s", self.stream_name, names
            )

    def _metadata(self, message: Record) -> Record:
        now = datetime.now(UTC).isoformat()
        return {
            "_sdc_extracted_at": message.get("time_extracted"),
            "_sdc_received_at": now,
            "_sdc_batched_at": self.batch.since,
            "_sdc_sequence": time.time_ns() // 1_000_000,
            VERSION: message.get("version"),
            "_sdc_sync_started_at": self.sync_started_at,
        }

    # Refusals

    def _reject(self, refused: RefusedRecord, record: Record) -> None:
        if self._fails:
            raise refused
        said = {name: value for name, value in record.items() if name not in _METADATA}
        key = [record.get(name) for name in self.key_properties]
        self._keep_aside(str(refused), key, said)

    def _refuse(self, refusals: Sequence[Refusal]) -> Part:
        """What becomes of rows that the database refuses."""
        for refusal in refusals:
            key = self.layout.split(refusal.key)
            described = self.layout.describe_key(key)
            refused = RefusedRecord(f"{described} is refused by the database: {refusal.reason}.")
            if self._fails:
                raise refused
            values = self.connector.dialect.unpacked(refusal.row)
            columns = [column.property for column in refusal.part.table.columns]
            said = {
                name: value
                for name, value in zip(columns, values, strict=True)
                if name not in _METADATA
            }
            self._keep_aside(str(refused), key, said)
        return self._kept_aside().taken()

    def _keep_aside(self, reason: str, key: Sequence[object], said: Record) -> None:
        self._refused += 1
        self._kept_aside().add(self.stream_name, key, reason, said)

    def _kept_aside(self) -> Rejections:
        if self._rejections is None:
            self._rejections = Rejections(self.connector, self.schema_name)
        return self._rejections

    # Batches

    def flush(self) -> None:
        """Commit what waits."""
        batch, self.batch = self.batch, Batch()
        gone = Change.REMOVE if self.config["hard_delete"] else Change.MARK
        parts = [Part(self.table, Change.PUT, batch.put), Part(self.table, gone, batch.gone)]
        parts += [kept.taken() for kept in (self._seen, self._rejections) if kept is not None]
        if full := [part for part in parts if part.rows]:
            self.connector.write(full, partial(self._sift, full))
        self.record_counter_metric.increment(batch.records)

    def _sift(self, parts: Sequence[Part]) -> None:
        """Find the rows that the database refuses among those that it takes."""
        if not self._fails:
            self._kept_aside()  # makes a table, which cannot wait for the transaction
        self.connector.sift(parts, self._refuse)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        self.flush()

    @override
    def clean_up(self) -> None:
        if self._refused:
            self.logger.warning(
                "%d records of '%s' were refused: see the table '%s'",
                self._refused,
                self.stream_name,
                TABLE,
            )
        super().clean_up()

    # Versions

    @override
    def activate_version(self, new_version: int) -> None:
        self.activate(new_version, None)

    def activate(self, new_version: int, account: str | None) -> None:
        """Retire the rows that a version does not have.

        Args:
            new_version: The version.
            account: Whose rows those are; None where the message does not say.
        """
        self.flush()  # or the last rows of the version would look deleted
        self._make_room(new_version, None if self.config["hard_delete"] else new_version)
        seen, self._seen = self._seen, None
        work = partial(
            retire,
            table=self.table,
            seen=None if seen is None else seen.table,
            version=new_version,
            turn=0 if seen is None else seen.turn(new_version),
            account=account,
            hard=self.config["hard_delete"],
        )
        self.connector.transact(f"retire rows of '{self.table.name}'", work, self.table.full_name)
