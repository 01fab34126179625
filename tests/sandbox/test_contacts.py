"""/contacts: what is shown of a contact, and which contacts are."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from constantcontact_sandbox.records import Permission
    from tests.sandbox.client import Client

ALL = "custom_fields,list_memberships,phone_numbers,street_addresses,taggings,notes,sms_channel"
INVALID = "contacts.api.validation.error"


def addresses(body: dict[str, Any]) -> list[str]:
    return [each["email_address"]["address"] for each in body["contacts"]]


def test_a_contact_without_particulars_shows_only_what_it_has(
    account: Account, client: Client
) -> None:
    contact = account.add_contact("anna@example.com")
    assert client.get("/contacts") == {
        "contacts": [
            {
                "contact_id": contact.contact_id,
                "email_address": {
                    "address": "anna@example.com",
                    "permission_to_send": "implicit",
                    "created_at": "2026-06-01T12:00:00Z",
                    "updated_at": "2026-06-01T12:00:00Z",
                    "opt_in_source": "Account",
                    "opt_in_date": "2026-06-01T12:00:00Z",
                    "confirm_status": "off",
                },
                "create_source": "Account",
                "created_at": "2026-06-01T12:00:00Z",
                "updated_at": "2026-06-01T12:00:00Z",
            }
        ]
    }


def test_subresources_are_shown_when_asked_for_and_then_empty_ones_too(
    account: Account, client: Client
) -> None:
    contact = account.add_contact()
    assert "notes" not in client.get("/contacts")["contacts"][0]
    shown = client.get(f"/contacts/{contact.contact_id}", include=ALL)
    assert {name: shown[name] for name in ALL.split(",") if name in shown} == {
        "custom_fields": [],
        "phone_numbers": [],
        "street_addresses": [],
        "list_memberships": [],
        "taggings": [],
        "notes": [],
    }


def test_all_that_is_known_of_a_contact_is_shown(account: Account, client: Client) -> None:
    news, vip = account.add_list("News"), account.add_tag("VIP")
    diet = account.add_custom_field("Diet", "multi_select", choices=("vegan", "no nuts"))
    bread = account.add_custom_field("Favourite bread")
    contact = account.add_contact(None, first_name="Zoë 🎂", lists=[news], tags=[vip])
    contact.birthday_month, contact.birthday_day = 2, 28
    contact.anniversary = date(2006, 11, 15)
    account.set_field(contact, bread, "rye")
    account.set_field(contact, diet, "", "000001", "000002")
    phone = account.add_phone(contact, "+1-555-0100", "home")
    place = account.add_street_address(contact, "work", city="Łódź", country="Poland")
    account.add_note(contact, "older")
    note = account.add_note(contact, "newer")
    channel = account.add_sms_channel(contact, "7815550100")
    noon = "2026-06-01T12:00:00Z"
    shown = client.get(f"/contacts/{contact.contact_id}", include=ALL)
    older = shown["notes"].pop()
    assert older["content"] == "older"
    assert shown == {
        "contact_id": contact.contact_id,
        "first_name": "Zoë 🎂",
        "birthday_month": 2,
        "birthday_day": 28,
        "anniversary": "2006-11-15",
        "create_source": "Account",
        "created_at": noon,
        "updated_at": noon,
        "custom_fields": [
            {"custom_field_id": bread.custom_field_id, "value": "rye"},
            {"custom_field_id": diet.custom_field_id, "choice_ids": ["000001", "000002"]},
        ],
        "phone_numbers": [
            {
                "phone_number_id": phone.phone_number_id,
                "phone_number": "+1-555-0100",
                "kind": "home",
                "created_at": noon,
                "updated_at": noon,
                "create_source": "Account",
            }
        ],
        "street_addresses": [
            {
                "street_address_id": place.street_address_id,
                "kind": "work",
                "city": "Łódź",
                "country": "Poland",
                "created_at": noon,
                "updated_at": noon,
            }
        ],
        "list_memberships": [news.list_id],
        "taggings": [vip.tag_id],
        "notes": [{"note_id": note.note_id, "created_at": noon, "content": "newer"}],
        "sms_channel": {
            "sms_channel_id": channel.sms_channel_id,
            "sms_address": "7815550100",
            "dial_code": "1",
            "country_code": "US",
            "create_source": "Contact",
            "sms_channel_consents": [
                {
                    "sms_consent_permission": "explicit",
                    "consent_type": "promotional_sms",
                    "opt_in_date": noon,
                    "advertised_frequency": "4",
                    "advertised_interval": "monthly",
                    "created_at": noon,
                    "updated_at": noon,
                }
            ],
        },
    }


def test_including_the_sms_channel_can_be_refused(client: Client, switches: Switches) -> None:
    switches.sms_channel_included = False
    status, body = client.ask("/contacts", include=ALL)
    assert (status, body[0]["error_key"]) == (400, INVALID)


def test_contacts_come_newest_first(account: Account, client: Client) -> None:
    for name, days in (("b", 2), ("c", 1), ("a", 3)):
        account.add_contact(f"{name}@example.com", at=NOON - timedelta(days=days))
    assert addresses(client.get("/contacts")) == [f"{name}@example.com" for name in "cba"]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, {"explicit", "implicit", "not_set", "pending", "hold", "unsubscribed"}),
        ("all", {"explicit", "implicit", "not_set", "pending", "hold", "unsubscribed", "deleted"}),
        ("active", {"explicit", "implicit"}),
        ("deleted", {"deleted"}),
        ("unsubscribed", {"unsubscribed"}),
        ("not_set,temp_hold", {"not_set", "hold"}),
        ("pending_confirmation,deleted", {"pending", "deleted"}),
    ],
)
def test_a_status_chooses_contacts(
    account: Account, client: Client, status: str | None, expected: set[str]
) -> None:
    permissions: dict[str, Permission] = {
        "explicit": "explicit",
        "implicit": "implicit",
        "not_set": "not_set",
        "pending": "pending_confirmation",
        "hold": "temp_hold",
        "unsubscribed": "unsubscribed",
        "deleted": "explicit",
    }
    people = {
        name: account.add_contact(f"{name}@example.com", permission=permission)
        for name, permission in permissions.items()
    }
    account.delete_contact(people["deleted"])
    asked = {} if status is None else {"status": status}
    found = {each.partition("@")[0] for each in addresses(client.get("/contacts", **asked))}
    assert found == expected


def test_bounds_choose_contacts_by_their_moments(account: Account, client: Client) -> None:
    hours = [NOON + timedelta(hours=number) for number in range(4)]
    for hour in hours:
        contact = account.add_contact(f"h{hour.hour}@example.com", at=hour - timedelta(days=9))
        account.touch(contact, at=hour)
    changed = {"updated_after": "2026-06-01T12:30:00Z", "updated_before": "2026-06-01T14:30:00Z"}
    assert addresses(client.get("/contacts", **changed)) == ["h14@example.com", "h13@example.com"]
    made = {"created_after": "2026-05-23T16:30:00+02:00"}
    assert addresses(client.get("/contacts", **made)) == ["h15@example.com"]


@pytest.mark.parametrize("moment", ["created", "updated", "optout"])
@pytest.mark.parametrize("bound", ["after", "before"])
@pytest.mark.parametrize("inclusive", [True, False])
def test_whether_bounds_include_their_moment_is_a_switch(
    account: Account,
    client: Client,
    switches: Switches,
    moment: str,
    bound: str,
    *,
    inclusive: bool,
) -> None:
    switches.inclusive_bounds = inclusive
    account.opt_out(account.add_contact())
    asked = {f"{moment}_{bound}": "2026-06-01T12:00:00Z"}
    assert len(client.get("/contacts", **asked)["contacts"]) == inclusive


def test_an_opt_out_moves_only_the_address(account: Account, client: Client, clock: Clock) -> None:
    contact = account.add_contact()
    clock.advance(timedelta(hours=1))
    account.opt_out(contact, reason="Too many e-mails")
    assert client.get("/contacts", updated_after="2026-06-01T12:30:00Z") == {"contacts": []}
    [shown] = client.get("/contacts", optout_after="2026-06-01T12:30:00Z")["contacts"]
    assert shown["updated_at"] == "2026-06-01T12:00:00Z"
    email = shown["email_address"]
    assert (email["permission_to_send"], email["updated_at"], email["opt_out_date"]) == (
        "unsubscribed",
        "2026-06-01T13:00:00Z",
        "2026-06-01T13:00:00Z",
    )
    assert (email["opt_out_source"], email["opt_out_reason"]) == ("Contact", "Too many e-mails")


def test_another_address_moves_only_the_address(
    account: Account, client: Client, clock: Clock
) -> None:
    contact = account.add_contact("old@example.com")
    clock.advance(timedelta(hours=1))
    account.change_address(contact, "new@example.com")
    [shown] = client.get("/contacts", email="new@example.com")["contacts"]
    assert shown["updated_at"] == "2026-06-01T12:00:00Z"
    assert shown["email_address"]["updated_at"] == "2026-06-01T13:00:00Z"
    assert client.get("/contacts", email="old@example.com") == {"contacts": []}


def test_another_name_moves_only_the_contact(
    account: Account, client: Client, clock: Clock
) -> None:
    contact = account.add_contact(first_name="Ann")
    clock.advance(timedelta(hours=1))
    account.rename(contact, "Anna", None)
    [shown] = client.get("/contacts", updated_after="2026-06-01T12:30:00Z")["contacts"]
    assert (shown["first_name"], shown["update_source"]) == ("Anna", "Account")
    assert shown["email_address"]["updated_at"] == "2026-06-01T12:00:00Z"


@pytest.mark.parametrize("moves", [True, False])
def test_whether_a_delete_moves_the_contact_is_a_switch(
    account: Account, client: Client, clock: Clock, switches: Switches, *, moves: bool
) -> None:
    switches.delete_moves_updated_at = moves
    contact = account.add_contact(lists=[account.add_list("News")])
    clock.advance(timedelta(days=1))
    account.delete_contact(contact)
    [shown] = client.get("/contacts", status="all", include="list_memberships")["contacts"]
    assert shown["deleted_at"] == "2026-06-02"
    assert shown["updated_at"] == ("2026-06-02T12:00:00Z" if moves else "2026-06-01T12:00:00Z")
    assert shown["list_memberships"] == []
    assert client.get("/contacts") == {"contacts": []}


@pytest.mark.parametrize("opts_out", [True, False])
def test_whether_a_delete_opts_out_is_a_switch(
    account: Account, client: Client, switches: Switches, *, opts_out: bool
) -> None:
    switches.delete_opts_out = opts_out
    account.delete_contact(account.add_contact())
    asked = {"status": "all", "optout_after": "2026-06-01T11:59:59Z"}
    assert len(client.get("/contacts", **asked)["contacts"]) == opts_out


def test_a_revived_contact_is_as_before_but_for_its_lists(account: Account, client: Client) -> None:
    contact = account.add_contact(first_name="Ann", lists=[account.add_list("News")])
    before = client.get(f"/contacts/{contact.contact_id}")
    account.delete_contact(contact)
    account.revive(contact)
    shown = client.get("/contacts", include="list_memberships")["contacts"][0]
    assert shown == {**before, "update_source": "Account", "list_memberships": []}


@pytest.mark.parametrize("moves", [True, False])
def test_whether_a_membership_moves_the_contact_is_a_switch(
    account: Account, clock: Clock, switches: Switches, *, moves: bool, client: Client
) -> None:
    assert client.sandbox.switches is switches
    switches.membership_moves_updated_at = moves
    contact, news, vip = account.add_contact(), account.add_list("News"), account.add_tag("VIP")
    for change in (account.join, account.leave):
        clock.advance(timedelta(hours=1))
        change(contact, news)
        assert (contact.updated_at == clock.now()) == moves
    clock.advance(timedelta(hours=1))
    account.tag(contact, vip)
    assert (contact.updated_at == clock.now()) == moves


def test_lists_and_tags_choose_contacts_and_filters_are_anded(
    account: Account, client: Client
) -> None:
    news, shop = account.add_list("News"), account.add_list("Shop")
    vip = account.add_tag("VIP")
    account.add_contact("a@example.com", lists=[news])
    account.add_contact("b@example.com", lists=[shop], tags=[vip])
    account.add_contact("c@example.com", lists=[news, shop])
    account.add_contact("d@example.com", tags=[vip])
    either = f"{news.list_id},{shop.list_id}"
    assert addresses(client.get("/contacts", lists=either)) == [
        f"{name}@example.com" for name in "abc"
    ]
    assert addresses(client.get("/contacts", lists=either, tags=vip.tag_id)) == ["b@example.com"]


def test_an_sms_status_chooses_contacts(account: Account, client: Client) -> None:
    account.add_contact("none@example.com")
    account.add_sms_channel(account.add_contact("yes@example.com"), "1")
    account.add_sms_channel(account.add_contact("no@example.com"), "2", permission="unsubscribed")
    for status, expected in (
        ("explicit", ["yes@example.com"]),
        ("unsubscribed,not_set", ["none@example.com", "no@example.com"]),
        ("all", ["none@example.com", "yes@example.com", "no@example.com"]),
    ):
        assert addresses(client.get("/contacts", sms_status=status)) == expected


def test_the_count_is_that_of_all_pages(account: Account, client: Client) -> None:
    for _ in range(3):
        account.add_contact()
    body = client.get("/contacts", limit=2, include_count="true")
    assert (len(body["contacts"]), body["contacts_count"]) == (2, 3)
    assert "contacts_count" not in client.get("/contacts")


def test_unknown_parameters_are_ignored(account: Account, client: Client) -> None:
    account.add_contact()
    assert len(client.get("/contacts", update_after="2030-01-01T00:00:00Z")["contacts"]) == 1


@pytest.mark.parametrize(
    "asked",
    [
        {"limit": 501},
        {"limit": 0},
        {"limit": "many"},
        {"status": "gone"},
        {"sms_status": "gone"},
        {"include": "everything"},
        {"include_count": "maybe"},
        {"updated_after": "yesterday"},
        {"optout_before": "2026-06-01T12:00:00 02:00"},
        {"lists": "no-uuid"},
        {"lists": ",".join(["c3639a04-bc12-11f1-aa3a-02420a320002"] * 26)},
        {"tags": ",".join(["c3639a04-bc12-11f1-aa3a-02420a320002"] * 51)},
        {"cursor": "no cursor!"},
        {"cursor": "bmV4dD1zb29u"},
    ],
    ids=lambda asked: next(iter(asked.items()))[0] + "=" + str(next(iter(asked.values())))[:20],
)
def test_a_bad_value_is_refused_with_a_list_of_errors(
    client: Client, asked: dict[str, object]
) -> None:
    [name] = asked
    assert client.ask("/contacts", **asked) == (
        400,
        [{"error_key": INVALID, "error_message": f"{name} does not have a valid value"}],
    )


def test_an_id_that_is_none_and_one_that_is_not_there(client: Client) -> None:
    assert client.ask("/contacts/none") == (
        400,
        [
            {
                "error_key": "contacts.api.not_found",
                "error_message": "contact_id is in an invalid format.",
            }
        ],
    )
    status, [error] = client.ask("/contacts/c3639a04-bc12-11f1-aa3a-02420a320002")
    assert (status, error["error_key"]) == (404, "contacts.api.not_found")


def test_counts_tell_living_contacts_by_permission(account: Account, client: Client) -> None:
    old = NOON - timedelta(days=31)
    account.add_contact(permission="explicit", at=old)
    account.add_contact(permission="implicit", at=old)
    account.add_contact(permission="pending_confirmation")
    account.add_contact(None)
    account.opt_out(account.add_contact(at=old))
    account.delete_contact(account.add_contact())
    counts = {"total": 5, "explicit": 1, "implicit": 1, "pending": 1, "unsubscribed": 1}
    assert client.get("/contacts/counts") == counts
    with_new = client.get("/contacts/counts", include="new_subscriber")
    assert with_new == {**counts, "new_subscriber": 2}


def test_what_needs_an_address_refuses_a_contact_without(account: Account) -> None:
    with pytest.raises(ValueError, match="no e-mail address"):
        account.opt_out(account.add_contact(None))
