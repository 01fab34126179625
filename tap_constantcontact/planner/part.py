"""What the parts of the plan have in common."""

from __future__ import annotations

import base64
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from tap_constantcontact.streams.base import ConstantContactStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from tap_constantcontact.ledger import Ledger
    from tap_constantcontact.settings import Settings
    from tap_constantcontact.units import Reading, Row, Unit

S = TypeVar("S", bound=ConstantContactStream)

Finding = tuple[ConstantContactStream, "Row"]
"""A row that no answer holds, and its stream: what answers add up to."""


@dataclass(frozen=True)
class Brief:
    """What a plan is made from.

    Args:
        streams: All streams, by name.
        wanted: The names of those whose rows are wanted.
        ledger: What is known from the runs before; it is told what this run learns.
        settings: What to choose, and how far back to look.
        now: The API's clock when the run began; known once it has answered.
    """

    streams: Mapping[str, ConstantContactStream]
    wanted: frozenset[str]
    ledger: Ledger
    settings: Settings
    now: Callable[[], datetime]

    def the(self, kind: type[S]) -> S:
        """Return the stream of a class."""
        return next(stream for stream in self.streams.values() if isinstance(stream, kind))

    def wants(self, *streams: ConstantContactStream) -> bool:
        """Tell whether rows of any of some streams are wanted."""
        return any(stream.name in self.wanted for stream in streams)

    @property
    def follows_campaigns(self) -> bool:
        """Whether rows of any stream are wanted that is read of chosen campaigns."""
        return any(
            stream.follows_campaigns and self.wants(stream) for stream in self.streams.values()
        )


def mark_of(text: str) -> str:
    """Return a few letters that change when a text does: the state keeps these instead of it."""
    digest = hashlib.blake2b(text.encode(), digest_size=6).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii")


class Part:
    """A part of the plan: asks for some objects of the account, and learns from the answers.

    Args:
        brief: What the plan is made from.
    """

    def __init__(self, brief: Brief) -> None:
        self._brief = brief
        self._ledger = brief.ledger
        self._settings = brief.settings
        self._now = brief.now
        self.watches: frozenset[str] = frozenset()
        """The streams of whose rows it learns, though another part may ask for them."""
        self.found: list[Finding] = []
        """What answers have added up to, and was not written yet."""
        self.reshaped: list[ConstantContactStream] = []
        """Streams that have got new columns, where their schema was not written yet."""
        self.whole: list[tuple[ConstantContactStream, int]] = []
        """Streams that have been read whole, in which version, where that was not written yet."""

    def stages(self) -> Iterator[Iterable[Unit]]:
        """Yield stages, each an iterable of units that is to be taken lazily.

        A stage is asked for only when all pages of the one before have been read.
        """
        raise NotImplementedError

    def calls_left(self) -> float:
        """Return about how many calls the part will make yet, as far as it knows."""
        return 0

    def take(self, unit: Unit, rows: Sequence[Row]) -> None:
        """Learn from the rows of a page."""

    def done(self, unit: Unit, reading: Reading, *, missing: bool) -> None:
        """Learn that a unit has been read to its end.

        Args:
            unit: The unit.
            reading: What turned its pages into rows.
            missing: Whether there was nothing to read.
        """

    def forbidden(self, unit: Unit) -> None:
        """Learn that a unit may not be read, not even to its end: it is not done."""


def new_version() -> int:
    """Return a version: greater than those before it, as milliseconds are."""
    return time.time_ns() // 1_000_000
