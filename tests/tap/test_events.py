"""Events and who comes to them: exactly these requests, exactly these rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox.event_records import HostedEvent
    from constantcontact_sandbox.records import Contact

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STREAMS = ["events", "event_registrations"]


@pytest.fixture
def account(clock: Clock) -> Account:
    return Account(clock)


@pytest.fixture
def ann(account: Account) -> Contact:
    return account.add_contact("ann@example.com", first_name="Ann")


@pytest.fixture
def events(account: Account) -> list[HostedEvent]:
    """Three events; the last one changed last."""
    planned = []
    for days in (30, 20, 10):
        at = NOON - timedelta(days=days)
        event = account.plan_event(f"Event of {days}", NOON + timedelta(days=days), at=at)
        account.publish(event, at=at + timedelta(hours=1))
        planned.append(event)
    return planned


@pytest.fixture
def tap(account: Account, switches: Switches, tmp_path: Path) -> Iterator[TapRunner]:
    with Sandbox(account, switches) as sandbox:
        yield TapRunner(sandbox, tmp_path / "store")


def path_of(event: HostedEvent) -> str:
    return f"/events/{event.event_id}"


def registrations_of(event: HostedEvent) -> str:
    return f"/events/{event.event_id}/tracks/{event.track.track_id}/registrations"


def test_a_first_run_reads_each_event_and_its_registrations(
    tap: TapRunner, account: Account, events: list[HostedEvent], ann: Contact
) -> None:
    guest = account.register(events[0], ann, tickets=2, at=NOON - timedelta(days=2))

    first = tap.run(select=STREAMS)
    assert first.paths() == [
        "/events",
        *[path_of(event) for event in reversed(events)],
        *[registrations_of(event) for event in reversed(events)],
    ]
    assert first.asked[0].query == {
        "sort_by": "updated_time",
        "sort_order": "DESC",
        "limit": "100",
    }
    assert first.asked[1].query == {"include": "true"}
    assert first.rows("event_registrations") == [
        {
            "registration_id": guest.registration_id,
            "event_id": events[0].event_id,
            "track_id": events[0].track.track_id,
            "track_key": events[0].track.track_id,
            "email_address": "ann@example.com",
            "first_name": "Ann",
            "last_name": None,
            "new_contact": False,
            "registration_status": "REGISTERED",
            "registration_time": "2026-05-30T12:00:00.000Z",
            "payment_status": "PAID",
            "tickets": 2,
            "total": 0.0,
            "checkin_status": "NOT_CHECKED_IN",
            "checkedIn_tickets": 0,
            "eligible_checkin_tickets": 2,
            "_extra": None,
        }
    ]
    row = next(row for row in first.rows("events") if row["event_id"] == events[0].event_id)
    assert row["event_registration_summary_metrics"] == {
        "registration_count": 1,
        "ticket_sold": 2,
        "item_sold": 0,
    }
    assert row["start_time"] == row["event_start"]
    assert row["default_track"]["track_id"] == events[0].track.track_id
    assert row["event_settings"]["ticket_configured"] is True


def test_a_quiet_run_asks_for_the_list_and_for_the_event_that_changed_last(
    tap: TapRunner, events: list[HostedEvent], clock: Clock
) -> None:
    tap.run(select=STREAMS)
    clock.advance(timedelta(hours=1))

    assert tap.run(select=STREAMS).paths() == ["/events", path_of(events[-1])]


def test_a_change_that_the_list_does_not_show_is_found_by_its_order(
    tap: TapRunner, events: list[HostedEvent], clock: Clock
) -> None:
    tap.run(select=["events"])
    clock.advance(timedelta(hours=1))
    for event in events[:2]:
        event.track.capacity = 7
        event.updated_at = clock.now()

    changed = tap.run(select=["events"])
    assert changed.paths() == ["/events", *map(path_of, (events[0], events[1], events[2]))]
    assert [row["default_track"]["overall_ticket_capacity"] for row in changed.rows("events")] == [
        7,
        7,
        100,
    ]


def test_numbers_that_move_bring_the_event_and_its_registrations(
    tap: TapRunner, account: Account, events: list[HostedEvent], ann: Contact, clock: Clock
) -> None:
    tap.run(select=STREAMS)
    clock.advance(timedelta(hours=1))
    before = events[0].updated_at
    account.register(events[0], ann)
    assert events[0].updated_at == before

    moved = tap.run(select=STREAMS)
    assert set(moved.paths()) >= {path_of(events[0]), registrations_of(events[0])}
    assert path_of(events[1]) not in moved.paths()
    assert len(moved.rows("event_registrations")) == 1


def test_who_was_let_in_is_read_once_the_event_is_over(
    tap: TapRunner, account: Account, events: list[HostedEvent], ann: Contact, clock: Clock
) -> None:
    guest = account.register(events[2], ann)
    tap.run(select=STREAMS)
    clock.advance(timedelta(days=11))
    account.check_in(guest)

    (row,) = tap.run(select=STREAMS).rows("event_registrations")
    assert row["checkin_status"] == "CHECKED_IN"


@pytest.mark.parametrize("listed", [True, False])
def test_a_deleted_event_says_so(
    tap: TapRunner,
    account: Account,
    events: list[HostedEvent],
    clock: Clock,
    switches: Switches,
    *,
    listed: bool,
) -> None:
    switches.deleted_events_listed = listed
    tap.run(select=["events"])
    clock.advance(timedelta(hours=1))
    account.delete_event(events[1])

    rows = {row["event_id"]: row for row in tap.run(select=["events"]).rows("events")}
    assert rows[events[1].event_id]["status"] == "DELETED"
    assert rows[events[1].event_id]["deleted_time"] == "2026-06-01T13:00:00.000Z"
    clock.advance(timedelta(hours=1))
    tap.run(select=["events"])
    # It is not read again; that which changed last is, on each run.
    assert len(tap.run(select=["events"]).rows("events")) == 1


def test_a_stream_of_events_that_is_selected_later_is_read_whole(
    tap: TapRunner, account: Account, events: list[HostedEvent], ann: Contact
) -> None:
    guest = account.register(events[0], ann)
    tap.run(select=["events"])

    later = tap.run(select=["event_registrations", "event_registration_details"])
    assert later.counts == {"event_registrations": 1, "event_registration_details": 1}
    (row,) = later.rows("event_registration_details")
    assert row["contact_id"] == ann.contact_id
    assert row["registration_id"] == guest.registration_id
    assert [answer["field_value"] for answer in row["contact"]][:2] == ["ann@example.com", "Ann"]
    assert len(row["tickets"]) == 1
    assert row["order_summary"]["payment_status"] == "PAID"
