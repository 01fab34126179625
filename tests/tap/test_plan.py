"""The plan: a few calls that say what the runs will cost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.plan import figures
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.base import LEFT
from tests.conftest import NOON
from tests.running import MAIL, TapRunner

if TYPE_CHECKING:
    from pathlib import Path


def plan(tap: TapRunner) -> dict[str, Any]:
    before = len(tap.sandbox.asked)
    made = tap.make()
    found = figures(made.forecast(), made.settings)
    asked = [call for call in tap.sandbox.asked[before:] if not call.path.startswith("/oauth")]
    assert len(asked) <= 15
    return found


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

        clock.advance(timedelta(hours=1))
        fresh = [
            activity
            for activity in account.activities.values()
            if activity.role == "primary_email"
            and activity.current_status == "Done"
            and activity.last_sent_date
            and clock.now() - activity.last_sent_date < timedelta(days=14)
        ]
        for activity in fresh:
            account.add_open(activity, account.contacts[activity.sends[0].contact_id])
            account.add_click(activity, account.contacts[activity.sends[0].contact_id])
        typical = tap.run()
        # Which e-mails are wished to be sent again, only the first run finds out.
        assert len(typical.asked) == pytest.approx(planned["typical_run"]["calls"], rel=0.1, abs=2)


DEFAULT = [stream.name for stream in STREAMS if stream.selected_by_default]


@pytest.mark.parametrize(
    ("seed", "contacts", "campaigns"), [(36, 90, 12), (37, 600, 40), (38, 1_300, 25)]
)
def test_it_is_as_good_about_all_that_is_read_by_default(
    tmp_path: Path, seed: int, contacts: int, campaigns: int
) -> None:
    clock = Clock(NOON)
    account = Account.populate(seed=seed, contacts=contacts, campaigns=campaigns, clock=clock)
    with Sandbox(account, without_pace()) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", threads=3, select=DEFAULT)
        for hours in (0, 1):
            sandbox.live(timedelta(hours=hours))
            planned = plan(tap)
            run = tap.run()
            assert len(run.asked) == pytest.approx(planned["run"]["calls"], rel=0.1, abs=2)
            for each in planned["run"]["streams"]:
                if each["rows"] is not None and each["stream"] in DETAILED:
                    there = [row for row in run.rows(each["stream"]) if not row.get(LEFT.name)]
                    assert len(there) == each["rows"], each


DETAILED = {"segment_criteria", "automations", "contact_counts"}


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
    assert planned["run"]["streams"] == [{"stream": "contacts", "rows": rows, "calls": calls + 7}]
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
    assert lines[0].split() == ["stream", "rows", "calls", "then"]
    (contacts,) = [line.split() for line in lines if line.startswith("contacts ")]
    assert contacts == ["contacts", "120", "4", "4"]
    assert [line.split()[0] for line in lines[-3:]] == ["calls", "minutes", "days"]


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
    assert found["run"]["streams"] == [{"stream": "contacts", "rows": 0, "calls": 8}]
    assert found["run"]["calls"] == 8
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
