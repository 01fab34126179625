"""The words that planner, fetcher and streams share.

A *source* can be asked; a *unit* is one thing to ask it, which begins with a *request* and is
answered in *pages*; a *reading* turns those into *rows*.
"""

from __future__ import annotations

import enum
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tap_constantcontact.decoding import decoded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

Row = MutableMapping[str, Any]
"""One row of a stream: every field of its schema, null where the API has nothing.

Rows that a `Form` makes are structs, which only read as dictionaries do; all others are such ones.
"""


class Work(enum.Enum):
    """What a unit is part of, and so whose calls it may spend."""

    INCREMENT = "increment"
    """What every run needs, however often it is repeated."""

    WHOLE = "whole"
    """A pass over everything, in its turn; the next runs will not need it."""

    BACKFILL = "backfill"
    """What may wait for a day that has calls to spare."""


@dataclass(frozen=True)
class Request:
    """What to ask for first; the pages after it are where the answers say.

    Args:
        name: What is asked, for messages: without ids, which may be many.
        path: Below `api_url`.
        params: The query.
    """

    name: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Whoever can be asked: a stream, or a look-up whose rows only the planner needs."""

    name: str
    may_be_missing: ClassVar[bool]
    refuses_what_is_gone: ClassVar[bool]
    outline: ClassVar[Any]
    """What of a page `enough` and `following` look at: see `decoded`."""

    @property
    def shape(self) -> Any:  # noqa: ANN401 - types are of any kind
        """What of a page its reading looks at, as a type: see `decoded`."""

    @property
    def scope(self) -> str | None:
        """The OAuth scope that it takes."""

    @property
    def privilege(self) -> str | None:
        """The privilege that it takes."""

    @property
    def needs(self) -> str:
        """What it takes to be allowed to ask, in words."""

    def request(self, unit: Unit) -> Request:
        """Return the first request of a unit."""

    def enough(self, unit: Unit, body: Any) -> bool:  # noqa: ANN401 - JSON is anything
        """Tell whether no page after this one is wanted."""

    def following(self, body: Any) -> str | None:  # noqa: ANN401 - JSON is anything
        """Return the link to the page after this one, if there is one."""

    def reading(self, unit: Unit) -> Reading:
        """Return what turns the pages of a unit into rows."""

    def rows(self, unit: Unit, body: Any) -> Iterable[Row]:  # noqa: ANN401 - JSON is anything
        """Yield the rows of a page."""


@dataclass(frozen=True, eq=False)
class Unit:
    """One thing to ask: of which source, and about what.

    Units are compared by identity: the same thing may be asked twice in a run.

    Args:
        source: Who knows the request and reads the pages.
        about: What the unit is about (`campaign_activity_id` …): fills the path, and
            columns that the answer leaves out.
        filters: The query that narrows what is asked for.
        page_size: Rows a page, if not the source's own choice.
        optional: Whether the run goes on where this is forbidden or refused.
        work: What it is part of.
        version: Which reading of the whole its rows belong to, where rows that are gone leave no
            other trace.
    """

    source: Source
    about: Mapping[str, Any] = field(default_factory=dict)
    filters: Mapping[str, str] = field(default_factory=dict)
    page_size: int | None = None
    optional: bool = False
    work: Work = Work.INCREMENT
    version: int | None = None


@dataclass(frozen=True, eq=False)
class ReportUnit(Unit):
    """One report of one activity, and how far down it is to be read.

    Args:
        floor: Rows older than this are known: no page below it is asked for. None: all of it.
        as_of: Until when the counter knows of events that the rows are compared with.
        lookback: How far below its newest row a report may still change.
    """

    floor: datetime | None = None
    as_of: datetime | None = None
    lookback: timedelta = timedelta()


@dataclass(frozen=True, eq=False)
class ChangesUnit(Unit):
    """What changed since a moment, of what the API can only show whole.

    Args:
        since: What changed before then is known; None if nothing is.
    """

    since: datetime | None = None


@dataclass(frozen=True, eq=False)
class ContactsUnit(Unit):
    """Some contacts, of whom some are kept.

    Args:
        keeps: Who is kept; None for all.
        hidden: What of them is not.
        was_kept: Who of the others perhaps was, before: they are gone. None for nobody.
        known: When contacts were last counted: who was added after that was not among them. None
            where nothing is compared with that.
        changed_before: Only who last changed before then is compared: the others come with
            another unit, too.
    """

    keeps: Callable[[Row], bool] | None = None
    hidden: tuple[str, ...] = ()
    was_kept: Callable[[Row], bool] | None = None
    known: datetime | None = None
    changed_before: datetime | None = None


@dataclass(frozen=True, eq=False)
class WindowUnit(ContactsUnit):
    """The contacts that were added between two moments.

    Args:
        since: From then on; None for all before `until`.
        until: Before then; None for all after `since`.
        divisible: Whether to stop after the first page where there are too many.
    """

    since: datetime | None = None
    until: datetime | None = None
    divisible: bool = True


@dataclass(frozen=True)
class Page:
    """One answer to a unit.

    Args:
        unit: What was asked.
        content: JSON; None where what was asked about does not exist, or is forbidden and
            optional.
        last: Whether it is the unit's last.
        forbidden: Whether it may not be read.
    """

    unit: Unit
    content: bytes | None
    last: bool
    forbidden: bool = False

    @property
    def body(self) -> Any:  # noqa: ANN401 - JSON is anything
        """What the JSON says, decoded anew: cheaper than to keep it by the million, and small."""
        return None if self.content is None else decoded(self.content, self.unit.source.shape)

    @property
    def missing(self) -> bool:
        """Whether there is nothing to read."""
        return self.content is None


class Reading:
    """Turns the pages of one unit into rows, in page order.

    It lives as long as its unit, and in the end knows what the planner has to know of it.
    This one is for rows that have nothing to do with one another.
    """

    def __init__(self, source: Source, unit: Unit) -> None:
        self._source = source
        self._unit = unit
        self.pages = 0

    def take(self, body: Any) -> Iterable[Row]:  # noqa: ANN401 - JSON is anything
        """Return the rows of the next page."""
        self.pages += 1
        return self._source.rows(self._unit, body)
