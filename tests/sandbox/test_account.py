"""/account: whose account it is, and what its user may do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox.records import AccountEmail, PhysicalAddress
from tests.sandbox.client import Client

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Sandbox, Switches

FORBIDDEN = {
    "error_key": "access_denied",
    "error_message": "Request forbidden due to insufficient user privileges.",
}
ID = "c3639a04-bc12-11f1-aa3a-02420a320002"


def test_the_summary_shows_the_address_only_when_asked_for(
    account: Account, client: Client
) -> None:
    owner = {
        "contact_email": "owner@example.com",
        "country_code": "us",
        "encoded_account_id": "a07e0000eksd5",
        "encoded_partner_id": "a01-15dl",
        "first_name": "Ada",
        "last_name": "Baker",
        "organization_name": "The Example Bakery",
        "time_zone_id": "US/Eastern",
    }
    assert client.get("/account/summary") == owner
    extra = {"extra_fields": "physical_address,company_logo"}
    assert client.get("/account/summary", **extra) == owner
    account.owner.physical_address = PhysicalAddress("123 Maple Street", "Boston", "US")
    place = {"address_line1": "123 Maple Street", "city": "Boston", "country_code": "US"}
    assert client.get("/account/summary", **extra) == {**owner, "physical_address": place}
    assert client.ask("/account/summary", extra_fields="shoe_size")[0] == 400


def test_addresses_are_found_by_status_role_or_themselves(account: Account, client: Client) -> None:
    account.emails.append(AccountEmail(2, "b@example.com", "UNCONFIRMED", pending_roles=("OTHER",)))
    owner = {
        "email_id": 1,
        "email_address": "owner@example.com",
        "confirm_status": "CONFIRMED",
        "confirm_time": "2026-06-01T12:00:00.000+0000",
        "confirm_source": "192.0.2.7",
        "confirm_source_type": "SITE_OWNER",
        "roles": ["BILLING", "CONTACT", "DEFAULT_FROM", "REPLY_TO"],
    }
    other = {
        "email_id": 2,
        "email_address": "b@example.com",
        "confirm_status": "UNCONFIRMED",
        "roles": [],
        "pending_roles": ["OTHER"],
    }
    assert client.get("/account/emails") == [owner, other]
    assert client.get("/account/emails", confirm_status="C") == [owner]
    assert client.get("/account/emails", confirm_status="UNCONFIRMED") == [other]
    assert client.get("/account/emails", role_code="B") == [owner]
    assert client.get("/account/emails", email_address="b@example.com") == [other]


def test_an_address_comes_is_confirmed_and_goes(account: Account, client: Client) -> None:
    news = account.add_email("news@example.com", "REPLY_TO", "OTHER")
    shown = {"email_id": 2, "email_address": "news@example.com"}
    assert client.get("/account/emails")[1] == {
        **shown,
        "confirm_status": "UNCONFIRMED",
        "roles": [],
        "pending_roles": ["REPLY_TO", "OTHER"],
    }
    account.confirm_email(news)
    assert client.get("/account/emails")[1] == {
        **shown,
        "confirm_status": "CONFIRMED",
        "confirm_time": "2026-06-01T12:00:00.000+0000",
        "confirm_source": "192.0.2.7",
        "confirm_source_type": "SITE_OWNER",
        "roles": ["REPLY_TO", "OTHER"],
    }
    account.emails.remove(news)
    assert [each["email_id"] for each in client.get("/account/emails")] == [1]
    assert account.add_email("more@example.com").email_id == 3


def test_any_token_may_ask_for_the_privileges(sandbox: Sandbox, switches: Switches) -> None:
    switches.withheld_privileges = frozenset({"contacts:read"})
    privileges = Client(sandbox, scopes=("offline_access",)).get("/account/user/privileges")
    assert {"privilege_id": 39, "privilege_name": "ui:campaign:metrics"} in privileges
    assert "contacts:read" not in {each["privilege_name"] for each in privileges}


@pytest.mark.parametrize(
    ("path", "scope", "privilege"),
    [
        ("/account/summary", "account_read", "account:read"),
        ("/account/emails", "account_read", "account:read"),
        ("/contacts", "contact_data", "contacts:read"),
        ("/contacts/counts", "contact_data", "contacts:read"),
        (f"/contacts/{ID}", "contact_data", "contacts:read"),
        ("/contact_lists", "contact_data", "contacts:lists:read"),
        ("/contact_tags", "contact_data", "contacts:read"),
        ("/contact_custom_fields", "contact_data", "contacts:read"),
        ("/contacts/contact_id_xrefs?sequence_ids=1", "contact_data", "contacts:read"),
        ("/contact_lists/list_id_xrefs?sequence_ids=1", "contact_data", "contacts:lists:read"),
        (f"/contacts/sms_engagement_history/{ID}", "contact_data", "contacts:read"),
        ("/segments", "contact_data", "contacts:lists:read"),
        ("/segments/1", "contact_data", "contacts:lists:read"),
        ("/activities", "contact_data", "contacts:write"),
        (f"/activities/{ID}", "contact_data", "contacts:write"),
        (
            f"/reports/contact_reports/{ID}/activity_details?tracking_activities_list=em_opens",
            "contact_data",
            "ui:campaign:metrics",
        ),
        (
            f"/reports/contact_reports/{ID}/activity_summary?start=2026-05-01&end=2026-06-01",
            "contact_data",
            "ui:campaign:metrics",
        ),
        (
            f"/reports/contact_reports/{ID}/open_and_click_rates?start=2026-05-01&end=2026-06-01",
            "contact_data",
            "ui:campaign:metrics",
        ),
        ("/emails", "campaign_data", "campaign:read"),
        (f"/emails/{ID}", "campaign_data", "campaign:read"),
        (f"/emails/activities/{ID}", "campaign_data", "campaign:read"),
        (f"/emails/activities/{ID}/send_history", "campaign_data", "campaign:read"),
        (f"/reports/stats/email_campaigns/{ID}", "campaign_data", "ui:campaign:metrics"),
        (f"/reports/email_reports/{ID}/links", "campaign_data", "ui:campaign:metrics"),
        (f"/reports/email_reports/{ID}/tracking/opens", "campaign_data", "ui:campaign:metrics"),
        (
            "/reports/summary_reports/email_campaign_summaries",
            "campaign_data",
            "ui:campaign:metrics",
        ),
    ],
)
def test_a_call_needs_a_scope_of_the_token_and_a_privilege_of_its_user(
    sandbox: Sandbox, switches: Switches, path: str, scope: str, privilege: str
) -> None:
    others = {"account_read", "contact_data", "campaign_data", "offline_access"} - {scope}
    assert Client(sandbox, scopes=tuple(others)).ask(path) == (403, FORBIDDEN)
    assert Client(sandbox, scopes=(scope,)).ask(path)[0] in (200, 404)
    switches.withheld_privileges = frozenset({privilege})
    assert Client(sandbox).ask(path) == (403, FORBIDDEN)


def test_what_reading_lists_needs_is_a_switch(client: Client, switches: Switches) -> None:
    switches.withheld_privileges = frozenset({"contacts:lists:read"})
    switches.lists_privilege = "contacts:read"
    assert client.get("/contact_lists") == {"lists": []}
