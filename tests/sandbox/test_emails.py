"""/emails: campaigns, and their activities one by one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox.records import AbTest, NonOpenerResend, PhysicalAddress
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from constantcontact_sandbox.records import Campaign
    from tests.sandbox.client import Client

ELSEWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"


def names(client: Client, **asked: object) -> list[str]:
    return [each["name"] for each in client.get("/emails", **asked)["campaigns"]]


def test_a_campaign_shows_its_status_in_title_case_and_in_detail_in_upper_case(
    account: Account, client: Client
) -> None:
    campaign = account.add_campaign("News", type_code=26)
    primary, permalink = campaign.activities
    shown = {
        "campaign_id": campaign.campaign_id,
        "created_at": "2026-06-01T12:00:00.000Z",
        "current_status": "Draft",
        "name": "News",
        "type": "CUSTOM_CODE_EMAIL",
        "type_code": 26,
        "updated_at": "2026-06-01T12:00:00.000Z",
    }
    assert client.get("/emails") == {"campaigns": [shown]}
    assert client.get(f"/emails/{campaign.campaign_id}") == {
        **shown,
        "current_status": "DRAFT",
        "campaign_activities": [
            {
                "campaign_activity_id": primary.campaign_activity_id,
                "role": "primary_email",
                "document_id": primary.document_id,
            },
            {
                "campaign_activity_id": permalink.campaign_activity_id,
                "role": "permalink",
                "document_id": permalink.document_id,
            },
        ],
    }


def test_campaigns_come_newest_first_removed_ones_too_and_the_order_is_a_switch(
    account: Account, client: Client, switches: Switches
) -> None:
    for number in range(3):
        account.add_campaign(f"c{number}", at=NOON - timedelta(days=number))
    old = list(account.campaigns.values())[-1]
    account.remove_campaign(old)
    account.rename_campaign(old, "changed last", at=NOON + timedelta(hours=1))
    assert names(client) == ["c0", "c1", "changed last"]
    switches.emails_order = "updated"
    assert names(client) == ["changed last", "c0", "c1"]
    assert client.get(f"/emails/{old.campaign_id}")["current_status"] == "REMOVED"


def test_campaigns_are_filtered_by_when_they_changed(account: Account, client: Client) -> None:
    for number in range(4):
        account.add_campaign(f"c{number}", at=NOON + timedelta(days=number))
    after = {"after_date": "2026-06-02T11:59:59.999Z"}
    assert names(client, **after) == ["c3", "c2", "c1"]
    assert names(client, **after, before_date="2026-06-04T00:00:00Z") == ["c2", "c1"]
    assert names(client, updated_after="2030-01-01T00:00:00Z") == ["c3", "c2", "c1", "c0"]


@pytest.mark.parametrize("inclusive", [True, False])
def test_whether_the_bounds_include_their_moment_is_a_switch(
    account: Account, client: Client, switches: Switches, *, inclusive: bool
) -> None:
    switches.inclusive_bounds = inclusive
    account.add_campaign("News")
    assert len(names(client, after_date="2026-06-01T12:00:00Z")) == inclusive


@pytest.mark.parametrize("path", ["", "/previews", "/schedules", "/send_history", "/abtest"])
def test_a_removed_activity_cannot_be_had(account: Account, client: Client, path: str) -> None:
    campaign = account.add_campaign()
    activity = campaign.primary.campaign_activity_id
    assert client.ask(f"/emails/activities/{activity}")[0] == 200
    account.remove_campaign(campaign)
    assert client.ask(f"/emails/activities/{activity}{path}")[0] == 404


def test_unknown_ids_are_not_found_and_malformed_ones_refused(client: Client) -> None:
    for path in ("/emails", "/emails/activities"):
        assert client.ask(f"{path}/{ELSEWHERE}")[0] == 404
        assert client.ask(f"{path}/none")[0] == 400
    assert client.ask("/emails", limit=501)[0] == 400


def test_an_activity_shows_its_content_only_as_far_as_asked_for(
    account: Account, client: Client
) -> None:
    news = account.add_list("News")
    campaign = account.add_campaign("N", type_code=26, subject="Rye is back", lists=[news])
    primary = campaign.primary
    primary.preheader = "Do not miss this"
    shown = {
        "campaign_activity_id": primary.campaign_activity_id,
        "campaign_id": campaign.campaign_id,
        "role": "primary_email",
        "contact_list_ids": [news.list_id],
        "segment_ids": [],
        "current_status": "DRAFT",
        "format_type": 5,
        "from_email": "hello@example.com",
        "from_name": "The Example Bakery",
        "reply_to_email": "hello@example.com",
        "subject": "Rye is back",
        "preheader": "Do not miss this",
        "document_id": primary.document_id,
    }
    path = f"/emails/activities/{primary.campaign_activity_id}"
    assert client.get(path) == shown
    with_html = client.get(path, include="html_content,document_properties")
    assert with_html == {**shown, "html_content": primary.html_content}
    account.owner.physical_address = PhysicalAddress("123 Maple Street", "Boston", "US")
    footer = client.get(path, include="physical_address_in_footer")["physical_address_in_footer"]
    assert footer == {
        "address_line1": "123 Maple Street",
        "city": "Boston",
        "country_code": "US",
        "organization_name": "The Example Bakery",
    }
    assert client.get(path, include="permalink_url")["permalink_url"] == primary.permalink_url
    assert client.ask(path, include="everything")[0] == 400


def test_a_preview_is_what_a_reader_would_see(account: Account, client: Client) -> None:
    primary = account.add_campaign(subject="Rye is back").primary
    assert client.get(f"/emails/activities/{primary.campaign_activity_id}/previews") == {
        "campaign_activity_id": primary.campaign_activity_id,
        "from_email": "hello@example.com",
        "from_name": "The Example Bakery",
        "reply_to_email": "hello@example.com",
        "subject": "Rye is back",
        "preview_html_content": "<html><body><h1>Rye is back</h1></body></html>",
        "preview_text_content": "Rye is back",
    }


def test_only_a_scheduled_activity_has_a_schedule(account: Account, client: Client) -> None:
    campaign = account.add_campaign()
    path = f"/emails/activities/{campaign.primary.campaign_activity_id}/schedules"
    assert client.get(path) == []
    account.schedule(campaign, NOON + timedelta(days=1))
    assert client.get(path) == [{"scheduled_date": "2026-06-02T12:00:00.000Z"}]
    account.unschedule(campaign)
    assert client.get(path) == []
    assert client.get(f"/emails/{campaign.campaign_id}")["current_status"] == "DRAFT"
    account.schedule(campaign, NOON + timedelta(days=2))
    account.send(campaign, [account.add_contact()])
    assert client.get(path) == []


def test_the_send_history_tells_every_run_the_first_one_first(
    account: Account, client: Client, clock: Clock
) -> None:
    campaign = account.add_campaign(lists=[account.add_list("News")])
    path = f"/emails/activities/{campaign.primary.campaign_activity_id}/send_history"
    assert client.get(path) == []
    account.fail(campaign, 9)
    clock.advance(timedelta(hours=1))
    account.send(campaign, [account.add_contact(), account.add_contact(None)])
    lists = list(campaign.primary.contact_list_ids)
    assert client.get(path) == [
        {
            "send_id": 1,
            "run_date": "2026-06-01T12:00:00.000Z",
            "count": 0,
            "send_status": "ERRORED",
            "reason_code": 9,
            "contact_list_ids": lists,
            "segment_ids": [],
        },
        {
            "send_id": 2,
            "run_date": "2026-06-01T13:00:00.000Z",
            "count": 1,
            "send_status": "COMPLETED",
            "reason_code": 0,
            "contact_list_ids": lists,
            "segment_ids": [],
        },
    ]


def test_a_run_without_anybody_is_completed(account: Account, client: Client) -> None:
    campaign = account.add_campaign()
    account.send(campaign, [])
    path = f"/emails/activities/{campaign.primary.campaign_activity_id}/send_history"
    [run] = client.get(path)
    assert (run["count"], run["send_status"], run["reason_code"]) == (0, "COMPLETED", 12)


def test_only_the_primary_email_can_be_resent_to_non_openers(
    account: Account, client: Client
) -> None:
    campaign = account.add_campaign()
    primary, permalink = campaign.activities
    path = "/emails/activities/{}/non_opener_resends"
    assert client.get(path.format(primary.campaign_activity_id)) == []
    primary.non_opener_resend = NonOpenerResend("Again", 60)
    wish = {"resend_subject": "Again", "delay_minutes": 60, "resend_request_id": "DRAFT"}
    assert client.get(path.format(primary.campaign_activity_id)) == [wish]
    primary.non_opener_resend.resend_date = NOON
    [dated] = client.get(path.format(primary.campaign_activity_id))
    assert dated == {**wish, "resend_date": "2026-06-01T12:00:00.000Z"}
    primary.non_opener_resend.delay_minutes = 2 * 1440
    [delayed] = client.get(path.format(primary.campaign_activity_id))
    assert (delayed["delay_minutes"], delayed["delay_days"]) == (2880, 2)
    assert client.ask(path.format(permalink.campaign_activity_id))[0] == 404


def test_a_resend_that_was_asked_for_gets_its_date_when_the_email_is_sent(
    account: Account, client: Client, clock: Clock
) -> None:
    campaign = account.add_campaign("News")
    path = f"/emails/activities/{campaign.primary.campaign_activity_id}/non_opener_resends"
    account.request_resend(campaign, delay=timedelta(hours=36))
    assert client.get(path) == [
        {"resend_subject": "Again: News", "delay_minutes": 2160, "resend_request_id": "DRAFT"}
    ]
    account.send(campaign, [account.add_contact()])
    [scheduled] = client.get(path)
    assert scheduled.pop("resend_request_id") != "DRAFT"
    assert scheduled == {
        "resend_subject": "Again: News",
        "delay_minutes": 2160,
        "resend_date": "2026-06-03T00:00:00.000Z",
        "resend_status": "SCHEDULED",
    }
    clock.advance(timedelta(hours=36))
    account.resend(campaign)
    [sent] = client.get(path)
    assert (sent["resend_status"], sent["resend_date"]) == ("SENT", "2026-06-03T00:00:00.000Z")


def test_a_resend_can_be_asked_for_after_the_sending_and_withdrawn(
    account: Account, client: Client, switches: Switches, clock: Clock
) -> None:
    switches.resend_moves_updated_at = True
    campaign = account.add_campaign("News")
    path = f"/emails/activities/{campaign.primary.campaign_activity_id}/non_opener_resends"
    account.send(campaign, [account.add_contact()])
    clock.advance(timedelta(hours=1))
    account.request_resend(campaign, delay=timedelta(days=1))
    [wish] = client.get(path)
    assert (wish["delay_days"], wish["resend_date"]) == (1, "2026-06-02T12:00:00.000Z")
    assert campaign.updated_at == NOON + timedelta(hours=1)
    account.cancel_resend(campaign)
    assert client.get(path) == []


def test_a_subject_on_trial_makes_a_draft_an_ab_test_until_it_is_taken_back(
    account: Account, client: Client
) -> None:
    campaign = account.add_campaign("News")
    path = f"/emails/{campaign.campaign_id}"
    account.try_subject(campaign, "News?")
    assert [client.get(path)[name] for name in ("type", "type_code")] == ["AB_TEST", 57]
    account.end_trial(campaign)
    assert [client.get(path)[name] for name in ("type", "type_code")] == ["NEWSLETTER", 10]
    assert (
        client.ask(f"/emails/activities/{campaign.primary.campaign_activity_id}/abtest")[0] == 404
    )


def test_an_ab_test_goes_to_both_groups_and_its_winner_to_the_others(
    account: Account, client: Client, clock: Clock
) -> None:
    campaign = account.add_campaign("News")
    account.try_subject(campaign, "News?", test_size=20, winner_wait_duration=6)
    account.send(campaign, [account.add_contact() for _ in range(10)])
    assert shown(client, campaign) == ("EXECUTING", [4], 4, 4)
    clock.advance(timedelta(hours=6))
    account.pick_winner(campaign)
    assert shown(client, campaign) == ("DONE", [10], 10, 10)
    with pytest.raises(ValueError, match="nobody waits"):
        account.pick_winner(campaign)


def shown(client: Client, campaign: Campaign) -> tuple[str, list[int], int, int]:
    """Return what the API shows of a mailing: its status, its runs, its sends and their counter."""
    activity = campaign.primary.campaign_activity_id
    runs = client.get(f"/emails/activities/{activity}/send_history")
    sends = client.rows(f"/reports/email_reports/{activity}/tracking/sends", "tracking_activities")
    [stats] = client.get(f"/reports/stats/email_campaigns/{campaign.campaign_id}")["results"]
    status = client.get(f"/emails/{campaign.campaign_id}")["current_status"]
    return status, [each["count"] for each in runs], len(sends), stats["stats"]["em_sends"]


def test_a_campaign_goes_to_lists_or_to_a_segment(account: Account, client: Client) -> None:
    primary = account.add_campaign(segment_id=12).primary
    body = client.get(f"/emails/activities/{primary.campaign_activity_id}")
    assert (body["contact_list_ids"], body["segment_ids"]) == ([], [12])


def test_an_ab_test_shows_and_most_emails_have_none(account: Account, client: Client) -> None:
    primary = account.add_campaign(type_code=57).primary
    path = f"/emails/activities/{primary.campaign_activity_id}/abtest"
    assert client.ask(path)[0] == 404
    primary.ab_test = AbTest("Rye?", 30, 24)
    assert client.get(path) == {
        "alternative_subject": "Rye?",
        "test_size": 30,
        "winner_wait_duration": 24,
    }


@pytest.mark.parametrize("moves", [True, False])
def test_a_resend_is_an_activity_of_its_own_for_those_who_did_not_open(
    account: Account, client: Client, clock: Clock, switches: Switches, *, moves: bool
) -> None:
    switches.resend_moves_updated_at = moves
    people = [account.add_contact() for _ in range(3)]
    campaign = account.add_campaign()
    account.send(campaign, people)
    account.add_open(campaign.primary, people[0])
    account.opt_out(people[1])
    clock.advance(timedelta(days=3))
    resent = account.resend(campaign)
    detail = client.get(f"/emails/{campaign.campaign_id}")
    assert [each["role"] for each in detail["campaign_activities"]] == [
        "primary_email",
        "permalink",
        "resend",
    ]
    assert [each.contact_id for each in resent.sends] == [people[2].contact_id]
    day = "2026-06-04" if moves else "2026-06-01"
    assert detail["updated_at"] == f"{day}T12:00:00.000Z"
