"""What the two halves of an account, its people and its mailings, stand on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from constantcontact_sandbox.chance import Chance, uuid_of_moment
from constantcontact_sandbox.moments import second
from constantcontact_sandbox.switches import Switches

if TYPE_CHECKING:
    from datetime import datetime

    from constantcontact_sandbox.clock import Clock


class Holder:
    """Something that keeps records, gives them ids and knows what time it is.

    Attributes:
        clock: what time it is.
        seed: from which all its chance comes.
        switches: the undocumented habits of the service that keeps it.
        born: when it began.
        chance: the dice of its ids and of its first population.
    """

    def __init__(self, clock: Clock, seed: int = 0) -> None:
        self.clock = clock
        self.seed = seed
        self.switches = Switches()
        self.born = second(clock.now())
        self.chance = Chance(seed)
        self._made = 0

    def _at(self, at: datetime | None) -> datetime:
        return second(self.clock.now() if at is None else at)

    def _id(self, moment: datetime) -> str:
        self._made += 1
        return uuid_of_moment(moment, self._made)
