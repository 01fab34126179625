"""What changes each day in all that sorts and describes contacts."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock
from constantcontact_sandbox.affairs import AFFAIRS
from constantcontact_sandbox.chance import Chance
from constantcontact_sandbox.life import live
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LATER = NOON + timedelta(hours=1)


def _moved(things: Mapping[str, Any]) -> int:
    return sum(each.updated_at == LATER for each in things.values())


def _deleted(things: Mapping[Any, Any]) -> int:
    return sum(each.deleted_at is not None for each in things.values())


def _begun_with(town: Account) -> list[set[Any]]:
    sorts: list[Mapping[Any, Any]] = [town.tags, town.lists, town.custom_fields, town.segments]
    return [
        {
            key
            for key, each in things.items()
            if each.created_at <= NOON and getattr(each, "deleted_at", None) is None
        }
        for things in sorts
    ]


def _choices(town: Account) -> int:
    return sum(len(each.choices) for each in town.custom_fields.values())


def _edited(town: Account) -> int:
    return sum(each.edited_at == LATER for each in town.segments.values())


def _numbers(town: Account) -> int:
    return sum(each.sms_channel is not None for each in town.contacts.values())


def _consents(town: Account, permission: str) -> int:
    return sum(
        each.sms_channel.consents[0].sms_consent_permission == permission
        for each in town.contacts.values()
        if each.sms_channel is not None
    )


def _over(town: Account) -> int:
    return sum(each.is_over for each in town.bulk_activities.values())


def _confirmed(town: Account) -> int:
    return sum(each.confirm_status == "CONFIRMED" for each in town.emails)


#: What an affair changes, and by how much.
COUNTED: dict[str, tuple[Callable[[Account], int], int]] = {
    "tag added": (lambda town: len(town.tags), 1),
    "tag deleted": (lambda town: len(town.tags), -1),
    "tag renamed": (lambda town: _moved(town.tags), 1),
    "tag taken off": (lambda town: sum(len(c.taggings) for c in town.contacts.values()), -1),
    "list added": (lambda town: len(town.lists), 1),
    "list renamed": (lambda town: _moved(town.lists), 1),
    "list deleted": (lambda town: _deleted(town.lists), 1),
    "custom field added": (lambda town: len(town.custom_fields), 1),
    "custom field renamed": (lambda town: _moved(town.custom_fields), 1),
    "custom field deleted": (lambda town: len(town.custom_fields), -1),
    "choice added": (_choices, 1),
    "segment added": (lambda town: len(town.segments), 1),
    "segment edited": (_edited, 1),
    "segment renamed": (_edited, 1),
    "segment deleted": (lambda town: _deleted(town.segments), 1),
    "number given": (_numbers, 1),
    "opt-in by text message": (lambda town: _consents(town, "explicit"), 1),
    "opt-out by text message": (lambda town: _consents(town, "explicit"), -1),
    "contacts tagged in bulk": (lambda town: len(town.bulk_activities), 1),
    "export asked for": (lambda town: len(town.bulk_activities), 1),
    "bulk activity moved on": (_over, 1),
    "account address added": (lambda town: len(town.emails), 1),
    "account address confirmed": (_confirmed, 1),
}


@pytest.fixture
def town() -> Account:
    """An account that has begun to live: there is something to take away."""
    account = Account.populate(contacts=60, campaigns=4, clock=Clock(NOON))
    for thing in ("tag", "list", "custom field", "segment"):
        AFFAIRS[f"{thing} added"][1](account, Chance(thing), NOON + timedelta(minutes=1))
    return account


def happens(account: Account, name: str) -> bool:
    return AFFAIRS[name][1](account, Chance(name), LATER)


@pytest.mark.parametrize("name", COUNTED)
def test_each_affair_changes_one_thing(town: Account, name: str) -> None:
    count, change = COUNTED[name]
    before = count(town)
    assert happens(town, name)
    assert count(town) == before + change


def test_every_affair_is_tested_above_or_below() -> None:
    assert set(AFFAIRS) == {*COUNTED, "account address removed"}


def test_the_owners_address_stays(town: Account) -> None:
    assert not happens(town, "account address removed")
    town.add_email("more@example.com")
    assert happens(town, "account address removed")
    assert len(town.emails) == 2
    assert town.emails[0].email_address == "owner@example.com"


def test_what_an_account_began_with_outlives_two_months() -> None:
    town = Account.populate(contacts=200, campaigns=6, clock=Clock(NOON))
    before = _begun_with(town)
    live(town, timedelta(days=60))
    assert _begun_with(town) == before
    assert max(len(things) for things in (town.tags, town.custom_fields)) < 20
    latest = sorted(town.campaigns.values(), key=lambda each: each.last_sent_date or town.born)[-9:]
    assert max(len(each.primary.sends) for each in latest) > 10


def test_a_tag_put_on_many_shows_in_its_job(town: Account) -> None:
    before = sum(len(each.taggings) for each in town.contacts.values())
    assert happens(town, "contacts tagged in bulk")
    job = list(town.bulk_activities.values())[-1]
    tagged = sum(len(each.taggings) for each in town.contacts.values()) - before
    assert (job.kind, job.state, job.counts["items_total_count"]) == (
        "contacts_taggings_add",
        "processing",
        5,
    )
    assert 0 < tagged <= 5


def test_a_job_is_begun_and_then_ended(town: Account) -> None:
    states = []
    for _ in range(3):
        happens(town, "bulk activity moved on")
        states.append([each.state for each in town.bulk_activities.values()][-2:])
    assert states[0] == ["completed", "initialized"]
    assert states[1] == ["completed", "processing"]
    assert states[2] == ["completed", "completed"]
    assert not happens(town, "bulk activity moved on")


def test_where_there_is_nothing_only_what_adds_happens() -> None:
    assert {name for name in AFFAIRS if happens(Account(Clock(NOON)), name)} == {
        "tag added",
        "list added",
        "custom field added",
        "segment added",
        "export asked for",
        "account address added",
    }
