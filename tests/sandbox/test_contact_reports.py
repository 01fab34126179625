"""/reports/contact_reports: what one contact did with all e-mails."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from constantcontact_sandbox.records import Campaign, Contact
    from tests.sandbox.client import Client, Row

ELSEWHERE = "c3639a04-bc12-11f1-aa3a-02420a320002"
ALL = "em_sends,em_opens,em_clicks,em_bounces,em_optouts,em_forwards"
RANGE = {"start": "2026-05-01T00:00:00-0500", "end": "2026-06-02T00:00:00.000Z"}
HOUR = timedelta(hours=1)


@dataclass
class Reader:
    """A contact to whom two campaigns were sent, on Monday at noon and a day before."""

    client: Client
    contact: Contact
    other: Contact
    campaigns: list[Campaign]

    def report(self, name: str, **asked: object) -> Any:
        path = f"/reports/contact_reports/{self.contact.contact_id}/{name}"
        return self.client.get(path, **asked)

    def did(self, **asked: object) -> list[Row]:
        path = f"/reports/contact_reports/{self.contact.contact_id}/activity_details"
        return self.client.rows(path, "tracking_activities", **asked)


@pytest.fixture
def reader(account: Account, client: Client, clock: Clock) -> Reader:
    contact, other = account.add_contact("a@example.com"), account.add_contact("b@example.com")
    old, new = account.add_campaign("Old news"), account.add_campaign("News")
    account.send(old, [contact], at=NOON - timedelta(days=1))
    account.send(new, [contact, other])
    for campaign in (old, new):
        account.add_link(campaign.primary, "https://example.com")
    clock.advance(HOUR)
    return Reader(client, contact, other, [old, new])


def test_all_that_a_contact_did_is_told_the_latest_first(
    account: Account, reader: Reader, clock: Clock
) -> None:
    old, new = (each.primary for each in reader.campaigns)
    account.add_open(old, reader.contact)
    account.add_open(old, reader.other)
    clock.advance(HOUR)
    account.add_click(new, reader.contact)
    clock.advance(HOUR)
    account.opt_out_from(new, reader.contact)
    told = [
        (each["created_time"], each["tracking_activity_type"], each["campaign_activity_name"])
        for each in reader.did(tracking_activities_list=ALL)
    ]
    assert told == [
        ("2026-06-01T15:00:00.000Z", "em_optouts", "News"),
        ("2026-06-01T14:00:00.000Z", "em_clicks", "News"),
        ("2026-06-01T13:00:00.000Z", "em_opens", "Old news"),
        ("2026-06-01T12:00:00.000Z", "em_sends", "News"),
        ("2026-05-31T12:00:00.000Z", "em_sends", "Old news"),
    ]
    assert reader.did(
        tracking_activity_type=["em_clicks", "em_bounces"], include_campaign_activity_names="false"
    ) == [
        {
            "contact_id": reader.contact.contact_id,
            "campaign_activity_id": new.campaign_activity_id,
            "created_time": "2026-06-01T14:00:00.000Z",
            "tracking_activity_type": "em_clicks",
        }
    ]


def test_what_a_contact_did_on_landing_pages_is_told_too(account: Account, reader: Reader) -> None:
    page = account.add_landing_page("Come and taste", "https://example.com/taste")
    minute = timedelta(minutes=1)
    account.open_page(page, reader.contact, at=NOON + minute)
    account.open_page(page, reader.other, at=NOON + minute)
    account.click_on_page(page, reader.contact, at=NOON + 2 * minute)
    account.sign_up_on_page(page, reader.contact, at=NOON + 3 * minute)
    account.update_on_page(page, reader.contact, at=NOON + 4 * minute)
    types = ["p_contact_update", "p_contact_add", "p_contact_click", "p_contact_open"]
    told = reader.did(tracking_activities_list=f"{','.join(types)},em_opens")
    assert [each["tracking_activity_type"] for each in told] == types
    assert told[-1] == {
        "contact_id": reader.contact.contact_id,
        "campaign_activity_id": page.campaign_activity_id,
        "created_time": "2026-06-01T12:01:00.000Z",
        "tracking_activity_type": "p_contact_open",
        "campaign_activity_name": "Come and taste",
    }
    assert reader.report("activity_summary", **RANGE)["campaign_activities"][0]["em_opens"] == 0


def test_pages_keep_the_types_that_were_asked_for(account: Account, reader: Reader) -> None:
    for number in range(5):
        account.add_open(
            reader.campaigns[1].primary, reader.contact, at=NOON + timedelta(minutes=number)
        )
    whole = reader.did(tracking_activities_list="em_opens,em_sends")
    assert len(whole) == 7
    assert reader.did(tracking_activities_list="em_opens,em_sends", limit=2) == whole
    assert reader.did(tracking_activity_type=["em_opens", "em_sends"], limit=3) == whole


def test_details_show_what_the_tracking_reports_show(
    account: Account, reader: Reader, switches: Switches, clock: Clock
) -> None:
    switches.report_lag = 2 * HOUR
    switches.minute_granular_times = False
    activity = reader.campaigns[1].primary
    account.add_open(activity, reader.contact, at=clock.now() + timedelta(seconds=5))
    assert reader.did(tracking_activities_list="em_opens") == []
    clock.advance(3 * HOUR)
    [row] = reader.did(tracking_activities_list="em_opens")
    report = f"/reports/email_reports/{activity.campaign_activity_id}/tracking/opens"
    [same] = reader.client.get(report)["tracking_activities"]
    assert row["created_time"] == same["created_time"] == "2026-06-01T13:00:05.000Z"
    account.remove_campaign(reader.campaigns[1])
    assert reader.did(tracking_activities_list="em_opens") == []


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({}, "tracking_activities_list"),
        (
            {"tracking_activities_list": "em_opens", "tracking_activity_type": "em_opens"},
            "tracking_activities_list",
        ),
        ({"tracking_activities_list": "em_reads"}, "tracking_activities_list"),
        ({"tracking_activity_type": "em_reads"}, "tracking_activity_type"),
        ({"tracking_activities_list": ALL, "limit": 101}, "limit"),
        (
            {"tracking_activities_list": ALL, "include_campaign_activity_names": "no"},
            "include_campaign_activity_names",
        ),
    ],
    ids=str,
)
def test_the_types_are_named_in_one_of_two_ways(
    reader: Reader, asked: dict[str, object], wrong: str
) -> None:
    path = f"/reports/contact_reports/{reader.contact.contact_id}/activity_details"
    status, [error] = reader.client.ask(path, **asked)
    assert (status, error["error_message"]) == (400, f"{wrong} does not have a valid value")


def test_a_summary_counts_each_time_and_each_e_mail(account: Account, reader: Reader) -> None:
    old, new = (each.primary for each in reader.campaigns)
    for _ in range(2):
        account.add_open(old, reader.contact)
    account.add_click(old, reader.contact)
    account.add_forward(old, reader.contact)
    account.add_bounce(new, reader.contact)
    account.opt_out_from(new, reader.contact)
    account.add_open(new, reader.other)
    counts = {
        "em_sends": 1,
        "em_opens": 0,
        "em_clicks": 0,
        "em_bounces": 0,
        "em_forwards": 0,
        "em_unsubscribes": 0,
    }
    assert reader.report("activity_summary", **RANGE) == {
        "contact_id": reader.contact.contact_id,
        "campaign_activities": [
            {
                **counts,
                "campaign_activity_id": new.campaign_activity_id,
                "start_on": "2026-06-01T12:00:00.000Z",
                "em_bounces": 1,
                "em_unsubscribes": 1,
            },
            {
                **counts,
                "campaign_activity_id": old.campaign_activity_id,
                "start_on": "2026-05-31T12:00:00.000Z",
                "em_opens": 2,
                "em_clicks": 1,
                "em_forwards": 1,
            },
        ],
    }


def test_only_what_was_sent_in_the_range_is_summed_up(reader: Reader) -> None:
    sunday = {"start": "2026-05-31T00:00:00Z", "end": "2026-06-01T00:00:00Z"}
    monday = {"start": "2026-06-01T00:00:00Z", "end": "2026-06-02T00:00:00Z"}
    for day, campaign in zip((sunday, monday), reader.campaigns, strict=True):
        [shown] = reader.report("activity_summary", **day)["campaign_activities"]
        assert shown["campaign_activity_id"] == campaign.primary.campaign_activity_id
        assert reader.report("open_and_click_rates", **day)["included_activities_count"] == 1


def test_a_summary_has_pages_of_its_own_size_and_ends_after_two_hundred(
    account: Account, reader: Reader
) -> None:
    for number in range(210):
        campaign = account.add_campaign(f"Campaign {number}")
        account.send(campaign, [reader.contact], at=NOON - timedelta(minutes=number))
    path = f"/reports/contact_reports/{reader.contact.contact_id}/activity_summary"
    pages = list(reader.client.pages(path, "campaign_activities", limit=1, **RANGE))
    assert [len(each) for each in pages] == [50] * 4


def test_rates_are_shares_of_what_was_sent(account: Account, reader: Reader) -> None:
    old, new = (each.primary for each in reader.campaigns)
    for _ in range(2):
        account.add_open(old, reader.contact)
    account.add_open(new, reader.contact)
    account.add_click(new, reader.contact)
    assert reader.report("open_and_click_rates", **RANGE) == {
        "contact_id": reader.contact.contact_id,
        "included_activities_count": 2,
        "average_open_rate": 1.0,
        "average_click_rate": 0.5,
    }
    nothing = {"start": "2020-01-01", "end": "2020-01-02"}
    assert reader.report("open_and_click_rates", **nothing) == {
        "contact_id": reader.contact.contact_id,
        "included_activities_count": 0,
        "average_open_rate": 0.0,
        "average_click_rate": 0.0,
    }


@pytest.mark.parametrize("name", ["activity_summary", "open_and_click_rates"])
@pytest.mark.parametrize(
    ("asked", "wrong"),
    [
        ({}, "start"),
        ({"start": RANGE["start"]}, "end"),
        ({"end": RANGE["end"]}, "start"),
        ({**RANGE, "start": "yesterday"}, "start"),
        ({"start": RANGE["end"], "end": RANGE["start"]}, "end"),
    ],
    ids=str,
)
def test_both_ends_of_a_range_are_required(
    reader: Reader, name: str, asked: dict[str, str], wrong: str
) -> None:
    path = f"/reports/contact_reports/{reader.contact.contact_id}/{name}"
    status, [error] = reader.client.ask(path, **asked)
    assert (status, error["error_message"]) == (400, f"{wrong} does not have a valid value")


def test_rates_are_of_five_years_at_most(reader: Reader) -> None:
    path = f"/reports/contact_reports/{reader.contact.contact_id}/open_and_click_rates"
    start = "2020-02-29T12:00:00Z"
    assert reader.client.ask(path, start=start, end="2025-02-28T12:00:00Z")[0] == 200
    assert reader.client.ask(path, start=start, end="2025-03-01T12:00:00Z")[0] == 400


@pytest.mark.parametrize("name", ["activity_details", "activity_summary", "open_and_click_rates"])
@pytest.mark.parametrize(("contact_id", "status"), [("none", 400), (ELSEWHERE, 404)])
def test_a_contact_who_is_not_there_has_no_reports(
    client: Client, name: str, contact_id: str, status: int
) -> None:
    path = f"/reports/contact_reports/{contact_id}/{name}"
    assert client.ask(path, tracking_activities_list=ALL, **RANGE)[0] == status
