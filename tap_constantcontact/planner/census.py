"""What the API counts of contacts, compared with what was read of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_constantcontact.ledger import Counts
    from tap_constantcontact.streams.contacts import ContactsReading, Group


@dataclass(frozen=True)
class Movement:
    """A list, tag or status that counts more or fewer contacts than are known to have come to it.

    Args:
        group: Which.
        by: How many more; less than zero if fewer.
        size: How many it counts now.
        certain: Whether the rows that were read cannot have done it, whatever they were before.
    """

    group: Group
    by: int
    size: int
    certain: bool


@dataclass
class Census:
    """Tells whether the contacts that were read explain how counters moved.

    The API shows what a contact is on, not what it was on before. Since contacts were last
    counted, a counter moved by some number; that much is certain:

    - who was added since and is on it moved it up by one, and so did who opted out since;
    - who is on it and was there before moved it up by one, or not at all;
    - who is not on it and was there before moved it down by one, or not at all.

    A number beyond that is the work of contacts that were not read: that is certain. Any number
    but that of the newcomers may be. The number of the newcomers needs no other explanation.

    Args:
        counts: What is counted now, by kind, and by name or id.
        living: How many contacts are not deleted.
    """

    counts: Counts = field(default_factory=dict)
    living: int = 0
    _arrived: Counter[Group] = field(default_factory=Counter)
    _others: Counter[Group] = field(default_factory=Counter)
    _older: int = 0

    def count(self, kind: str, name: str, size: int) -> None:
        """Note how many contacts a list, tag or status counts."""
        self.counts.setdefault(kind, {})[name] = size

    @property
    def total(self) -> int:
        """How many contacts there are, deleted ones included."""
        return self.living + self.counts.get("statuses", {}).get("deleted", 0)

    def read(self, reading: ContactsReading) -> None:
        """Note which contacts were read."""
        self._arrived += reading.arrived
        self._others += reading.others
        self._older += reading.older

    def movements(self, before: Counts) -> Iterator[Movement]:
        """Yield what moved otherwise than newcomers did.

        Args:
            before: What was counted before; a kind that was not, says nothing.
        """
        for kind in self.counts.keys() & before.keys():
            now, then = self.counts[kind], before[kind]
            for name in now.keys() | then.keys():
                group, size = (kind, name), now.get(name, 0)
                moved = size - then.get(name, 0)
                if moved != self._arrived[group]:
                    on = self._others[group]
                    certain = not on - self._older <= moved <= self._arrived[group] + on
                    yield Movement(group, moved - self._arrived[group], size, certain)
