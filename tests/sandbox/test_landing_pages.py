"""/reports/landing_pages/campaign_details/{campaign_activity_id}."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox.routes.landing_pages import REPORTS_OF
from tests.sandbox.client import Client

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Sandbox, Switches
    from constantcontact_sandbox.landing_pages import LandingPage
    from constantcontact_sandbox.records import Contact

ELSEWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"
REPORTS = [name for name, *_ in REPORTS_OF]


@dataclass
class Visited:
    """A landing page with two links, and two people who know of it."""

    account: Account
    client: Client
    page: LandingPage
    people: list[Contact]

    def report(self, name: str, **asked: object) -> list[dict[str, Any]]:
        path = f"/reports/landing_pages/campaign_details/{self.page.campaign_activity_id}/{name}"
        return self.client.rows(path, "tracking_activities", **asked)

    def who(self, name: str, **asked: object) -> list[str]:
        return [each["first_name"] for each in self.report(name, **asked)]


@pytest.fixture
def visited(account: Account, client: Client) -> Visited:
    page = account.add_landing_page("Join", "https://example.com/a", "https://example.com/b")
    people = [account.add_contact(f"{name}@example.com", first_name=name) for name in "ab"]
    return Visited(account, client, page, people)


def test_a_click_shows_its_link_and_the_contact_s_number(visited: Visited) -> None:
    account, (one, _) = visited.account, visited.people
    account.add_sms_channel(one, "7815551234")
    account.click_on_page(visited.page, one, visited.page.links[1], device_type="tablet")
    assert visited.report("p_unique_contact_clicks") == [
        {
            "contact_id": one.contact_id,
            "campaign_activity_id": visited.page.campaign_activity_id,
            "tracking_activity_type": "p_contact_click",
            "email_address": "a@example.com",
            "first_name": "a",
            "device_type": "tablet",
            "url_id": visited.page.links[1].url_id,
            "link_url": "https://example.com/b",
            "created_time": "2026-06-01T12:00:00.000Z",
            "sms_channel": {
                "country_code": "US",
                "state": "E",
                "formatted_national": "(781) 555-1234",
            },
        }
    ]


def test_a_number_from_abroad_is_written_as_one_dials_it_from_there(visited: Visited) -> None:
    account, (one, _) = visited.account, visited.people
    account.owner.country_code = "de"
    account.add_sms_channel(one, "7815551234", permission="unsubscribed")
    account.open_page(visited.page, one)
    [row] = visited.report("p_contact_opens")
    assert row["sms_channel"] == {
        "country_code": "US",
        "state": "O",
        "formatted_international": "+1 7815551234",
    }


def test_every_open_shows_or_the_last_of_each_contact(visited: Visited, clock: Clock) -> None:
    account, (one, two) = visited.account, visited.people
    for person in (one, two, one):
        account.open_page(visited.page, person)
        clock.advance(timedelta(minutes=1))
    assert visited.who("p_contact_opens") == ["a", "b", "a"]
    unique = visited.report("p_unique_contact_opens")
    assert [(each["first_name"], each["created_time"][14:16]) for each in unique] == [
        ("a", "02"),
        ("b", "01"),
    ]
    assert {each["tracking_activity_type"] for each in unique} == {"p_contact_opens"}


def test_clicks_are_unique_by_contact_and_link(visited: Visited, clock: Clock) -> None:
    account, (one, two) = visited.account, visited.people
    first, second = visited.page.links
    for person, link in ((one, first), (one, second), (one, first), (two, first)):
        account.click_on_page(visited.page, person, link)
        clock.advance(timedelta(minutes=1))
    assert [
        (each["first_name"], each["link_url"][-1])
        for each in visited.report("p_unique_contact_clicks")
    ] == [("b", "a"), ("a", "a"), ("a", "b")]


def test_what_the_page_did_to_contacts_shows_once_each(visited: Visited) -> None:
    account, (one, two) = visited.account, visited.people
    for _ in range(2):
        account.sign_up_on_page(visited.page, one)
        account.update_on_page(visited.page, two)
        account.opt_in_on_page(visited.page, two)
    types = {name: visited.report(name) for name in REPORTS[3:]}
    assert {
        name: [(each["first_name"], each["tracking_activity_type"]) for each in rows]
        for name, rows in types.items()
    } == {
        "p_unique_contact_updates": [("b", "p_contact_updates")],
        "p_unique_contact_adds": [("a", "p_contact_adds")],
        "p_unique_contact_sms_optins": [("b", "p_contact_sms_optins")],
    }


def test_rows_are_filtered_by_a_part_of_a_name_or_address(visited: Visited) -> None:
    one, two = visited.people
    visited.account.rename(two, "Josie", "O'Neil")
    for person in (one, two):
        visited.account.open_page(visited.page, person)
    for text, found in (("jo", ["Josie"]), ("NEIL", ["Josie"]), ("a@ex", ["a"]), ("q", [])):
        assert visited.who("p_contact_opens", contacts_filter=text) == found


def test_rows_come_in_pages_the_most_recent_first_and_lag(
    visited: Visited, switches: Switches, clock: Clock
) -> None:
    switches.report_lag = timedelta(hours=1)
    for minute in range(5):
        at = clock.now() + timedelta(minutes=minute)
        visited.account.open_page(visited.page, visited.people[0], at=at)
    assert visited.report("p_contact_opens") == []
    clock.advance(timedelta(hours=1, minutes=5))
    rows = visited.report("p_contact_opens", limit=2)
    times = [each["created_time"] for each in rows]
    assert len(times) == 5
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("report", REPORTS)
def test_there_are_reports_on_landing_pages_alone_for_those_who_may_see_them(
    visited: Visited, sandbox: Sandbox, report: str
) -> None:
    email = visited.account.add_campaign().primary.campaign_activity_id
    path = "/reports/landing_pages/campaign_details/{}/" + report
    for nowhere in (email, ELSEWHERE):
        assert visited.client.ask(path.format(nowhere))[0] == 404
    assert visited.client.ask(path.format("none"))[0] == 400
    page = visited.page.campaign_activity_id
    assert visited.client.ask(path.format(page), limit=501)[0] == 400
    assert Client(sandbox, ("contact_data",)).ask(path.format(page))[0] == 403
