"""Contacts: all of them, once and again; and what changed meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.streams.contacts import Contacts
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox import Asked
    from constantcontact_sandbox import Request as SandboxRequest

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
PEOPLE = 300
PAGE = 20
MOST = 60


@pytest.fixture
def account(clock: Clock) -> Account:
    """Three hundred people, of whom a third came at once."""
    account = Account(clock)
    for number in range(PEOPLE):
        days = 100 if number % 3 == 0 else number + 1
        account.add_contact(f"{number}@example.com", at=NOON - timedelta(days=days))
    return account


@pytest.fixture
def sandbox(account: Account, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TapRunner:
    """Runs the tap with small pages and small windows."""
    monkeypatch.setattr(Contacts, "page_size", PAGE)
    monkeypatch.setattr("tap_constantcontact.streams.contacts.MOST_IN_WINDOW", MOST)
    monkeypatch.setattr("tap_constantcontact.planner.windows.MOST_IN_WINDOW", MOST)
    monkeypatch.setattr("tap_constantcontact.ledger.STATE_SECONDS", 0)
    return TapRunner(sandbox, tmp_path / "store")


def ids(rows: list[dict[str, Any]]) -> set[str]:
    return {row["contact_id"] for row in rows}


def windows(asked: list[Asked]) -> list[tuple[str | None, str | None]]:
    """Return the bounds of the windows asked for, those of further pages left out."""
    return [
        (call.query.get("created_after"), call.query.get("created_before"))
        for call in asked
        if call.path == "/contacts"
        and "include_count" in call.query
        and not {"updated_after", "optout_after"} & call.query.keys()
    ]


def kept(messages: list[dict[str, Any]], states: int) -> list[dict[str, Any]]:
    """Return what a loader has of a run that is killed once it has written some states."""
    left = states
    for number, message in enumerate(messages):
        left -= message["type"] == "STATE"
        if not left:
            return messages[: number + 1]
    return messages


@pytest.mark.parametrize("inclusive", [False, True])
@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("cursor", ["offset", "keyset"])
def test_all_are_read_however_the_api_pages(
    tap: TapRunner,
    account: Account,
    switches: Switches,
    *,
    inclusive: bool,
    empty: bool,
    cursor: Any,
) -> None:
    switches.inclusive_bounds = inclusive
    switches.empty_pages = empty
    switches.cursor_style = cursor
    switches.last_page = "rotating"

    first = tap.run(select=["contacts"])
    assert ids(first.rows("contacts")) == account.contacts.keys()
    assert first.state["bookmarks"]["contacts"]["replication_key_value"] == "2026-06-01T12:00:00Z"
    assert first.state["ledger"]["contacts"][0]["read_whole"] == "2026-06-01T12:00:00Z"
    assert "pass" not in first.state["ledger"]["contacts"][0]
    assert len(windows(first.asked)) > 3
    assert tap.run(select=["contacts"]).counts == {}


def test_few_are_read_twice(tap: TapRunner) -> None:
    first = tap.run(select=["contacts"])

    twice = Counter(row["contact_id"] for row in first.rows("contacts"))
    # A crowd of one second is seen once to be a crowd; a window's first page once to be divided.
    assert sum(twice.values()) - PEOPLE <= 3 * PAGE
    assert len(first.paths("/contacts")) <= PEOPLE / PAGE + 15


@pytest.mark.parametrize("killed_after", range(1, 9))
def test_a_killed_pass_goes_on_without_asking_for_done_windows_again(
    tap: TapRunner, account: Account, clock: Clock, killed_after: int
) -> None:
    writer = Writer()
    tap.make(select=["contacts"], writer=writer).sync_all()
    before = kept(writer.messages, killed_after)
    tap.state = before[-1]["value"]
    done = tap.state["ledger"]["contacts"][0].get("pass", {}).get("done", [])
    clock.advance(timedelta(hours=2))

    rest = tap.run(select=["contacts"])
    rows = [message["record"] for message in before if message["type"] == "RECORD"]
    assert ids(rows) | ids(rest.rows("contacts")) == account.contacts.keys()
    for since, until in done:
        for row in rest.rows("contacts"):
            added = row["created_at"]
            assert (since and added < since) or (until and added >= until)
    assert tap.run(select=["contacts"]).counts == {}


def test_who_changed_while_a_pass_took_several_runs_arrives(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.config["max_calls_per_run"] = 6
    tables: dict[str, dict[str, Any]] = {}
    people = list(account.contacts.values())
    for hour in range(12):
        clock.advance(timedelta(hours=1))
        account.rename(people[hour], "Ann", str(hour))
        account.opt_out(people[100 + hour])
        account.add_contact(f"new{hour}@example.com")
        run = tap.run(select=["contacts"])
        tables |= {row["contact_id"]: row for row in run.rows("contacts")}
    del tap.config["max_calls_per_run"]
    tables |= {row["contact_id"]: row for row in tap.run(select=["contacts"]).rows("contacts")}

    assert tables.keys() == account.contacts.keys()
    for key, contact in account.contacts.items():
        assert tables[key]["last_name"] == contact.last_name
        assert tables[key]["email_address__permission_to_send"] == contact.permission


def test_who_arrives_while_windows_are_read_is_not_lost(
    tap: TapRunner, account: Account, sandbox: Sandbox, clock: Clock
) -> None:
    def arrive(_: SandboxRequest) -> None:
        clock.advance(timedelta(seconds=1))
        account.add_contact(f"{len(account.contacts)}@example.com")

    sandbox.before_answer.append(arrive)
    rows = tap.run(select=["contacts"]).rows("contacts")
    sandbox.before_answer.clear()
    rows += tap.run(select=["contacts"]).rows("contacts")

    assert ids(rows) == account.contacts.keys()


def test_the_weekly_pass_is_read_in_windows_too_and_changes_come_first(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(days=8))
    someone = next(iter(account.contacts.values()))
    account.rename(someone, "Ann", "Lee")

    again = tap.run(select=["contacts"])
    assert again.rows("contacts")[0]["contact_id"] == someone.contact_id
    assert ids(again.rows("contacts")) == account.contacts.keys()
    assert again.state["ledger"]["contacts"][0]["read_whole"] == "2026-06-09T12:00:00Z"


def test_a_weekly_pass_that_stops_goes_on_though_nothing_else_is_due(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(days=8))
    tap.config["max_calls_per_run"] = 6
    rows = tap.run(select=["contacts"]).rows("contacts")
    del tap.config["max_calls_per_run"]
    tap.config["contacts_full_refresh_days"] = 0
    rows += tap.run(select=["contacts"]).rows("contacts")

    assert ids(rows) == account.contacts.keys()
    assert tap.run(select=["contacts"]).counts == {}
