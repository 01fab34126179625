"""What was written and no state covers is taken back, whatever has become of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tap_constantcontact.traces import KEPT, Traces
from tests.pipeline.tables import Tables
from tests.tap.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from constantcontact_sandbox import Account, Clock
    from constantcontact_sandbox.records import Campaign
    from tests.running import TapRunner

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
ONE, OTHER = {"campaign_activity_id": "one"}, {"campaign_activity_id": "other"}


def traces(store: MemoryStore, mark: str | None, at: datetime = NOON) -> Traces:
    return Traces(store, "key", mark, now=lambda: at)


def test_what_was_written_after_a_state_is_left_for_whoever_goes_on_from_it() -> None:
    store = MemoryStore()
    first = traces(store, None)
    assert first.left() == {}
    first.note("schedules", [ONE])
    first.note("schedules", [ONE, OTHER])
    assert traces(store, None).left() == {"schedules": [ONE, OTHER]}

    mark = first.mark()
    assert mark is not None
    assert traces(store, mark).left() == {}
    first.note("resends", [OTHER])
    assert traces(store, mark).left() == {"resends": [OTHER]}
    assert traces(store, None).left() == {"schedules": [ONE, OTHER]}


def test_a_state_gets_a_new_mark_only_where_something_was_noted_since_the_last() -> None:
    noting = traces(MemoryStore(), "mark")
    assert noting.mark() == "mark"
    noting.note("schedules", [ONE])
    new = noting.mark()
    assert new != "mark"
    assert noting.mark() == new


def test_traces_that_nobody_comes_back_to_are_forgotten() -> None:
    store = MemoryStore()
    traces(store, "old").note("schedules", [ONE])
    later = traces(store, "new", NOON + KEPT)
    later.note("schedules", [ONE])
    assert traces(store, "old").left() == {"schedules": [ONE]}

    traces(store, "new", NOON + KEPT + timedelta(days=1)).note("schedules", [OTHER])
    assert traces(store, "old").left() == {}
    assert traces(store, "new").left() == {"schedules": [ONE, OTHER]}


def test_a_backfill_takes_back_nothing_that_increments_beside_it_have_written(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    """Neither has a state when it begins."""
    campaign = account.add_campaign("to come", at=clock.now() - timedelta(days=1))
    account.schedule(campaign, clock.now() + timedelta(days=9))
    loader = Tables()
    loader.load(tap.run().messages)
    assert schedules(loader, campaign) == 1

    tap.state = {}
    tap.config["end_date"] = "2026-01-01"
    loader.load(tap.run().messages)
    assert schedules(loader, campaign) == 1


def schedules(tables: Tables, campaign: Campaign) -> int:
    return sum(
        row["campaign_activity_id"] == campaign.primary.campaign_activity_id
        for row in tables.rows("campaign_activity_schedules")
    )


def plan_and_be_killed(tap: TapRunner, account: Account, clock: Clock, tables: Tables) -> Campaign:
    """Schedule a campaign, and lose the state of the run that has written it."""
    planned = account.add_campaign("Planned")
    account.schedule(planned, clock.now() + timedelta(days=1))
    before = tap.state
    tables.load(tap.run().messages)
    assert schedules(tables, planned) == 1
    tap.state = before
    return planned


@pytest.mark.parametrize("begun", [False, True], ids=["on the first run", "on a later run"])
@pytest.mark.parametrize(
    ("become", "left"),
    [
        (lambda account, campaign: account.unschedule(campaign), 0),
        (lambda account, campaign: account.send(campaign, account.contacts.values()), 0),
        (lambda account, campaign: account.remove_campaign(campaign), 0),
        (lambda *_: None, 1),
    ],
    ids=["unscheduled", "sent", "removed", "as it was"],
)
def test_a_row_that_a_killed_run_wrote_goes_when_its_object_does(
    tap: TapRunner,
    account: Account,
    clock: Clock,
    become: Callable[[Account, Campaign], object],
    left: int,
    *,
    begun: bool,
) -> None:
    tap.select = ["campaigns", "campaign_activity_schedules"]
    tables = Tables()
    if begun:
        tables.load(tap.run().messages)
    planned = plan_and_be_killed(tap, account, clock, tables)

    clock.advance(timedelta(hours=2))
    become(account, planned)
    tables.load(tap.run().messages)
    assert schedules(tables, planned) == left


def test_a_row_that_a_killed_run_wrote_goes_though_runs_in_between_may_not_read_its_stream(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.select = ["campaigns", "campaign_activity_schedules", "automations"]
    tables = Tables()
    tables.load(tap.run().messages)
    planned = plan_and_be_killed(tap, account, clock, tables)

    marks = {tap.state["ledger"]["mark"]}
    for name in ("Welcome", "Birthday"):
        clock.advance(timedelta(hours=2))
        account.add_automation(name)
        tables.load(tap.run(select=["automations"]).messages)
        marks.add(tap.state["ledger"]["mark"])
    assert len(marks) == 3
    account.unschedule(planned)
    tables.load(tap.run().messages)
    assert schedules(tables, planned) == 0
