"""An account lives: deterministically, and a little of everything each day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.life import HAPPENINGS
from constantcontact_sandbox.segments import Criteria
from tests.sandbox.conftest import NOON

if TYPE_CHECKING:
    from collections.abc import Sequence

DAY = timedelta(days=1)
PLANNED = {"scheduled campaign sent", "requested resend sent"}


def lived(*moves: timedelta, seed: int = 7) -> Sandbox:
    account = Account.populate(seed=seed, contacts=300, campaigns=15, clock=Clock(NOON))
    sandbox = Sandbox(account, Switches.unlimited())
    for move in moves:
        sandbox.live(move)
    return sandbox


def state(account: Account) -> Sequence[object]:
    return (
        account.contacts,
        account.lists,
        account.tags,
        account.custom_fields,
        account.segments,
        account.bulk_activities,
        account.emails,
        account.campaigns,
        account.events,
        account.text_campaigns,
        account.landing_pages,
        account.automations,
        account.social_profiles,
        account.hashtag_groups,
    )


def test_the_same_time_brings_the_same_life_in_one_move_or_several() -> None:
    once = lived(3 * DAY)
    often = lived(DAY, timedelta(hours=7), timedelta(hours=17), timedelta(minutes=1), DAY)
    often.account.clock.advance(timedelta(0))
    assert state(often.account) == state(lived(3 * DAY, timedelta(minutes=1)).account)
    assert state(once.account) == state(lived(DAY, 2 * DAY).account)
    assert state(once.account) != state(lived(2 * DAY).account)


def test_a_clock_that_ticked_a_little_meanwhile_changes_nothing() -> None:
    late = lived()
    late.account.clock.advance(timedelta(minutes=5))
    late.live(DAY)
    late.account.clock.advance(timedelta(minutes=5))
    late.live(DAY)
    expected = lived(2 * DAY)
    assert late.account.contacts == expected.account.contacts
    opens = [
        [each.opens for each in sandbox.account.activities.values()] for sandbox in (late, expected)
    ]
    assert opens[0] == opens[1]


def test_a_day_brings_a_little_of_everything() -> None:
    sandbox = lived()
    account = sandbox.account
    contacts, campaigns = len(account.contacts), len(account.campaigns)
    names = {key: each.last_name for key, each in account.contacts.items()}
    opens = {key: len(each.opens) for key, each in account.activities.items()}
    happened = sandbox.live(DAY)
    assert account.clock.now() == NOON + DAY
    assert set(happened) <= HAPPENINGS.keys() | PLANNED
    sent = [each.primary.last_sent_date for each in account.campaigns.values()]
    due = sum(each is not None and each >= NOON for each in sent)
    assert happened["scheduled campaign sent"] == due >= 2
    assert len(account.contacts) == contacts + happened["contact added"]
    assert len(account.campaigns) == campaigns + happened["campaign written"]
    renamed = [key for key, name in names.items() if account.contacts[key].last_name != name]
    assert 0 < len(renamed) <= happened["contact renamed"]
    opened = [key for key, seen in opens.items() if len(account.activities[key].opens) > seen]
    assert len(opened) > 3


def test_everything_that_can_happen_does_within_ten_days() -> None:
    happened = lived().live(10 * DAY)
    assert set(happened) == HAPPENINGS.keys() | PLANNED


def test_what_happens_bears_the_time_in_which_it_happened() -> None:
    sandbox = lived(DAY)
    account, before = sandbox.account, sandbox.account.clock.now()
    known, seen = (
        set(account.contacts),
        {key: len(a.opens) for key, a in account.activities.items()},
    )
    sandbox.live(DAY)
    fresh = [
        each.at for key, a in account.activities.items() for each in a.opens[seen.get(key, 0) :]
    ]
    newcomers = [each.created_at for key, each in account.contacts.items() if key not in known]
    assert len(fresh) > 10
    assert newcomers
    assert all(before < moment <= before + DAY for moment in (*fresh, *newcomers))


def test_a_scheduled_campaign_is_sent_when_its_time_has_come() -> None:
    sandbox = lived()
    [scheduled] = [
        each for each in sandbox.account.campaigns.values() if each.current_status == "Scheduled"
    ]
    due = scheduled.primary.scheduled_date
    sandbox.live(DAY)
    assert (scheduled.current_status, scheduled.last_sent_date) == ("Done", due)
    assert scheduled.primary.sends


def test_what_falls_into_time_that_was_only_advanced_through_never_happens() -> None:
    sandbox = lived()
    sandbox.account.clock.advance(DAY)
    before = set(sandbox.account.contacts)
    sandbox.live(DAY)
    newcomers = [sandbox.account.contacts[key] for key in set(sandbox.account.contacts) - before]
    assert newcomers
    assert all(each.created_at > NOON + DAY for each in newcomers)


@pytest.mark.parametrize("days", [1, 5])
def test_an_empty_account_lives_too(days: int) -> None:
    account = Account(Clock(NOON))
    happened = Sandbox(account, Switches.unlimited()).live(days * DAY)
    assert happened["contact added"] == 4 * days


def test_a_campaign_to_a_segment_goes_to_whom_it_chooses() -> None:
    sandbox = lived()
    account = sandbox.account
    segment = account.add_segment("Everybody who opened nothing", Criteria.of(not_opened=50))
    chosen = {each.contact_id for each in account.members_of(segment) if each.is_active}
    campaign = account.add_campaign(segment_id=segment.segment_id)
    account.schedule(campaign, NOON + timedelta(minutes=1))
    sandbox.live(timedelta(minutes=2))
    assert {each.contact_id for each in campaign.primary.sends} == chosen
    assert chosen


def test_a_resend_that_was_asked_for_goes_out_when_its_time_has_come() -> None:
    sandbox = lived()
    account = sandbox.account
    campaign = account.add_campaign("Late news")
    reader, other = account.add_contact(), account.add_contact()
    account.send(campaign, [reader, other])
    account.add_open(campaign.primary, reader)
    account.request_resend(campaign, delay=timedelta(minutes=1))
    sandbox.live(timedelta(minutes=2))
    [resent] = [each for each in campaign.activities if each.role == "resend"]
    assert [each.contact_id for each in resent.sends] == [other.contact_id]
    assert resent.last_sent_date == NOON + timedelta(minutes=1)


def test_the_winner_of_a_trial_goes_out_when_it_is_known() -> None:
    sandbox = lived()
    account = sandbox.account
    campaign = account.add_campaign("On trial", lists=[next(iter(account.lists.values()))])
    account.try_subject(campaign, "On trial?", winner_wait_duration=6)
    account.schedule(campaign, NOON + timedelta(minutes=1))
    sandbox.live(timedelta(minutes=2))
    tested, waiting = len(campaign.primary.sends), campaign.primary.remainder
    assert tested
    assert waiting is not None
    sandbox.live(timedelta(hours=7))
    assert campaign.current_status == "Done"
    assert len(campaign.primary.sends) == tested + len(waiting.audience)
    assert [each.count for each in campaign.primary.send_history] == [
        tested + len(waiting.audience)
    ]
