"""A populated account holds what real ones hold."""

from __future__ import annotations

from collections import Counter
from typing import get_args

import pytest

from constantcontact_sandbox import Account, Clock
from constantcontact_sandbox.bulk_activities import BulkKind, EndState
from constantcontact_sandbox.mailings import CAMPAIGN_TYPES
from constantcontact_sandbox.records import BounceCode, Device, FieldType, Permission, Role, Status
from tests.sandbox.conftest import NOON


@pytest.fixture(scope="module")
def town() -> Account:
    return Account.populate(seed=7, contacts=2000, campaigns=40, clock=Clock(NOON))


def test_it_is_the_same_for_the_same_seed_and_another_for_another(town: Account) -> None:
    again = Account.populate(seed=7, contacts=2000, campaigns=40, clock=Clock(NOON))
    assert again.contacts == town.contacts
    assert again.campaigns == town.campaigns
    assert (again.lists, again.tags, again.custom_fields, again.segments) == (
        town.lists,
        town.tags,
        town.custom_fields,
        town.segments,
    )
    assert again.bulk_activities == town.bulk_activities
    other = Account.populate(seed=8, contacts=2000, campaigns=40, clock=Clock(NOON))
    assert set(other.campaigns).isdisjoint(town.campaigns)


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 2), (30, 5), (200, 12)])
def test_it_has_the_size_that_was_asked_for(size: tuple[int, int]) -> None:
    contacts, campaigns = size
    account = Account.populate(contacts=contacts, campaigns=campaigns, clock=Clock(NOON))
    assert (len(account.contacts), len(account.campaigns)) == size


def test_contacts_of_every_permission_are_there_and_some_have_no_address(town: Account) -> None:
    people = town.contacts.values()
    assert {each.permission for each in people} == set(get_args(Permission))
    by_sms_alone = [each for each in people if each.email_address is None]
    assert all(each.sms_channel is not None for each in by_sms_alone)
    assert len(by_sms_alone) > 20
    assert sum(each.deleted_at is not None for each in people) > 20
    assert sum(each.first_name is None and each.last_name is None for each in people) > 10


def test_addresses_are_unique_and_short_enough(town: Account) -> None:
    addresses = [
        each.email_address.address
        for each in town.contacts.values()
        if each.email_address is not None
    ]
    assert len(set(addresses)) == len(addresses)
    assert max(map(len, addresses)) <= 80


def test_names_that_programs_stumble_over_are_there(town: Account) -> None:
    names = {(each.first_name, each.last_name) for each in town.contacts.values()}
    assert {
        ("Robert'); DROP TABLE contacts;--", "O'Brien"),
        ("Zoë 🎂", "Núñez-Ångström"),
        ("محمد", "عبد الله"),
        ("NULL", "null"),
        (None, None),
    } < names
    assert not any("\0" in f"{name}" for name in names)


def test_custom_fields_of_all_nine_types_have_values(town: Account) -> None:
    types = {each.type for each in town.custom_fields.values()}
    assert types == set(get_args(FieldType))
    said = {
        town.custom_fields[each.custom_field_id].type
        for contact in town.contacts.values()
        for each in contact.custom_fields
    }
    assert said == types


def test_lists_are_deleted_and_for_texts_as_well(town: Account) -> None:
    lists = town.lists.values()
    assert {(each.channel, each.deleted_at is None) for each in lists} == {
        ("email", True),
        ("email", False),
        ("sms", True),
    }
    [texts] = [each for each in lists if each.channel == "sms"]
    assert any(texts.list_id in each.list_memberships for each in town.contacts.values())


def test_numbers_for_texts_have_every_permission_and_a_past(town: Account) -> None:
    channels = [each.sms_channel for each in town.contacts.values() if each.sms_channel]
    permissions = {each.consents[0].sms_consent_permission for each in channels}
    assert permissions == {"explicit", "pending_confirmation", "unsubscribed"}
    actions = {each.consent_action_type for channel in channels for each in channel.history}
    assert actions == {"opt_in", "opt_out"}


def test_segments_choose_many_few_and_none_and_one_is_deleted(town: Account) -> None:
    segments = town.segments.values()
    sizes = [len(town.members_of(each)) for each in segments if each.deleted_at is None]
    assert max(sizes) == sum(each.deleted_at is None for each in town.contacts.values())
    assert len(set(sizes)) == len(sizes) == 5
    assert sum(each.deleted_at is not None for each in segments) == 1
    assert {each.created_at < each.edited_at for each in segments} == {True, False}


def test_jobs_of_every_kind_and_state_are_there_and_some_no_longer_show(town: Account) -> None:
    jobs = town.bulk_activities.values()
    assert {each.kind for each in jobs} == set(get_args(BulkKind))
    assert {each.state for each in jobs} == {"initialized", "processing", *get_args(EndState)}
    assert {(NOON - each.created_at).days > 10 for each in jobs} == {True, False}
    assert all(each.created_at <= each.updated_at < NOON for each in jobs)
    assert sum(not each.is_over for each in jobs) == 2


def test_campaigns_of_every_status_and_activities_of_every_role_are_there(town: Account) -> None:
    campaigns = town.campaigns.values()
    assert {each.current_status for each in campaigns} == set(get_args(Status))
    assert {each.role for each in town.activities.values()} == set(get_args(Role))
    assert sum(each.type_code == 57 and each.primary.ab_test is not None for each in campaigns) > 3
    removed = [each for each in campaigns if each.current_status == "Removed"]
    assert {bool(each.primary.sends) for each in removed} == {True, False}
    runs = [run for each in campaigns for run in each.primary.send_history]
    assert {(run.send_status, run.reason_code) for run in runs} == {
        ("COMPLETED", 0),
        ("COMPLETED", 12),
        ("ERRORED", 3),
    }


def test_campaigns_of_every_type_are_there() -> None:
    account = Account.populate(contacts=20, campaigns=60, clock=Clock(NOON))
    assert {each.type_code for each in account.campaigns.values()} == set(CAMPAIGN_TYPES)


def test_resends_were_asked_for_and_some_are_yet_to_come(town: Account) -> None:
    wishes = [each.non_opener_resend for each in town.activities.values()]
    assert {each.resend_status for each in wishes if each} == {"SENT"}
    busy = Account.populate(contacts=20, campaigns=2000, clock=Clock(NOON))
    wishes = [each.non_opener_resend for each in busy.activities.values()]
    assert {each.resend_status for each in wishes if each} == {"SENT", "SCHEDULED"}


def test_campaigns_lie_in_the_last_two_years(town: Account) -> None:
    ages = [(NOON - each.created_at).days for each in town.campaigns.values()]
    assert min(ages) < 7
    assert 700 < max(ages) <= 730


def test_two_events_of_one_minute_differ_in_nothing_or_in_their_device(town: Account) -> None:
    for activity in town.activities.values():
        opens = Counter(
            (each.contact_id, each.at.replace(second=0), each.device_type)
            for each in activity.opens
        )
        minutes = Counter((contact, minute) for contact, minute, _ in opens)
        clicks = Counter(
            (each.contact_id, each.at.replace(second=0), each.url_id, each.device_type)
            for each in activity.clicks
        )
        if activity.sends and activity.links:
            assert max(opens.values()) >= 2
            assert max(minutes.values()) >= 2
            assert max(clicks.values()) >= 2


def test_events_come_in_every_kind(town: Account) -> None:
    activities = town.activities.values()
    assert {each.device_type for a in activities for each in a.opens} == {*get_args(Device), None}
    assert {each.bounce_code for a in activities for each in a.bounces} == set(get_args(BounceCode))
    assert any(a.forwards for a in activities)
    assert any(a.abuses for a in activities)
    assert {bool(each.opt_out_reason) for a in activities for each in a.optouts} == {True, False}


def test_however_many_events_there_are_none_has_changed_in_the_future() -> None:
    crowded = Account.populate(seed=7, contacts=20, campaigns=0, events=100, clock=Clock(NOON))
    assert max(each.updated_at for each in crowded.events.values()) <= NOON


def test_people_who_opened_were_deleted_or_moved_since(town: Account) -> None:
    opens = [each for activity in town.activities.values() for each in activity.opens]
    readers = [(town.contacts[each.contact_id], each) for each in opens]
    assert any(contact.deleted_at is not None for contact, _ in readers)
    assert any(
        contact.email_address is not None and contact.email_address.address != each.email_address
        for contact, each in readers
    )


def test_nothing_happened_in_the_future_or_before_it_could(town: Account) -> None:
    for activity in town.activities.values():
        sent = {each.contact_id: each.at for each in activity.sends}
        for events in (activity.opens, activity.clicks, activity.bounces, activity.optouts):
            for each in events:
                assert sent[each.contact_id] <= each.at < NOON
                assert town.contacts[each.contact_id].created_at <= each.at
    for contact in town.contacts.values():
        assert contact.created_at <= contact.updated_at <= NOON


def test_importing_does_nothing_and_ids_are_what_the_api_gives(town: Account) -> None:
    assert {each[14] for each in town.contacts} == {"1"}
    assert {each[14] for each in (*town.campaigns, *town.activities)} == {"4"}
