"""The sandbox's dice: everything that looks like chance comes from a seed."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

T = TypeVar("T")

#: 1582-10-15, where the time inside a version 1 UUID begins, in seconds before 1970.
_GREGORIAN = 12_219_292_800
_TICKS = 10_000_000  # a second, as version 1 UUIDs count it
_NODE = "02420a320002"


class Chance(random.Random):
    """Dice that fall the same way for the same seed, in every process."""

    def happens(self, probability: float) -> bool:
        """Say whether something of that probability happens this time."""
        return self.random() < probability

    def below(self, limit: int) -> int:
        """Return a number from 0 to one less than the limit."""
        return int(self.random() * limit)

    def pick(self, among: Sequence[T]) -> T:
        """Pick one: many times as fast as `choice`, and fair enough."""
        return among[int(self.random() * len(among))]

    def some(self, among: Sequence[T], up_to: int) -> tuple[T, ...]:
        """Pick at most `up_to` different ones, at least one if there is any."""
        if not among:
            return ()
        places = dict.fromkeys(self.below(len(among)) for _ in range(1 + self.below(up_to)))
        return tuple(among[place] for place in places)

    def uuid(self) -> str:
        """Make up a version 4 UUID, the kind that campaigns and their activities have."""
        digits = f"{self.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )


def uuid_of_moment(moment: datetime, number: int) -> str:
    """Return the version 1 UUID of the `number`-th thing, created at that moment.

    Contacts, lists, tags and custom fields have such ids.
    """
    ticks = (int(moment.timestamp()) + _GREGORIAN) * _TICKS + number % _TICKS
    digits = f"{ticks:015x}"
    return f"{digits[7:]}-{digits[3:7]}-1{digits[:3]}-aa3a-{_NODE}"
