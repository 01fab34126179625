"""How a crowd of contacts is divided into windows of the time they were added.

One window is read page after page; several are read side by side, and each that has been read
need not be read again by a run that goes on after a kill.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import quantiles
from typing import TYPE_CHECKING

from tap_constantcontact.streams.contacts import MOST_IN_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_constantcontact.ledger import Window

EARLIEST = datetime(1998, 1, 1, tzinfo=UTC)
"""When Constant Contact began: no contact was added before."""

SECOND = timedelta(seconds=1)

FULL = 0.75
"""How full windows are meant to be: what lies in them is only estimated."""

LEAST_REACH = 1 / 64
"""How much of the time that is left an estimate covers at least: most contacts may have come at
once, and the time between those tells nothing of the others."""


SURE = math.log(1_000_000)
"""In how many orders a page might have come, at least, for the one it has to tell anything: the
natural logarithm."""


def divide(
    window: Window, added: Sequence[datetime], count: int
) -> tuple[Window | None, list[Window]]:
    """Divide a window, going by its first page.

    The page may show the newest: these are done with, and the others are divided where half of
    them should lie. In any other order, it tells how all are spread. It may also show some that
    were added just before the window, as `Contacts.added_between` says.

    Args:
        window: What is to be divided.
        added: When the contacts on the first page were added, in its order.
        count: How many the window holds.

    Returns:
        The part that is done with, if there is one; and the parts that are left, the newest
        first. A window that cannot be divided is left as it is.
    """
    since, until = window
    falls = _falls(added)
    if falls and since is not None and added[-1] < since:
        return window, []
    inside = [each for each in added if _is_in(window, each)]
    if not inside:  # a crowd at an edge
        return None, _cut(
            window,
            [*([since + SECOND] if since else []), *([until - SECOND] if until else [])],
        )
    newest, oldest = max(inside), _second(min(inside))
    if newest < oldest + SECOND:
        return None, _cut(window, [oldest, oldest + SECOND])
    if falls:
        end = oldest + SECOND  # more of that second may be on the next page
        start = since or EARLIEST
        reach = (newest - oldest) * ((count - len(added)) / 2 / len(added))
        cut = end - max(reach, (end - start) * LEAST_REACH)
        return (end, until), _cut((since, end), [cut])
    parts = math.ceil(count / (MOST_IN_WINDOW * FULL))
    spread = quantiles([each.timestamp() for each in inside], n=parts)
    return None, _cut(window, [datetime.fromtimestamp(each, UTC) for each in spread])


def _is_in(window: Window, when: datetime) -> bool:
    since, until = window
    return (since is None or since <= when) and (until is None or when < until)


def _falls(added: Sequence[datetime]) -> bool:
    """Tell whether the newest come first, and hardly by chance: a single second tells nothing."""
    crowds = Counter(added).values()
    orders = math.lgamma(len(added) + 1) - sum(math.lgamma(size + 1) for size in crowds)
    return orders > SURE and all(newer >= older for newer, older in pairwise(added))


def _cut(window: Window, cuts: Iterable[datetime]) -> list[Window]:
    """Return a window cut where it can be, the newest part first; in the middle if nowhere else."""
    since, until = window
    inside = sorted({cut for cut in map(_second, cuts) if cut != since and _is_in(window, cut)})
    if not inside and until is not None:
        start = since or EARLIEST
        middle = _second(start + (until - start) / 2)
        inside = [middle] if start < middle else []
    return list(pairwise([since, *inside, until]))[::-1]


def _second(when: datetime) -> datetime:
    return when.replace(microsecond=0)
