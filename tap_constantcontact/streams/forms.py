"""From the API's records to rows, by a form that is made once from a stream's schema.

A page is checked as a whole, by msgspec, against a type made from the schema. If all of it fits,
as it nearly always does, rows are copies of its records. Only the records of a page that does not
fit are gone through field by field: what can be said in the schema's type without losing anything
is, and whatever cannot, or is not in the schema at all, is kept in `_extra`.

Source: docs/api-notes.md, "Fields come, and change their spelling".
"""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Mapping, MutableMapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, TypeVar

import msgspec
from msgspec.structs import astuple

from tap_constantcontact.errors import UnexpectedAnswer
from tap_constantcontact.times import moment, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tap_constantcontact.units import Row

EXTRA = "_extra"
"""The column that keeps what the schema has no place for."""

EXTRA_FIELD: dict[str, Any] = {
    "type": ["object", "null"],
    "additionalProperties": True,
    "description": "What the API sent and no other column holds, as it was sent; null as a rule.",
}

LINKS = "_links"
"""Where the API says how to go on: of no use in a row."""

INT64 = range(-(2**63), 2**63)
"""Whole numbers as databases have them."""

WHOLE = re.compile(r"[+-]?[0-9]{1,18}")

BOOLEANS = {"true": True, "false": False}

T = TypeVar("T")

LOGGER = logging.getLogger(__name__)


class Misfit(Exception):
    """A value is not of the type that the schema says.

    Args:
        rest: As much of it as is.
    """

    def __init__(self, rest: Any = None) -> None:  # noqa: ANN401 - JSON is anything
        super().__init__()
        self.rest = rest


class StructRow(msgspec.Struct, gc=False):
    """A row of a stream, which reads as a dictionary does, but is made and written much faster.

    A column may have any name, and a field of a struct may not: so each has a place. None can be
    taken out.
    """

    places: ClassVar[Mapping[str, str]]
    """Where each column is, in the order of the schema."""

    def __getitem__(self, column: str) -> Any:  # noqa: ANN401 - JSON is anything
        """Return what stands in a column."""
        return getattr(self, self.places[column])

    def __setitem__(self, column: str, value: Any) -> None:  # noqa: ANN401 - likewise
        """Write into a column."""
        setattr(self, self.places[column], value)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the columns."""
        return iter(self.places)

    def __len__(self) -> int:
        """Return how many columns there are."""
        return len(self.places)

    def __repr__(self) -> str:
        """Return what a dictionary's would be."""
        return repr(dict(self))

    # Struct has a metaclass of its own, so these cannot be inherited.
    __contains__ = Mapping.__contains__
    get = Mapping.get
    items = Mapping.items
    keys = Mapping.keys
    values = Mapping.values


MutableMapping.register(StructRow)


class Form:
    """Makes rows of one stream.

    Args:
        stream: Its name, for messages.
        schema: Its schema: flat columns.
        keys: Which of them are its key.
        unfolded: Objects in a record whose fields are columns, and what those begin with.
        blanks: What stands where the API says nothing: null, unless it is named here.
        spellings: How the words of some columns are spelled.

    Attributes:
        record: What a record is that fits, as a type: pages can be decoded into such ones.
    """

    def __init__(
        self,
        stream: str,
        schema: Mapping[str, Any],
        *,
        keys: Sequence[str],
        unfolded: Mapping[str, str],
        blanks: Mapping[str, Any],
        spellings: Mapping[str, Callable[[str], str]],
    ) -> None:
        columns: dict[str, Any] = {
            name: field for name, field in schema["properties"].items() if name != EXTRA
        }
        self._stream = stream
        self._readers = {
            name: reader(field, name, self._tell_of_inner) for name, field in columns.items()
        }
        self._prefixes = dict(unfolded)
        types: dict[str, Any] = {name: written_type_of(field) for name, field in columns.items()}
        needed = {*keys, *blanks}
        nullable = {name: types[name] if name in needed else types[name] | None for name in types}
        # Behind what a record says itself comes what its objects say, in their order: so the values
        # of a row are those of the record, and those of each object, one after the other.
        beside = [
            name
            for prefix in unfolded.values()
            for name in columns
            if prefix and name.startswith(prefix)
        ]
        own = [name for name in columns if name not in beside]
        objects = {
            name: {
                column.removeprefix(prefix): column
                for column in [*own, *beside]
                if column.startswith(prefix)
            }
            for name, prefix in unfolded.items()
        }
        self._places = {name: f"field_{number}" for number, name in enumerate([*columns, EXTRA])}
        self._row: Any = msgspec.defstruct(
            "Row",
            [
                *((self._places[name], nullable[name], blanks.get(name)) for name in own),
                *((self._places[name], nullable[name], None) for name in beside),
                (self._places[EXTRA], None, None),
            ],
            bases=(StructRow,),
            namespace={"places": self._places},
            rename={place: name for name, place in self._places.items()},
            forbid_unknown_fields=True,
            gc=False,
        )
        self.record: Any = self._row
        if objects:
            fields = {name: (nullable[name], blanks.get(name)) for name in own}
            for name, inner in objects.items():
                parts = {field: (types[column] | None, None) for field, column in inner.items()}
                fields[name] = (struct(parts) | None, None)
            self.record = struct(fields)
        self._records = list[self.record]  # type: ignore[name-defined]
        self._own = slice(len(own))
        self._beside = [
            (number, (None,) * len(objects[name]))
            for number, name in enumerate(objects, len(own))
            if unfolded[name]
        ]
        self._merged = [
            number for number, name in enumerate(objects, len(own)) if not unfolded[name]
        ]
        self._keys = {key: attrgetter(self._places[key]) for key in keys}
        self._checked = [
            (number, list[strict | None])  # type: ignore[valid-type]
            for number, name in enumerate([*own, *beside])
            if (strict := type_of(columns[name])) != types[name]
        ]
        self._spellings = dict(spellings)
        self._told: set[str] = set()

    def rows(self, records: Sequence[Any], about: Mapping[str, Any]) -> list[Row]:
        """Return the rows of a page.

        The API leaves out what has no value. In a table the value would then stay as it was:
        a contact that loses its opt-out would keep it. So each row has every column, null where
        the API says nothing.

        Args:
            records: Its records, as dictionaries, or decoded into what `record` is.
            about: What all of them are about: columns that the API leaves out.

        Raises:
            UnexpectedAnswer: A part of a key is missing.
        """
        try:
            rows = self._fitting(records)
        except msgspec.ValidationError:
            rows = [self._fitted(record) for record in msgspec.to_builtins(records)]
        for name in about.keys() & self._places.keys():
            for row in rows:
                if row[name] is None:
                    row[name] = about[name]
        for column, spell in self._spellings.items():
            for row in rows:
                if row[column]:
                    row[column] = spell(row[column])
        for key, value in self._keys.items():
            if None in map(value, rows):
                raise UnexpectedAnswer(f"A row of {self._stream} has no {key}.")
        return rows

    def _fitting(self, records: Sequence[Any]) -> list[Row]:
        """Return the rows of records.

        Raises:
            ValidationError: Not all of all records fits.
        """
        rows: list[Any] = msgspec.convert(records, self._records)
        values = [*map(astuple, rows)]
        if self.record is not self._row:
            values = [*map(self._unfolded, values)]
            rows = [self._row(*each) for each in values]
        columns = [*zip(*values, strict=True)]
        for number, kind in self._checked if columns else ():
            msgspec.convert(columns[number], kind)
        return rows

    def _unfolded(self, said: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the values of a row whose record holds objects that have columns of their own."""
        values = said[self._own]
        for number, nothing in self._beside:
            values += nothing if said[number] is None else astuple(said[number])
        for number in self._merged:
            if said[number] is not None:
                inside = astuple(said[number])
                values = tuple(
                    each if other is None else other
                    for each, other in zip(values, inside, strict=True)
                )
        return values

    def _fitted(self, record: Mapping[str, Any]) -> Row:
        """Return the row of a record that may hold anything."""
        row: Row = self._row()
        row[EXTRA] = self._fit(record, row) or None
        return row

    def _fit(self, record: Mapping[str, Any], row: Row, inside: str | None = None) -> Row:
        """Fill a row from a record, or from an object in it; return what has no place there."""
        extra: Row = {}
        prefix = self._prefixes[inside] if inside else ""
        for name, value in record.items():
            if value is None or name == LINKS:
                continue
            if inside is None and name in self._prefixes and isinstance(value, dict):
                if unplaced := self._fit(value, row, name):
                    extra[name] = unplaced
                continue
            column = prefix + name.replace(".", "_")
            if column not in self._readers:
                extra[name] = value
                self._tell_of_unknown(f"{inside}.{name}" if inside else name)
                continue
            try:
                fit = self._readers[column](value)
            except Misfit as misfit:
                extra[name] = value
                fit = misfit.rest
                self._tell_of_misfit(column)
            if fit is not None:
                row[column] = fit
        return extra

    def _tell_of_unknown(self, field: str) -> None:
        """Say, once, that a field has no column."""
        if field not in self._told:
            self._told.add(field)
            LOGGER.warning(
                "%s: %s is not in the schema: such values are kept in the column _extra.",
                self._stream,
                field,
            )

    def _tell_of_inner(self, field: str) -> None:
        """Say, once, that a part of a column is not in the schema."""
        if field not in self._told:
            self._told.add(field)
            LOGGER.warning(
                "%s: %s is not in the schema, but in a column that takes it as it is.",
                self._stream,
                field,
            )

    def _tell_of_misfit(self, column: str) -> None:
        """Say, once, that a value did not fit into its column."""
        if column not in self._told:
            self._told.add(column)
            LOGGER.warning(
                "%s: %s is not of the type in the schema: such values are kept in the column"
                " _extra.",
                self._stream,
                column,
            )


# What fits without a change


def struct(fields: Mapping[str, tuple[Any, Any]]) -> type[msgspec.Struct]:
    """Return a type of objects with some fields, of whatever name, and no others.

    Args:
        fields: The type of each, and what stands for it where it is missing.
    """
    names = {f"field_{number}": name for number, name in enumerate(fields)}
    return msgspec.defstruct(
        "Record",
        [(field, *fields[name]) for field, name in names.items()],
        rename=names,
        gc=False,
        forbid_unknown_fields=True,
    )


def type_of(field: Mapping[str, Any]) -> Any:  # noqa: ANN401 - types are of any kind
    """Return the type of the values that a field of a schema takes as they are, but for null."""
    kind, form = kind_of(field), field.get("format")
    if kind == "string":
        return {"date-time": datetime, "date": date}.get(form or "", str)
    if kind == "integer":
        return Annotated[int, msgspec.Meta(ge=INT64.start, le=INT64.stop - 1)]
    if kind == "array" and "items" in field:
        return list[type_of(field["items"]) | None]  # type: ignore[misc]
    if kind == "object" and field.get("properties"):
        parts = {name: (type_of(each) | None, None) for name, each in field["properties"].items()}
        return struct(parts)
    return {"number": int | float, "boolean": bool, "array": list, "object": dict}[kind]


def written_type_of(field: Mapping[str, Any]) -> Any:  # noqa: ANN401 - types are of any kind
    """Return the type that such values are decoded into: times and objects stay as written."""
    kind = kind_of(field)
    if kind == "array" and "items" in field:
        return list[written_type_of(field["items"]) | None]  # type: ignore[misc]
    return {"string": str, "object": dict}.get(kind) or type_of(field)


def kind_of(field: Mapping[str, Any]) -> str:
    """Return the one type of a field beside null.

    >>> kind_of({"type": ["string", "null"]})
    'string'
    """
    types = field["type"]
    (kind,) = {types} if isinstance(types, str) else set(types) - {"null"}
    return str(kind)


# What fits once it is said in another way


def reader(
    field: Mapping[str, Any], name: str, tell: Callable[[str], None]
) -> Callable[[Any], Any]:
    """Return what turns a value other than null into one that a field of a schema takes.

    It raises `Misfit` where something would be lost.

    Args:
        field: The field.
        name: Its name.
        tell: Is told of the name of each field of an object that its schema does not know.
    """
    kind, form = kind_of(field), field.get("format")
    if kind == "string":
        return {"date-time": a_time, "date": a_day}.get(form or "", a_text)
    if kind == "array" and "items" in field:
        return array_reader(reader(field["items"], name, tell))
    if kind == "object":
        parts = field.get("properties") or {}
        readers = {part: reader(each, f"{name}.{part}", tell) for part, each in parts.items()}
        return object_reader(readers, name, tell)
    return {"integer": a_whole, "number": a_number, "boolean": a_boolean, "array": a_list}[kind]


def a_text(value: Any) -> str:  # noqa: ANN401 - JSON is anything
    """Return text as it is, and a number or a truth as JSON writes it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, dict)):
        raise Misfit
    return msgspec.json.encode(value).decode()


def a_time(value: Any) -> str | None:  # noqa: ANN401 - JSON is anything
    """Return a time as it is, or in its usual form; nothing says nothing."""
    if not isinstance(value, str):
        raise Misfit
    with contextlib.suppress(msgspec.ValidationError):
        msgspec.convert(value, datetime)
        return value
    if not value.strip():
        return None
    try:
        return text_of(moment(value))
    except UnexpectedAnswer:
        raise Misfit from None


def a_day(value: Any) -> str | None:  # noqa: ANN401 - JSON is anything
    """Return a day as it is; a time that is a midnight names one, too."""
    if not isinstance(value, str):
        raise Misfit
    with contextlib.suppress(msgspec.ValidationError):
        msgspec.convert(value, date)
        return value
    if not value.strip():
        return None
    day, _, rest = (a_time(value) or "").partition("T")
    if rest not in {"00:00:00Z", "00:00:00.000Z"}:
        raise Misfit
    return day


def a_whole(value: Any) -> int | None:  # noqa: ANN401 - JSON is anything
    """Return a whole number of 64 bits, however it is written."""
    number = a_number(value)
    if number is None:
        return None
    if not INT64.start <= number < INT64.stop or number != int(number):
        raise Misfit
    return int(number)


def a_number(value: Any) -> float | Decimal | None:  # noqa: ANN401 - JSON is anything
    """Return a number, exactly, quoted or not."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise Misfit
    if not value.strip():
        return None
    if WHOLE.fullmatch(value):
        return int(value)
    try:
        exact = Decimal(value)
    except InvalidOperation:
        raise Misfit from None
    if not exact.is_finite():
        raise Misfit
    return exact


def a_boolean(value: Any) -> bool | None:  # noqa: ANN401 - JSON is anything
    """Return a truth, quoted or not."""
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        raise Misfit
    if not value.strip():
        return None
    if value.lower() not in BOOLEANS:
        raise Misfit
    return BOOLEANS[value.lower()]


def a_list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is anything
    """Return a list as it is."""
    if not isinstance(value, list):
        raise Misfit
    return value


def array_reader(read: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """Return what reads a list whose items are all read alike."""

    def an_array(value: Any) -> list[Any]:  # noqa: ANN401 - JSON is anything
        parts = [_attempt(read, part) for part in a_list(value)]
        return _all([fit for fit, _ in parts], parts)

    return an_array


def object_reader(
    readers: Mapping[str, Callable[[Any], Any]], name: str, tell: Callable[[str], None]
) -> Callable[[Any], dict[str, Any]]:
    """Return what reads an object; fields that are not in the schema stay in it as they are.

    Args:
        readers: What reads its fields; empty where any field will do.
        name: Its own name.
        tell: Is told of fields that are not in the schema.
    """

    def an_object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON is anything
        if not isinstance(value, dict):
            raise Misfit
        for field in value if readers else ():
            if field not in readers:
                tell(f"{name}.{field}")
        parts = [_attempt(readers.get(field, as_is), part) for field, part in value.items()]
        return _all({field: fit for field, (fit, _) in zip(value, parts, strict=True)}, parts)

    return an_object


def as_is(value: Any) -> Any:  # noqa: ANN401 - JSON is anything
    """Return a value as it is."""
    return value


def _attempt(read: Callable[[Any], Any], part: Any) -> tuple[Any, bool]:  # noqa: ANN401 - JSON
    """Return as much of a part as fits, and whether that is all of it."""
    try:
        return (None if part is None else read(part)), True
    except Misfit as misfit:
        return misfit.rest, False


def _all(fit: T, parts: Iterable[tuple[Any, bool]]) -> T:
    """Return what fits, if that is all of every part."""
    if not all(whole for _, whole in parts):
        raise Misfit(fit)
    return fit
