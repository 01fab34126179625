"""The state comes back as it was written, and only when it is worth a message."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.errors import StateError
from tap_constantcontact.ledger import STATE_SECONDS, Activity, Campaign, Ledger, Report

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)

moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
)
reports = st.builds(
    Report,
    counter=st.none() | st.integers(0, 10**6),
    floor=st.none() | moments,
    below=st.just(0),
    short_since=st.none() | moments,
    short_runs=st.just(0),
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
            reports=st.dictionaries(
                st.just("email_opens"), reports.filter(lambda report: report != Report())
            ),
        ),
    ),
    refused=st.booleans(),
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
    assert Report(counter=3, floor=NOON, below=2, short_since=NOON, short_runs=1).dump() == {
        "counter": 3,
        "floor": "2026-06-01T12:00:00Z",
        "below": 2,
        "short_since": "2026-06-01T12:00:00Z",
        "short_runs": 1,
    }


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
