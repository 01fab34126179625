"""Rows of a report, whatever its pages look like."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.streams.email_reports import EmailOpens
from tap_constantcontact.streams.readings import ReportReading
from tap_constantcontact.tap import TapConstantContact
from tap_constantcontact.units import ReportUnit

if TYPE_CHECKING:
    from collections.abc import Iterable

START = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def opens() -> EmailOpens:
    return EmailOpens(TapConstantContact(config={"client_id": "key"}))


def an_open(minute: float, contact: str = "ann", device: str = "mobile") -> dict[str, Any]:
    return {
        "contact_id": contact,
        "campaign_activity_id": "a1",
        "created_time": (START + timedelta(minutes=minute)).isoformat().replace("+00:00", "Z"),
        "device_type": device,
    }


def read(
    opens: EmailOpens,
    pages: Iterable[list[dict[str, Any]]],
    floor: int | None = None,
    as_of: int | None = None,
) -> tuple[list[tuple[str, str, int]], ReportReading]:
    reading = ReportReading(
        opens,
        ReportUnit(
            opens,
            about={"campaign_activity_id": "a1"},
            floor=None if floor is None else START + timedelta(minutes=floor),
            as_of=None if as_of is None else START + timedelta(minutes=as_of),
            lookback=timedelta(minutes=10),
        ),
    )
    rows = [row for page in pages for row in reading.take({"tracking_activities": page})]
    return [(row["contact_id"], row["created_time"][14:16], row["occurrence"]) for row in rows], (
        reading
    )


def test_equal_events_are_numbered(opens: EmailOpens) -> None:
    rows, _ = read(opens, [[an_open(5), an_open(5, "bob"), an_open(5), an_open(4)]])

    assert rows == [("ann", "05", 1), ("bob", "05", 1), ("ann", "05", 2), ("ann", "04", 1)]


def test_numbering_goes_on_over_the_end_of_a_page(opens: EmailOpens) -> None:
    rows, reading = read(
        opens,
        [[an_open(5), an_open(5, "bob")], [an_open(5, device="tablet"), an_open(5, "cyd")]],
    )

    assert rows == [("ann", "05", 1), ("bob", "05", 1), ("ann", "05", 2), ("cyd", "05", 1)]
    assert reading.dropped == 0


def test_what_looks_like_a_repetition_is_left_to_the_counter_to_tell(opens: EmailOpens) -> None:
    rows, reading = read(opens, [[an_open(5), an_open(5, "bob")], [an_open(5), an_open(4)]])

    assert rows == [("ann", "05", 1), ("bob", "05", 1), ("ann", "04", 1)]
    assert reading.dropped == 1


def test_rows_that_moved_to_the_next_page_are_not_counted_twice(opens: EmailOpens) -> None:
    rows, reading = read(
        opens,
        [
            [an_open(9), an_open(8), an_open(7, "bob")],
            # Two events arrived meanwhile: all rows are two places further down.
            [an_open(8), an_open(7, "bob"), an_open(6)],
        ],
    )

    assert rows == [("ann", "09", 1), ("ann", "08", 1), ("bob", "07", 1), ("ann", "06", 1)]
    assert reading.dropped == 2
    assert reading.rows_as_of == 4


def test_an_empty_page_does_not_hide_what_the_next_one_repeats(opens: EmailOpens) -> None:
    rows, _ = read(opens, [[an_open(9), an_open(8)], [], [an_open(8), an_open(7)]])

    assert rows == [("ann", "09", 1), ("ann", "08", 1), ("ann", "07", 1)]


def test_a_missing_part_of_the_key_is_the_empty_string(opens: EmailOpens) -> None:
    record = an_open(5)
    del record["contact_id"]

    rows, _ = read(opens, [[record]])
    assert rows == [("", "05", 1)]


def test_rows_below_the_floor_are_left_out_and_those_at_it_are_whole(opens: EmailOpens) -> None:
    rows, reading = read(opens, [[an_open(9), an_open(5), an_open(5), an_open(4)]], floor=5)

    assert rows == [("ann", "09", 1), ("ann", "05", 1), ("ann", "05", 2)]
    assert reading.rows_as_of == 3


@pytest.mark.parametrize("newest", [70, 70.5, 129])
def test_the_next_floor_is_the_full_hour_the_look_back_below_the_newest_row(
    opens: EmailOpens, newest: float
) -> None:
    _, reading = read(opens, [[an_open(newest), an_open(60), an_open(59), an_open(3)]])

    assert reading.next_floor == START + timedelta(hours=1)
    assert reading.rows_below_next == 2


def test_the_floor_never_sinks(opens: EmailOpens) -> None:
    _, reading = read(opens, [[an_open(65)]], floor=60)

    assert reading.next_floor == START + timedelta(hours=1)


def test_a_row_that_moved_twice_is_still_known(opens: EmailOpens) -> None:
    rows, reading = read(
        opens, [[an_open(6), an_open(5)], [an_open(5, "bob")], [an_open(5), an_open(4)]]
    )

    assert rows == [("ann", "06", 1), ("ann", "05", 1), ("bob", "05", 1), ("ann", "04", 1)]
    assert reading.dropped == 1


@given(
    minutes=st.lists(st.integers(0, 250), min_size=1, max_size=30),
    size=st.integers(1, 12),
    as_of=st.none() | st.integers(-1, 251),
)
def test_rows_are_counted_however_many_lie_on_one_side(
    opens: EmailOpens, minutes: list[int], size: int, as_of: int | None
) -> None:
    minutes.sort(reverse=True)
    report = [an_open(minute, f"contact {at}") for at, minute in enumerate(minutes)]

    pages = [report[start : start + size] for start in range(0, len(report), size)]

    _, reading = read(opens, pages, as_of=as_of)
    assert reading.rows_as_of == sum(as_of is None or minute <= as_of for minute in minutes)
    hour = (minutes[0] - 10) // 60
    assert reading.rows_below_next == sum(minute < 60 * hour for minute in minutes)


@given(
    minutes=st.lists(st.integers(0, 6), max_size=30),
    contacts=st.lists(st.sampled_from(["ann", "bob"]), min_size=30, max_size=30),
    size=st.integers(1, 7),
)
def test_each_row_is_read_once_however_the_pages_are_cut(
    opens: EmailOpens, minutes: list[int], contacts: list[str], size: int
) -> None:
    # Equal events on either side of a page's end look like a row that moved, and are told
    # apart by the counter only: so here there are none.
    report: list[dict[str, Any]] = []
    for minute, contact in zip(sorted(minutes, reverse=True), contacts, strict=False):
        event = an_open(minute, contact)
        if event not in report:
            report.append(event)
    pages = [report[start : start + size] for start in range(0, len(report), size)]

    whole, _ = read(opens, [report])
    cut, reading = read(opens, pages)

    assert cut == whole
    assert len(set(cut)) == len(report)
    assert reading.dropped == 0


@given(
    arrivals=st.lists(st.integers(0, 3), min_size=1, max_size=8),
    size=st.integers(4, 7),
    known=st.integers(0, 25),
)
def test_events_that_arrive_between_pages_make_no_phantom_and_lose_no_row(
    opens: EmailOpens, arrivals: list[int], size: int, known: int
) -> None:
    report = [an_open(minute % 60, f"c{minute}") for minute in range(known)][::-1]
    before, pages, at, clock = list(report), [], 0, known
    for new in arrivals:
        pages.append(report[at : at + size])
        at += size
        for _ in range(new):
            report.insert(0, an_open(min(clock, 59), f"c{clock}"))
            clock += 1
    pages.extend(report[start : start + size] for start in range(at, len(report), size))

    rows, _ = read(opens, pages)

    names = [name for name, _, _ in rows]
    assert {record["contact_id"] for record in before} <= set(names)
    assert len(names) == len(set(names))


def test_a_late_row_in_the_moment_that_a_page_ended_in_makes_no_phantom(opens: EmailOpens) -> None:
    rows, reading = read(
        opens,
        [
            [an_open(9), an_open(7, "bob")],
            # One event arrived, and one of bob's minute showed up late: bob is repeated.
            [an_open(7, "late"), an_open(7, "bob"), an_open(6)],
        ],
    )

    assert rows == [("ann", "09", 1), ("bob", "07", 1), ("late", "07", 1), ("ann", "06", 1)]
    assert reading.dropped == 1


def test_a_page_that_begins_later_than_the_one_before_it_ended_repeats_it(
    opens: EmailOpens,
) -> None:
    rows, reading = read(opens, [[an_open(9), an_open(8)], [an_open(9), an_open(8), an_open(7)]])

    assert rows == [("ann", "09", 1), ("ann", "08", 1), ("ann", "07", 1)]
    assert reading.dropped == 2
