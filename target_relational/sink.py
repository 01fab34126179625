"""One stream's rows on their way into one table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from singer_sdk.exceptions import InvalidRecord
from singer_sdk.helpers.capabilities import TargetLoadMethods
from singer_sdk.sql import SQLSink
from typing_extensions import override

from target_relational.connector import RelationalConnector
from target_relational.errors import RefusedRecord
from target_relational.evolution import Wanted
from target_relational.kinds import kind_of
from target_relational.names import assign
from target_relational.rows import Batch, Layout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from target_relational.tables import Table


class RelationalSink(SQLSink[RelationalConnector]):
    """One stream's rows on their way into one table."""

    connector_class = RelationalConnector
    table: Table
    """Where the rows go; known once the sink is set up."""
    layout: Layout
    """How the stream's records become rows of that table."""

    @override
    def setup(self) -> None:
        load_method = self.config["load_method"]
        properties = self.schema["properties"]
        wanted = Wanted(
            stream=self.stream_name,
            schema=self.schema_name,
            kinds={name: kind_of(schema or {}) for name, schema in properties.items()},
            keys=() if load_method == TargetLoadMethods.APPEND_ONLY else self.key_properties,
        )
        self.table = self.connector.prepare(
            wanted, afresh=load_method == TargetLoadMethods.OVERWRITE
        )
        self.layout = Layout(self.stream_name, self.table, self.connector.dialect.encoders)

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
    def process_activate_version_messages(self) -> bool:
        # Without metadata no row says in which version it was seen, and none may be deleted.
        return super().process_activate_version_messages and self.include_sdc_metadata_properties

    @override
    def start_batch(self, context: dict[str, Any]) -> None:
        context["batch"] = Batch(self.layout)

    @override
    def _validate_and_parse(self, record: dict[str, Any]) -> dict[str, Any]:
        """Refuse a record that its schema does not allow, without telling what it holds.

        The SDK would also log the record and parse its times; the encoders do the latter.
        """
        if self._validator is not None:
            try:
                self._validator.validate(record)
            except InvalidRecord as invalid:
                raise RefusedRecord(
                    f"{self.layout.describe(record)} is refused: {_rule(invalid)}."
                ) from None
        if unknown := record.keys() - self.schema["properties"] - self._warned_missing_fields:
            self._warned_missing_fields |= unknown
            names = ", ".join(sorted(unknown))
            self.logger.warning(
                "Not in the schema of '%s', not loaded: %s", self.stream_name, names
            )
        return record

    @override
    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        context["batch"].add(record)

    @override
    def process_batch(self, context: dict[str, Any]) -> None:
        self.connector.write(self.table, context["batch"].rows)

    @override
    def activate_version(self, new_version: int) -> None:
        self.connector.retire(
            self.table,
            new_version,
            version=self.version_column_name,
            deleted_at=None if self.config["hard_delete"] else self.soft_delete_column_name,
        )


def _rule(invalid: InvalidRecord) -> str:
    """The rule of the schema that a record broke; the validator's own words quote the value."""
    broken: Any = invalid.__cause__
    if broken.validator == "required":
        return f"{broken.message}"
    where = ".".join(map(str, broken.absolute_path)) or "the record"
    return f"'{where}' does not satisfy {broken.validator}: {json.dumps(broken.validator_value)}"
