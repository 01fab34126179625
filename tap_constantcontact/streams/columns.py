"""Custom fields of contacts as columns: one for each field, of the field's type.

Source: the vendor's guide, "Contact Custom Fields"; docs/api-notes.md, "A custom field's values
are text".
"""

from __future__ import annotations

import hashlib
import logging
import math
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from tap_constantcontact.errors import UnexpectedAnswer
from tap_constantcontact.times import moment, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_constantcontact.units import Row

PREFIX = "cf_"
"""What the names of the columns begin with."""

MULTI_SELECT = "multi_select"

TYPES: dict[str, th.JSONTypeHelper[Any]] = {
    "date": th.DateType(),
    "datetime": th.DateTimeType(),
    "number": th.NumberType(),
    "currency": th.NumberType(),
    "boolean": th.BooleanType(),
    MULTI_SELECT: th.ArrayType(th.StringType),
}
"""The types of columns by those of fields; all others are text."""

AMERICAN_DAY = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")

EXACT = 2**53
"""Below this a float is exactly the whole number that it looks like."""

LOGGER = logging.getLogger(__name__)


@dataclass
class Column:
    """The column of a custom field.

    Args:
        name: Its name, which stays.
        type: The field's type.
        choices: What the field offered when contacts were last compared with it, in few letters.
        gone: Whether the field was deleted.
    """

    name: str
    type: str
    choices: str = ""
    gone: bool = False


@dataclass
class Columns:
    """The columns of all custom fields that there are, or were.

    Args:
        known: By the field's id.
    """

    known: dict[str, Column] = field(default_factory=dict)
    _labels: dict[str, dict[str, str]] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    @property
    def schema(self) -> dict[str, Any]:
        """The columns as JSON Schema knows them, by name."""
        return dict(
            item
            for column in self.known.values()
            for item in th.Property(
                column.name,
                TYPES.get(column.type, th.StringType()),
                description=f"A custom field of the type {column.type}.",
            )
            .to_dict()
            .items()
        )

    def learn(self, fields: Iterable[Row]) -> bool:
        """Learn which custom fields there are; tell whether contacts lost anything by it.

        A field that is deleted takes its values along, and one whose choices are worded anew says
        something else of whoever took them: contacts tell of neither. A field keeps the column it
        has, whatever it is called later.

        Args:
            fields: All custom fields, as the API shows them.
        """
        lost = False
        there = {row["custom_field_id"]: row for row in fields}
        for key, column in self.known.items():
            lost = lost or (key not in there and not column.gone)
            column.gone = key not in there
        for key, row in sorted(
            there.items(), key=lambda item: (item[1].get("created_at"), item[0])
        ):
            choices = sorted(
                row.get("choices") or (), key=lambda each: (each["created_at"], each["choice_id"])
            )
            self._labels[key] = {str(each["choice_id"]): each["choice_label"] for each in choices}
            column = self.known.setdefault(key, Column(self._name(row), row.get("type") or ""))
            lost = lost or (
                column.choices != "" and column.choices != self._mark(key, column.choices)
            )
            column.choices = self._mark(key)
        return lost

    def fill(self, row: Row) -> None:
        """Write what the custom fields say of a contact into their columns, so far null."""
        for said in row["custom_fields"] or ():
            column = self.known.get(said["custom_field_id"])
            if column is not None and not column.gone:
                row[column.name] = self._value(said, column)

    def _value(self, said: Mapping[str, Any], column: Column) -> Any:  # noqa: ANN401 - of any type
        """Return what a field says in its column's type; null, with a warning, if it is not."""
        if choices := said.get("choice_ids"):
            labels = self._labels.get(said["custom_field_id"], {})
            chosen = [labels.get(str(key), str(key)) for key in choices]
            return chosen if column.type == MULTI_SELECT else chosen[0]
        if column.type == MULTI_SELECT:
            return None
        text = said.get("value")
        read = READERS.get(column.type)
        if read is None:
            return text
        if text is None or not text.strip():
            return None
        try:
            return read(text.strip())
        except (ValueError, UnexpectedAnswer):
            if column.name not in self._told:
                self._told.add(column.name)
                LOGGER.warning(
                    "contacts: %s holds what is no %s: it is null there, and custom_fields has it.",
                    column.name,
                    column.type,
                )
            return None

    def _name(self, row: Row) -> str:
        """Return a name for the column of a new field that no other column has."""
        words = re.sub(r"\W+", "_", str(row.get("name") or row.get("label") or "").lower())
        name = PREFIX + (words.strip("_") or row["custom_field_id"])
        taken = {column.name for column in self.known.values()}
        number, free = 1, name
        while free in taken:
            number += 1
            free = f"{name}_{number}"
        return free

    def _mark(self, key: str, before: str = "") -> str:
        """Return letters that change when a choice is worded anew.

        Args:
            key: The field.
            before: An earlier mark: then of as many choices, since new ones change nothing.
        """
        choices = list(self._labels[key].items())
        if before:
            choices = choices[: int(before.partition(":")[0])]
        if not choices:
            return ""
        digest = hashlib.blake2b(repr(choices).encode(), digest_size=6).hexdigest()
        return f"{len(choices)}:{digest}"


def a_number(text: str) -> float:
    """Return a number, whole if it is.

    >>> a_number("2"), a_number("-3.5"), a_number("$1,250.00")
    (2, -3.5, 1250)
    """
    number = float(text.replace(",", "").replace("$", ""))
    if not math.isfinite(number):
        raise ValueError(text)
    return int(number) if number.is_integer() and abs(number) < EXACT else number


def a_day(text: str) -> str:
    """Return a day as ISO 8601 has it; the month comes first where there are slashes.

    >>> a_day("2026-06-01"), a_day("6/1/2026"), a_day("2026-06-01T00:00:00Z")
    ('2026-06-01', '2026-06-01', '2026-06-01')
    """
    if american := AMERICAN_DAY.fullmatch(text):
        month, day, year = map(int, american.groups())
        return date(year, month, day).isoformat()
    return datetime.fromisoformat(text).date().isoformat()


def a_time(text: str) -> str:
    """Return a moment in UTC.

    >>> a_time("2026-06-01T08:00:00-04:00")
    '2026-06-01T12:00:00Z'
    """
    return text_of(moment(text))


def a_truth(text: str) -> bool:
    """Return a truth.

    >>> a_truth("True"), a_truth("no")
    (True, False)
    """
    truths = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in truths:
        raise ValueError(text)
    return truths[text.lower()]


READERS: dict[str, Callable[[str], Any]] = {
    "date": a_day,
    "datetime": a_time,
    "number": a_number,
    "currency": a_number,
    "boolean": a_truth,
}
"""How the text of a field becomes its value; all others are text."""
