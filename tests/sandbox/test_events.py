"""/events and the registrations for them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any, get_args
from urllib.parse import urlsplit

import pytest

from constantcontact_sandbox import Account, Clock
from constantcontact_sandbox.event_records import (
    EventStatus,
    LocationType,
    Meeting,
    PaymentStatus,
    RegistrationStatus,
    Venue,
)
from tests.sandbox.client import Client
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Sandbox, Switches
    from constantcontact_sandbox.event_records import HostedEvent
    from constantcontact_sandbox.switches import LastPage

ELSEWHERE = "8987dc1a-48ef-433a-b836-7ca4f9aa3481"
HALL = Venue("Hall", "1 Maple Street", "Boston", "United States", "US", latitude=42.5)
DAY = timedelta(days=1)


@pytest.fixture
def event(account: Account) -> HostedEvent:
    """A published event in ten days, for 25 dollars."""
    event = account.plan_event("Rye", NOON + 10 * DAY, venue=HALL, ticket_price=25.0)
    account.publish(event)
    return event


def titles(client: Client, **asked: object) -> list[str]:
    return [each["title"] for each in client.get("/events", **asked)["records"]]


def registrations(event: HostedEvent) -> str:
    return f"/events/{event.event_id}/tracks/{event.track.track_id}/registrations"


def test_an_event_is_listed_with_what_its_registrations_amount_to(
    account: Account, client: Client, event: HostedEvent
) -> None:
    apron = account.add_item(event, "Apron", 12.5)
    account.register(event, account.add_contact(), tickets=3, items=[apron])
    assert client.get("/events") == {
        "records": [
            {
                "event_id": event.event_id,
                "title": "Rye",
                "description": "Rye: come and see.",
                "start_time": "2026-06-11T12:00:00Z",
                "end_time": "2026-06-11T14:00:00Z",
                "status": "ACTIVE",
                "registration_url": f"https://lp.example.com/ev/reg/{event.track.track_id}",
                "name": "Rye #1",
                "event_type": "CLASS",
                "location_type": "PHYSICAL",
                "time_zone_type": "EST",
                "address": {
                    "address_type": "EVENT",
                    "location_name": "Hall",
                    "line1": "1 Maple Street",
                    "city": "Boston",
                    "country": "United States",
                    "country_code": "US",
                    "latitude": 42.5,
                    "create_time": "2026-06-01T12:00:00.000Z",
                    "last_update_time": "2026-06-01T12:00:00.000Z",
                },
                "event_registration_summary_metrics": {
                    "registration_count": 1,
                    "ticket_sold": 3,
                    "item_sold": 1,
                },
                "create_time": "2026-06-01T12:00:00Z",
            }
        ],
        "total_records": 1,
        "_links": client.get("/events")["_links"],
    }


def test_an_event_in_detail_shows_its_track_and_its_settings_only_if_asked_for(
    account: Account, client: Client, event: HostedEvent
) -> None:
    apron = account.add_item(event, "Apron", 12.5, total=2, variants=("S", "M"))
    code = account.add_promo_code(event, "WIN95", 20)
    account.add_banner(event, "https://files.example.com/banner.jpg")
    guest = account.add_contact()
    account.register(event, guest, items=[apron], promo_code=code)
    path = f"/events/{event.event_id}"
    plain = client.get(path)
    assert client.get(path, include="false") == plain
    full = client.get(path, include="true")
    assert full.pop("event_settings") == {
        "event_requires_payments": True,
        "item_configured": True,
        "online_payment_configured": True,
        "payment_configured": True,
        "promo_code_configured": True,
        "ticket_configured": True,
    }
    assert full == plain
    assert plain["campaign_id"] == plain["event_id"] == event.event_id
    track = plain["default_track"]
    [item], [promo] = track["items"], track["promo_codes"]
    assert [item[f"quantity_{name}"] for name in ("total", "sold", "remaining")] == [2, 1, 1]
    assert [(each["name"], each["quantity_remaining"]) for each in item["attributes"]] == [
        ("S", 0),
        ("M", 1),
    ]
    assert item["attributes"][0]["status_labels"] == [
        {"label": "Sold out", "label_key": "status_label.sold_out"}
    ]
    assert (promo["quantity_used"], promo["quantity_available"]) == (1, 9)
    assert client.ask(path, include="everything")[0] == 400


def test_what_becomes_of_an_event_shows(account: Account, client: Client, clock: Clock) -> None:
    event = account.plan_event("Rye", NOON + 10 * DAY)
    path = f"/events/{event.event_id}"

    def shown() -> tuple[Any, ...]:
        clock.advance(DAY)
        body = client.get(path)
        times = ("active_time", "cancelled_time", "deleted_time")
        return (body["status"], body["last_update_time"][:10], *(body.get(t) for t in times))

    assert shown() == ("DRAFT", "2026-06-01", None, None, None)
    account.publish(event)
    active = "2026-06-02T12:00:00.000Z"
    assert shown() == ("ACTIVE", "2026-06-02", active, None, None)
    account.retitle(event, "Spelt")
    assert shown() == ("ACTIVE", "2026-06-03", active, None, None)
    account.postpone(event, DAY)
    assert shown() == ("ACTIVE", "2026-06-04", active, None, None)
    assert client.get(path)["event_start"] == "2026-06-12T12:00:00Z"
    account.cancel_event(event)
    cancelled = "2026-06-05T12:00:00.000Z"
    assert shown() == ("CANCELLED", "2026-06-05", active, cancelled, None)
    account.delete_event(event)
    deleted = "2026-06-06T12:00:00.000Z"
    assert shown() == ("DELETED", "2026-06-06", active, cancelled, deleted)
    account.complete(event)
    assert shown()[0] == "COMPLETE"
    account.fail_event(event)
    assert client.get(path)["failed_campaign_activities"] == [event.track.campaign_activity_id]


@pytest.mark.parametrize("moves", [True, False])
def test_registrations_move_metrics_and_by_a_switch_the_update_time(
    account: Account,
    client: Client,
    clock: Clock,
    switches: Switches,
    event: HostedEvent,
    *,
    moves: bool,
) -> None:
    switches.registration_moves_event = moves
    clock.advance(DAY)
    first = account.register(event, account.add_contact(), tickets=2)
    pending = account.register(event, account.add_contact(), paid=False)

    def shown() -> tuple[Any, ...]:
        [row] = client.get("/events")["records"]
        metrics = row["event_registration_summary_metrics"]
        updated = client.get(f"/events/{event.event_id}")["last_update_time"][:10]
        return updated, *metrics.values()

    day = ["2026-06-02", "2026-06-03", "2026-06-04"] if moves else ["2026-06-01"] * 3
    assert shown() == (day[0], 2, 3, 0)
    clock.advance(DAY)
    account.pay(event, pending)
    assert shown() == (day[1], 2, 3, 0)
    clock.advance(DAY)
    account.cancel_registration(event, first)
    account.check_in(pending)
    assert shown() == (day[2], 1, 1, 0)


def test_events_are_filtered_searched_and_sorted(
    account: Account, client: Client, clock: Clock
) -> None:
    for title, starts in (("Rye", 3), ("Alder", 9), ("rice", 6)):
        account.plan_event(title, NOON + starts * DAY)
        clock.advance(DAY)
    rye, alder, _ = account.events.values()
    account.publish(alder)
    account.delete_event(rye)
    assert titles(client) == ["rice", "Alder", "Rye"]
    assert titles(client, event_status="ACTIVE") == ["Alder"]
    assert titles(client, search_text="RI") == ["rice"]
    assert titles(client, search_text="come and see") == ["rice", "Alder", "Rye"]
    assert titles(client, sort_by="name") == ["Alder", "rice", "Rye"]
    assert titles(client, sort_by="name", sort_order="DESC") == ["Rye", "rice", "Alder"]
    assert titles(client, sort_by="start_time") == ["Rye", "rice", "Alder"]
    assert titles(client, sort_by="end_time", sort_order="ASC") == ["Rye", "rice", "Alder"]
    assert titles(client, sort_by="created_time") == ["Rye", "Alder", "rice"]
    account.retitle(rye, "Old rye", at=NOON + 9 * DAY)
    assert titles(client, sort_by="updated_time", sort_order="DESC")[0] == "Old rye"
    for wrong in ("event_status", "sort_by", "sort_order", "limit"):
        assert client.ask("/events", **{wrong: "x"})[0] == 400
    assert client.ask("/events", limit=101)[0] == 400


def test_whether_deleted_events_show_without_being_asked_for_is_a_switch(
    account: Account, client: Client, switches: Switches, event: HostedEvent
) -> None:
    account.delete_event(event)
    assert titles(client) == ["Rye"]
    switches.deleted_events_listed = False
    assert titles(client) == []
    assert titles(client, event_status="DELETED") == ["Rye"]
    assert client.get(f"/events/{event.event_id}")["status"] == "DELETED"


def test_pages_lead_forth_and_back_and_tell_how_many_records_there_are(
    account: Account, client: Client
) -> None:
    for number in range(5):
        account.plan_event(f"e{number}", NOON + DAY, at=NOON + number * DAY)
    first = client.get("/events", limit=2, sort_by="created_time")
    second = client.get("/events", next=first["next_cursor"])
    third = client.get("/events", next=second["next_cursor"])
    pages = [[each["title"] for each in page["records"]] for page in (first, second, third)]
    assert pages == [["e0", "e1"], ["e2", "e3"], ["e4"]]
    assert {page["total_records"] for page in (first, second, third)} == {5}
    assert ("prev_cursor" in first, "next_cursor" in third) == (False, False)
    assert set(third["_links"]) == {"self", "prev"}
    assert client.get("/events", prev=third["prev_cursor"]) == second
    status, body = client.ask("/events", next=first["next_cursor"], prev=third["prev_cursor"])
    assert (status, body[0]["error_message"]) == (400, "prev does not have a valid value")
    assert client.ask("/events", next="forged")[0] == 400
    assert client.ask("/events", prev="forged")[0] == 400
    assert client.ask("/events", next="bGltaXQ9Mg==")[0] == 400


@pytest.mark.parametrize(
    ("ending", "links"),
    [
        ("absent", {"self"}),
        ("empty", set()),
        ("null", None),
        ("next_null", {"self", "next"}),
        ("href_null", {"self", "next"}),
    ],
)
def test_the_last_page_says_so_in_its_way(
    client: Client,
    switches: Switches,
    event: HostedEvent,
    ending: LastPage,
    links: set[str] | None,
) -> None:
    switches.last_page = ending
    body = client.get("/events")
    assert len(body["records"]) == 1
    assert event.title == "Rye"
    assert (set(body["_links"]) if body["_links"] is not None else None) == links
    assert body.get("next_cursor") is None


def test_an_empty_page_is_not_the_end(
    account: Account, client: Client, switches: Switches, event: HostedEvent
) -> None:
    account.register(event, account.add_contact())
    switches.empty_pages = True
    first = client.get(registrations(event))
    assert (first["records"], first["total_records"]) == ([], 1)
    link = urlsplit(first["_links"]["next"]["href"])
    assert link.path == f"/v3{registrations(event)}"
    assert len(client.get(registrations(event), next=first["next_cursor"])["records"]) == 1


def test_a_registration_shows_in_the_list_and_in_detail(
    account: Account, client: Client, event: HostedEvent
) -> None:
    apron = account.add_item(event, "Apron", 10.0)
    code = account.add_promo_code(event, "WIN95", 20)
    guest = account.add_contact("a@example.com", first_name="Ann")
    registration = account.register(
        event, guest, tickets=2, items=[apron], promo_code=code, new_contact=True
    )
    account.check_in(registration, 1)
    account.rename(guest, "Anna", None)
    body = client.get(registrations(event))
    assert body["records"] == [
        {
            "checkedIn_tickets": 1,
            "checkin_status": "PARTIALLY_CHECKED_IN",
            "eligible_checkin_tickets": 2,
            "email_address": "a@example.com",
            "first_name": "Ann",
            "new_contact": True,
            "payment_status": "PAID",
            "registration_id": registration.registration_id,
            "registration_status": "REGISTERED",
            "registration_time": "2026-06-01T12:00:00.000Z",
            "tickets": 2,
            "total": 48.0,
            "track_key": event.track.track_id,
        }
    ]
    detail = client.get(f"{registrations(event)}/{registration.registration_id}")
    assert detail["contact_id"] == guest.contact_id
    assert [each["field_value"] for each in detail["contact"]] == ["a@example.com", "Ann", "foot"]
    assert [each.get("checked_in_time") for each in detail["tickets"]] == [
        "2026-06-01T12:00:00.000Z",
        None,
    ]
    order = detail["order_summary"]
    assert [(each["amount"], each["line_item_type"]) for each in order["details"]] == [
        ("$25.00", "TICKET"),
        ("$25.00", "TICKET"),
        ("$10.00", "ITEM"),
        ("-$12.00", "DISCOUNT"),
    ]
    assert (order["payment_status"], order["payment_method"]) == ("PAID", "STRIPE")


def test_registrations_are_filtered_searched_and_sorted(
    account: Account, client: Client, clock: Clock, event: HostedEvent
) -> None:
    for number, name in enumerate("bca", start=1):
        guest = account.add_contact(f"{name}@example.com", first_name=name)
        account.register(event, guest, tickets=number, paid=name != "c")
        clock.advance(DAY)
    last = list(event.registrations.values())[-1]
    account.cancel_registration(event, last)

    def who(**asked: object) -> str:
        rows = client.get(registrations(event), **asked)["records"]
        return "".join(each["first_name"] for each in rows)

    assert who() == "acb"
    assert who(registration_status="PENDING") == "c"
    assert who(payment_status="REFUNDED") == "a"
    assert who(search_text="B@EXAMPLE") == "b"
    for order in ("first_name", "email_address"):
        assert who(sort_by=order) == "abc"
    assert who(sort_by="total", sort_order="DESC") == "acb"
    assert who(sort_by="tickets", sort_order="ASC") == "bca"
    assert who(limit=1) == who(page_size=1) == who(limit=1, page_size=1) == "a"
    assert client.ask(registrations(event), limit=1, page_size=2)[0] == 400
    for wrong in ("registration_status", "payment_status", "sort_by", "sort_order", "page_size"):
        assert client.ask(registrations(event), **{wrong: "x"})[0] == 400
    assert len(client.rows(registrations(event), "records", page_size=2)) == 3


def test_registrations_to_come_do_not_show_yet(
    account: Account, client: Client, clock: Clock, event: HostedEvent
) -> None:
    coming = account.register(event, account.add_contact(), at=NOON + DAY)
    path = f"{registrations(event)}/{coming.registration_id}"
    assert client.get(registrations(event))["records"] == []
    assert client.ask(path)[0] == 404
    clock.advance(DAY)
    assert client.get(path)["registration_date"] == "2026-06-02T12:00:00.000Z"


def test_unknown_events_tracks_and_registrations_are_not_found(
    client: Client, event: HostedEvent
) -> None:
    assert client.ask(f"/events/{ELSEWHERE}")[0] == 404
    assert client.ask("/events/none")[0] == 400
    assert client.ask(f"/events/{event.event_id}/tracks/none/registrations")[0] == 404
    assert client.ask(f"{registrations(event)}/{ELSEWHERE}")[0] == 404
    assert client.ask(f"{registrations(event)}/none")[0] == 400


def test_events_need_the_scope_and_the_privilege_of_campaigns(
    sandbox: Sandbox, switches: Switches
) -> None:
    assert Client(sandbox, ("contact_data",)).ask("/events")[0] == 403
    switches.withheld_privileges = frozenset({"campaign:read"})
    assert Client(sandbox).ask("/events")[0] == 403


def test_a_populated_account_has_events_of_every_kind() -> None:
    account = Account.populate(clock=Clock(NOON), contacts=300, events=24)
    events = account.events.values()
    assert {each.status for each in events} == set(get_args(EventStatus))
    assert {each.location_type for each in events} == set(get_args(LocationType))
    assert any(each.track.items and each.track.promo_codes for each in events)
    found = [each for event in events for each in event.registrations.values()]
    statuses: set[RegistrationStatus] = {each.status for each in found}
    payments: set[PaymentStatus] = {each.order.payment_status for each in found}
    assert statuses == {"REGISTERED", "PENDING", "CANCELED"}
    assert payments == {"PAID", "PENDING", "REFUNDED"}
    assert any(each.checked_in for each in found)
    assert any(each.purchases and each.order.discount for each in found)
    assert all(each.at < NOON for each in found)
    assert max(Counter(each.contact_id for each in found).values()) > 1


def test_an_event_may_be_online(account: Account, client: Client) -> None:
    meeting = Meeting("https://meet.example.com/abc", "ZOOM", "Join us")
    event = account.plan_event("Talk", NOON + DAY, meeting=meeting)
    shown = client.get(f"/events/{event.event_id}")
    assert shown["location_type"] == "VIRTUAL"
    assert shown["online_meeting"] == {
        "url": "https://meet.example.com/abc",
        "provider_type": "ZOOM",
        "label": "Join us",
        "enabled_flag": True,
        "create_time": "2026-06-01T12:00:00.000Z",
        "last_update_time": "2026-06-01T12:00:00.000Z",
    }
    assert "address" not in shown


def test_an_item_that_is_sold_no_more_stays_with_its_marker(
    account: Account, client: Client, event: HostedEvent, clock: Clock
) -> None:
    apron = account.add_item(event, "Apron", 10.0, variants=("S",))
    clock.advance(DAY)
    account.remove_item(event, apron)
    [shown] = client.get(f"/events/{event.event_id}")["default_track"]["items"]
    assert shown["deleted_time"] == "2026-06-02T12:00:00.000Z"
    assert shown["attributes"][0]["deleted_time"] == shown["deleted_time"]
