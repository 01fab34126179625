"""Who opened an e-mail and who did not, as the API makes it of the opens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from tests.pipeline.tables import Tables
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox.records import Activity, Contact
    from tests.running import Outcome

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
STREAMS = ["email_unique_opens", "email_did_not_opens"]


@pytest.fixture
def account(clock: Clock) -> Account:
    return Account(clock)


@pytest.fixture
def people(account: Account) -> list[Contact]:
    return [account.add_contact(f"{name}@example.com") for name in ("ann", "bob", "cyd")]


@pytest.fixture
def email(account: Account, people: list[Contact]) -> Activity:
    campaign = account.add_campaign("May", at=NOON - timedelta(days=30))
    account.send(campaign, people, at=NOON - timedelta(days=30))
    return campaign.primary


@pytest.fixture
def tap(account: Account, switches: Switches, tmp_path: Path) -> Iterator[TapRunner]:
    with Sandbox(account, switches) as sandbox:
        yield TapRunner(sandbox, tmp_path / "store")


def asked(run: Outcome) -> list[str]:
    return [path.rpartition("/")[2] for path in run.paths("/reports/email_reports")]


def told(run: Outcome, stream: str, field: str) -> list[tuple[Any, Any]]:
    return [(row["contact_id"], row.get(field)) for row in run.rows(stream)]


def test_they_are_asked_for_where_the_opens_moved(
    tap: TapRunner, account: Account, email: Activity, people: list[Contact], clock: Clock
) -> None:
    ann, bob, cyd = (person.contact_id for person in people)
    account.add_open(email, people[0], device_type="mobile", at=NOON - timedelta(days=20))
    first = tap.run(select=STREAMS)
    assert asked(first) == ["unique_opens", "didnotopens"]
    assert first.rows("email_unique_opens") == [
        {
            "campaign_activity_id": email.campaign_activity_id,
            "contact_id": ann,
            "created_time": "2026-05-12T12:00:00.000Z",
            "tracking_activity_type": "em_opens",
            "email_address": "ann@example.com",
            "first_name": None,
            "last_name": None,
            "deleted_at": None,
            "device_type": "mobile",
            "_extra": None,
        }
    ]
    assert sorted(told(first, "email_did_not_opens", "_sdc_deleted_at")) == sorted(
        [(bob, None), (cyd, None)]
    )
    assert asked(tap.run(select=STREAMS)) == []

    clock.advance(timedelta(hours=1))
    account.add_open(email, people[1])
    moved = tap.run(select=STREAMS)
    assert asked(moved) == ["unique_opens", "unique_opens", "didnotopens"]
    assert told(moved, "email_did_not_opens", "_sdc_deleted_at") == [
        (bob, "2026-06-01T13:00:00Z"),
        (cyd, None),
    ]


def test_an_open_repeated_moves_the_last_time(
    tap: TapRunner, account: Account, email: Activity, people: list[Contact], clock: Clock
) -> None:
    account.add_open(email, people[0], at=NOON - timedelta(days=20))
    tap.run(select=STREAMS)
    clock.advance(timedelta(hours=1))
    account.add_open(email, people[0])

    assert told(tap.run(select=STREAMS), "email_unique_opens", "created_time") == [
        (people[0].contact_id, "2026-06-01T13:00:00.000Z")
    ]


def test_they_wait_for_the_opens_that_they_are_made_of(
    tap: TapRunner,
    account: Account,
    email: Activity,
    people: list[Contact],
    clock: Clock,
    switches: Switches,
) -> None:
    select = [*STREAMS, "email_opens"]
    tap.run(select=select)
    switches.report_lag = timedelta(hours=5)
    clock.advance(timedelta(hours=1))
    account.add_open(email, people[0])

    assert asked(tap.run(select=select)) == ["opens"]
    clock.advance(timedelta(hours=7))
    assert asked(tap.run(select=select)) == [
        "opens",
        "unique_opens",
        "unique_opens",
        "didnotopens",
    ]


def test_no_page_of_openers_is_asked_for_below_those_that_are_known(
    tap: TapRunner, account: Account, email: Activity, clock: Clock
) -> None:
    for number in range(1_100):
        contact = account.add_contact(f"reader{number}@example.com")
        account.add_send(email, contact, at=NOON - timedelta(days=29))
        account.add_open(email, contact, at=NOON - timedelta(days=20))
    tap.run(select=["email_did_not_opens"])
    clock.advance(timedelta(hours=1))
    late = account.add_contact("late@example.com")
    account.add_send(email, late, at=NOON - timedelta(days=29))
    account.add_open(email, late)

    moved = tap.run(select=["email_did_not_opens"])
    assert asked(moved) == ["unique_opens", "didnotopens"]
    gone = [key for key, since in told(moved, "email_did_not_opens", "_sdc_deleted_at") if since]
    assert late.contact_id in gone


def test_without_the_report_it_is_made_of_it_is_read_again_until_the_last_try(
    tap: TapRunner,
    account: Account,
    email: Activity,
    people: list[Contact],
    switches: Switches,
    clock: Clock,
) -> None:
    """No one reads opens, so nothing says whether they had come when the counter moved."""
    select = ["email_unique_opens"]
    tap.run(select=select)
    clock.advance(timedelta(days=3))
    tap.run(select=select)
    switches.report_lag = timedelta(hours=5)
    account.add_open(email, people[0])
    early = tap.run(select=select)
    assert (asked(early), early.rows("email_unique_opens")) == (["unique_opens"], [])
    found = []
    for hours in (1, 1, 6, 41, 48):  # since it fell short: 1, 2, 8, 49 and 97
        clock.advance(timedelta(hours=hours))
        run = tap.run(select=select)
        found.append((asked(run), len(run.rows("email_unique_opens"))))

    assert found == [
        (["unique_opens"], 0),
        ([], 0),
        (["unique_opens"], 1),
        (["unique_opens"], 1),
        ([], 0),
    ]
    with_opens = tap.run(select=[*select, "email_opens"])
    assert asked(with_opens) == ["opens"]


def test_whoever_opened_while_that_was_forbidden_to_ask_is_gone_with_the_next_run(
    tap: TapRunner,
    account: Account,
    email: Activity,
    people: list[Contact],
    clock: Clock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    select = ["email_opens", "email_did_not_opens"]
    loaded = Tables()
    loaded.load(tap.run(select=select).messages)
    clock.advance(timedelta(hours=1))
    account.add_open(email, people[1])
    tap.sandbox.faults.append(Fault("/tracking/unique_opens$", "forbidden", times=9))
    loaded.load(tap.run(select=select).messages)
    assert "Left out, since it is forbidden: email_did_not_opens" in caplog.text
    tap.sandbox.faults.clear()

    loaded.load(tap.run(select=select).messages)
    assert {row["contact_id"] for row in loaded.rows("email_did_not_opens")} == {
        people[0].contact_id,
        people[2].contact_id,
    }


def test_whoever_opened_after_a_run_that_was_killed_is_gone(
    tap: TapRunner, account: Account, email: Activity, people: list[Contact], clock: Clock
) -> None:
    """Its rows have come, but not the state that knows of them."""
    tap.run(select=["campaigns", "email_unique_opens"])
    before, loaded = tap.state, Tables()
    killed = tap.run(select=STREAMS).messages
    loaded.load([message for message in killed if message["type"] != "STATE"])
    tap.state = before
    clock.advance(timedelta(hours=1))
    account.add_open(email, people[1])

    loaded.load(tap.run(select=STREAMS).messages)
    assert {row["contact_id"] for row in loaded.rows("email_did_not_opens")} == {
        people[0].contact_id,
        people[2].contact_id,
    }
