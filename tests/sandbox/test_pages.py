"""From one page to the next: every row once, whichever way the pages are cut."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tests.sandbox.client import Client, cursor_of, next_link
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from typing import Literal

    from constantcontact_sandbox import Request
    from constantcontact_sandbox.switches import LastPage

STYLES = ("offset", "keyset")
ENDINGS: tuple[LastPage, ...] = ("absent", "empty", "null", "next_null", "href_null", "rotating")


def addresses(rows: list[dict[str, dict[str, str]]]) -> list[str]:
    return [each["email_address"]["address"] for each in rows]


@settings(deadline=None)
@given(
    limit=st.integers(1, 12),
    seconds=st.lists(st.integers(0, 4), max_size=10),
    style=st.sampled_from(STYLES),
    ending=st.sampled_from(ENDINGS),
    empty_pages=st.booleans(),
)
def test_any_page_size_yields_each_row_once_and_in_order(
    limit: int,
    seconds: list[int],
    style: Literal["offset", "keyset"],
    ending: LastPage,
    *,
    empty_pages: bool,
) -> None:
    account = Account(Clock(NOON))
    for second in seconds:
        account.add_contact(at=NOON - timedelta(seconds=second))
    switches = Switches.unlimited()
    switches.cursor_style, switches.last_page = style, ending
    switches.empty_pages = empty_pages
    client = Client(Sandbox(account, switches))
    whole = [each.contact_id for each in account.newest_contacts()]
    pages = list(client.pages("/contacts", "contacts", limit=limit))
    assert [each["contact_id"] for page in pages for each in page] == whole
    assert all(len(page) <= limit for page in pages)


@settings(deadline=None)
@given(limit=st.integers(1, 9), minutes=st.lists(st.integers(0, 3), max_size=8))
@pytest.mark.parametrize("style", STYLES)
def test_reports_are_cut_likewise(
    style: Literal["offset", "keyset"], limit: int, minutes: list[int]
) -> None:
    account = Account(Clock(NOON))
    contact, activity = account.add_contact(), account.add_campaign().primary
    for minute in minutes:
        account.add_open(activity, contact, at=NOON - timedelta(minutes=minute))
    switches = Switches.unlimited()
    switches.cursor_style = style
    client = Client(Sandbox(account, switches))
    path = f"/reports/email_reports/{activity.campaign_activity_id}/tracking/opens"
    rows = client.rows(path, "tracking_activities", limit=limit)
    assert [each["created_time"] for each in rows] == [
        f"2026-06-01T{'12:00' if not minute else f'11:{60 - minute}'}:00.000Z"
        for minute in sorted(minutes)
    ]


COLLECTIONS = (
    ("/contacts", "contacts"),
    ("/contact_lists", "lists"),
    ("/contact_tags", "tags"),
    ("/contact_custom_fields", "custom_fields"),
    ("/emails", "campaigns"),
    ("/reports/summary_reports/email_campaign_summaries", "bulk_email_campaign_summaries"),
)


@pytest.fixture(scope="module")
def town() -> Client:
    """A populated account whose next links can all be followed."""
    account = Account.populate(clock=Clock(NOON), contacts=40, campaigns=12)
    switches = Switches.unlimited()
    switches.tag_links = "public"
    return Client(Sandbox(account, switches))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("path", "key"), COLLECTIONS)
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_every_collection_is_cut_likewise(
    town: Client, path: str, key: str, limit: int, style: Literal["offset", "keyset"]
) -> None:
    town.sandbox.switches.cursor_style = style
    whole = town.get(path, limit=100)[key]
    assert len(whole) > limit
    assert town.rows(path, key, limit=limit) == whole


def test_a_cursor_embeds_the_limit_all_filters_and_a_position(
    account: Account, client: Client
) -> None:
    for _ in range(3):
        account.add_contact()
    asked = {"limit": 1, "status": "all", "updated_after": "2026-01-01T00:00:00+01:00"}
    href = next_link(client.get("/contacts", **asked))
    assert href is not None
    assert href.startswith("/v3/contacts?cursor=")
    text = base64.b64decode(cursor_of(href)).decode()
    assert parse_qs(text) == {
        "limit": ["1"],
        "next": ["2"],
        "status": ["all"],
        "updated_after": ["2026-01-01T00:00:00+01:00"],
    }
    plain = next_link(client.get("/contacts", limit=1))
    assert plain is not None
    assert base64.b64decode(cursor_of(plain)) == b"limit=1&next=2"


def test_beside_a_cursor_nothing_counts(account: Account, client: Client) -> None:
    for number in range(3):
        account.add_contact(f"{number}@example.com")
    href = next_link(client.get("/contacts", limit=1))
    assert href is not None
    body = client.get("/contacts", cursor=cursor_of(href), limit=50, status="deleted")
    assert addresses(body["contacts"]) == ["1@example.com"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/contacts", "cursor"),
        ("/contact_lists", "cursor"),
        ("/contact_custom_fields", "cursor"),
        ("/emails", "next"),
        ("/reports/summary_reports/email_campaign_summaries", "next"),
    ],
)
def test_each_collection_calls_its_cursor_by_its_name(path: str, name: str) -> None:
    account = Account.populate(clock=Clock(NOON), contacts=20, campaigns=12)
    client = Client(Sandbox(account, Switches.unlimited()))
    href = next_link(client.get(path, limit=1))
    assert href is not None
    assert urlsplit(href).path == f"/v3{path}"
    assert list(parse_qs(urlsplit(href).query)) == [name]


def test_summaries_count_their_offset_from_nought(account: Account, client: Client) -> None:
    for _ in range(2):
        account.send(account.add_campaign(), [])
    path = "/reports/summary_reports/email_campaign_summaries"
    href = next_link(client.get(path, limit=1))
    assert href is not None
    text = base64.b64decode(cursor_of(href, "next")).decode()
    assert text == (
        "campaign_types=1,2,10,11,12,14,15,16,17,18,19,20,21,22,23,24,25,26,57&limit=1&o=1"
    )


@pytest.mark.parametrize(
    ("ending", "expected"),
    [
        ("absent", {}),
        ("empty", {"_links": {}}),
        ("null", {"_links": None}),
        ("next_null", {"_links": {"next": None}}),
        ("href_null", {"_links": {"next": {"href": None}}}),
    ],
)
def test_a_last_page_says_so_in_one_of_five_ways(
    client: Client, switches: Switches, ending: LastPage, expected: dict[str, object]
) -> None:
    switches.last_page = ending
    assert client.get("/contacts") == {"contacts": [], **expected}


def test_the_ways_to_say_so_can_take_turns(client: Client, switches: Switches) -> None:
    switches.last_page = "rotating"
    bodies = [client.get("/contacts") for _ in range(6)]
    links = [each.get("_links", "absent") for each in bodies]
    assert links == ["absent", {}, None, {"next": None}, {"next": {"href": None}}, "absent"]


def test_an_empty_page_with_a_next_link_is_not_the_end(
    account: Account, client: Client, switches: Switches
) -> None:
    switches.empty_pages = True
    for _ in range(3):
        account.add_contact()
    pages = list(client.pages("/contacts", "contacts", limit=2))
    assert [len(page) for page in pages] == [0, 2, 0, 1]


def insert_at_the_second_page(account: Account, client: Client) -> None:
    def insert(request: Request) -> None:
        if "cursor" in request.query:
            client.sandbox.before_answer.clear()
            account.add_contact("new@example.com", at=NOON + timedelta(seconds=1))

    client.sandbox.before_answer.append(insert)


@pytest.mark.parametrize(
    ("style", "expected"), [("offset", ["0", "1", "1", "2"]), ("keyset", ["0", "1", "2"])]
)
def test_a_row_that_comes_between_two_pages_shifts_an_offset_not_a_keyset(
    account: Account,
    client: Client,
    switches: Switches,
    style: Literal["offset", "keyset"],
    expected: list[str],
) -> None:
    switches.cursor_style = style
    for number in range(3):
        account.add_contact(f"{number}@example.com")
    insert_at_the_second_page(account, client)
    rows = client.rows("/contacts", "contacts", limit=2)
    assert addresses(rows) == [f"{each}@example.com" for each in expected]


def test_a_row_that_leaves_between_two_pages_hides_another(
    account: Account, client: Client
) -> None:
    people = [account.add_contact(f"{number}@example.com") for number in range(4)]

    def delete(request: Request) -> None:
        if "cursor" in request.query:
            account.delete_contact(people[0])

    client.sandbox.before_answer.append(delete)
    rows = client.rows("/contacts", "contacts", limit=2)
    assert addresses(rows) == [f"{each}@example.com" for each in (0, 1, 3)]


def test_contacts_that_were_put_in_by_hand_show_as_well(account: Account, client: Client) -> None:
    other = Account(account.clock, seed=1).add_contact("by-hand@example.com")
    client.get("/contacts")
    account.contacts[other.contact_id] = other
    assert addresses(client.get("/contacts")["contacts"]) == ["by-hand@example.com"]
