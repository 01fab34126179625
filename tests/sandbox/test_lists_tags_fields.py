"""/contact_lists, /contact_tags and /contact_custom_fields."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox.records import FieldMetadata
from tests.sandbox.client import cursor_of, next_link
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from tests.sandbox.client import Client

ELSEWHERE = "c3639a04-bc12-11f1-aa3a-02420a320002"


def names(rows: list[dict[str, str]]) -> list[str]:
    return [each["name"] for each in rows]


def test_a_list_shows_what_it_has(account: Account, client: Client) -> None:
    news = account.add_list("News", description="Once a month", favorite=True)
    shown = {
        "list_id": news.list_id,
        "name": "News",
        "description": "Once a month",
        "favorite": True,
        "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
    }
    assert client.get(f"/contact_lists/{news.list_id}") == shown
    assert client.get("/contact_lists") == {"lists": [shown]}


def test_a_list_without_description_shows_none(account: Account, client: Client) -> None:
    account.add_list("News", description="")
    assert "description" not in client.get("/contact_lists")["lists"][0]


def test_deleted_lists_and_sms_lists_show_only_when_asked_for(
    account: Account, client: Client, clock: Clock
) -> None:
    account.add_list("kept")
    gone = account.add_list("gone")
    account.add_list("texts", channel="sms")
    clock.advance(timedelta(hours=1))
    account.delete_list(gone)
    assert names(client.get("/contact_lists")["lists"]) == ["kept"]
    assert names(client.get("/contact_lists", status="all")["lists"]) == ["kept", "gone"]
    assert names(client.get("/contact_lists", status="active,deleted")["lists"]) == [
        "kept",
        "gone",
    ]
    [deleted] = client.get("/contact_lists", status="deleted")["lists"]
    assert deleted["deleted_at"] == deleted["updated_at"] == "2026-06-01T13:00:00Z"
    assert names(client.get("/contact_lists", channel_type="sms")["lists"]) == ["texts"]


def test_the_default_status_of_lists_is_a_switch(
    account: Account, client: Client, switches: Switches
) -> None:
    switches.default_list_status = "all"
    account.delete_list(account.add_list("gone"))
    assert names(client.get("/contact_lists")["lists"]) == ["gone"]


def test_members_are_counted_when_asked_for(account: Account, client: Client) -> None:
    news = account.add_list("News")
    for permission in ("explicit", "implicit", "unsubscribed"):
        account.add_contact(permission=permission, lists=[news])
    for counted, members in (("all", 3), ("active", 2)):
        body = client.get("/contact_lists", include_membership_count=counted, include_count="true")
        assert body["lists_count"] == 1
        assert body["lists"][0]["membership_count"] == members
    detail = client.get(f"/contact_lists/{news.list_id}", include_membership_count="active")
    assert detail["membership_count"] == 2


def test_sms_members_are_counted_by_a_parameter_of_their_own(
    account: Account, client: Client
) -> None:
    texts = account.add_list("Texts", channel="sms")
    account.add_contact(None, lists=[texts])
    asked = {"include_sms_membership_count": "true"}
    [shown] = client.get("/contact_lists", channel_type="sms", **asked)["lists"]
    assert shown["membership_count"] == 1
    account.add_list("News")
    assert "membership_count" not in client.get("/contact_lists", **asked)["lists"][0]


def test_a_deleted_list_loses_its_members(account: Account, client: Client) -> None:
    news, shop = account.add_list("News"), account.add_list("Shop")
    contact = account.add_contact(lists=[news, shop])
    account.delete_list(news)
    shown = client.get(f"/contacts/{contact.contact_id}", include="list_memberships")
    assert shown["list_memberships"] == [shop.list_id]


def test_another_name_moves_the_list(account: Account, client: Client, clock: Clock) -> None:
    news = account.add_list("News")
    clock.advance(timedelta(hours=1))
    account.rename_list(news, "Good news")
    [shown] = client.get("/contact_lists")["lists"]
    assert (shown["name"], shown["updated_at"]) == ("Good news", "2026-06-01T13:00:00Z")


def test_a_list_is_found_by_its_name(account: Account, client: Client) -> None:
    account.add_list("News")
    account.add_list("Newsletter")
    assert names(client.get("/contact_lists", name="News")["lists"]) == ["News"]


def test_lists_are_not_filtered_by_when_they_changed(account: Account, client: Client) -> None:
    account.add_list("News")
    asked = {"updated_after": "2030-01-01T00:00:00Z"}
    assert names(client.get("/contact_lists", **asked)["lists"]) == ["News"]


def test_a_tag_shows_what_it_has_and_who_has_it(account: Account, client: Client) -> None:
    vip = account.add_tag("VIP", source="ETSY")
    account.add_tag("new")
    account.add_contact(tags=[vip])
    account.delete_contact(account.add_contact(tags=[vip]))
    shown = {
        "tag_id": vip.tag_id,
        "name": "VIP",
        "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
        "tag_source": "ETSY",
    }
    assert client.get(f"/contact_tags/{vip.tag_id}") == shown
    body = client.get("/contact_tags", include_count="true")
    assert client.get("/contact_tags", include_count="true", limit=1)["tags_count"] == 2
    assert "tags_count" not in client.get("/contact_tags")
    counted = body["tags"]
    assert counted[0] == {**shown, "contacts_count": 1}
    assert counted[1]["contacts_count"] == 0
    assert "tag_source" not in counted[1]


def test_tags_come_oldest_first_by_a_link_that_clients_cannot_follow(
    account: Account, client: Client
) -> None:
    for number in range(3):
        account.add_tag(f"tag {number}", at=NOON + timedelta(hours=number))
    body = client.get("/contact_tags", limit=2)
    assert names(body["tags"]) == ["tag 0", "tag 1"]
    href = next_link(body)
    assert href is not None
    assert href.startswith("/contacts-service/v3/accounts/1142349074886/contact_tags?cursor=")
    assert client.answer(href).status == 404
    assert names(client.get("/contact_tags", cursor=cursor_of(href))["tags"]) == ["tag 2"]


def test_the_look_of_tag_links_is_a_switch(
    account: Account, client: Client, switches: Switches
) -> None:
    account.add_tag("one")
    account.add_tag("two")
    switches.tag_links = "public"
    assert names(client.rows("/contact_tags", "tags", limit=1)) == ["one", "two"]
    switches.tag_links = "nested"
    links = client.get("/contact_tags", limit=1)["_links"]
    assert links["next"]["next"]["href"].startswith("/v3/contact_tags?cursor=")


def test_movements_show_in_the_counts_of_lists_and_tags_at_once(
    account: Account, client: Client
) -> None:
    news, vip = account.add_list("News"), account.add_tag("VIP")
    contact = account.add_contact(lists=[news], tags=[vip])

    def counts() -> tuple[int, int, int]:
        [shown] = client.get("/contact_lists", include_membership_count="all")["lists"]
        [tag] = client.get("/contact_tags", include_count="true")["tags"]
        total = client.get("/contacts/counts")["total"]
        return shown["membership_count"], tag["contacts_count"], total

    other = account.add_contact()
    assert counts() == (1, 1, 2)
    account.join(other, news)
    account.tag(other, vip)
    assert counts() == (2, 2, 2)
    account.leave(contact, news)
    assert counts() == (1, 2, 2)
    account.untag(contact, vip)
    assert counts() == (1, 1, 2)
    account.delete_contact(other)
    assert counts() == (0, 0, 1)
    account.revive(other)
    assert counts() == (0, 1, 2)


def test_another_name_moves_the_tag(account: Account, client: Client, clock: Clock) -> None:
    vip = account.add_tag("VIP")
    clock.advance(timedelta(hours=1))
    account.rename_tag(vip, "Regular")
    shown = client.get(f"/contact_tags/{vip.tag_id}")
    assert (shown["name"], shown["updated_at"]) == ("Regular", "2026-06-01T13:00:00Z")


def test_a_deleted_tag_is_gone_from_its_contacts_too(account: Account, client: Client) -> None:
    vip = account.add_tag("VIP")
    contact = account.add_contact(tags=[vip])
    account.delete_tag(vip)
    assert client.get("/contact_tags") == {"tags": []}
    assert client.ask(f"/contact_tags/{vip.tag_id}")[0] == 404
    assert client.get(f"/contacts/{contact.contact_id}", include="taggings")["taggings"] == []


def test_a_custom_field_shows_how_it_is_asked(account: Account, client: Client) -> None:
    moment = "2026-06-01T12:00:00Z"
    diet = account.add_custom_field(
        "Diet & allergies",
        "multi_select",
        choices=("vegan", "no nuts"),
        metadata=FieldMetadata(display_type="checkbox", integer=False),
    )
    diet.choices[1].deleted_at = NOON
    choice = {"custom_field_id": diet.custom_field_id, "created_at": moment, "updated_at": moment}
    assert client.get(f"/contact_custom_fields/{diet.custom_field_id}") == {
        "custom_field_id": diet.custom_field_id,
        "label": "Diet & allergies",
        "name": "diet_allergies",
        "type": "multi_select",
        "created_at": moment,
        "updated_at": moment,
        "version": 1,
        "metadata": {"display_type": "checkbox", "integer": False},
        "choices": [
            {**choice, "choice_id": "000001", "choice_label": "vegan", "display_order": 1},
            {
                **choice,
                "choice_id": "000002",
                "choice_label": "no nuts",
                "display_order": 2,
                "deleted_at": "2026-06-01",
            },
        ],
    }


def test_custom_fields_come_newest_first_and_by_id_within_a_second(
    account: Account, client: Client
) -> None:
    old = account.add_custom_field("old", at=NOON - timedelta(days=1))
    first, second = account.add_custom_field("first"), account.add_custom_field("second")
    ids = [each.custom_field_id for each in (first, second)]
    rows = client.rows("/contact_custom_fields", "custom_fields", limit=1)
    assert [each["custom_field_id"] for each in rows] == [*sorted(ids), old.custom_field_id]


def test_another_label_changes_the_name_not_the_id(account: Account, client: Client) -> None:
    field = account.add_custom_field("Vehicle make")
    account.relabel(field, "Vehicle make and year")
    shown = client.get(f"/contact_custom_fields/{field.custom_field_id}")
    assert (shown["label"], shown["name"]) == ("Vehicle make and year", "vehicle_make_and_year")


def test_choices_come_change_and_go_and_move_their_field(
    account: Account, client: Client, clock: Clock
) -> None:
    diet = account.add_custom_field("Diet", "multi_select", choices=("vegan", "none"))
    contact = account.add_contact()
    account.set_field(contact, diet, "", "000002")

    def shown() -> list[tuple[str, str, str | None]]:
        field = client.get(f"/contact_custom_fields/{diet.custom_field_id}")
        now = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        assert field["updated_at"] == now
        assert now in {each["updated_at"] for each in field["choices"]}
        return [
            (each["choice_id"], each["choice_label"], each.get("deleted_at"))
            for each in field["choices"]
        ]

    clock.advance(timedelta(hours=1))
    account.add_choice(diet, "no nuts")
    assert shown() == [
        ("000001", "vegan", None),
        ("000002", "none", None),
        ("000003", "no nuts", None),
    ]
    clock.advance(timedelta(hours=1))
    account.rename_choice(diet, diet.choices[0], "only plants")
    account.delete_choice(diet, diet.choices[1])
    assert shown()[:2] == [("000001", "only plants", None), ("000002", "none", "2026-06-01")]
    said = client.get(f"/contacts/{contact.contact_id}", include="custom_fields")["custom_fields"]
    assert said == [{"custom_field_id": diet.custom_field_id, "choice_ids": ["000002"]}]


def test_what_is_said_of_a_contact_can_be_taken_back(account: Account, client: Client) -> None:
    bread, diet = account.add_custom_field("Bread"), account.add_custom_field("Diet")
    contact = account.add_contact()
    account.set_field(contact, bread, "rye")
    account.set_field(contact, diet, "vegan")
    account.set_field(contact, bread, "spelt")
    shown = client.get(f"/contacts/{contact.contact_id}", include="custom_fields")
    assert [each["value"] for each in shown["custom_fields"]] == ["vegan", "spelt"]
    account.clear_field(contact, diet)
    said = client.get(f"/contacts/{contact.contact_id}", include="custom_fields")["custom_fields"]
    assert said == [{"custom_field_id": bread.custom_field_id, "value": "spelt"}]


def test_a_deleted_field_is_gone_and_so_is_what_it_said(account: Account, client: Client) -> None:
    field, contact = account.add_custom_field("Bread"), account.add_contact()
    account.set_field(contact, field, "rye")
    account.delete_custom_field(field)
    assert client.get("/contact_custom_fields") == {"custom_fields": []}
    shown = client.get(f"/contacts/{contact.contact_id}", include="custom_fields")
    assert shown["custom_fields"] == []


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/contact_lists", 400),
        ("/contact_tags", 400),
        ("/contact_custom_fields", 400),
        (f"/contact_lists/{ELSEWHERE}", 404),
        ("/contact_lists/none", 404),
        (f"/contact_tags/{ELSEWHERE}", 404),
        (f"/contact_custom_fields/{ELSEWHERE}", 404),
        ("/contact_custom_fields/none", 400),
    ],
)
def test_limits_over_the_maximum_and_unknown_ids_are_refused(
    client: Client, path: str, status: int
) -> None:
    answered, errors = client.ask(path, limit=1001)
    assert answered == status
    assert [set(each) for each in errors] == [{"error_key", "error_message"}]
