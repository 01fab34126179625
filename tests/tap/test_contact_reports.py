"""What costs a call for each contact, and what is counted or chosen of them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.segments import Criteria
from tests.pipeline.tables import Tables
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox.records import Contact

NOON = datetime(2026, 6, 1, 12, tzinfo=timezone.utc)
REPORTS = ["contact_activity_details", "contact_activity_summaries", "contact_open_and_click_rates"]


class Shop:
    """Three people, and an e-mail that was sent to them."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.people = [
            account.add_contact(f"{name}@example.com", at=NOON - timedelta(days=60))
            for name in ("ann", "bob", "cyd")
        ]
        campaign = account.add_campaign("May", at=NOON - timedelta(days=31))
        account.send(campaign, self.people, at=NOON - timedelta(days=30))
        self.email = campaign.primary

    @property
    def ann(self) -> Contact:
        return self.people[0]


@pytest.fixture
def shop(clock: Clock) -> Shop:
    return Shop(Account(clock))


@pytest.fixture
def sandbox(shop: Shop, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(shop.account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store")


def reports(contact: Contact) -> str:
    return f"/reports/contact_reports/{contact.contact_id}"


def test_each_run_counts_contacts_once(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    first = tap.run(select=["contact_counts"])
    assert first.paths() == ["/contacts/counts"]
    assert first.rows("contact_counts") == [
        {
            "counted_at": "2026-06-01T12:00:00Z",
            "total": 3,
            "explicit": 0,
            "implicit": 3,
            "pending": 0,
            "unsubscribed": 0,
            "new_subscriber": 0,
        }
    ]
    clock.advance(timedelta(hours=1))
    shop.account.opt_out(shop.ann)
    (row,) = tap.run(select=["contact_counts", "contacts"]).rows("contact_counts")
    assert (row["counted_at"], row["unsubscribed"]) == ("2026-06-01T13:00:00Z", 1)


@pytest.mark.parametrize("stream", [*REPORTS, "contact_sms_history", "segment_contacts"])
def test_nobody_is_asked_about_until_a_setting_says_whom(
    tap: TapRunner, caplog: pytest.LogCaptureFixture, stream: str
) -> None:
    with caplog.at_level("INFO"):
        assert tap.run(select=[stream]).asked == []
    assert f"Nothing is asked for {stream}: that takes " in caplog.text


def test_what_a_named_contact_did_is_read(tap: TapRunner, shop: Shop) -> None:
    for _ in range(2):
        shop.account.add_open(shop.email, shop.ann, at=NOON - timedelta(days=1))
    tap.config["contact_report_ids"] = [shop.ann.contact_id]
    tap.config["contact_report_types"] = ["em_opens", "em_sends"]

    run = tap.run(select=REPORTS)
    assert run.paths() == [
        "/contacts/counts",  # something must tell the API's clock
        f"{reports(shop.ann)}/activity_details",
        f"{reports(shop.ann)}/activity_summary",
        f"{reports(shop.ann)}/open_and_click_rates",
    ]
    assert run.asked[1].query == {"limit": "100", "tracking_activities_list": "em_opens,em_sends"}
    assert run.asked[2].query == {
        "start": "2021-06-02T12:00:00+0000",
        "end": "2026-06-01T12:00:00+0000",
    }
    details = run.rows("contact_activity_details")
    assert [
        (row["tracking_activity_type"], row["created_time"], row["occurrence"]) for row in details
    ] == [
        ("em_opens", "2026-05-31T12:00:00.000Z", 1),
        ("em_opens", "2026-05-31T12:00:00.000Z", 2),
        ("em_sends", "2026-05-02T12:00:00.000Z", 1),
    ]
    (summary,) = run.rows("contact_activity_summaries")
    assert (summary["contact_id"], summary["em_sends"], summary["em_opens"]) == (
        shop.ann.contact_id,
        1,
        2,
    )
    (rates,) = run.rows("contact_open_and_click_rates")
    assert (rates["average_open_rate"], rates["average_click_rate"]) == (1, 0)


def test_contacts_with_news_are_read(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    tap.config["contact_report_scope"] = "with_news"
    select = ["email_opens", "contact_activity_details"]
    tap.run(select=select)
    clock.advance(timedelta(hours=1))
    shop.account.add_open(shop.email, shop.ann)

    run = tap.run(select=select)
    assert run.paths("/reports/contact_reports") == [f"{reports(shop.ann)}/activity_details"]
    assert len(run.rows("contact_activity_details")) == 2
    assert tap.run(select=select).paths("/reports/contact_reports") == []


def test_a_contact_that_does_not_exist_ends_no_run(tap: TapRunner) -> None:
    tap.config["contact_report_ids"] = ["00000000-0000-0000-0000-000000000000"]

    assert tap.run(select=REPORTS).counts == {}


def test_the_history_of_text_messages_is_read_of_those_who_have_one(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    shop.account.add_sms_channel(shop.ann, "2065550100", at=NOON - timedelta(days=9))
    tap.config["sms_history_scope"] = "with_channel"
    select = ["contacts", "contact_sms_history"]

    run = tap.run(select=select)
    assert run.paths("/contacts/sms") == [f"/contacts/sms_engagement_history/{shop.ann.contact_id}"]
    (row,) = run.rows("contact_sms_history")
    assert row["contact_id"] == shop.ann.contact_id
    assert row["history_details__state"] == "E"
    assert row["history_details__consent_action_time"] == "2026-05-23T12:00:00Z"
    clock.advance(timedelta(hours=1))
    assert tap.run(select=select).paths("/contacts/sms") == []


def test_the_history_of_text_messages_is_read_of_those_who_are_named(
    tap: TapRunner, shop: Shop
) -> None:
    tap.config["sms_history_ids"] = [shop.people[1].contact_id]

    run = tap.run(select=["contact_sms_history"])
    assert run.paths("/contacts/sms") == [
        f"/contacts/sms_engagement_history/{shop.people[1].contact_id}"
    ]
    assert run.counts == {}


def test_the_contacts_of_a_segment_are_a_set(
    tap: TapRunner, shop: Shop, switches: Switches, clock: Clock
) -> None:
    switches.segment_tries = 1
    vip = shop.account.add_list("vip", at=NOON - timedelta(days=5))
    for contact in shop.people[:2]:
        shop.account.join(contact, vip, at=NOON - timedelta(days=5))
    segment = shop.account.add_segment("VIP", Criteria(lists=(vip.list_id,)))
    tap.config["segment_ids"] = [str(segment.segment_id)]

    first = tap.run(select=["segment_contacts"])
    assert [call.query for call in first.asked if call.path == "/contacts"] == [
        {"segment_id": str(segment.segment_id), "limit": "500"}
    ] * 2  # the first time it still computes
    assert {row["contact_id"] for row in first.rows("segment_contacts")} == {
        contact.contact_id for contact in shop.people[:2]
    }
    clock.advance(timedelta(hours=1))
    shop.account.leave(shop.ann, vip)
    rows = tap.run(select=["segment_contacts"]).rows("segment_contacts")
    assert [row for row in rows if row.get("_sdc_deleted_at")] == [
        {
            "segment_id": segment.segment_id,
            "contact_id": shop.ann.contact_id,
            "_sdc_deleted_at": "2026-06-01T13:00:00Z",
        }
    ]
    assert [row["contact_id"] for row in rows if not row.get("_sdc_deleted_at")] == [
        shop.people[1].contact_id
    ]


def test_whoever_left_a_segment_after_a_run_that_was_killed_is_gone(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    vip = shop.account.add_list("vip", at=NOON - timedelta(days=5))
    for contact in shop.people[:2]:
        shop.account.join(contact, vip, at=NOON - timedelta(days=5))
    segments = [shop.account.add_segment(name, Criteria(lists=(vip.list_id,))) for name in "ab"]
    tap.config["segment_ids"] = [str(segment.segment_id) for segment in segments]
    loaded = Tables()
    killed = tap.run(select=["segment_contacts"]).messages
    loaded.load([message for message in killed if message["type"] in {"SCHEMA", "RECORD"}])
    tap.state = {}
    clock.advance(timedelta(hours=1))
    shop.account.leave(shop.ann, vip)

    run = tap.run(select=["segment_contacts"])
    loaded.load(run.messages)
    assert {row["contact_id"] for row in loaded.rows("segment_contacts")} == {
        shop.people[1].contact_id
    }
    assert [each["type"] for each in run.messages].count("ACTIVATE_VERSION") == 1
    later = tap.run(select=["segment_contacts"])
    assert [each["type"] for each in later.messages].count("ACTIVATE_VERSION") == 0


def test_a_segment_that_is_gone_has_no_contacts(tap: TapRunner, shop: Shop, clock: Clock) -> None:
    segment = shop.account.add_segment("All", Criteria())
    tap.config["segment_ids"] = [str(segment.segment_id)]
    everybody = tap.run(select=["segment_contacts"]).rows("segment_contacts")
    clock.advance(timedelta(hours=1))
    shop.account.delete_segment(segment)

    rows = tap.run(select=["segment_contacts"]).rows("segment_contacts")
    assert len(rows) == len(everybody) > 0
    assert all(row["_sdc_deleted_at"] == "2026-06-01T13:00:00Z" for row in rows)


def test_a_contact_that_is_chosen_no_more_is_sent_as_gone(
    tap: TapRunner, shop: Shop, clock: Clock
) -> None:
    tap.config["contact_status"] = ["active"]
    assert tap.run(select=["contacts"]).counts == {"contacts": 3}
    clock.advance(timedelta(hours=1))
    shop.account.opt_out(shop.ann)

    expected: list[dict[str, Any]] = [
        {"contact_id": shop.ann.contact_id, "_sdc_deleted_at": "2026-06-01T13:00:00Z"}
    ]
    assert tap.run(select=["contacts"]).rows("contacts") == expected
