"""How a crowd of contacts is divided into windows of the time they were added.

One window is read page after page; several are read side by side, and each that has been read
need not be read again by a run that goes on after a kill.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from statistics import quantiles
from typing import TYPE_CHECKING

from tap_constantcontact.streams.contacts import MOST_IN_WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_constantcontact.ledger import Window

EARLIEST = datetime(1998, 1, 1, tzinfo=timezone.utc)
"""When Constant Contact began: no contact was added before."""

SECOND = timedelta(seconds=1)

FULL = 0.75
"""How full windows are meant to be: what lies in them is only estimated."""

LEAST_REACH = 1 / 64
"""How much of the time that is left an estimate covers at least: most contacts may have come at
once, and the time between those tells nothing of the others."""


def divide(
    window: Window, added: Sequence[datetime], count: int
) -> tuple[Window | None, list[Window]]:
    """Divide a window, going by its first page.

    The page may show the newest: these are done with, and the others are divided where half of
    them should lie. In any other order, it tells how all are spread.

    Args:
        window: What is to be divided.
        added: When the contacts on the first page were added, in its order; at least one.
        count: How many the window holds.

    Returns:
        The part that is done with, if there is one; and the parts that are left, the newest
        first. A window that cannot be divided is left as it is.
    """
    since, until = window
    newest, oldest = max(added), _second(min(added))
    if newest < oldest + SECOND:
        return None, _cut(window, [oldest, oldest + SECOND])
    if any(older > newer for newer, older in pairwise(added)):
        parts = math.ceil(count / (MOST_IN_WINDOW * FULL))
        spread = quantiles([each.timestamp() for each in added], n=parts)
        return None, _cut(window, [datetime.fromtimestamp(each, timezone.utc) for each in spread])
    end = oldest + SECOND  # more of that second may be on the next page
    if until is not None and end >= until:
        return None, _cut(window, [(since or EARLIEST) + (until - (since or EARLIEST)) / 2])
    left = (count - len(added)) / 2
    reach = (newest - oldest) * (left / len(added))
    start = since or EARLIEST
    cut = end - max(reach, (end - start) * LEAST_REACH)
    if cut <= start:
        cut = start + (end - start) / 2
    return (end, until), _cut((since, end), [cut])


def _cut(window: Window, cuts: Iterable[datetime]) -> list[Window]:
    """Return a window cut where it can be, the newest part first."""
    since, until = window
    inside = sorted(
        {
            cut
            for cut in map(_second, cuts)
            if (since is None or since < cut) and (until is None or cut < until)
        }
    )
    return list(pairwise([since, *inside, until]))[::-1]


def _second(when: datetime) -> datetime:
    return when.replace(microsecond=0)
