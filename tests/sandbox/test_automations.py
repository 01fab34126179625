"""/automations/workflows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from constantcontact_sandbox.automations import Goal
from tests.sandbox.client import Client

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Sandbox, Switches

ELSEWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"
PATH = "/automations/workflows"
DAY = timedelta(days=1)


def flows(client: Client, **asked: object) -> list[dict[str, Any]]:
    status, body = client.ask(PATH, **asked)
    assert status == 209
    found: list[dict[str, Any]] = body["flow_summaries"]
    return found


def names(client: Client, **asked: object) -> list[str]:
    return [each["name"] for each in flows(client, **asked)]


def test_an_automation_is_listed_with_status_209_and_times_with_an_offset(
    account: Account, client: Client, clock: Clock
) -> None:
    goal = Goal("goal_undefined", "All from-scratch paths")
    automation = account.add_automation("Welcome", goal=goal, from_template=True)
    drafted = {
        "created_by_id": "123456789",
        "created_date": "2026-06-01T12:00:00.000+00:00",
        "description": "Welcome, sent by itself",
        "draft_state": "DRAFT",
        "id": automation.automation_id,
        "name": "Welcome",
        "status": "DRAFT",
        "structured_tags": [
            {
                "display_value": "All from-scratch paths",
                "key": "GOAL",
                "value": "goal_undefined",
            }
        ],
        "template_id": automation.template_id,
        "update_date": "2026-06-01T12:00:00.000+00:00",
    }
    assert flows(client) == [drafted]
    clock.advance(DAY)
    account.promote(automation)
    assert flows(client) == [
        {
            **drafted,
            "active_state": "ACTIVE",
            "draft_state": "PROMOTED",
            "promoted_by_id": "123456789",
            "promoted_date": "2026-06-02T12:00:00.000+00:00",
            "status": "ACTIVE",
            "update_date": "2026-06-02T12:00:00.000+00:00",
        }
    ]


def test_automations_come_last_changed_first_and_are_filtered(
    account: Account, client: Client, clock: Clock
) -> None:
    welcome = account.add_automation("Welcome", from_template=True)
    clock.advance(DAY)
    account.add_automation("Hello", channel="sms", goal=Goal("up_sell", "Sell"))
    assert names(client) == names(client, sort_direction="DESC") == ["Hello", "Welcome"]
    assert names(client, sort_direction="ASC") == ["Welcome", "Hello"]
    assert names(client, created_from="TEMPLATE") == ["Welcome"]
    assert names(client, created_from="SCRATCH", channel="sms") == ["Hello"]
    assert names(client, channel="email") == ["Welcome"]
    assert names(client, goals="up_sell,other") == ["Hello"]
    assert names(client, name="Hello") == ["Hello"]
    assert names(client, name="hello") == []
    clock.advance(DAY)
    account.pause(welcome)
    assert names(client) == ["Welcome", "Hello"]
    for wrong in ("sort_direction", "created_from"):
        assert client.ask(PATH, **{wrong: "x"})[0] == 400


def test_in_detail_it_shows_what_it_does_and_what_its_draft_would_do(
    account: Account, client: Client, clock: Clock
) -> None:
    news = account.add_list("News")
    automation = account.add_automation("Welcome", joined=news)
    path = f"{PATH}/{automation.automation_id}"
    assert "active_definition" not in client.get(path)
    account.promote(automation)
    clock.advance(DAY)
    account.extend(automation, 24)
    account.rename_automation(automation, "Warm welcome")
    shown = client.get(path)
    active, draft = shown["active_definition"], shown["draft_definition"]
    assert (shown["name"], shown["name_explicitly_set"]) == ("Warm welcome", True)
    assert (active["state"], draft["state"]) == ("ACTIVE", "DRAFT")
    assert active["trigger"]["trigger_def"]["parameters"][0]["parameter_value"] == [news.list_id]
    assert [each["kind"] for each in active["workflow"]["workflow_def"]["tasks"]] == ["EMAIL"]
    tasks = draft["workflow"]["workflow_def"]["tasks"]
    assert [each["kind"] for each in tasks] == ["EMAIL", "WAIT", "CONDITION"]
    assert tasks[1]["timeout"] == {"amount": 24.0, "time_unit": "HOURS"}
    assert ([each["name"] for each in tasks[2]["else"]], tasks[2]["then"]) == (["Greet again"], [])
    assert flows(client)[0]["update_date"] == "2026-06-02T12:00:00.000+00:00"


def test_a_birthday_is_no_joining_of_lists(account: Account, client: Client) -> None:
    automation = account.add_automation("Birthday", from_template=True)
    shown = client.get(f"{PATH}/{automation.automation_id}")["draft_definition"]
    assert shown["trigger"]["trigger_def"]["bounds"] == {"after": "P0D", "before": "P1D"}
    correlation = shown["workflow"]["workflow_def"]["correlation_metadata"]
    assert correlation["automation_template_id"] == automation.template_id


def test_a_removed_automation_is_gone_and_an_unknown_one_is_a_bad_request(
    account: Account, client: Client
) -> None:
    automation = account.add_automation("Welcome")
    account.remove_automation(automation)
    assert flows(client) == []
    for gone in (automation.automation_id, ELSEWHERE, "none"):
        status, body = client.ask(f"{PATH}/{gone}")
        assert (status, json.dumps(body).count("error_key")) == (400, 1)


def test_automations_need_a_privilege_of_their_own(sandbox: Sandbox, switches: Switches) -> None:
    assert Client(sandbox, ("contact_data",)).ask(PATH)[0] == 403
    switches.withheld_privileges = frozenset({"customer-journey:read"})
    assert Client(sandbox).ask(PATH)[0] == 403
