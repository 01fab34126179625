"""/segments, and the contacts of one."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox.segments import Criteria
from tests.sandbox.client import next_link
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from constantcontact_sandbox.segments import Segment
    from tests.sandbox.client import Client


def addresses(client: Client, segment: Segment, **asked: object) -> list[str]:
    """Ask for a segment's contacts, as often as it takes."""
    asked = {"segment_id": segment.segment_id, **asked}
    while client.ask("/contacts", **asked)[0] == 202:
        pass
    rows = client.rows("/contacts", "contacts", **asked)
    return [each["email_address"]["address"].partition("@")[0] for each in rows]


@pytest.fixture
def at_once(switches: Switches) -> None:
    """Let segments be found without a second try."""
    switches.segment_tries = 0


def test_the_collection_has_no_criteria_and_one_segment_has(
    account: Account, client: Client
) -> None:
    segment = account.add_segment("Asleep", Criteria(not_opened=5))
    shown = {
        "segment_id": 1,
        "name": "Asleep",
        "created_at": "2026-06-01T12:00:00.000Z",
        "edited_at": "2026-06-01T12:00:00.000Z",
    }
    assert client.get("/segments") == {"segments": [shown]}
    assert client.get(f"/segments/{segment.segment_id}") == {
        **shown,
        "segment_criteria": '{"version":"1.0.0","criteria":{"type":"and","group":[{"source":'
        '"tracking","field":"not_opened","op":"contains-any","const_value":"last-n-campaigns",'
        '"param":"5"}]}}',
    }


def test_criteria_name_lists_and_tags(account: Account) -> None:
    news, vip = account.add_list("News"), account.add_tag("VIP")
    criteria = json.loads(str(Criteria.of(lists=[news], tags=[vip])))["criteria"]
    assert [each["group"] for each in criteria["group"]] == [
        [{"source": "list_membership", "field": "list_id", "op": "eq", "value": news.list_id}],
        [{"source": "tags", "field": "tag_id", "op": "eq", "value": vip.tag_id}],
    ]


def test_the_last_edited_comes_first_unless_sorted_by_name(
    account: Account, client: Client, clock: Clock
) -> None:
    first, second, third = (account.add_segment(name) for name in "bca")
    clock.advance(timedelta(minutes=1))
    account.rename_segment(second, "d")
    clock.advance(timedelta(minutes=1))
    account.edit_segment(first, Criteria(not_opened=1))
    by_date = client.rows("/segments", "segments", limit=1)
    assert [each["segment_id"] for each in by_date] == [1, 2, third.segment_id]
    assert [each["edited_at"][11:19] for each in by_date] == ["12:02:00", "12:01:00", "12:00:00"]
    assert {each["created_at"] for each in by_date} == {"2026-06-01T12:00:00.000Z"}
    by_name = client.rows("/segments", "segments", limit=2, sort_by="name")
    assert [each["name"] for each in by_name] == ["a", "b", "d"]


def test_a_deleted_segment_leaves_the_collection_but_can_be_named(
    account: Account, client: Client
) -> None:
    segment = account.add_segment("Gone")
    account.delete_segment(segment)
    assert client.get("/segments") == {"segments": []}
    assert client.get(f"/segments/{segment.segment_id}")["name"] == "Gone"
    assert client.ask("/contacts", segment_id=segment.segment_id)[0] == 404
    assert account.add_segment("New").segment_id == 2


@pytest.mark.usefixtures("at_once")
def test_a_segment_is_of_those_who_meet_all_of_its_criteria_now(
    account: Account, client: Client
) -> None:
    news, shop = account.add_list("News"), account.add_list("Shop")
    vip = account.add_tag("VIP")
    hour = timedelta(hours=1)
    account.add_contact("a@example.com", lists=[news], at=NOON - hour)
    b = account.add_contact("b@example.com", lists=[shop], tags=[vip], at=NOON - 2 * hour)
    c = account.add_contact("c@example.com", tags=[vip], at=NOON - 3 * hour)
    account.delete_contact(account.add_contact("d@example.com", tags=[vip]))
    everybody = account.add_segment("everybody")
    members = account.add_segment("members", Criteria.of(lists=[news, shop]))
    both = account.add_segment("both", Criteria.of(lists=[news, shop], tags=[vip]))
    assert addresses(client, everybody) == ["a", "b", "c"]
    assert addresses(client, members) == ["a", "b"]
    assert addresses(client, both) == ["b"]
    account.untag(b, vip)
    account.join(c, shop)
    assert addresses(client, both) == ["c"]
    account.delete_contact(c)
    assert addresses(client, both) == []


@pytest.mark.usefixtures("at_once")
def test_who_opens_one_of_the_last_campaigns_leaves_those_who_did_not(
    account: Account, client: Client
) -> None:
    people = {name: account.add_contact(f"{name}@example.com") for name in "abc"}
    campaigns = [account.add_campaign(name) for name in ("old", "middle", "new")]
    for number, campaign in enumerate(campaigns):
        account.send(campaign, people.values(), at=NOON - timedelta(days=3 - number))
    asleep = account.add_segment("asleep", Criteria(not_opened=2))
    account.add_open(campaigns[0].primary, people["a"])
    account.add_open(campaigns[1].primary, people["b"])
    assert sorted(addresses(client, asleep)) == ["a", "c"]
    resend = account.resend(campaigns[2], [people["a"]])
    account.add_open(resend, people["a"])
    assert addresses(client, asleep) == ["c"]


def test_a_segments_contacts_come_on_the_second_try_and_then_page_by_page(
    account: Account, client: Client
) -> None:
    for _ in range(3):
        account.add_contact()
    segment = account.add_segment("all")
    asked = {"segment_id": segment.segment_id, "limit": 2}
    assert client.ask("/contacts", **asked) == (202, {"status": "processing"})
    body = client.get("/contacts", **asked)
    assert len(body["contacts"]) == 2
    assert "status" not in body
    response = client.answer(str(next_link(body)))
    assert (response.status, len(json.loads(response.body)["contacts"])) == (200, 1)
    assert client.ask("/contacts", **asked)[0] == 202


def test_how_many_tries_it_takes_is_a_switch(
    account: Account, client: Client, switches: Switches
) -> None:
    segment = account.add_segment("all")
    switches.segment_tries = 3
    statuses = [client.ask("/contacts", segment_id=segment.segment_id)[0] for _ in range(5)]
    assert statuses == [202, 202, 202, 200, 202]


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"limit": 5, "unknown": "x"}, 200),
        ({"status": "all"}, 400),
        ({"include": "notes"}, 400),
        ({"include_count": "true"}, 400),
        ({"updated_after": "2026-06-01"}, 400),
        ({"segment_id": "one"}, 400),
        ({"segment_id": "2"}, 404),
        ({"limit": 501}, 400),
    ],
    ids=str,
)
def test_a_segment_can_be_combined_with_the_limit_only(
    account: Account, client: Client, asked: dict[str, object], status: int
) -> None:
    account.add_segment("all")
    assert client.ask("/contacts", **{"segment_id": 1, **asked})[0] == status


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        ("/segments", {"sort_by": "size"}, 400),
        ("/segments", {"limit": 1001}, 400),
        ("/segments/none", {}, 400),
        ("/segments/99999999999", {}, 400),
        ("/segments/7", {}, 404),
    ],
)
def test_a_bad_value_is_refused(
    client: Client, path: str, asked: dict[str, object], status: int
) -> None:
    answered, [error] = client.ask(path, **asked)
    assert answered == status
    assert error["error_key"] == (
        "segments.api.not_found" if "/segments/" in path else "segments.api.validation.error"
    )
