"""/reports: tracking reports, links, counters and summaries."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from constantcontact_sandbox.records import Activity, Campaign, Contact
    from tests.sandbox.client import Client

ELSEWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"
CAMPAIGN_KEY = "reportingsvc.not_found.invalid_path_param.campaign_ids."
ACTIVITY_KEY = "reportingsvc.not_found.invalid_path_param.campaign_activity_ids."


@dataclass
class Mailing:
    """A campaign that was sent to three people at noon."""

    account: Account
    client: Client
    people: list[Contact]
    campaign: Campaign

    @property
    def primary(self) -> Activity:
        return self.campaign.primary

    def report(self, name: str, **asked: object) -> list[dict[str, Any]]:
        path = f"/reports/email_reports/{self.primary.campaign_activity_id}/tracking/{name}"
        return self.client.rows(path, "tracking_activities", **asked)

    def who(self, name: str, **asked: object) -> list[str]:
        return [each["first_name"] for each in self.report(name, **asked)]

    def counters(self) -> dict[str, int]:
        path = f"/reports/stats/email_campaigns/{self.campaign.campaign_id}"
        stats: dict[str, int] = self.client.get(path)["results"][0]["stats"]
        return stats


@pytest.fixture
def mailing(account: Account, client: Client, clock: Clock) -> Mailing:
    people = [account.add_contact(f"{name}@example.com", first_name=name) for name in "abc"]
    campaign = account.add_campaign("News")
    for url in ("https://example.com/rye", "https://example.com/spelt"):
        account.add_link(campaign.primary, url)
    account.send(campaign, people)
    clock.advance(timedelta(hours=1))
    return Mailing(account, client, people, campaign)


def test_a_row_shows_the_address_of_then_and_the_name_of_now(mailing: Mailing) -> None:
    account, contact = mailing.account, mailing.people[0]
    account.add_open(mailing.primary, contact, device_type="tablet")
    account.rename(contact, "Anna", "O'Neil")
    account.change_address(contact, "anna@example.org")
    account.delete_contact(contact)
    assert mailing.report("opens") == [
        {
            "contact_id": contact.contact_id,
            "campaign_activity_id": mailing.primary.campaign_activity_id,
            "tracking_activity_type": "em_opens",
            "email_address": "a@example.com",
            "first_name": "Anna",
            "last_name": "O'Neil",
            "device_type": "tablet",
            "created_time": "2026-06-01T13:00:00.000Z",
            "deleted_at": "2026-06-01",
        }
    ]


def test_an_open_by_an_unknown_device_shows_none(mailing: Mailing) -> None:
    mailing.account.add_open(mailing.primary, mailing.people[0], device_type=None)
    assert "device_type" not in mailing.report("opens")[0]


def test_what_is_particular_to_clicks_bounces_and_opt_outs(mailing: Mailing) -> None:
    account, (one, two, three) = mailing.account, mailing.people
    click = account.add_click(mailing.primary, one, mailing.primary.links[1])
    account.add_bounce(mailing.primary, two, "F")
    account.change_address(two, "b@example.org")
    account.opt_out_from(mailing.primary, three, reason="Too many")
    account.add_forward(mailing.primary, one)
    [clicked] = mailing.report("clicks")
    assert (clicked["url_id"], clicked["link_url"]) == (click.url_id, "https://example.com/spelt")
    [bounced] = mailing.report("bounces")
    assert bounced["bounce_code"] == "F"
    assert (bounced["email_address"], bounced["current_email_address"]) == (
        "b@example.com",
        "b@example.org",
    )
    [left] = mailing.report("optouts")
    assert left["opt_out_reason"] == "Too many"
    assert three.permission == "unsubscribed"
    types = {
        name: mailing.report(name)[0]["tracking_activity_type"] for name in ("forwards", "sends")
    }
    assert types == {"forwards": "em_forwards", "sends": "em_sends"}


def test_the_most_recent_comes_first(mailing: Mailing) -> None:
    for person, minutes in zip(mailing.people, (-20, -5, -10), strict=True):
        at = mailing.account.clock.now() + timedelta(minutes=minutes)
        mailing.account.add_open(mailing.primary, person, at=at)
    assert mailing.who("opens") == ["b", "c", "a"]


def test_events_of_the_future_do_not_show_yet(mailing: Mailing, clock: Clock) -> None:
    later = clock.now() + timedelta(minutes=1)
    mailing.account.add_open(mailing.primary, mailing.people[0], at=later)
    assert (mailing.who("opens"), mailing.counters()["em_opens_all"]) == ([], 0)
    clock.advance(timedelta(minutes=1))
    assert (mailing.who("opens"), mailing.counters()["em_opens_all"]) == (["a"], 1)


def test_unique_opens_are_the_last_of_each_contact_and_the_others_did_not_open(
    mailing: Mailing,
) -> None:
    one, two, _ = mailing.people
    now = mailing.account.clock.now()
    for person, minutes in ((one, 50), (one, 10), (two, 20), (one, 30)):
        at = now - timedelta(minutes=minutes)
        mailing.account.add_open(mailing.primary, person, at=at)
    rows = mailing.report("unique_opens")
    assert [(each["first_name"], each["created_time"]) for each in rows] == [
        ("a", "2026-06-01T12:50:00.000Z"),
        ("b", "2026-06-01T12:40:00.000Z"),
    ]
    [quiet] = mailing.report("didnotopens")
    assert (quiet["first_name"], quiet["tracking_activity_type"], quiet["created_time"]) == (
        "c",
        "em_didnotopens",
        "2026-06-01T12:00:00.000Z",
    )
    mailing.account.add_open(mailing.primary, mailing.people[2])
    assert mailing.report("didnotopens") == []


@pytest.mark.parametrize(
    ("granular", "shown"),
    [(True, "2026-06-01T12:07:00.000Z"), (False, "2026-06-01T12:07:08.900Z")],
)
def test_whether_rows_show_the_minute_is_a_switch(
    mailing: Mailing, switches: Switches, shown: str, *, granular: bool
) -> None:
    switches.minute_granular_times = granular
    at = NOON + timedelta(minutes=7, seconds=8, milliseconds=900, microseconds=70)
    mailing.account.add_open(mailing.primary, mailing.people[0], at=at)
    assert mailing.report("opens")[0]["created_time"] == shown


def test_two_opens_of_one_minute_are_two_equal_rows(mailing: Mailing) -> None:
    for seconds in (1, 59):
        at = NOON + timedelta(seconds=seconds)
        mailing.account.add_open(mailing.primary, mailing.people[0], at=at)
    first, second = mailing.report("opens")
    assert first == second


def test_clicks_are_filtered_by_link_and_bounces_by_code(mailing: Mailing) -> None:
    account, (one, two, _) = mailing.account, mailing.people
    rye, spelt = mailing.primary.links
    account.add_click(mailing.primary, one, rye)
    account.add_click(mailing.primary, two, spelt)
    account.add_bounce(mailing.primary, one, "B")
    account.add_bounce(mailing.primary, two, "F")
    assert mailing.who("clicks", url_id=spelt.url_id) == ["b"]
    assert mailing.who("bounces", bounce_code=["F"]) == ["b"]
    assert sorted(mailing.who("bounces", bounce_code=["B", "F", "Z"])) == ["a", "b"]
    report = f"/reports/email_reports/{mailing.primary.campaign_activity_id}/tracking"
    assert mailing.client.ask(f"{report}/clicks", url_id="first")[0] == 400
    assert mailing.client.ask(f"{report}/bounces", bounce_code="Q")[0] == 400


def test_links_count_contacts_and_unclicked_ones_show_when_asked_for(mailing: Mailing) -> None:
    account, (one, two, _) = mailing.account, mailing.people
    rye, spelt = mailing.primary.links
    more = account.add_list("More")
    sorting = account.add_link(mailing.primary, "https://example.com/more", adds_to=more)
    for person in (one, one, two):
        account.add_click(mailing.primary, person, rye)
    path = f"/reports/email_reports/{mailing.primary.campaign_activity_id}/links"
    clicked = {"link_url": rye.link_url, "url_id": rye.url_id, "unique_clicks": 2}
    body = {"campaign_activity_id": mailing.primary.campaign_activity_id}
    assert mailing.client.get(path) == {**body, "link_click_counts": [clicked]}
    assert mailing.client.get(path, no_clicks="true")["link_click_counts"] == [
        clicked,
        {"link_url": spelt.link_url, "url_id": spelt.url_id, "unique_clicks": 0},
        {
            "link_url": sorting.link_url,
            "url_id": sorting.url_id,
            "unique_clicks": 0,
            "list_action": "add",
            "list_id": more.list_id,
        },
    ]


def test_an_address_that_stands_twice_in_an_email_is_one_link(mailing: Mailing) -> None:
    rye, spelt = mailing.primary.links
    assert mailing.account.add_link(mailing.primary, rye.link_url) is rye
    assert mailing.primary.links == [rye, spelt]


def test_who_clicks_a_link_that_adds_to_a_list_joins_it(mailing: Mailing) -> None:
    account, (one, two, three) = mailing.account, mailing.people
    more, closed = account.add_list("More"), account.add_list("Closed")
    sorting = account.add_link(mailing.primary, "https://example.com/more", adds_to=more)
    late = account.add_link(mailing.primary, "https://example.com/late", adds_to=closed)
    account.delete_list(closed)
    account.delete_contact(three)
    for person in (one, one, three):
        account.add_click(mailing.primary, person, sorting)
    account.add_click(mailing.primary, two, late)
    assert [each.list_memberships for each in (one, two, three)] == [(more.list_id,), (), ()]
    assert mailing.primary.clickers(sorting) == {one.contact_id, three.contact_id}


def test_links_count_what_the_clicks_report_shows(
    mailing: Mailing, switches: Switches, clock: Clock
) -> None:
    switches.report_lag = timedelta(hours=1)
    rye, spelt = mailing.primary.links
    resent = mailing.account.resend(mailing.campaign)
    mailing.account.add_click(mailing.primary, mailing.people[0], rye)
    mailing.account.add_click(resent, mailing.people[1], spelt)
    assert (clicks(mailing, mailing.primary), clicks(mailing, resent)) == ([0, 0], [0, 0])
    clock.advance(timedelta(hours=1))
    assert (clicks(mailing, mailing.primary), clicks(mailing, resent)) == ([1, 0], [0, 1])
    assert mailing.who("clicks") == ["a"]


def clicks(mailing: Mailing, activity: Activity) -> list[int]:
    path = f"/reports/email_reports/{activity.campaign_activity_id}/links"
    counts = mailing.client.get(path, no_clicks="true")["link_click_counts"]
    return [each["unique_clicks"] for each in counts]


def test_an_unsent_email_has_empty_reports_a_permalink_none(
    account: Account, client: Client
) -> None:
    campaign = account.add_campaign()
    primary, permalink = campaign.activities
    report = f"/reports/email_reports/{primary.campaign_activity_id}"
    assert client.get(f"{report}/tracking/sends") == {"tracking_activities": []}
    assert client.get(f"{report}/links")["link_click_counts"] == []
    for nothing in (permalink.campaign_activity_id, ELSEWHERE):
        status, error = client.ask(f"/reports/email_reports/{nothing}/tracking/sends")
        assert (status, set(error)) == (404, {"error_key", "error_message"})
    assert client.ask("/reports/email_reports/none/tracking/sends")[0] == 400
    assert client.ask(f"{report}/tracking/sends", limit=501)[0] == 400
    assert client.ask(f"{report}/tracking/winks")[0] == 404


def test_a_campaign_counts_events_and_contacts(mailing: Mailing) -> None:
    account, (one, two, three) = mailing.account, mailing.people
    rye, spelt = mailing.primary.links
    for device in ("computer", "computer", "mobile", "other", None):
        account.add_open(mailing.primary, one, device_type=device)
    account.add_open(mailing.primary, two, device_type="tablet")
    for link in (rye, spelt):
        account.add_click(mailing.primary, one, link)
    account.add_bounce(mailing.primary, three)
    account.add_forward(mailing.primary, one)
    account.add_forward(mailing.primary, one)
    account.opt_out_from(mailing.primary, two)
    path = f"/reports/stats/email_campaigns/{mailing.campaign.campaign_id}"
    assert mailing.client.get(path) == {
        "errors": [],
        "results": [
            {
                "campaign_id": mailing.campaign.campaign_id,
                "stats": {
                    "em_sends": 3,
                    "em_opens": 2,
                    "em_clicks": 1,
                    "em_bounces": 1,
                    "em_optouts": 1,
                    "em_forwards": 1,
                    "em_not_opened": 0,
                    "em_opens_all": 6,
                    "em_opens_all_computer": 2,
                    "em_opens_all_mobile": 1,
                    "em_opens_all_tablet": 1,
                    "em_opens_all_other": 1,
                    "em_opens_all_none": 1,
                    "em_clicks_all": 2,
                    "em_clicks_all_computer": 2,
                    "em_clicks_all_mobile": 0,
                    "em_clicks_all_tablet": 0,
                    "em_clicks_all_other": 0,
                    "em_clicks_all_none": 0,
                },
                "percents": {
                    "bounce": 33.0,
                    "click": 50.0,
                    "desktop_click": 100.0,
                    "desktop_open": 33.0,
                    "did_not_open": 0.0,
                    "mobile_click": 0.0,
                    "mobile_open": 33.0,
                    "open": 100.0,
                    "unsubscribe": 50.0,
                },
                "last_refresh_time": "2026-06-01T13:00:00.000Z",
            }
        ],
    }


def test_a_campaign_counts_what_its_activities_count(mailing: Mailing) -> None:
    account, (one, two, three) = mailing.account, mailing.people
    account.add_open(mailing.primary, one)
    resent = account.resend(mailing.campaign)
    account.add_open(resent, one)
    account.add_open(resent, two)
    counted = mailing.counters()
    assert (counted["em_sends"], counted["em_opens"], counted["em_opens_all"]) == (5, 3, 3)
    assert three.is_active
    ids = f"{mailing.primary.campaign_activity_id},{resent.campaign_activity_id}"
    results = mailing.client.get(f"/reports/stats/email_campaign_activities/{ids}")["results"]
    assert [each["stats"]["em_sends"] for each in results] == [3, 2]
    assert [each["stats"]["em_not_opened"] for each in results] == [2, 0]


def test_an_activity_counts_complaints_and_kinds_of_bounces_too(mailing: Mailing) -> None:
    account, (one, two, three) = mailing.account, mailing.people
    account.add_bounce(mailing.primary, one, "B")
    account.add_bounce(mailing.primary, two, "F")
    account.add_bounce(mailing.primary, three, "F")
    account.add_abuse(mailing.primary, one)
    path = f"/reports/stats/email_campaign_activities/{mailing.primary.campaign_activity_id}"
    [result] = mailing.client.get(path)["results"]
    assert set(result) == {"campaign_id", "campaign_activity_id", "stats", "last_refresh_time"}
    assert {
        name: n for name, n in result["stats"].items() if "bounces" in name or "ab" in name
    } == {
        "em_bounces": 3,
        "em_abuse": 1,
        "em_bounces_blocked": 0,
        "em_bounces_mailbox_full": 2,
        "em_bounces_nonexistent_address": 1,
        "em_bounces_other": 0,
        "em_bounces_suspended": 0,
        "em_bounces_undeliverable": 0,
        "em_bounces_vacation": 0,
        "em_opens_all_tablet": 0,
        "em_clicks_all_tablet": 0,
    }


def test_one_campaign_without_counters_spoils_the_call(mailing: Mailing) -> None:
    draft, removed = mailing.account.add_campaign(), mailing.account.add_campaign()
    mailing.account.send(removed, mailing.people)
    mailing.account.remove_campaign(removed)
    for bad in (draft.campaign_id, removed.campaign_id, ELSEWHERE, "none"):
        ids = f"{mailing.campaign.campaign_id},{bad}"
        assert mailing.client.ask(f"/reports/stats/email_campaigns/{ids}") == (
            404,
            {
                "error_key": CAMPAIGN_KEY,
                "error_message": "Could not find any campaign stats for all requested campaigns.",
            },
        )


def test_activities_without_counters_are_named_malformed_ones_spoil_the_call(
    mailing: Mailing,
) -> None:
    permalink = mailing.campaign.activities[1].campaign_activity_id
    good = mailing.primary.campaign_activity_id
    path = "/reports/stats/email_campaign_activities"
    body = mailing.client.get(f"{path}/{ELSEWHERE},{good},{permalink}")
    assert [each["campaign_activity_id"] for each in body["results"]] == [good]
    assert [(each["error_key"], ELSEWHERE in each["error_message"]) for each in body["errors"]] == [
        (ACTIVITY_KEY, True),
        (ACTIVITY_KEY, False),
    ]
    status, error = mailing.client.ask(f"{path}/{good},none")
    assert (status, error["error_key"]) == (404, ACTIVITY_KEY)


@pytest.mark.parametrize(("what", "most"), [("campaigns", 150), ("campaign_activities", 10)])
def test_more_ids_than_allowed_are_refused(mailing: Mailing, what: str, most: int) -> None:
    path = f"/reports/stats/email_{what}"
    assert mailing.client.ask(f"{path}/{','.join([ELSEWHERE] * most)}")[0] != 400
    status, errors = mailing.client.ask(f"{path}/{','.join([ELSEWHERE] * (most + 1))}")
    assert (status, len(errors)) == (400, 1)


def test_a_removed_campaign_has_no_reports_unless_switched_on(
    mailing: Mailing, switches: Switches
) -> None:
    mailing.account.remove_campaign(mailing.campaign)
    path = f"/reports/email_reports/{mailing.primary.campaign_activity_id}/tracking/sends"
    assert mailing.client.ask(path)[0] == 404
    switches.removed_reports = True
    assert len(mailing.report("sends")) == mailing.counters()["em_sends"] == 3


def test_the_spelling_of_counters_is_a_switch(mailing: Mailing, switches: Switches) -> None:
    plain = mailing.counters()
    switches.stats_key_spelling = "dot"
    dotted = mailing.counters()
    assert {"em_opens.all.mobile", "em_clicks.all.none", "em_opens_all", "em_sends"} < set(dotted)
    assert {name.replace(".", "_"): number for name, number in dotted.items()} == plain


def test_counters_lag_behind_reports_and_say_by_how_much(
    mailing: Mailing, switches: Switches, clock: Clock
) -> None:
    switches.counter_lag = timedelta(hours=2)
    mailing.account.add_open(mailing.primary, mailing.people[0])
    assert mailing.who("opens") == ["a"]
    assert (mailing.counters()["em_opens_all"], mailing.counters()["em_sends"]) == (0, 0)
    clock.advance(timedelta(hours=2))
    path = f"/reports/stats/email_campaigns/{mailing.campaign.campaign_id}"
    [result] = mailing.client.get(path)["results"]
    assert result["last_refresh_time"] == "2026-06-01T13:00:00.000Z"
    assert result["stats"]["em_opens_all"] == 1


def test_reports_lag_behind_counters(mailing: Mailing, switches: Switches, clock: Clock) -> None:
    switches.report_lag = timedelta(hours=2)
    mailing.account.add_open(mailing.primary, mailing.people[0])
    assert (mailing.who("opens"), mailing.counters()["em_opens_all"]) == ([], 1)
    assert mailing.report("sends") == []
    clock.advance(timedelta(hours=2))
    assert mailing.who("opens") == ["a"]


def test_stragglers_land_below_rows_that_were_there_before(
    mailing: Mailing, switches: Switches, clock: Clock
) -> None:
    for number in range(60):
        at = NOON + timedelta(minutes=number)
        mailing.account.add_open(mailing.primary, mailing.people[number % 3], at=at)
    switches.report_stragglers = 0.3
    early = [each["created_time"] for each in mailing.report("opens")]
    assert 30 < len(early) < 60
    clock.advance(switches.straggler_delay)
    late = [each["created_time"] for each in mailing.report("opens")]
    assert len(late) == 60
    assert late == sorted(late, reverse=True)
    assert min(set(late) - set(early)) < max(early)


def test_summaries_show_sent_campaigns_the_last_sent_first(mailing: Mailing, clock: Clock) -> None:
    account = mailing.account
    account.add_campaign("draft")
    later = account.add_campaign("later", type_code=25)
    clock.advance(timedelta(hours=1))
    account.send(later, mailing.people[:2])
    account.add_open(later.primary, mailing.people[0])
    account.add_abuse(later.primary, mailing.people[0])
    body = mailing.client.get("/reports/summary_reports/email_campaign_summaries")
    assert body == {
        "bulk_email_campaign_summaries": [
            {
                "campaign_id": later.campaign_id,
                "campaign_type": "FUNDRAISER",
                "last_sent_date": "2026-06-01T14:00:00.000Z",
                "unique_counts": {
                    "sends": 2,
                    "opens": 1,
                    "clicks": 0,
                    "forwards": 0,
                    "optouts": 0,
                    "abuse": 1,
                    "bounces": 0,
                    "not_opened": 1,
                },
            },
            {
                "campaign_id": mailing.campaign.campaign_id,
                "campaign_type": "NEWSLETTER",
                "last_sent_date": "2026-06-01T12:00:00.000Z",
                "unique_counts": {
                    "sends": 3,
                    "opens": 0,
                    "clicks": 0,
                    "forwards": 0,
                    "optouts": 0,
                    "abuse": 0,
                    "bounces": 0,
                    "not_opened": 3,
                },
            },
        ],
        "aggregate_percents": {
            "click": 0.0,
            "open": 20.0,
            "did_not_open": 80.0,
            "bounce": 0.0,
            "unsubscribe": 0.0,
        },
    }


def test_a_resend_moves_the_last_sent_date(mailing: Mailing, clock: Clock) -> None:
    clock.advance(timedelta(days=1))
    mailing.account.resend(mailing.campaign)
    body = mailing.client.get("/reports/summary_reports/email_campaign_summaries")
    [summary] = body["bulk_email_campaign_summaries"]
    assert summary["last_sent_date"] == "2026-06-02T13:00:00.000Z"


def test_an_account_without_campaigns_has_an_empty_summary(client: Client) -> None:
    assert client.get("/reports/summary_reports/email_campaign_summaries") == {
        "bulk_email_campaign_summaries": [],
        "aggregate_percents": {
            "click": 0,
            "open": 0,
            "did_not_open": 0,
            "bounce": 0,
            "unsubscribe": 0,
        },
    }


def test_summaries_go_back_five_hundred_campaigns(account: Account, client: Client) -> None:
    for number in range(502):
        account.send(account.add_campaign(f"c{number}"), [], at=NOON - timedelta(days=number))
    path, key = "/reports/summary_reports/email_campaign_summaries", "bulk_email_campaign_summaries"
    assert len(client.rows(path, key, limit=500)) == 500
    assert len(client.rows(path, key, limit=150)) == 500


def test_a_forged_cursor_is_refused(mailing: Mailing) -> None:
    forged = base64.b64encode(b"o=2026-06-01T12:00:00~1").decode()
    path = "/reports/summary_reports/email_campaign_summaries"
    status, [error] = mailing.client.ask(path, next=forged)
    assert (status, error["error_message"]) == (400, "next does not have a valid value")


def test_one_more_can_be_sent_to_outside_any_run(mailing: Mailing) -> None:
    mailing.account.add_send(mailing.primary, mailing.account.add_contact(first_name="d"))
    assert (mailing.who("sends")[0], mailing.counters()["em_sends"]) == ("d", 4)


def test_quoted_numbers_are_a_switch(mailing: Mailing, switches: Switches) -> None:
    switches.quoted_numbers = True
    body = mailing.client.get("/reports/summary_reports/email_campaign_summaries")
    [summary] = body["bulk_email_campaign_summaries"]
    assert summary["unique_counts"]["sends"] == "3"
