"""What lists leave out of their objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tap_constantcontact.streams.base import Asking, ConstantContactStream
from tap_constantcontact.units import Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tap_constantcontact.units import Row


class Listing(Asking):
    """A list of objects whose details are a stream; the list itself is none."""

    primary_keys: ClassVar[Sequence[str]]


class Detail(ConstantContactStream):
    """What the list of some objects leaves out: asked for one by one, where they changed."""

    comes_and_goes = True

    listing: ClassVar[type[ConstantContactStream | Listing]]
    """Who lists the objects: by the same key, and with the same replication key."""

    replication_key: ClassVar[str]

    def of(self, listed: Row, version: int | None) -> Unit:
        """Return the unit that reads an object.

        Args:
            listed: The object as its list shows it.
            version: Which reading of the whole it belongs to, if any.
        """
        return Unit(self, about=listed, version=version)
