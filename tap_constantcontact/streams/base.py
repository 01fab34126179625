"""What all streams have in common: a request for a unit, and rows from its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Stream
from typing_extensions import override

from tap_constantcontact.errors import UnexpectedAnswer
from tap_constantcontact.units import Reading, Request, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from singer_sdk.helpers.types import Context


class Asking:
    """How things are asked for: what streams and look-ups declare, and what follows from it."""

    name: str
    """The stream's name; of a look-up, a name for messages."""

    path: ClassVar[str]
    """Path below `api_url`; names in braces stand for what a unit is about."""

    params: ClassVar[Mapping[str, str]] = {}
    """The query that never changes."""

    page_size: ClassVar[int | None] = None
    """Rows a page: always the most that the API allows; None where there are no pages."""

    records_key: ClassVar[str | None] = None
    """Where a page holds its list of rows; None where a page *is* the row."""

    scope: ClassVar[str]
    """The OAuth scope that the path asks for."""

    privilege: ClassVar[str]
    """The privilege that the person who signed in needs."""

    may_be_missing: ClassVar[bool] = False
    """Whether "not found" says that there is nothing to read, and is no error."""

    def request(self, unit: Unit) -> Request:
        """Return the first request of a unit."""
        size = unit.page_size or self.page_size
        limit = {"limit": str(size)} if size else {}
        return Request(
            f"GET {self.path}",
            self.path.format(**unit.about),
            {**self.params, **limit, **unit.filters},
        )

    def enough(self, unit: Unit, body: Any) -> bool:  # noqa: ANN401, ARG002 - families decide
        """Tell whether no page after this one is wanted: by default all are."""
        return False

    def records(self, body: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - JSON is anything
        """Return the rows of a page as the API wrote them.

        Raises:
            UnexpectedAnswer: The page does not hold what it should.
        """
        try:
            found = [body] if self.records_key is None else body[self.records_key]
        except (KeyError, TypeError):
            found = None
        if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
            raise UnexpectedAnswer(f"An answer for {self.name} holds no {self.records_key!r}.")
        return found

    def reading(self, unit: Unit) -> Reading:
        """Return what turns the pages of a unit into rows: by default record by record."""
        return Reading(self, unit)

    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:  # noqa: ANN401 - JSON is anything
        """Yield the rows of a page."""
        raise NotImplementedError


class ConstantContactStream(Asking, Stream):
    """An object of the account as a stream.

    A stream declares which request belongs to a unit and how a page becomes rows. It knows
    no HTTP, no bookmark and no gate: the planner decides what is asked, the fetcher asks.
    """

    primary_keys: ClassVar[Sequence[str]]
    schema: ClassVar[dict[str, Any]]

    follows_campaigns: ClassVar[bool] = False
    """Whether it is asked for one campaign or activity after the other, so these must be known."""

    @override
    def get_records(self, context: Context | None) -> Iterable[Row]:
        """Refuse: rows of all streams are read together, in the planner's order.

        Raises:
            NotImplementedError: Always; see `Run`.
        """
        raise NotImplementedError("Rows are read by TapConstantContact.sync_all.")

    def write_schema(self) -> None:
        """Write a SCHEMA message, as the stream maps have it."""
        self._write_schema_message()

    def write_record(self, row: Row) -> None:
        """Write a RECORD message with the selected fields, as the stream maps have it."""
        self._write_record_message(row)

    @override
    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:
        """Yield the rows of a page: each record with what its unit is about, whole."""
        for record in self.records(body):
            yield self.whole({**unit.about, **self.row(record)})

    def row(self, record: dict[str, Any]) -> Row:
        """Return a record in the stream's own fields: by default those of the API."""
        return record

    def whole(self, row: Row) -> Row:
        """Return a row with every field of the schema.

        The API leaves out what has no value. In a table the value would then stay as it was:
        a contact that loses its opt-out would keep it. So what is missing is said: null.

        Raises:
            UnexpectedAnswer: A part of the key is missing.
        """
        for key in self.primary_keys:
            if row.get(key) is None:
                raise UnexpectedAnswer(f"A row of {self.name} has no {key}.")
        return {name: row.get(name) for name in self.schema["properties"]}
