"""What there is to say of single activities: when it is asked for, and what has gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox.records import Campaign, Contact
    from tests.running import Outcome

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DETAILS = [
    "campaign_activities",
    "campaign_activity_previews",
    "campaign_activity_schedules",
    "campaign_activity_send_history",
    "campaign_activity_non_opener_resends",
    "campaign_activity_ab_tests",
]


@pytest.fixture
def account(clock: Clock) -> Account:
    return Account(clock)


@pytest.fixture
def readers(account: Account) -> list[Contact]:
    return [account.add_contact(f"{name}@example.com") for name in ("ann", "bob")]


@pytest.fixture
def tap(account: Account, switches: Switches, tmp_path: Path) -> Iterator[TapRunner]:
    with Sandbox(account, switches) as sandbox:
        yield TapRunner(sandbox, tmp_path / "store")


def asked(run: Outcome, campaign: Campaign) -> list[str]:
    """Return what was asked of the e-mail of a campaign: the end of each path."""
    prefix = f"/emails/activities/{campaign.primary.campaign_activity_id}"
    return [path.removeprefix(prefix).strip("/") for path in run.paths(prefix)]


def gone(run: Outcome, stream: str) -> list[dict[str, str]]:
    return [row for row in run.rows(stream) if row["_sdc_deleted_at"]]


def test_each_detail_of_a_draft_is_asked_for_where_it_may_be(
    tap: TapRunner, account: Account
) -> None:
    draft = account.add_campaign("Draft")
    trial = account.add_campaign("Trial")
    account.try_subject(trial, "Or this?")
    planned = account.add_campaign("Planned")
    account.schedule(planned, NOON + timedelta(days=1))

    first = tap.run(select=DETAILS)
    usual = ["", "previews", "send_history"]
    assert asked(first, draft) == [*usual, "non_opener_resends"]
    assert asked(first, trial) == [*usual, "non_opener_resends", "abtest"]
    assert asked(first, planned) == [*usual, "schedules", "non_opener_resends"]
    pages = [each.activities[1].campaign_activity_id for each in (draft, trial, planned)]
    for page in pages:
        assert first.paths(f"/emails/activities/{page}") == [f"/emails/activities/{page}"]


def test_only_the_selected_details_are_asked_for(tap: TapRunner, account: Account) -> None:
    draft = account.add_campaign("Draft")

    assert asked(tap.run(select=["campaign_activity_previews"]), draft) == ["previews"]
    assert asked(tap.run(select=["campaign_activity_send_history"]), draft) == ["send_history"]
    assert asked(tap.run(select=["campaign_activity_previews"]), draft) == ["previews"]


def test_activities_are_asked_for_their_parts_by_a_setting(
    tap: TapRunner, account: Account
) -> None:
    campaign = account.add_campaign("Code", type_code=26)
    first = tap.run(select=["campaign_activities"])
    (call, _) = [call for call in first.asked if call.path.startswith("/emails/activities/")]
    assert call.query == {"include": "physical_address_in_footer,permalink_url,document_properties"}
    assert {row["html_content"] for row in first.rows("campaign_activities")} == {None}

    tap.config["campaign_activity_include"] = ["html_content"]
    tap.state = {}
    (row, _) = tap.run(select=["campaign_activities"]).rows("campaign_activities")
    assert row["html_content"] == campaign.primary.html_content
    assert row["permalink_url"] is None

    tap.config["campaign_activity_include"] = []
    tap.state = {}
    assert [
        call.query for call in tap.run(select=["campaign_activities"]).asked if "act" in call.path
    ] == [{}, {}]


def test_the_rows_of_a_campaign_that_was_sent(
    tap: TapRunner, account: Account, readers: list[Contact]
) -> None:
    campaign = account.add_campaign("May", at=NOON - timedelta(days=3))
    account.request_resend(campaign, delay=timedelta(days=5), at=NOON - timedelta(days=3))
    account.send(campaign, readers, at=NOON - timedelta(days=2))
    wish = campaign.primary.non_opener_resend
    assert wish
    own = {
        "campaign_activity_id": campaign.primary.campaign_activity_id,
        "campaign_id": campaign.campaign_id,
    }

    first = tap.run(select=DETAILS)
    assert first.rows("campaign_activity_send_history") == [
        {
            **own,
            "send_id": 1,
            "contact_list_ids": [],
            "segment_ids": [],
            "count": 2,
            "run_date": "2026-05-30T12:00:00.000Z",
            "send_status": "COMPLETED",
            "reason_code": 0,
            "_extra": None,
        }
    ]
    assert first.rows("campaign_activity_non_opener_resends") == [
        {
            **own,
            "resend_request_id": wish.resend_request_id,
            "resend_subject": "Again: May",
            "delay_days": 5,
            "delay_minutes": 7_200,
            "resend_date": "2026-06-04T12:00:00.000Z",
            "resend_status": "SCHEDULED",
            "_sdc_deleted_at": None,
            "_extra": None,
        }
    ]
    assert first.rows("campaign_activity_schedules") == []


def test_a_schedule_is_asked_for_on_each_run_and_goes_when_it_is_over(
    tap: TapRunner, account: Account, readers: list[Contact], clock: Clock
) -> None:
    campaign = account.add_campaign("June")
    account.schedule(campaign, NOON + timedelta(days=2))
    first = tap.run(select=DETAILS)
    key = {
        "campaign_activity_id": campaign.primary.campaign_activity_id,
        "scheduled_date": "2026-06-03T12:00:00.000Z",
    }
    row = {**key, "campaign_id": campaign.campaign_id, "_sdc_deleted_at": None, "_extra": None}
    assert first.rows("campaign_activity_schedules") == [row]

    quiet = tap.run(select=DETAILS)
    assert asked(quiet, campaign) == ["schedules"]
    assert gone(quiet, "campaign_activity_schedules") == []

    # Another time, though nothing says that the campaign changed.
    campaign.primary.scheduled_date = NOON + timedelta(days=3)
    moved = tap.run(select=DETAILS).rows("campaign_activity_schedules")
    left = {**key, "scheduled_date": "2026-06-03T12:00:00Z"}
    assert moved == [
        {**row, "scheduled_date": "2026-06-04T12:00:00.000Z"},
        {**left, "_sdc_deleted_at": "2026-06-01T12:00:00Z"},
    ]

    clock.advance(timedelta(days=3))
    account.send(campaign, readers)
    sent = tap.run(select=DETAILS)
    assert "schedules" not in asked(sent, campaign)
    assert sent.rows("campaign_activity_schedules") == [
        {
            **left,
            "scheduled_date": "2026-06-04T12:00:00Z",
            "_sdc_deleted_at": "2026-06-04T12:00:00Z",
        }
    ]
    assert tap.run(select=DETAILS).rows("campaign_activity_schedules") == []


def test_a_wish_that_is_withdrawn_without_a_word_goes_with_the_next_run(
    tap: TapRunner, account: Account, readers: list[Contact], clock: Clock
) -> None:
    campaign = account.add_campaign("May")
    account.send(campaign, readers)
    wish = account.request_resend(campaign)
    tap.run(select=DETAILS)
    clock.advance(timedelta(minutes=5))
    assert asked(tap.run(select=DETAILS), campaign) == ["non_opener_resends"]

    before = campaign.updated_at
    account.cancel_resend(campaign)
    assert campaign.updated_at == before
    assert tap.run(select=DETAILS).rows("campaign_activity_non_opener_resends") == [
        {
            "campaign_activity_id": campaign.primary.campaign_activity_id,
            "resend_request_id": wish.resend_request_id,
            "_sdc_deleted_at": "2026-06-01T12:05:00Z",
        }
    ]
    assert asked(tap.run(select=DETAILS), campaign) == []


def test_a_wish_made_without_a_word_is_found_by_looking_ever_more_rarely(
    tap: TapRunner, account: Account, readers: list[Contact], clock: Clock
) -> None:
    campaign = account.add_campaign("May")
    account.send(campaign, readers)
    looks = []
    for hours in range(24 * 12):
        if asked(tap.run(select=DETAILS), campaign):
            looks.append(hours)
        clock.advance(timedelta(hours=1))
    assert looks == [0, 1, 2, 4, 8, 16, 32, 64, 128, 240]

    again = account.add_campaign("June")
    account.send(again, readers)
    tap.run(select=DETAILS)
    wish = account.request_resend(again)
    clock.advance(timedelta(hours=1))
    (row,) = tap.run(select=DETAILS).rows("campaign_activity_non_opener_resends")
    assert row["resend_request_id"] == wish.resend_request_id


def test_a_draft_is_followed_though_nothing_says_that_it_changed(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    draft = account.add_campaign("Draft", at=NOON - timedelta(hours=3))
    tap.run(select=DETAILS)
    draft.primary.subject = "Another"
    clock.advance(timedelta(hours=2))
    assert asked(tap.run(select=DETAILS), draft) == []

    clock.advance(timedelta(hours=1))
    followed = tap.run(select=DETAILS)
    assert [row["subject"] for row in followed.rows("campaign_activities")] == ["Another"]
    assert asked(followed, draft) == ["", "previews", "send_history", "non_opener_resends"]
    assert followed.paths(f"/emails/{draft.campaign_id}") == []


def test_a_second_subject_that_is_taken_back_goes_without_being_asked_for(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    draft = account.add_campaign("Draft")
    account.try_subject(draft, "Or this?", test_size=20, winner_wait_duration=6)
    key = {"campaign_activity_id": draft.primary.campaign_activity_id}
    assert tap.run(select=DETAILS).rows("campaign_activity_ab_tests") == [
        {
            **key,
            "campaign_id": draft.campaign_id,
            "alternative_subject": "Or this?",
            "test_size": 20,
            "winner_wait_duration": 6,
            "_sdc_deleted_at": None,
            "_extra": None,
        }
    ]

    clock.advance(timedelta(hours=1))
    account.end_trial(draft)
    ended = tap.run(select=DETAILS)
    assert "abtest" not in asked(ended, draft)
    assert ended.rows("campaign_activity_ab_tests") == [
        {**key, "_sdc_deleted_at": "2026-06-01T13:00:00Z"}
    ]


def test_what_a_removed_campaign_showed_goes_with_it(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    campaign = account.add_campaign("June")
    account.schedule(campaign, NOON + timedelta(days=2))
    tap.run(select=DETAILS)
    clock.advance(timedelta(hours=1))
    account.remove_campaign(campaign)

    removed = tap.run(select=DETAILS)
    assert asked(removed, campaign) == []
    assert len(gone(removed, "campaign_activity_schedules")) == 1
    assert tap.run(select=DETAILS).counts == {}


def test_what_went_while_its_stream_was_not_selected_is_found_when_it_is_again(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    campaign = account.add_campaign("June")
    account.schedule(campaign, NOON + timedelta(days=2))
    tap.run(select=DETAILS)
    clock.advance(timedelta(hours=1))
    account.unschedule(campaign)
    assert tap.run(select=["campaign_activities"]).counts == {"campaign_activities": 2}

    again = tap.run(select=["campaign_activity_schedules"])
    assert asked(again, campaign) == []
    assert len(gone(again, "campaign_activity_schedules")) == 1
