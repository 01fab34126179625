"""A crowd of contacts is divided so that all are read, and few calls are wasted."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.ledger import Pass, Window
from tap_constantcontact.planner import windows
from tap_constantcontact.planner.windows import SECOND, divide

if TYPE_CHECKING:
    from collections.abc import Iterator

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MOST = 500
PAGE = 50

Order = Literal["newest", "oldest", "none"]


def seconds(*ages: float) -> list[datetime]:
    """Return moments, so many seconds before noon."""
    return [NOON - timedelta(seconds=age) for age in ages]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "MOST_IN_WINDOW", MOST)


@dataclass
class Api:
    """Shows those who were added between two moments, page by page.

    Args:
        people: When each was added.
        order: Who comes first.
        inclusive: Whether a bound includes its own moment.
    """

    people: list[datetime]
    order: Order = "newest"
    inclusive: bool = False
    calls: int = 0
    seen: set[int] = field(default_factory=set)

    def between(self, since: datetime | None, until: datetime | None) -> list[int]:
        """Return whom the filters of a window let through."""
        after = since and since - SECOND
        found = [
            number
            for number, at in enumerate(self.people)
            if (after is None or at > after or (self.inclusive and at == after))
            and (until is None or at < until or (self.inclusive and at == until))
        ]
        if self.order == "none":
            random.Random(7).shuffle(found)
        else:
            found.sort(key=lambda number: self.people[number], reverse=self.order == "newest")
        return found

    def page(self, window: Window) -> tuple[list[datetime], int]:
        """Read the first page of a window: when those on it were added, and how many there are."""
        found = self.between(*window)
        self.calls += 1
        self.seen |= set(found[:PAGE])
        shown = [self.people[number].replace(microsecond=0) for number in found[:PAGE]]
        return shown, len(found)

    def rest(self, window: Window) -> None:
        """Read the pages of a window after the first."""
        found = self.between(*window)
        self.calls += max(math.ceil(len(found) / PAGE) - 1, 0)
        self.seen |= set(found)


def read_all(api: Api) -> Iterator[tuple[Window | None, list[Window]]]:
    """Read all contacts as the plan does; yield each division."""
    todo: list[tuple[Window, bool]] = [((None, None), True)]
    noted = Pass(NOON, [[]])
    while todo:
        window, divisible = todo.pop()
        added, count = api.page(window)
        if not divisible or count <= MOST:
            api.rest(window)
            noted.note(0, window)
            continue
        done, rest = divide(window, added, count)
        yield done, rest
        if done:
            noted.note(0, done)
        for part in rest:
            since, until = part
            short = since is not None and until is not None and until - since <= SECOND
            todo.append((part, part != window and not short))
    assert noted.left() == []


AGES: dict[str, list[float]] = {
    "evenly": [3600.0 * number for number in range(5_000)],
    "ever faster": [1.003**number for number in range(6_000)],
    "in one second": [90_000.0] * 5_000,
    "imported at once, years ago": [
        *(3600.0 * number for number in range(1_000)),
        *(10.0**8 + number / 3 for number in range(5_000)),
    ],
    "in three seconds side by side": [
        *(5000.0 + 0.0005 * number for number in range(4_500)),
        *(86_400.0 * number for number in range(1_000)),
    ],
    "few": [7.0] * 3,
}


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("name", AGES)
def test_newest_first_wastes_few_calls_however_contacts_came(name: str, *, inclusive: bool) -> None:
    api = Api(seconds(*AGES[name]), inclusive=inclusive)
    divisions = sum(1 for _ in read_all(api))

    crowd = max(AGES[name].count(age) for age in AGES[name])
    # Bounds that include their moment show a crowd to the windows on both its sides, too.
    again = 2 * math.ceil(crowd / PAGE) if inclusive and crowd > MOST else 0
    assert api.seen == set(range(len(api.people)))
    assert api.calls - again <= 1.15 * len(api.people) / PAGE + 40
    assert divisions <= 40


@pytest.mark.parametrize("order", ["newest", "oldest", "none"])
@given(
    ages=st.lists(
        st.one_of(
            st.floats(0, 10**4, allow_nan=False),
            st.integers(0, 20).map(float),
            st.floats(0, 8 * 10**8, allow_nan=False),
        ),
        max_size=40,
    ),
    crowds=st.lists(st.tuples(st.integers(0, 10**5), st.integers(1, 1_500)), max_size=3),
    inclusive=st.booleans(),
)
def test_all_are_read_whatever_the_order_and_however_they_came(
    order: Order, ages: list[float], crowds: list[tuple[int, int]], *, inclusive: bool
) -> None:
    people = seconds(*ages, *(float(age) for age, size in crowds for _ in range(size)))
    api = Api(people, order, inclusive)
    for divided, (done, rest) in enumerate(read_all(api)):
        assert divided < 400
        parts = [*rest[::-1], *([done] if done else [])]
        assert all(one[1] == other[0] for one, other in pairwise(parts))

    assert api.seen == set(range(len(people)))


def test_the_newest_on_the_first_page_are_done_with() -> None:
    added = seconds(*range(0, 500, 10))
    done, rest = divide((None, None), added, 10_000)

    # More of the oldest second may be on the next page.
    end = NOON - timedelta(seconds=489)
    assert done == (end, None)
    assert [until for _, until in rest] == [end, rest[0][0]]
    assert rest[-1][0] is None


def test_a_page_that_may_fall_by_chance_is_not_believed() -> None:
    done, _ = divide((None, None), seconds(*[5] * 49, 6), 10_000)

    assert done is None


def test_a_page_in_another_order_tells_how_all_are_spread() -> None:
    added = seconds(*range(99, -1, -1))
    done, rest = divide((None, None), added, 1_500)

    assert done is None
    assert [since for since, _ in rest] == [*seconds(25, 50, 75), None]


def test_a_crowd_in_one_second_has_that_second_for_itself() -> None:
    done, rest = divide((None, None), seconds(5, 5, 5), 10_000)

    assert done is None
    assert rest == [
        (NOON - timedelta(seconds=4), None),
        (NOON - timedelta(seconds=5), NOON - timedelta(seconds=4)),
        (None, NOON - timedelta(seconds=5)),
    ]


def test_a_page_that_reaches_below_its_window_shows_all_of_it() -> None:
    window = (NOON - timedelta(seconds=10), NOON)

    assert divide(window, seconds(*range(12)), 10_000) == (window, [])


def test_a_window_that_shows_only_a_crowd_at_its_edge_leaves_it_aside() -> None:
    window = (NOON - timedelta(seconds=100), NOON)
    done, rest = divide(window, seconds(0, 0, 0), 10_000)

    assert done is None
    assert rest[0] == (NOON - SECOND, NOON)
    assert rest[1] == (NOON - timedelta(seconds=99), NOON - SECOND)


@pytest.mark.parametrize("added", [[], seconds(3)])
def test_a_window_that_cannot_be_divided_is_left_as_it_is(added: list[datetime]) -> None:
    window = (NOON - timedelta(seconds=3), NOON - timedelta(seconds=2))

    assert divide(window, added, 10_000) == (None, [window])
