"""Time in the sandbox."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone

import pytest

from constantcontact_sandbox import Clock
from constantcontact_sandbox.moments import parse
from tests.sandbox.conftest import NOON


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = Clock(NOON)
    assert clock.now() == clock.now() == NOON
    clock.advance(timedelta(hours=2))
    assert clock.now() == NOON + timedelta(hours=2)


def test_a_ticking_clock_goes_on_by_itself_and_can_be_moved_as_well() -> None:
    clock = Clock.ticking(NOON)
    clock.advance(timedelta(days=1))
    first = clock.now()
    time.sleep(0.002)
    assert NOON + timedelta(days=1) <= first < clock.now() < NOON + timedelta(days=1, minutes=1)


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="forward"):
        Clock(NOON).advance(timedelta(seconds=-1))


def test_a_clock_needs_a_time_zone_and_shows_utc() -> None:
    with pytest.raises(ValueError, match="time zone"):
        Clock(datetime(2026, 6, 1))  # noqa: DTZ001 - the mistake in question
    east = timezone(timedelta(hours=2))
    assert Clock(datetime(2026, 6, 1, 14, tzinfo=east)).now().isoformat() == (
        "2026-06-01T12:00:00+00:00"
    )


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-01T12:00:00Z",
        "2026-06-01T12:00:00.000Z",
        "2026-06-01T12:00:00.000000000Z",
        "2026-06-01T12:00",
        "2026-06-01T14:00:00+02:00",
        "2026-06-01T14:00:00+0200",
        "2026-06-01T08:30:00-03:30",
    ],
)
def test_the_api_reads_moments_with_and_without_offset(text: str) -> None:
    assert parse(text) == NOON


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-06-01T12:00:00 02:00", "1780315200"]
)
def test_the_api_reads_nothing_else_as_a_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(text)
