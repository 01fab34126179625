"""The plan: a few calls that say what the runs will cost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.errors import Forbidden
from tap_constantcontact.plan import figures
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.base import LEFT
from tap_constantcontact.tap import TapConstantContact
from tests.conftest import NOON
from tests.running import IMPATIENT, MAIL, TapRunner, Writer

if TYPE_CHECKING:
    from pathlib import Path


def plan(tap: TapRunner, select: list[str] | None = None) -> dict[str, Any]:
    before = len(tap.sandbox.asked)
    made = tap.make(select=select)
    found = figures(made.forecast(), made.settings)
    asked = [call for call in tap.sandbox.asked[before:] if not call.path.startswith("/oauth")]
    assert len(asked) <= 15
    return found


def bare(tap: TapRunner) -> TapConstantContact:
    """Return a tap that was given no catalog."""
    made = TapConstantContact(config=tap.settings, message_writer=Writer())
    made.patience, made.clock = IMPATIENT, tap.sandbox.account.clock.now
    return made


def without_pace() -> Switches:
    return Switches(requests_per_second=None, token_requests_per_second=None, daily_quota=None)


@pytest.mark.parametrize(
    ("seed", "contacts", "campaigns"), [(31, 150, 20), (32, 1_100, 60), (33, 400, 110)]
)
def test_it_is_as_good_as_it_says(tmp_path: Path, seed: int, contacts: int, campaigns: int) -> None:
    clock = Clock(NOON)
    account = Account.populate(seed=seed, contacts=contacts, campaigns=campaigns, clock=clock)
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", threads=3, select=MAIL)
        planned = plan(tap)
        first = tap.run()
        assert planned["complete"]
        assert len(first.asked) == pytest.approx(planned["run"]["calls"], rel=0.1)
        for each in planned["run"]["streams"]:
            if each["rows"] and each["stream"].startswith("email_"):
                read = len(first.rows(each["stream"]))
                assert read == pytest.approx(each["rows"], rel=0.25), each


DEFAULT = [stream.name for stream in STREAMS if stream.selected_by_default]


DETAILED = {"segment_criteria", "automations", "contact_counts"}

A_LITTLE = 3
"""Calls by which a plan may be wrong whatever a run costs: an event of which no list shows that it
changed, or a list that takes one more reading, would else be a tenth of a run of thirty calls."""


@pytest.mark.parametrize(
    ("seed", "contacts", "campaigns"), [(36, 90, 12), (41, 600, 40), (42, 1_300, 90)]
)
def test_it_is_as_good_about_all_that_is_read_by_default_whatever_happens_meanwhile(
    tmp_path: Path, seed: int, contacts: int, campaigns: int
) -> None:
    account = Account.populate(seed=seed, contacts=contacts, campaigns=campaigns, clock=Clock(NOON))
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", threads=3, select=DEFAULT)
        for hours in (0, 1, 24, 7 * 24):
            sandbox.live(timedelta(hours=hours))
            planned = plan(tap)
            run = tap.run()
            assert planned["run"]["calls"] == pytest.approx(len(run.asked), rel=0.1, abs=A_LITTLE)
            for each in planned["run"]["streams"]:
                if each["rows"] is not None and each["stream"] in DETAILED:
                    there = [row for row in run.rows(each["stream"]) if not row.get(LEFT.name)]
                    assert len(there) == each["rows"], each


A_CAMPAIGN_OR_TWO = 4
"""Calls by which each run of a few hours may differ from a typical one: to follow a campaign that
is written, sent or sent again takes some ten, and within eight hours there may be three more of
these than usual, or three fewer."""


def test_typical_runs_cost_what_the_runs_of_the_next_hours_do(tmp_path: Path) -> None:
    """What one hour brings nobody knows: it is told what hours bring, over accounts, on average."""
    planned, spent = 0, 0.0
    for seed in (43, 44, 45, 61, 62):
        account = Account.populate(seed=seed, contacts=300, campaigns=30, clock=Clock(NOON))
        with Sandbox(account, without_pace()) as sandbox:
            store = tmp_path / f"store-{seed}"
            tap = TapRunner(sandbox, store, threads=3, select=DEFAULT)
            for hours in (0, 24):
                sandbox.live(timedelta(hours=hours))
                typical = plan(tap)["typical_run"]["calls"]
                tap.run()
                asked = []
                for _ in range(8):
                    sandbox.live(timedelta(hours=1))
                    asked.append(len(tap.run().asked))
                mean = sum(asked) / len(asked)
                assert typical == pytest.approx(mean, abs=mean / 10 + A_CAMPAIGN_OR_TWO)
                planned, spent = planned + typical, spent + mean
    assert planned == pytest.approx(spent, rel=0.1)


@pytest.mark.parametrize("select", [["segments"], ["account_summary", "segments"], DEFAULT])
def test_whose_rows_they_are_is_asked_as_in_a_run(tap: TapRunner, select: list[str]) -> None:
    tap.config["add_account_id"] = True
    planned = plan(tap, select)
    run = tap.run(select=select)
    assert planned["run"]["calls"] == pytest.approx(len(run.asked), rel=0.1)
    (account,) = [it for it in planned["run"]["streams"] if it["stream"] == "account_summary"]
    assert account["calls"] == 1


def test_what_whoever_signed_in_may_do_is_asked_as_in_a_run(
    tap: TapRunner, switches: Switches
) -> None:
    """Without a catalog, what is forbidden is not selected, and so costs nothing."""
    switches.withheld_privileges = frozenset({"campaign:read", "ui:campaign:metrics"})
    before = len(tap.sandbox.asked)
    made = bare(tap)
    planned = figures(made.forecast(), made.settings)
    asked = len(tap.sandbox.asked) - before
    run = bare(tap)
    run.sync_all()
    spent = len(tap.sandbox.asked) - before - asked
    assert planned["run"]["calls"] == pytest.approx(spent, abs=A_LITTLE)
    assert not {"campaigns", "email_opens"} & {it["stream"] for it in planned["run"]["streams"]}


PRIVILEGES = sorted({stream.privilege for stream in STREAMS if stream.privilege})


@pytest.mark.parametrize("hours", [0, 24])
@pytest.mark.parametrize(
    "withheld",
    [*([each] for each in PRIVILEGES), ["contacts:read", "contacts:lists:read"], PRIVILEGES[1:]],
    ids=" ".join,
)
def test_what_is_forbidden_is_left_out(
    tap: TapRunner, sandbox: Sandbox, switches: Switches, withheld: list[str], hours: int
) -> None:
    tap.select = DEFAULT
    if hours:
        tap.run()
        sandbox.live(timedelta(hours=hours))
    switches.withheld_privileges = frozenset(withheld)
    planned = plan(tap)
    assert planned["run"]["calls"] == pytest.approx(len(tap.run().asked), rel=0.1, abs=A_LITTLE)


def test_where_all_is_forbidden_it_says_so(tap: TapRunner, switches: Switches) -> None:
    switches.withheld_privileges = frozenset({"contacts:read"})
    tap.select = ["contacts"]
    with pytest.raises(Forbidden, match="contacts:read"):
        plan(tap)


@pytest.mark.parametrize("days", [1, 8])
def test_reading_all_contacts_again_is_reckoned_with_when_it_is_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.contacts.Contacts.page_size", 50)
    clock = Clock(NOON)
    account = Account.populate(seed=39, contacts=500, campaigns=1, clock=clock)
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", select=["contacts"])
        tap.run()
        clock.advance(timedelta(days=days))
        planned = plan(tap)
        asked = len(tap.run().asked)
        assert planned["run"]["calls"] == asked == (8 if days == 1 else 18)
        assert planned["typical_run"]["calls"] == 9  # somebody comes to a list, most hours
        (contacts,) = planned["run"]["streams"]
        assert contacts["rows"] == (0 if days == 1 else 500)


@pytest.mark.parametrize("days", [0, 8])
def test_what_was_read_of_all_contacts_is_not_reckoned_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.contacts.Contacts.page_size", 10)
    for room in ("streams.contacts", "planner.windows"):
        monkeypatch.setattr(f"tap_constantcontact.{room}.MOST_IN_WINDOW", 50)
    clock = Clock(NOON)
    account = Account.populate(seed=39, contacts=500, campaigns=1, clock=clock)
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", select=["contacts"])
        if days:
            tap.run()
            clock.advance(timedelta(days=days))
        tap.config["max_calls_per_run"] = 30
        tap.run()
        assert "pass" in tap.state["ledger"]["contacts"][0]
        del tap.config["max_calls_per_run"]
        planned = plan(tap)
        asked = len(tap.run().asked)
        assert 30 < asked < 60
        assert planned["run"]["calls"] == pytest.approx(asked, rel=0.1, abs=A_LITTLE)


def test_who_left_a_list_makes_reading_all_contacts_due(tmp_path: Path) -> None:
    clock = Clock(NOON)
    account = Account.populate(seed=39, contacts=700, campaigns=1, clock=clock)
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", select=["contacts"])
        tap.run()
        clock.advance(timedelta(hours=2))
        contact = next(it for it in account.contacts.values() if it.list_memberships)
        account.leave(contact, account.lists[contact.list_memberships[0]])
        planned = plan(tap)
        assert planned["run"]["calls"] == len(tap.run().asked) == 8 + 2


@pytest.mark.parametrize("refused", [1, 2])
def test_a_campaign_without_counters_does_not_hide_the_others(tmp_path: Path, refused: int) -> None:
    account = Account.populate(seed=40, contacts=200, campaigns=60, clock=Clock(NOON))
    sent = [each for each in account.campaigns.values() if each.current_status == "Done"]
    for campaign in sent[5 : 5 + refused]:
        campaign.primary.send_history.clear()
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", threads=3, select=MAIL)
        planned = plan(tap)
        first = tap.run()
    assert planned["run"]["calls"] == pytest.approx(len(first.asked), rel=0.1)


def test_with_a_state_it_says_what_is_left(tmp_path: Path) -> None:
    account = Account.populate(seed=34, contacts=300, campaigns=60, clock=Clock(NOON))
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", threads=3, select=MAIL)
        tap.config["max_calls_per_run"] = 300
        tap.run()
        del tap.config["max_calls_per_run"]
        planned = plan(tap)
        rest = tap.run()
        assert len(rest.asked) == pytest.approx(planned["run"]["calls"], rel=0.1)

        planned = plan(tap)
        assert len(tap.run().asked) == pytest.approx(planned["run"]["calls"], abs=1)


@pytest.mark.parametrize(
    ("settings", "in_common", "rows", "calls"),
    [
        ({}, 0, 300, 15),
        ({"contacts_since": "2026-05-22T12:00:00"}, 0, 99, 5),
        ({"contact_list_ids": 2}, 0, 10, 1),
        ({"contact_list_ids": 40}, 0, 200, 7 + 4),
        ({"contact_list_ids": 60}, 4, 300, 15),
    ],
)
def test_chosen_contacts_are_reckoned_as_they_are_asked_for(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, Any],
    in_common: int,
    rows: int,
    calls: int,
) -> None:
    """Of 300 contacts, 20 a call, each is on one list; and on some more in a few batches."""
    monkeypatch.setattr("tap_constantcontact.streams.contacts.Contacts.page_size", 20)
    account = Account(Clock(NOON))
    lists = sorted((account.add_list(f"List {n}") for n in range(60)), key=lambda it: it.list_id)
    for number in range(300):
        on = [lists[(number + 7 * more) % 60] for more in range(in_common + 1)]
        at = NOON - timedelta(days=number // 9)
        account.add_contact(f"{number}@example.com", lists=on, at=at)
    if "contact_list_ids" in settings:
        chosen = lists[: settings["contact_list_ids"]]
        settings = {"contact_list_ids": [each.list_id for each in chosen]}
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", select=["contacts"])
        tap.config |= settings
        planned = plan(tap)
        run = tap.run()
    # Beside contacts: a probe, lists of two channels, tags, custom fields, and two counts.
    (contacts,) = planned["run"]["streams"]
    assert (contacts["stream"], contacts["rows"], contacts["calls"]) == (
        "contacts",
        rows,
        calls + 7,
    )
    assert len(run.asked) == calls + 7
    assert len(run.rows("contacts")) == rows


def test_many_campaigns_are_sampled_at_equal_distances(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tap_constantcontact.streams.stats.CampaignStats.ids_a_call", 5)
    account = Account.populate(seed=35, contacts=200, campaigns=90, clock=Clock(NOON))
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", threads=3, select=MAIL)
        planned = plan(tap)
        first = tap.run()
    assert len(first.asked) == pytest.approx(planned["run"]["calls"], rel=0.15)


@pytest.fixture
def command(tap: TapRunner, tmp_path: Path) -> list[str]:
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps(tap.settings))
    return [sys.executable, "-m", "tap_constantcontact.plan", "--config", str(settings)]


def test_the_command_prints_a_table(command: list[str]) -> None:
    run = subprocess.run(command, capture_output=True, text=True, check=True)

    lines = run.stdout.splitlines()
    figures = ["rows", "calls", "minutes", "days"]
    assert lines[0].strip().startswith("next run")
    assert lines[0].endswith("a typical one after it")
    assert lines[1].split() == ["stream", *figures, *figures]
    (contacts,) = [line.split() for line in lines if line.startswith("contacts ")]
    assert contacts == ["contacts", "120", "4", "0.0", "0.0", "0", "5", "0.0", "0.0"]
    assert lines[-1].split()[0] == "all"
    assert len(lines[-1].split()) == 7  # rows of different streams are not added up
    assert max(map(len, lines)) <= 100


def test_the_command_prints_json_for_a_selection_and_a_state(
    command: list[str], tap: TapRunner, tmp_path: Path
) -> None:
    tap.run()
    state, catalog = tmp_path / "state.json", tmp_path / "catalog.json"
    state.write_text(json.dumps(tap.state))
    catalog.write_text(tap.make(select=["contacts"]).catalog_json_text)
    options = ["--json", "--state", str(state), "--catalog", str(catalog)]
    run = subprocess.run([*command, *options], capture_output=True, text=True, check=True)

    found = json.loads(run.stdout)
    spent = {"calls": 8, "minutes": 0.0, "days": 0.0}
    assert found["run"] == {"streams": [{"stream": "contacts", "rows": 0, **spent}], **spent}
    assert len(tap.run(select=["contacts"]).asked) == 8


def test_the_command_says_in_one_line_what_is_wrong(tmp_path: Path) -> None:
    settings = tmp_path / "config.json"
    settings.write_text("{}")
    run = subprocess.run(
        [sys.executable, "-m", "tap_constantcontact.plan", "--config", str(settings)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert "client_id is missing" in run.stderr
    assert "Traceback" not in run.stderr
