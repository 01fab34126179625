"""Rows of several accounts in one database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tap_constantcontact.errors import Forbidden
from tests.pipeline import chosen
from tests.pipeline.truth import KEYS
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Account, Sandbox, Switches
    from tests.running import Outcome


def keys(run: Outcome) -> dict[str, list[str]]:
    return {
        message["stream"]: message["key_properties"]
        for message in run.messages
        if message["type"] == "SCHEMA"
    }


def with_id(run: Outcome, account_id: str) -> list[dict[str, Any]]:
    return [
        {"account_id": account_id, **message["record"]}
        for message in run.messages
        if message["type"] == "RECORD"
    ]


def test_each_row_of_every_stream_says_whose_it_is_as_a_part_of_its_key(
    tap: TapRunner, sandbox: Sandbox, account: Account, tmp_path: Path
) -> None:
    tap.config = chosen.settings(account)
    without = tap.run()
    config = {**tap.config, "add_account_id": True}
    named = TapRunner(sandbox, tmp_path / "other", config).run()

    rows = [message["record"] for message in named.messages if message["type"] == "RECORD"]
    assert rows == with_id(without, account.owner.encoded_account_id)
    assert keys(named) == {name: ["account_id", *key] for name, key in keys(without).items()}
    assert named.counts.keys() == KEYS.keys() - {"sync_mismatches"}  # nothing is missing yet


def test_what_is_missing_in_a_report_says_whose_it_is(
    tap: TapRunner, account: Account, switches: Switches
) -> None:
    tap.config["add_account_id"] = True
    select = ["email_opens", "sync_mismatches"]
    tap.run(select=select)
    switches.report_lag = timedelta(days=365)
    email = next(each for each in account.activities.values() if each.opens)
    account.add_open(email, account.contacts[email.opens[0].contact_id])
    found: list[dict[str, Any]] = []
    for _ in range(7):
        account.clock.advance(timedelta(hours=12))
        found += tap.run(select=select).rows("sync_mismatches")

    assert {row["account_id"] for row in found} == {account.owner.encoded_account_id}


def test_the_account_is_asked_for_once(tap: TapRunner) -> None:
    tap.config["add_account_id"] = True

    assert tap.run(select=["account_summary", "contact_tags"]).paths() == [
        "/account/summary",
        "/contact_tags",
    ]
    assert tap.run(select=["contact_tags"]).paths() == ["/account/summary", "/contact_tags"]


def test_nobody_asks_for_it_unasked(tap: TapRunner) -> None:
    run = tap.run(select=["contact_tags"])

    assert run.paths() == ["/contact_tags"]
    assert "account_id" not in run.rows("contact_tags")[0]


def test_what_is_gone_says_whose_it_was(tap: TapRunner, account: Account) -> None:
    tap.config["add_account_id"] = True
    tap.run(select=["automations"])
    automation = next(iter(account.automations.values()))
    account.remove_automation(automation)

    (gone,) = tap.run(select=["automations"]).rows("automations")
    assert gone == {
        "account_id": account.owner.encoded_account_id,
        "automation_flow_id": automation.automation_id,
        "_sdc_deleted_at": "2026-06-01T12:00:00Z",
    }


def test_without_the_right_to_see_the_account_nothing_is_read(
    tap: TapRunner, switches: Switches
) -> None:
    tap.config["add_account_id"] = True
    switches.withheld_privileges = frozenset({"account:read"})

    with pytest.raises(Forbidden, match=r"^GET /account/summary is forbidden: whoever signed in"):
        tap.make(writer=Writer()).sync_all()
