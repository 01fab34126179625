"""The state comes back as it was written, and only when it is worth a message."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.errors import StateError
from tap_constantcontact.ledger import (
    STATE_SECONDS,
    Activity,
    Campaign,
    Ledger,
    Outcome,
    Report,
    Shortfall,
)

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
DAYS = timedelta(hours=48)

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
)
shortfalls = st.builds(
    Shortfall,
    counter=st.integers(0, 9),
    tried=st.integers(0, 9),
    since=moments,
    tries=st.integers(0, 3),
)
reports = st.builds(
    Report,
    counter=st.none() | st.integers(0, 10**6),
    floor=st.just(NOON),
    below=st.integers(0, 9),
    gap=st.integers(0, 9),
    short=st.none() | shortfalls,
)
campaigns = st.builds(
    Campaign,
    status=st.sampled_from(["Draft", "Done"]),
    updated_at=st.just("2026-05-01T00:00:00.000Z"),
    seen=st.dictionaries(st.sampled_from(["email_opens", "activities"]), st.integers(0, 9)),
    activities=st.dictionaries(
        st.sampled_from(["a1", "a2"]),
        st.builds(
            Activity,
            role=st.sampled_from(["primary_email", "resend"]),
            reports=st.dictionaries(st.just("email_opens"), reports),
        ),
    ),
    refused=st.booleans(),
    last_sent_date=st.sampled_from(["", "2026-05-02T00:00:00.000Z"]),
    abuse=st.integers(0, 9),
    excess=st.integers(0, 9),
    short=st.none() | shortfalls,
)


@given(st.dictionaries(st.sampled_from(["c1", "c2", "c3"]), campaigns), st.none() | moments)
def test_a_state_comes_back_as_it_was_written(
    known: dict[str, Campaign], until: datetime | None
) -> None:
    ledger = Ledger({})
    ledger.campaigns.update(known)
    ledger.contacts_read_whole = ledger.campaigns_read_until = until
    if until:
        ledger.advance("contacts", "updated_at", until)

    again = Ledger(json.loads(json.dumps(ledger.state())))

    assert again.state() == ledger.state()
    assert again.campaigns == known
    assert again.bookmark("contacts") == until


def test_a_report_remembers_what_it_needs_and_no_more() -> None:
    assert Report().dump() == {}
    short = Shortfall(counter=5, tried=6, since=NOON, tries=1)
    report = Report(counter=3, floor=NOON, below=2, gap=1, short=short)
    assert report.dump() == {
        "counter": 3,
        "floor": "2026-06-01T12:00:00Z",
        "below": 2,
        "gap": 1,
        "short": {"counter": 5, "tried": 6, "since": "2026-06-01T12:00:00Z", "tries": 1},
    }
    assert Report.load(report.dump()) == report


def test_a_report_that_has_what_its_counter_says_agrees() -> None:
    report = Report()

    assert report.settle(5, 5, NOON, DAYS) is Outcome.AGREES
    assert report == Report(counter=5)
    assert not report.is_due(5, NOON, DAYS)
    assert report.is_due(6, NOON, DAYS)
    assert report.is_due(4, NOON, DAYS)


def test_a_shortfall_is_tried_ever_more_rarely_and_then_left() -> None:
    report = Report()
    assert report.settle(4, 5, NOON, DAYS) is Outcome.SHORT
    tried = []
    for hours in range(1, 100):
        now = NOON + timedelta(hours=hours)
        if report.is_due(5, now, DAYS):
            tried.append(hours)
            report.settle(4, 5, now, DAYS)

    assert tried == [1, 4, 12, 48]
    assert report == Report(counter=5, gap=1)


def test_what_was_left_short_agrees_from_then_on_and_heals() -> None:
    report = Report(counter=5, gap=1)

    assert report.settle(6, 7, NOON, DAYS) is Outcome.AGREES
    assert report == Report(counter=7, gap=1)
    assert report.settle(8, 8, NOON, DAYS) is Outcome.AGREES
    assert report == Report(counter=8, gap=0)


def test_a_report_that_always_lags_a_little_is_never_given_up() -> None:
    report = Report()
    for hours in range(0, 24 * 30, 6):
        # Each time one row more is counted, and the row of the time before has come.
        count = hours // 6
        outcome = report.settle(count - 1, count, NOON + timedelta(hours=hours), DAYS)
        assert outcome in {Outcome.SHORT, Outcome.STILL_SHORT}
    assert report.settle(count, count, NOON + timedelta(hours=hours), DAYS) is Outcome.AGREES


@pytest.mark.parametrize("moved", [4, 6])
def test_a_counter_that_moves_is_tried_at_once(moved: int) -> None:
    report = Report()
    report.settle(3, 5, NOON, DAYS)

    assert not report.is_due(5, NOON, DAYS)
    assert report.is_due(moved, NOON, DAYS)


def test_a_bookmark_never_moves_back() -> None:
    ledger = Ledger({})
    ledger.advance("contacts", "updated_at", NOON)
    ledger.advance("contacts", "updated_at", NOON - timedelta(hours=1))

    assert ledger.state()["bookmarks"] == {
        "contacts": {
            "replication_key": "updated_at",
            "replication_key_value": "2026-06-01T12:00:00Z",
        }
    }


def test_a_state_of_other_tools_that_holds_nothing_for_us_is_a_beginning() -> None:
    assert Ledger({"bookmarks": {"contacts": {}}}).bookmark("contacts") is None


@pytest.mark.parametrize("ledger", [{"version": 99}, {"version": None}, ["old"]])
def test_a_state_of_another_version_is_refused(ledger: Any) -> None:
    with pytest.raises(StateError, match="another version of the tap"):
        Ledger({"ledger": ledger})


@pytest.mark.parametrize(
    "state",
    [
        {"ledger": {"version": 1, "campaigns": {"c1": {"status": "Done"}}}},
        {"bookmarks": {"contacts": {"replication_key_value": "2026-01-01"}}},
        {"bookmarks": {"contacts": "2026-01-01"}},
        {"ledger": {"version": 1, "campaigns_read_until": "yesterday"}},
        {"bookmarks": ["contacts"]},
    ],
)
def test_a_damaged_state_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(StateError, match="The state is damaged"):
        Ledger(state)


def test_a_state_is_due_only_now_and_then() -> None:
    now = [0.0]
    ledger = Ledger({}, clock=lambda: now[0])

    assert not ledger.due()
    now[0] = STATE_SECONDS
    assert ledger.due()
    assert not ledger.due()
