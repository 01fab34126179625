"""Contacts: all of them, once and again; and what changed meanwhile."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Fault, Sandbox, Switches
from constantcontact_sandbox.people import addressed
from tap_constantcontact.ledger import Crowd, Pass
from tap_constantcontact.streams.contacts import Contacts, DeletedContacts
from tap_constantcontact.streams.tags import ContactTags
from tap_constantcontact.times import text_of
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox import Asked
    from constantcontact_sandbox import Request as SandboxRequest
    from constantcontact_sandbox.records import Contact, ContactList

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
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
    (done,) = tap.state["ledger"]["contacts"][0].get("pass", {}).get("done", [[]])
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
    tap.config["max_calls_per_run"] = 12
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
    tap.config["max_calls_per_run"] = 12
    rows = tap.run(select=["contacts"]).rows("contacts")
    del tap.config["max_calls_per_run"]
    tap.config["contacts_full_refresh_days"] = 0
    rows += tap.run(select=["contacts"]).rows("contacts")

    assert ids(rows) == account.contacts.keys()
    assert tap.run(select=["contacts"]).counts == {}


def test_a_nightly_pass_reads_all_though_it_begins_a_little_earlier_than_the_night_before(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=11, minutes=59))
    assert tap.run(select=["contacts"]).counts == {}

    tap.config["contacts_full_refresh_days"] = 1
    for _ in range(2):
        clock.advance(timedelta(hours=23, minutes=59))
        assert ids(tap.run(select=["contacts"]).rows("contacts")) == account.contacts.keys()
        assert tap.run(select=["contacts"]).counts == {}


class Town:
    """A few people, and what they are sorted by."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.list = account.add_list("News")
        self.tag = account.add_tag("vip")
        self.people = [
            account.add_contact(f"p{number}@example.com", at=NOON - timedelta(days=9))
            for number in range(10)
        ]
        for contact in self.people[:4]:
            account.join(contact, self.list, at=NOON - timedelta(days=9))
            account.tag(contact, self.tag, at=NOON - timedelta(days=9))


@pytest.fixture
def town(account: Account) -> Town:
    account.contacts.clear()
    return Town(account)


def filters(asked: list[Asked]) -> list[dict[str, str]]:
    """Return by what contacts were asked for, apart from what every run asks."""
    usual = {"include", "limit", "include_count", "cursor"}
    found = [
        {name: value for name, value in call.query.items() if name not in usual}
        for call in asked
        if call.path == "/contacts" and "cursor" not in call.query
    ]
    return [
        {name: value for name, value in each.items() if (name, value) != ("status", "all")}
        for each in found
        if not {"updated_after", "optout_after"} & each.keys()
    ]


COUNTED = {"status": "deleted"}


@pytest.mark.usefixtures("town")
def test_a_quiet_run_reads_nothing_again(tap: TapRunner, clock: Clock) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))

    quiet = tap.run(select=["contacts"])
    assert filters(quiet.asked) == [COUNTED]
    assert quiet.counts == {}


@pytest.mark.parametrize("few", [0, 3])
def test_who_joined_a_list_without_a_trace_arrives_at_once(
    tap: TapRunner, town: Town, clock: Clock, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.planner.contacts.FEW_CALLS", few)
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.join(town.people[7], town.list)

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"lists": town.list.list_id}]
    rows = {row["contact_id"]: row for row in found.rows("contacts")}
    assert rows.keys() == {town.people[number].contact_id for number in (0, 1, 2, 3, 7)}
    assert rows[town.people[7].contact_id]["list_memberships"] == [town.list.list_id]
    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED]


def test_who_was_tagged_without_a_trace_arrives_at_once(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.tag(town.people[7], town.tag)

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"tags": town.tag.tag_id}]
    assert town.people[7].contact_id in ids(found.rows("contacts"))


def test_who_was_deleted_without_a_trace_arrives_at_once(
    tap: TapRunner, town: Town, clock: Clock, switches: Switches
) -> None:
    switches.delete_moves_updated_at = switches.delete_opts_out = False
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.delete_contact(town.people[7])

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"status": "deleted"}]
    assert [row["deleted_at"] for row in found.rows("contacts")] == ["2026-06-01"]


@pytest.mark.parametrize(
    ("permission", "status"),
    [
        ("unsubscribed", "unsubscribed"),
        ("pending_confirmation", "pending_confirmation"),
        ("not_set", "not_set,temp_hold"),
    ],
)
def test_whose_permission_was_taken_back_without_a_trace_arrives_at_once(
    tap: TapRunner, town: Town, clock: Clock, permission: Any, status: str
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    addressed(town.people[7]).permission_to_send = permission

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"status": status}]
    (row,) = found.rows("contacts")
    assert row["contact_id"] == town.people[7].contact_id
    assert row["email_address__permission_to_send"] == permission
    assert tap.run(select=["contacts"]).counts == {}


def test_the_start_date_is_for_campaigns_and_bounds_no_contacts(tap: TapRunner, town: Town) -> None:
    tap.config["start_date"] = "2026-05-31"

    assert ids(tap.run(select=["contacts"]).rows("contacts")) == {
        contact.contact_id for contact in town.people
    }


def test_who_left_a_list_without_a_trace_makes_all_be_read(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.leave(town.people[0], town.list)

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {}]
    rows = {row["contact_id"]: row for row in found.rows("contacts")}
    assert rows[town.people[0].contact_id]["list_memberships"] == []
    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED]


def test_where_reading_all_takes_many_calls_that_waits_for_a_day(
    tap: TapRunner, town: Town, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.planner.contacts.FEW_CALLS", 0)
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.leave(town.people[0], town.list)
    town.account.tag(town.people[7], town.tag)

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"tags": town.tag.tag_id}]
    clock.advance(timedelta(hours=22))
    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED]
    clock.advance(timedelta(hours=1))
    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED, {}]
    clock.advance(timedelta(days=2))
    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED]


def test_a_tag_that_is_gone_makes_all_be_read(tap: TapRunner, town: Town, clock: Clock) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.delete_tag(town.tag)

    found = tap.run(select=["contacts"])
    assert {tuple(row["taggings"]) for row in found.rows("contacts")} == {()}


def test_the_full_pass_turned_off_stays_off_whoever_leaves(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.config["contacts_full_refresh_days"] = 0
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.leave(town.people[0], town.list)

    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED]


def test_rows_that_explain_a_movement_have_nothing_read_again(
    tap: TapRunner, town: Town, clock: Clock, switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.planner.contacts.FEW_CALLS", 0)
    switches.membership_moves_updated_at = True
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    account = town.account
    account.join(town.people[7], town.list)
    account.leave(town.people[0], town.list)
    account.untag(town.people[1], town.tag)
    account.opt_out(town.people[2])
    account.delete_contact(town.people[3])
    account.add_contact("new@example.com", lists=[town.list], tags=[town.tag])

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED]
    assert len(ids(found.rows("contacts"))) == 6


def test_newcomers_explain_a_movement_whatever_it_costs_to_look(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.add_contact("new@example.com", lists=[town.list], tags=[town.tag])
    town.account.opt_out(town.people[5])

    assert filters(tap.run(select=["contacts"]).asked) == [COUNTED]


def test_what_may_be_explained_is_looked_into_where_that_is_cheap(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.rename(town.people[0], "Ann", "Lee")  # on the list already
    town.account.join(town.people[7], town.list)

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"lists": town.list.list_id}]


def test_a_run_that_ends_before_it_has_looked_looks_on_the_next(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.join(town.people[7], town.list)
    tap.config["max_calls_per_run"] = 7
    assert tap.run(select=["contacts"]).rows("contacts") == []
    del tap.config["max_calls_per_run"]

    assert town.people[7].contact_id in ids(tap.run(select=["contacts"]).rows("contacts"))


def test_channels_for_text_messages_are_columns(tap: TapRunner, town: Town) -> None:
    channel = town.account.add_sms_channel(town.people[0], "2065550100")

    rows = {row["contact_id"]: row for row in tap.run(select=["contacts"]).rows("contacts")}
    row = rows[town.people[0].contact_id]
    assert row["sms_channel__sms_channel_id"] == channel.sms_channel_id
    assert row["sms_channel__sms_address"] == "2065550100"
    assert row["sms_channel__sms_channel_consents"][0]["sms_consent_permission"] == "explicit"
    assert rows[town.people[1].contact_id]["sms_channel__sms_address"] is None


@pytest.mark.usefixtures("town")
def test_channels_that_the_api_refuses_are_asked_for_once_and_never_again(
    tap: TapRunner, switches: Switches, clock: Clock
) -> None:
    switches.sms_channel_included = False
    first = tap.run(select=["contacts"])
    clock.advance(timedelta(days=8))
    again = tap.run(select=["contacts"])

    asked = [call for call in (*first.asked, *again.asked) if call.path == "/contacts"]
    assert ["sms_channel" in call.query.get("include", "") for call in asked].count(True) == 1
    assert first.counts == again.counts == {"contacts": 10}


def channels_asked_for(asked: list[Asked]) -> list[tuple[str, bool, int]]:
    """Return of each call for contacts by what it asked, whether for channels, and the answer."""
    return [
        (
            next((name for name in ("updated_after", "optout_after") if name in call.query), "")
            or call.query["status"],
            "sms_channel" in call.query.get("include", ""),
            call.status,
        )
        for call in asked
        if call.path == "/contacts"
    ]


def test_channels_that_the_api_refuses_later_are_left_out_at_once_and_never_asked_for_again(
    tap: TapRunner, town: Town, switches: Switches, clock: Clock
) -> None:
    first = tap.run(select=["contacts"])
    assert channels_asked_for(first.asked) == [
        ("all", True, 200),  # whether the API shows them
        ("deleted", False, 200),
        ("all", True, 200),
    ]
    switches.sms_channel_included = False
    clock.advance(timedelta(hours=1))
    town.account.rename(town.people[0], "Ann", "Lee")

    refused = tap.run(select=["contacts"])
    assert channels_asked_for(refused.asked) == [
        ("deleted", True, 400),
        ("deleted", False, 200),
        ("updated_after", False, 200),
        ("optout_after", False, 200),
    ]
    assert ids(refused.rows("contacts")) == {town.people[0].contact_id}
    assert refused.state["ledger"]["contacts"][0]["sms_channel"] is False
    assert refused.state["ledger"]["contacts"][0]["counts"]["statuses"]["deleted"] == 0
    clock.advance(timedelta(days=8))
    again = channels_asked_for(tap.run(select=["contacts"]).asked)
    assert again == [
        ("deleted", False, 200),
        ("updated_after", False, 200),
        ("optout_after", False, 200),
        ("all", False, 200),
    ]


@pytest.mark.usefixtures("town")
def test_a_refusal_that_is_not_for_channels_takes_none_away(
    tap: TapRunner, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    wrong = {**DeletedContacts.params, "created_after": "never"}
    monkeypatch.setattr(DeletedContacts, "params", wrong)

    assert channels_asked_for(tap.run(select=["contacts"]).asked) == [
        ("deleted", True, 400),
        ("deleted", False, 400),
        ("updated_after", True, 200),
        ("optout_after", True, 200),
    ]


@pytest.mark.parametrize(
    ("setting", "value", "kept"),
    [
        ("contact_status", ["unsubscribed", "deleted"], {8, 9}),
        ("contact_status", ["active"], {0, 1, 2, 3, 4, 5, 6, 7}),
        ("contacts_since", "2026-05-23T12:00:00", {5, 6, 7, 8, 9}),
    ],
)
def test_only_chosen_contacts_are_kept(
    tap: TapRunner, town: Town, setting: str, value: Any, kept: set[int]
) -> None:
    for contact in town.people[:5]:
        contact.created_at -= timedelta(days=1)
    town.account.opt_out(town.people[8])
    town.account.delete_contact(town.people[9])
    tap.config[setting] = value

    first = tap.run(select=["contacts"])
    assert ids(first.rows("contacts")) == {town.people[number].contact_id for number in kept}
    statuses = {call.query["status"] for call in first.asked if call.path == "/contacts"}
    assert statuses == {"all", "deleted"}  # the latter only to count


def test_contacts_on_chosen_lists_are_asked_for_by_them(tap: TapRunner, town: Town) -> None:
    tap.config["contact_list_ids"] = [town.list.list_id]

    first = tap.run(select=["contacts"])
    assert filters(first.asked)[-1] == {"lists": town.list.list_id}
    assert ids(first.rows("contacts")) == {each.contact_id for each in town.people[:4]}


class Clubs:
    """Sixty lists, each with one of 300 people on it; the lists in the order of their ids."""

    def __init__(self, account: Account) -> None:
        self.account = account
        lists = [account.add_list(f"Club {number}") for number in range(60)]
        self.lists = sorted(lists, key=lambda each: each.list_id)
        self.ids = [each.list_id for each in self.lists]
        self.people = list(account.contacts.values())
        for club, contact in zip(self.lists, self.people, strict=False):
            account.join(contact, club, at=NOON - timedelta(days=1))

    @property
    def batches(self) -> list[str]:
        """What `lists` says in the three calls that ask for all of them."""
        return [",".join(self.ids[at : at + 25]) for at in (0, 25, 50)]

    def crowd(self, club: ContactList) -> None:
        """Let so many join one of them that a window with it is divided."""
        for contact in self.people[60:140]:
            self.account.join(contact, club, at=NOON - timedelta(days=1))

    def members(self) -> set[str]:
        """Return who is on any of them."""
        people = self.account.contacts.values()
        return {each.contact_id for each in people if {*self.ids} & {*each.list_memberships}}


@pytest.fixture
def clubs(account: Account) -> Clubs:
    return Clubs(account)


def batches(asked: list[Asked]) -> list[str | None]:
    """Return what lists each window asked for, those of further pages left out."""
    return [
        call.query.get("lists")
        for call in asked
        if call.path == "/contacts"
        and call.query.keys().isdisjoint({"cursor", "updated_after", "optout_after"})
        and call.query["status"] == "all"
        and call.query["limit"] == str(PAGE)
    ]


def test_contacts_on_many_lists_are_asked_for_by_25_a_call(
    tap: TapRunner, clubs: Clubs, clock: Clock
) -> None:
    tap.config["contact_list_ids"] = clubs.ids[::-1]

    run = tap.run(select=["contacts"])
    assert batches(run.asked) == clubs.batches
    rows = [row["contact_id"] for row in run.rows("contacts")]
    assert Counter(rows) == Counter(each.contact_id for each in clubs.people[:60])
    # Counters first, which say that it is cheaper so; then 25, 25 and 10 contacts, 20 a page.
    assert run.paths("/contacts").count("/contacts") == 2 + 5
    assert "pass" not in run.state["ledger"]["contacts"][0]
    assert tap.run(select=["contacts"]).counts == {}
    clock.advance(timedelta(days=8))
    assert batches(tap.run(select=["contacts"]).asked) == clubs.batches


def test_who_is_on_lists_of_two_calls_comes_with_both(tap: TapRunner, clubs: Clubs) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    clubs.account.join(clubs.people[0], clubs.lists[30])

    rows = tap.run(select=["contacts"]).rows("contacts")
    twice = [row for row in rows if row["contact_id"] == clubs.people[0].contact_id]
    assert len(rows) == 61
    assert twice == [twice[0]] * 2
    assert ids(rows) == clubs.members()


def test_lists_with_much_in_common_are_read_with_everybody_where_that_takes_fewer_calls(
    tap: TapRunner, clubs: Clubs
) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    for number, contact in enumerate(clubs.people[:250]):
        for club in range(number, number + 60, 20):
            clubs.account.join(contact, clubs.lists[club % 60])

    run = tap.run(select=["contacts"])
    assert set(batches(run.asked)) == {None}
    assert ids(run.rows("contacts")) == {each.contact_id for each in clubs.people[:250]}


def test_lists_that_are_not_counted_are_read_with_everybody(
    tap: TapRunner, clubs: Clubs, sandbox: Sandbox
) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    sandbox.faults.append(Fault(path="^/contact_lists$", times=9, kind="forbidden"))

    run = tap.run(select=["contacts"])
    assert set(batches(run.asked)) == {None}
    assert ids(run.rows("contacts")) == clubs.members()


@pytest.mark.parametrize(("calls", "read"), [(7, 0), (8, 0), (9, 1), (10, 1), (11, 2)])
def test_a_pass_by_lists_that_was_stopped_goes_on_with_those_that_are_left(
    tap: TapRunner, clubs: Clubs, clock: Clock, calls: int, read: int
) -> None:
    """Seven calls come before; two are for each of the first batches, one is for the last."""
    tap.config["contact_list_ids"] = clubs.ids
    tap.config["max_calls_per_run"] = calls
    stopped = tap.run(select=["contacts"])
    begun = stopped.state["ledger"]["contacts"][0].get("pass", {"done": [[], [], []]})
    del tap.config["max_calls_per_run"]
    clock.advance(timedelta(hours=1))

    rest = tap.run(select=["contacts"])
    assert begun["done"] == [[[None, None]]] * read + [[]] * (3 - read)
    assert batches(rest.asked) == clubs.batches[read:]
    assert ids([*stopped.rows("contacts"), *rest.rows("contacts")]) == clubs.members()
    assert tap.run(select=["contacts"]).counts == {}


def test_a_batch_of_lists_that_holds_too_many_is_divided_by_itself(
    tap: TapRunner, clubs: Clubs
) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    clubs.crowd(clubs.lists[30])

    run = tap.run(select=["contacts"])
    asked = list(zip(batches(run.asked), windows(run.asked)[1:], strict=True))
    first, second, third = clubs.batches
    assert asked[:3] == [(batch, (None, None)) for batch in (first, second, third)]
    assert {batch for batch, _ in asked[3:]} == {second}
    assert len(asked[3:]) > 3
    assert (None, None) not in {window for _, window in asked[3:]}
    assert ids(run.rows("contacts")) == clubs.members()


@pytest.mark.parametrize("killed_after", range(1, 16))
def test_a_killed_pass_by_lists_asks_just_for_the_windows_that_are_left_of_each_batch(
    tap: TapRunner, clubs: Clubs, clock: Clock, killed_after: int
) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    clubs.crowd(clubs.lists[30])
    writer = Writer()
    tap.make(select=["contacts"], writer=writer).sync_all()
    before = kept(writer.messages, killed_after)
    tap.state = before[-1]["value"]
    crowd = Crowd.load(tap.state["ledger"].get("contacts", [{}])[0])
    begun = crowd.begun or Pass(NOON, [[], [], []])
    left = [] if crowd.read_whole else begun.left()
    clock.advance(timedelta(hours=1))

    rest = tap.run(select=["contacts"])
    assert batches(rest.asked)[: len(left)] == [clubs.batches[batch] for batch, _ in left]
    assert [until for _, until in windows(rest.asked)[1:]][: len(left)] == [
        until and text_of(until) for _, (_, until) in left
    ]
    assert set(batches(rest.asked)) == {clubs.batches[batch] for batch, _ in left}
    rows = [message["record"] for message in before if message["type"] == "RECORD"]
    assert ids([*rows, *rest.rows("contacts")]) == clubs.members()
    assert tap.run(select=["contacts"]).counts == {}


def test_a_pass_goes_on_as_it_was_begun_though_the_other_way_is_cheaper_by_now(
    tap: TapRunner, clubs: Clubs, clock: Clock
) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    tap.config["max_calls_per_run"] = 10
    rows = tap.run(select=["contacts"]).rows("contacts")
    del tap.config["max_calls_per_run"]
    for contact in clubs.people:
        for club in clubs.lists[::20]:
            clubs.account.join(contact, club)
    clock.advance(timedelta(hours=1))

    rest = tap.run(select=["contacts"])
    assert None not in batches(rest.asked)
    assert ids([*rows, *rest.rows("contacts")]) == clubs.members()


def test_whoever_chooses_other_lists_in_the_midst_of_a_pass_gets_all_on_them(
    tap: TapRunner, clubs: Clubs, clock: Clock
) -> None:
    tap.config["contact_list_ids"] = clubs.ids
    tap.config["max_calls_per_run"] = 10
    tap.run(select=["contacts"])
    del tap.config["max_calls_per_run"]
    tap.config["contact_list_ids"] = clubs.ids[1:]
    clock.advance(timedelta(hours=1))

    run = tap.run(select=["contacts"])
    assert batches(run.asked) == [",".join(clubs.ids[at : at + 25]) for at in (1, 26, 51)]
    assert ids(run.rows("contacts")) == {each.contact_id for each in clubs.people[1:60]}


def gone(*contacts: Contact, at: str = "2026-06-01T13:00:00Z") -> list[dict[str, Any]]:
    """Return the rows that say of contacts that they are kept no more."""
    return [{"contact_id": each.contact_id, "_sdc_deleted_at": at} for each in contacts]


@pytest.fixture
def traceless(switches: Switches) -> None:
    """Let a deletion move no time that one can filter by."""
    switches.delete_moves_updated_at = switches.delete_opts_out = False


@pytest.mark.usefixtures("traceless")
def test_who_was_deleted_without_a_trace_is_gone_from_those_who_are_kept(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.config["contact_status"] = ["active"]
    town.account.delete_contact(town.people[9], at=NOON - timedelta(days=3))
    assert len(tap.run(select=["contacts"]).rows("contacts")) == 9  # and nobody is gone yet
    town.account.rename(town.people[7], "Ann", "Lee")
    clock.advance(timedelta(minutes=30))
    tap.run(select=["contacts"])
    clock.advance(timedelta(minutes=30))
    town.account.delete_contact(town.people[7])

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"status": "deleted"}]
    assert found.rows("contacts") == gone(town.people[7])
    clock.advance(timedelta(hours=1))
    assert tap.run(select=["contacts"]).rows("contacts") == []


@pytest.mark.parametrize(
    ("permission", "status"),
    [
        ("unsubscribed", "unsubscribed"),
        ("pending_confirmation", "pending_confirmation"),
        ("temp_hold", "not_set,temp_hold"),
    ],
)
def test_whose_permission_was_taken_back_without_a_trace_is_gone_from_those_who_are_kept(
    tap: TapRunner, town: Town, clock: Clock, permission: Any, status: str
) -> None:
    def take_back(contact: Contact) -> None:
        address = addressed(contact)
        address.permission_to_send, address.updated_at = permission, clock.now()

    tap.config["contact_status"] = ["active"]
    take_back(town.people[9])
    clock.advance(timedelta(minutes=30))
    tap.run(select=["contacts"])
    clock.advance(timedelta(minutes=30))
    take_back(town.people[7])

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"status": status}]
    assert found.rows("contacts") == gone(town.people[7])


@pytest.mark.usefixtures("traceless")
def test_who_came_after_the_last_count_and_is_not_kept_is_not_taken_for_gone(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.config["contact_status"] = ["active"]
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    newcomer = town.account.add_contact("new@example.com", at=clock.now() - timedelta(minutes=9))
    town.account.delete_contact(newcomer)
    town.account.delete_contact(town.people[7])

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"status": "deleted"}]
    assert found.rows("contacts") == gone(town.people[7])


@pytest.mark.usefixtures("traceless")
def test_who_left_while_the_counters_hid_it_is_gone_once_all_are_read_again(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.config["contact_status"] = ["active"]
    town.account.delete_contact(town.people[9], at=NOON - timedelta(days=3))
    tap.run(select=["contacts"])
    clock.advance(timedelta(days=1))
    town.account.rename(town.people[7], "Ann", "Lee")
    clock.advance(timedelta(hours=1))
    assert ids(tap.run(select=["contacts"]).rows("contacts")) == {town.people[7].contact_id}
    clock.advance(timedelta(days=1, hours=22))
    town.account.opt_out(town.people[6])
    town.account.delete_contact(town.people[7])
    town.account.revive(town.people[9])
    clock.advance(timedelta(hours=1))

    hidden = tap.run(select=["contacts"])
    assert hidden.rows("contacts") == gone(town.people[6], at="2026-06-04T12:00:00Z")
    clock.advance(timedelta(days=4))
    again = tap.run(select=["contacts"])
    assert filters(again.asked) == [COUNTED, {}]
    # Who opted out is not gone once more, and who is kept is there again.
    rows = again.rows("contacts")
    assert [row for row in rows if row["_sdc_deleted_at"]] == gone(
        town.people[7], at="2026-06-08T12:00:00Z"
    )
    assert ids(rows) == {town.people[number].contact_id for number in (0, 1, 2, 3, 4, 5, 7, 8, 9)}


@pytest.mark.usefixtures("traceless")
def test_who_was_deleted_without_a_trace_is_gone_from_those_on_chosen_lists(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    tap.config["contact_list_ids"] = [town.list.list_id]
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.delete_contact(town.people[0])  # its lists forget it

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [
        COUNTED,
        {"status": "deleted"},
        {"lists": town.list.list_id},  # as one has left it
    ]
    assert [row for row in found.rows("contacts") if row["_sdc_deleted_at"]] == gone(town.people[0])


def test_nobody_is_taken_for_gone_who_is_just_on_no_chosen_list(
    tap: TapRunner, town: Town, clock: Clock
) -> None:
    other = town.account.add_list("Other")
    tap.config["contact_list_ids"] = [town.list.list_id]
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.join(town.people[8], other)
    town.account.change_address(town.people[8], "elsewhere@example.com")

    found = tap.run(select=["contacts"])
    assert filters(found.asked) == [COUNTED, {"lists": other.list_id}]
    assert found.rows("contacts") == []


@pytest.mark.usefixtures("town")
def test_whoever_chooses_other_contacts_gets_them(tap: TapRunner) -> None:
    tap.config["contact_status"] = ["unsubscribed"]
    assert tap.run(select=["contacts"]).counts == {}

    tap.config["contact_status"] = ["active", "unsubscribed"]
    assert tap.run(select=["contacts"]).counts == {"contacts": 10}
    assert tap.run(select=["contacts"]).counts == {}


def test_only_chosen_parts_of_contacts_are_kept(tap: TapRunner, town: Town) -> None:
    town.account.add_note(town.people[0], "Likes rye.")
    tap.config["contact_include"] = ["taggings"]

    first = tap.run(select=["contacts"])
    (asked,) = {
        call.query["include"]
        for call in first.asked
        if "created_after" not in call.query
        and call.path == "/contacts"
        and "include" in call.query
    }
    assert asked == "taggings,list_memberships"  # lists tell what a movement is made of
    assert {row["notes"] for row in first.rows("contacts")} == {None}
    assert {row["list_memberships"] for row in first.rows("contacts")} == {None}
    assert sum(bool(row["taggings"]) for row in first.rows("contacts")) == 4


@pytest.mark.parametrize("links", ["internal", "public", "nested"])
@pytest.mark.parametrize("empty", [False, True])
def test_tags_on_further_pages_are_counted_too(
    tap: TapRunner,
    town: Town,
    clock: Clock,
    switches: Switches,
    monkeypatch: pytest.MonkeyPatch,
    *,
    links: Any,
    empty: bool,
) -> None:
    switches.tag_links, switches.empty_pages = links, empty
    monkeypatch.setattr(ContactTags, "page_size", 2)
    tags = [town.account.add_tag(f"tag {number}", at=NOON) for number in range(5)]
    tap.run(select=["contacts"])
    clock.advance(timedelta(hours=1))
    town.account.tag(town.people[7], tags[4])

    found = tap.run(select=["contacts"])
    assert ids(found.rows("contacts")) == {town.people[7].contact_id}
