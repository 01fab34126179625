"""The segments of an account: contacts chosen by criteria, anew whenever somebody asks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.holder import Holder
from constantcontact_sandbox.moments import millisecond

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.records import ContactList, Tag


@dataclass(frozen=True, slots=True)
class Criteria:
    """What contacts of a segment have in common; without any criterion they are all contacts.

    Attributes:
        lists: ids of lists; a contact is on one of them.
        tags: ids of tags; a contact has one of them.
        not_opened: so many campaigns were sent last, and a contact opened none of them.
    """

    lists: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    not_opened: int = 0

    @classmethod
    def of(
        cls, *, lists: Iterable[ContactList] = (), tags: Iterable[Tag] = (), not_opened: int = 0
    ) -> Criteria:
        """Choose by lists, by tags and by what was not opened."""
        return cls(
            tuple(each.list_id for each in lists), tuple(each.tag_id for each in tags), not_opened
        )

    def __str__(self) -> str:
        """Write them as the API does: JSON as text, in the shape of the contract's sample."""
        group: list[dict[str, Any]] = [
            {
                "type": "or",
                "group": [
                    {"source": source, "field": field, "op": "eq", "value": each} for each in ids
                ],
            }
            for source, field, ids in (
                ("list_membership", "list_id", self.lists),
                ("tags", "tag_id", self.tags),
            )
            if ids
        ]
        if self.not_opened:
            group.append(
                {
                    "source": "tracking",
                    "field": "not_opened",
                    "op": "contains-any",
                    "const_value": "last-n-campaigns",
                    "param": str(self.not_opened),
                }
            )
        whole = {"version": "1.0.0", "criteria": {"type": "and", "group": group}}
        return json.dumps(whole, separators=(",", ":"))


@dataclass(slots=True)
class Segment:
    """Contacts that meet criteria. A deleted one leaves the collection, but can still be named."""

    segment_id: int
    name: str
    criteria: Criteria
    created_at: datetime
    edited_at: datetime
    deleted_at: datetime | None = None


class Segments(Holder):
    """Segments, each by its id: deleted ones too.

    What changes a record takes the moment of the change, `at`; left out, it is now.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        super().__init__(clock, seed)
        self.segments: dict[int, Segment] = {}
        self._computing: dict[int, int] = {}

    def add_segment(
        self, name: str, criteria: Criteria | None = None, *, at: datetime | None = None
    ) -> Segment:
        """Add a segment: of all contacts, unless criteria choose some."""
        moment = self._edited(at)
        made = Segment(len(self.segments) + 1, name, criteria or Criteria(), moment, moment)
        self.segments[made.segment_id] = made
        return made

    def rename_segment(self, segment: Segment, name: str, *, at: datetime | None = None) -> None:
        """Give the segment another name: `edited_at` moves."""
        segment.name = name
        segment.edited_at = self._edited(at)

    def edit_segment(
        self, segment: Segment, criteria: Criteria, *, at: datetime | None = None
    ) -> None:
        """Give the segment other criteria: `edited_at` moves."""
        segment.criteria = criteria
        segment.edited_at = self._edited(at)

    def delete_segment(self, segment: Segment, *, at: datetime | None = None) -> None:
        """Delete the segment: it is gone from the collection."""
        segment.deleted_at = self._edited(at)

    def _edited(self, at: datetime | None) -> datetime:
        return millisecond(self.clock.now() if at is None else at)

    def is_computing(self, segment: Segment) -> bool:
        """Say whether the contacts of the segment are still being found, and find on."""
        left = self._computing.get(segment.segment_id, self.switches.segment_tries)
        if left > 0:
            self._computing[segment.segment_id] = left - 1
            return True
        self._computing.pop(segment.segment_id, None)
        return False
