"""/reports/summary_reports/sms_campaign_summaries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.sandbox.client import Client
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from constantcontact_sandbox import Account, Clock, Sandbox, Switches
    from constantcontact_sandbox.records import Contact

PATH, KEY = "/reports/summary_reports/sms_campaign_summaries", "bulk_sms_campaign_summaries"
SINCE = {"start_at": "2020-01-01T00:00:00Z"}
DAY = timedelta(days=1)


def reachable(account: Account, number: int) -> list[Contact]:
    people = [account.add_contact(None) for _ in range(number)]
    for each in people:
        account.add_sms_channel(each, "7815550000")
    return people


def names(client: Client, **asked: object) -> list[str]:
    return [each["campaign_name"] for each in client.rows(PATH, KEY, **asked)]


def test_a_text_campaign_counts_contacts_and_shows_when_it_was_sent_with_an_offset(
    account: Account, client: Client
) -> None:
    one, two, three = reachable(account, 3)
    refusing, silent, gone = reachable(account, 1)[0], account.add_contact(), *reachable(account, 1)
    account.opt_out_by_sms(refusing)
    account.delete_contact(gone)
    campaign = account.add_text_campaign("Rye", tracks_opens=True)
    everybody = [one, two, three, refusing, silent, gone]
    account.send_texts(campaign, everybody, undelivered={three.contact_id})
    account.add_text_open(campaign, one)
    for _ in range(2):
        account.add_text_click(campaign, one)
    account.answer_stop(campaign, two)
    assert client.get(PATH, **SINCE) == {
        "bulk_sms_campaign_summaries": [
            {
                "campaign_id": campaign.campaign_id,
                "campaign_name": "Rye",
                "last_sent_date": "2026-06-01T08:00:00.000-04:00",
                "unique_counts": {
                    "sends": 3,
                    "delivers": 2,
                    "opens": 1,
                    "clicks": 1,
                    "optouts": 1,
                },
                "campaign_type": "SMS",
            }
        ],
        "aggregate_percents": {
            "deliver": 67.0,
            "click": 50.0,
            "bounce": 33.0,
            "unsubscribe": 50.0,
        },
    }


def test_the_start_is_required_and_it_and_the_end_are_included(
    account: Account, client: Client
) -> None:
    status, [error] = client.ask(PATH)
    assert (status, error["error_message"]) == (
        400,
        "start_at is missing, start_at does not have a valid value",
    )
    assert client.ask(PATH, start_at="yesterday")[0] == 400
    assert client.ask(PATH, **SINCE, limit=51)[0] == 400
    for number in range(3):
        sent = account.add_text_campaign(f"t{number}")
        account.send_texts(sent, [], at=NOON - number * DAY)
    account.add_text_campaign("a draft")
    assert names(client, **SINCE) == ["t0", "t1", "t2"]
    assert names(client, start_at="2026-05-31T12:00:00Z") == ["t0", "t1"]
    assert names(client, **SINCE, end_at="2026-05-31T12:00:00Z") == ["t1", "t2"]
    assert names(client, **SINCE, limit=1) == ["t0", "t1", "t2"]


def test_a_text_that_is_sent_again_moves_up_and_the_future_does_not_show(
    account: Account, client: Client, clock: Clock
) -> None:
    old, new = (account.add_text_campaign(name) for name in ("old", "new"))
    account.send_texts(old, [], at=NOON - DAY)
    account.send_texts(new, [])
    account.send_texts(old, reachable(account, 2), at=NOON + DAY)
    assert names(client, **SINCE) == ["new", "old"]
    assert sends(client) == [0, 0]
    clock.advance(DAY)
    assert names(client, **SINCE) == ["old", "new"]
    assert sends(client) == [2, 0]


def sends(client: Client) -> list[Any]:
    return [each["unique_counts"]["sends"] for each in client.rows(PATH, KEY, **SINCE)]


def test_counts_lag_as_those_of_emails_do(
    account: Account, client: Client, switches: Switches, clock: Clock
) -> None:
    switches.counter_lag = timedelta(hours=1)
    account.send_texts(account.add_text_campaign("Rye"), reachable(account, 1))
    assert sends(client) == [0]
    clock.advance(timedelta(hours=1))
    assert sends(client) == [1]


def test_text_summaries_need_a_scope_and_a_privilege(sandbox: Sandbox, switches: Switches) -> None:
    assert Client(sandbox, ("contact_data",)).ask(PATH, **SINCE)[0] == 403
    switches.withheld_privileges = frozenset({"ui:campaign:metrics"})
    assert Client(sandbox).ask(PATH, **SINCE)[0] == 403
