"""What all streams have in common: a request for a unit, and rows from its pages."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, TypedDict, get_type_hints

from msgspec import Struct
from singer_sdk import Stream
from singer_sdk import typing as th
from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.mapper import RemoveRecordTransform, SameRecordTransform
from singer_sdk.singerlib import (
    ActivateVersionMessage,
    Metadata,
    MetadataMapping,
    StreamMetadata,
)
from typing_extensions import override

from tap_constantcontact.errors import UnexpectedAnswer
from tap_constantcontact.streams.forms import EXTRA, EXTRA_FIELD, Form
from tap_constantcontact.times import moment
from tap_constantcontact.units import ChangesUnit, Reading, Request, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from singer_sdk import Tap
    from singer_sdk.helpers.types import Context
    from singer_sdk.singerlib import Catalog

ENOUGH = {"contacts:lists:read": "contacts:read"}
"""Privileges of which the vendor's guide says that another one is enough."""

DEPTH = 2
"""How long the SDK's breadcrumb of a column is; the parts of a column have longer ones."""


LEFT = th.Property(
    "_sdc_deleted_at",
    th.DateTimeType,
    description="When it was found to be there no more; null as long as it is.",
)
"""The field of streams that show sets: a row that is not in its set any more says since when.

Such a row holds its key and this alone, so that a loader leaves the rest as it was.
"""

ACCOUNT_ID = "account_id"
"""The column that says whose a row is."""

ACCOUNT_ID_FIELD: dict[str, Any] = {
    "type": ["string"],
    "description": "The account: the same in all rows of one run.",
}


class Outline(TypedDict, total=False):
    """What tells whether a page is the last."""

    _links: Any


@dataclass
class Activation(ActivateVersionMessage):
    """An ACTIVATE_VERSION message for the rows of one account, if it says whose.

    Args:
        account_id: The account.
    """

    account_id: str | None = None


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
    """Where a page holds its list of rows; None where a page *is* the row, or their list."""

    scope: ClassVar[str | None]
    """The OAuth scope that the path asks for; None if any sign-in will do."""

    privilege: ClassVar[str | None]
    """The privilege that the person who signed in needs, if any."""

    may_be_missing: ClassVar[bool] = False
    """Whether "not found" says that there is nothing to read, and is no error."""

    refuses_what_is_gone: ClassVar[bool] = False
    """Whether it says of what is gone that the request is wrong (400), and knows no 404."""

    outline: ClassVar[Any] = Outline
    """What of a page `enough` and `following` look at, as a type: rows are decoded where they are
    read, since what they say would take five times as much memory while they wait."""

    @property
    def shape(self) -> Any:  # noqa: ANN401 - types are of any kind
        """What of a page its reading looks at, as a type: by default all of it, of any type."""
        return Any

    @classmethod
    def is_allowed(cls, held: AbstractSet[str]) -> bool:
        """Tell whether privileges are enough to ask.

        Args:
            held: Those of whoever signed in.
        """
        return not cls.privilege or not {cls.privilege, ENOUGH.get(cls.privilege)}.isdisjoint(held)

    @property
    def needs(self) -> str:
        """What it takes to be allowed to ask, in words."""
        needs = {"scope": self.scope, "privilege": self.privilege}
        named = [f"the {what} {name}" for what, name in needs.items() if name]
        return " and ".join(named) or "a valid sign-in"

    def request(self, unit: Unit) -> Request:
        """Return the first request of a unit."""
        size = unit.page_size or self.page_size
        limit = {"limit": str(size)} if size else {}
        return Request(
            f"GET {self.path}",
            self.path.format(**unit.about),
            {**self.params, **limit, **unit.filters},
        )

    def all(self) -> Unit:
        """Return the unit that reads all there is."""
        return Unit(self)

    def enough(self, unit: Unit, body: Any) -> bool:  # noqa: ANN401, ARG002 - families decide
        """Tell whether no page after this one is wanted: by default all are."""
        return False

    def following(self, body: Any) -> str | None:  # noqa: ANN401 - JSON is anything
        """Return the link to the page after this one; "no more" is said in several ways."""
        links = body.get("_links") if isinstance(body, dict) else None
        href: str | None = ((links or {}).get("next") or {}).get("href")
        return href or None

    def records(self, body: Any) -> list[Any]:  # noqa: ANN401 - JSON is anything
        """Return the rows of a page as the API wrote them, or what `shape` made of them.

        Raises:
            UnexpectedAnswer: The page does not hold what it should.
        """
        try:
            if self.records_key is not None:
                found = body[self.records_key]
            else:
                found = body if isinstance(body, list) else [body]
        except (KeyError, TypeError):
            found = None
        if not isinstance(found, list) or not all(
            issubclass(kind, dict | Struct) for kind in {*map(type, found)}
        ):
            raise self.lacking(self.records_key or "records")
        return found

    def lacking(self, what: str) -> UnexpectedAnswer:
        """Return the error that an answer does not hold what it should."""
        return UnexpectedAnswer(f"An answer for {self.name} holds no {what!r}.")

    def reading(self, unit: Unit) -> Reading:
        """Return what turns the pages of a unit into rows: by default record by record."""
        return Reading(self, unit)

    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:  # noqa: ANN401, ARG002 - JSON is anything; others need the unit
        """Return the rows of a page: by default its records, as the API wrote them."""
        return self.records(body)


def _choose(own: Metadata, said: Metadata) -> None:
    """Take over what a catalog says of whether something is selected."""
    own.selected, own.selected_by_default = said.selected, said.selected_by_default
    if said.inclusion == Metadata.InclusionType.UNSUPPORTED:
        own.inclusion = said.inclusion


class ConstantContactStream(Asking, Stream):
    """An object of the account as a stream.

    A stream declares which request belongs to a unit and how a page becomes rows. It knows
    no HTTP, no bookmark and no gate: the planner decides what is asked, the fetcher asks.
    """

    primary_keys: ClassVar[Sequence[str]]
    schema: ClassVar[dict[str, Any]]

    follows_campaigns: ClassVar[bool] = False
    """Whether it is of one campaign or activity after the other, so these must be known."""

    unfolded: ClassVar[Mapping[str, str]] = {}
    """Objects in a record whose fields are columns, and what the names of those begin with."""

    blanks: ClassVar[Mapping[str, Any]] = {}
    """What stands in a column where the API says nothing; elsewhere that is null."""

    spellings: ClassVar[Mapping[str, Callable[[str], str]]] = {}
    """How the words in a column are spelled, where the API spells them in several ways."""

    vanishes: ClassVar[bool] = False
    """Whether what is deleted leaves no trace but its absence from the whole."""

    comes_and_goes: ClassVar[bool] = False
    """Whether a row that is gone is written again with its key and `_sdc_deleted_at`, so that it
    must be known who was there; see `traces`."""

    decodes_rows: ClassVar[bool] = False
    """Whether the records of a page are rows as soon as they are decoded: it takes half the time,
    which counts where there are many. Then `rows` sees of a page what `outline` names, and these.
    """

    account: Mapping[str, str] = MappingProxyType({})
    """What rows say of whose they are: nothing, unless that is wanted."""

    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE  # rows are made in the schema's types

    def __init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - passed on
        """Give each stream of the API the column that keeps what its schema has no place for."""
        super().__init_subclass__(**options)
        if "schema" in vars(cls) and hasattr(cls, "path"):
            columns = {**cls.schema["properties"], EXTRA: EXTRA_FIELD}
            cls.schema = {**cls.schema, "properties": columns}

    def __init__(self, tap: Tap) -> None:
        """Make a stream of a tap; its rows say whose they are if the settings say so."""
        super().__init__(tap)
        if tap.config.get("add_account_id"):
            own = type(self)
            self.primary_keys = (ACCOUNT_ID, *own.primary_keys)  # type: ignore[misc] # own ones
            self.schema = {  # type: ignore[misc] # likewise
                **own.schema,
                "properties": {ACCOUNT_ID: ACCOUNT_ID_FIELD, **own.schema["properties"]},
                "required": [ACCOUNT_ID, *own.schema["required"]],
            }

    @override
    def apply_catalog(self, catalog: Catalog) -> None:
        """Take from a catalog what it selects, and nothing else: it may be of another version.

        Keys are selected always. A column that the catalog does not know is selected as the stream
        is, unless another one is deselected: then somebody has chosen the columns by name.
        """
        own, entry = self.metadata, catalog.get_stream(self.name)
        said = entry.metadata if entry else MetadataMapping({(): StreamMetadata(selected=False)})
        by_name = any(
            len(crumb) == DEPTH and each.selected is False for crumb, each in said.items()
        )
        for crumb, each in own.items():
            if crumb in said:
                _choose(each, said[crumb])
            elif crumb == ():
                each.selected = not said
            elif by_name and len(crumb) == DEPTH:
                each.selected = False
        for crumb in said.keys() - own.keys():
            if crumb[:DEPTH] in own:
                own[crumb] = said[crumb]

    @override
    def get_records(self, context: Context | None) -> Iterable[dict[str, Any]]:
        """Refuse: rows of all streams are read together, in the planner's order.

        Raises:
            NotImplementedError: Always; see `Run`.
        """
        raise NotImplementedError("Rows are read by TapConstantContact.sync_all.")

    def write_schema(self) -> None:
        """Write a SCHEMA message, as the stream maps have it."""
        self._write_schema_message()

    def write_record(self, row: Row, version: int | None) -> None:
        """Write a RECORD message with the selected fields, as the stream maps have it.

        Args:
            row: The row.
            version: Which reading of the whole it belongs to, if any.
        """
        self._stream_version = version
        # The SDK takes what is not selected out of the row itself, and the planner learns from it.
        self._write_record_message(copy.deepcopy({**row}))

    @cached_property
    def hidden(self) -> frozenset[str] | None:
        """The columns that are left out of a row; None where it takes the SDK to write one.

        It does where stream maps or flattening change rows, and where a part of an object is
        deselected.
        """
        same, *others = self.stream_maps
        if others or type(same) is not SameRecordTransform or same.flattening_enabled:
            return None
        shown = same.transformed_schema["properties"]
        hidden = frozenset(name for name in self.schema["properties"] if name not in shown)
        deselected = (crumb for crumb, selected in self.mask.items() if not selected)
        if any(len(crumb) > DEPTH and crumb[1] not in hidden for crumb in deselected):
            return None
        return hidden

    def activate(self, version: int) -> None:
        """Write an ACTIVATE_VERSION message: rows that came with no such version are gone.

        Where rows say whose they are, so does the message: there may be none of the account's any
        more to say it. Loaders that do not know that look past it.
        """
        for stream_map in self.stream_maps:
            if not isinstance(stream_map, RemoveRecordTransform):
                self._tap.write_message(
                    Activation(
                        stream=stream_map.stream_alias,
                        version=version,
                        account_id=self.account.get(ACCOUNT_ID),
                    )
                )

    @override
    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:
        """Return the rows of a page: each record with what its unit is about, whole.

        Of what the API can only show whole, those are returned that are news.
        """
        rows = self._form.rows(self.records(body), unit.about)
        since = unit.since if isinstance(unit, ChangesUnit) else None
        if since is None:
            return rows
        changed = str(self.replication_key)
        return [row for row in rows if row[changed] is None or moment(row[changed]) >= since]

    @cached_property
    @override
    def shape(self) -> Any:
        """What of a page its reading looks at, as a type."""
        if not (self.decodes_rows and self.records_key):
            return super().shape
        records = list[self._form.record]  # type: ignore[name-defined]
        fields = {**get_type_hints(self.outline), self.records_key: records}
        return TypedDict("Page", fields, total=False)  # type: ignore[operator]

    @cached_property
    def _form(self) -> Form:
        return Form(
            self.name,
            self.schema,
            keys=self.primary_keys,
            unfolded=self.unfolded,
            blanks={**self.blanks, **self.account},
            spellings=self.spellings,
        )
