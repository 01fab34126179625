"""Who agreed to text messages, and when: sms_channel and its history."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Switches
    from constantcontact_sandbox.records import Contact, SmsPermission
    from tests.sandbox.client import Client, Row

ELSEWHERE = "c3639a04-bc12-11f1-aa3a-02420a320002"


def history(client: Client, contact: Contact) -> list[Row]:
    rows: list[Row] = client.get(f"/contacts/sms_engagement_history/{contact.contact_id}")
    return rows


def consent(client: Client, contact: Contact) -> Row:
    shown = client.get(f"/contacts/{contact.contact_id}", include="sms_channel")
    [found] = shown["sms_channel"]["sms_channel_consents"]
    assert isinstance(found, dict)
    return found


def test_the_history_tells_how_a_contact_was_brought_along_and_left(
    account: Account, client: Client, clock: Clock
) -> None:
    contact = account.add_contact()
    channel = account.add_sms_channel(contact, "6035550239")
    clock.advance(timedelta(hours=1))
    account.opt_out_by_sms(contact)
    imported, left = channel.history
    both = {"contact_id": contact.contact_id, "sms_channel_id": channel.sms_channel_id}
    assert history(client, contact) == [
        {
            **both,
            "sms_channel_history_id": imported.sms_channel_history_id,
            "insert_time": "2026-06-01T08:00:00-04:00",
            "history_details": {
                "state": "E",
                "source": "A",
                "consent_type": "promotional_sms",
                "consent_action_time": "2026-06-01 08:00:00 -0400",
                "consent_action_type": "opt_in",
                "consent_medium_type": "FI",
                "source_consent_timestamp": "2026-06-01",
                "advertised_frequency": 4,
                "advertised_interval": "M",
            },
        },
        {
            **both,
            "sms_channel_history_id": left.sms_channel_history_id,
            "insert_time": "2026-06-01T09:00:00-04:00",
            "history_details": {
                "state": "O",
                "source": "C",
                "consent_type": "promotional_sms",
                "consent_action_time": "2026-06-01 09:00:00 -0400",
                "consent_action_type": "opt_out",
                "consent_medium_type": "MD",
                "source_sms_number": "6035550239",
            },
        },
    ]


@pytest.mark.parametrize(
    ("permission", "actions"),
    [
        ("explicit", ["opt_in"]),
        ("unsubscribed", ["opt_in", "opt_out"]),
        ("pending_confirmation", []),
        ("not_set", []),
    ],
)
def test_each_permission_has_its_past(
    account: Account, client: Client, permission: SmsPermission, actions: list[str]
) -> None:
    contact = account.add_contact(None)
    account.add_sms_channel(contact, "6035550239", permission=permission)
    told = [each["history_details"]["consent_action_type"] for each in history(client, contact)]
    assert told == actions


def test_whoever_comes_back_has_agreed_again(
    account: Account, client: Client, clock: Clock
) -> None:
    contact, pending = account.add_contact(), account.add_contact()
    account.add_sms_channel(contact, "1", permission="unsubscribed")
    account.add_sms_channel(pending, "2", permission="pending_confirmation")
    clock.advance(timedelta(hours=1))
    for each in (contact, pending):
        account.opt_in_by_sms(each)
    assert consent(client, contact) == {
        "sms_consent_permission": "explicit",
        "consent_type": "promotional_sms",
        "opt_in_date": "2026-06-01T13:00:00Z",
        "advertised_frequency": "4",
        "advertised_interval": "monthly",
        "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T13:00:00Z",
    }
    last = [history(client, each)[-1]["history_details"] for each in (contact, pending)]
    assert [each["consent_action_type"] for each in last] == ["re_opt_in", "confirmed_opt_in"]


@pytest.mark.parametrize("moves", [True, False])
def test_whether_consent_moves_the_contact_is_a_switch(
    account: Account, client: Client, clock: Clock, switches: Switches, *, moves: bool
) -> None:
    contact = account.add_contact()
    account.add_sms_channel(contact, "1")
    assert client.sandbox.switches is switches
    switches.sms_consent_moves_updated_at = moves
    clock.advance(timedelta(hours=1))
    account.opt_out_by_sms(contact)
    assert (contact.updated_at == clock.now()) == moves
    asked = {"sms_status": "unsubscribed", "updated_after": "2026-06-01T12:30:00Z"}
    assert len(client.get("/contacts", **asked)["contacts"]) == moves


def test_without_a_number_there_is_no_history_and_no_consent(
    account: Account, client: Client
) -> None:
    contact = account.add_contact()
    assert history(client, contact) == []
    with pytest.raises(ValueError, match="no number"):
        account.opt_in_by_sms(contact)


@pytest.mark.parametrize(("contact_id", "status"), [("none", 400), (ELSEWHERE, 404)])
def test_a_contact_who_is_not_there_has_no_history(
    client: Client, contact_id: str, status: int
) -> None:
    answered, [error] = client.ask(f"/contacts/sms_engagement_history/{contact_id}")
    assert (answered, error["error_key"]) == (status, "contacts.api.not_found")
