"""/social: profiles, connections and hashtag groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.client import Client

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Sandbox, Switches

GROUPS = "/social/hashtags/groups"


def test_a_profile_shows_whether_one_can_post_to_it_only_when_asked_for(
    account: Account, client: Client
) -> None:
    facebook = account.connect("facebook", "bakery")
    profile = account.add_profile(facebook, "The Bakery")
    shown = {
        "account_info": {
            "network": "facebook",
            "network_account_id": facebook.account.network_account_id,
            "username": "bakery",
            "display_name": "Bakery",
            "image_url": "https://facebook.example.com/bakery.jpg",
        },
        "connected": True,
        "image_url": "https://facebook.example.com/bakery.jpg",
        "name": "The Bakery",
        "network": "facebook",
        "network_profile_id": profile.network_profile_id,
        "network_user_id": facebook.account.network_account_id,
        "profile_id": profile.profile_id,
        "url": "https://facebook.example.com/thebakery",
    }
    assert client.get("/social/profiles") == [shown]
    assert client.get("/social/profiles", include="accessible") == [{**shown, "accessible": True}]
    account.spoil(facebook, "The token has expired.", 401)
    [spoilt] = client.get("/social/profiles", include="accessible")
    assert spoilt["accessible"] is False
    assert client.ask("/social/profiles", include="all")[0] == 400


def test_only_tiktok_has_settings_and_only_facebook_hides_handles(
    account: Account, client: Client
) -> None:
    for network in ("facebook", "instagram", "tiktok"):
        account.add_profile(account.connect(network, "bakery"), "The Bakery")
    profiles = client.get("/social/profiles", include="accessible")
    assert ["settings" in each for each in profiles] == [False, False, True]
    assert [each.get("handle") for each in profiles] == [None, "thebakery", "thebakery"]


def test_a_connection_tells_how_well_it_works(account: Account, client: Client) -> None:
    linkedin = account.connect("linkedin", "bakery")
    good = {
        "has_token": True,
        "is_active_user": False,
        "rate_limited": False,
        "token_has_scopes": True,
        "token_is_valid": True,
    }
    assert statuses(client) == [good]
    account.add_profile(linkedin, "The Bakery")
    account.spoil(linkedin, "The token has expired.", 401)
    bad = {"token_is_valid": False, "error": "The token has expired.", "status": 401}
    assert statuses(client) == [{**good, **bad, "is_active_user": True}]


def statuses(client: Client) -> list[object]:
    found = client.get("/social/connections")["connections"]
    return [each["connection_status"] for each in found]


def test_what_is_removed_is_gone(account: Account, client: Client) -> None:
    one, two = account.connect("facebook", "one"), account.connect("facebook", "two")
    first, _, third = (
        account.add_profile(each, name)
        for each, name in ((one, "first"), (two, "second"), (one, "third"))
    )
    account.remove_profile(first)
    assert [each["name"] for each in client.get("/social/profiles")] == ["second", "third"]
    account.disconnect(one)
    assert [each["name"] for each in client.get("/social/profiles")] == ["second"]
    assert third.profile_id not in account.social_profiles
    [left] = client.get("/social/connections")["connections"]
    assert left["account_info"]["username"] == "two"


def test_hashtag_groups_come_in_numbered_pages_of_five(account: Account, client: Client) -> None:
    groups = [account.add_hashtag_group(f"g{number}", "bread", "rye") for number in range(7)]
    first = client.get(GROUPS)
    assert first["hashtag_groups"][0] == {
        "hashtag_group_id": groups[0].hashtag_group_id,
        "hashtag_group_name": "g0",
        "hashtag_names": ["bread", "rye"],
    }
    assert first["page"] == {"page": 0, "size": 5, "total_elements": 7, "total_pages": 2}
    assert first["_links"] == {"next": {"href": f"/v3{GROUPS}?limit=5&page=1"}}
    last = client.get(GROUPS, page=1)
    assert (len(last["hashtag_groups"]), last["_links"]) == (2, {})
    assert last["page"]["size"] == 2
    account.remove_hashtag_group(groups[0])
    assert [each["hashtag_group_name"] for each in client.rows(GROUPS, "hashtag_groups")] == [
        f"g{number}" for number in range(1, 7)
    ]
    for wrong in ({"limit": 6}, {"limit": 0}, {"page": -1}, {"page": "x"}):
        assert client.ask(GROUPS, **wrong)[0] == 400


@pytest.mark.parametrize("path", ["/social/profiles", "/social/connections", GROUPS])
def test_social_needs_the_rights_of_campaigns(
    sandbox: Sandbox, switches: Switches, path: str
) -> None:
    assert Client(sandbox).ask(path)[0] == 200
    assert Client(sandbox, ("contact_data",)).ask(path)[0] == 403
    switches.withheld_privileges = frozenset({"campaign:read"})
    assert Client(sandbox).ask(path)[0] == 403
