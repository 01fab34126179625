"""What changed comes first; what never was read waits for calls to spare."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from meltano.core.utils import merge

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.allowance import Limits
from tap_constantcontact.errors import BackfillPaused, QuotaUsed
from tap_constantcontact.store import FolderStore
from tap_constantcontact.units import Work
from tests.pipeline.tables import Tables
from tests.pipeline.truth import KEYS, differences_of
from tests.running import MAIL, TapRunner, counted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tap_constantcontact.allowance import Allowance

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


COMPARED = KEYS.keys() & MAIL
"""The tables that these tests fill."""

REPORTS = MAIL - {"contact_lists", "contacts", "campaign_summaries"}
"""What a backfill reads: campaigns, and what follows from them."""


@pytest.fixture
def account(clock: Clock) -> Account:
    """Twelve campaigns, one a month, each sent to the same five."""
    account = Account(clock)
    people = [account.add_contact(f"p{number}@example.com") for number in range(5)]
    for month in range(12):
        at = NOON - timedelta(days=5 + 30 * month)
        campaign = account.add_campaign(f"before {month} months", at=at - DAY)
        account.send(campaign, people, at=at)
        account.add_open(campaign.primary, people[0], at=at + timedelta(hours=1))
    return account


@pytest.fixture
def sandbox(account: Account, switches: Switches) -> Iterator[Sandbox]:
    with Sandbox(account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    return TapRunner(sandbox, tmp_path / "store", select=MAIL)


def names(account: Account, paths: list[str]) -> list[str]:
    """Return which campaigns were asked about, in order."""
    found = []
    for path in paths:
        activity = account.activities.get(path.split("/")[3])
        if activity:
            found.append(account.campaigns[activity.campaign_id].name)
    return list(dict.fromkeys(found))


def test_the_newest_campaigns_are_read_first_each_with_all_its_reports(
    tap: TapRunner, account: Account
) -> None:
    first = tap.run()

    reports = first.paths("/reports/email_reports")
    assert names(account, reports) == [f"before {month} months" for month in range(12)]
    kinds = [path.split("/")[-1] for path in reports if not path.endswith("links")]
    assert kinds == ["sends", "opens"] * 12


def test_what_changed_is_read_before_the_backfill_goes_on(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.config["max_calls_per_run"] = 60
    seen = names(account, tap.run().paths("/reports/email_reports"))
    assert 1 < len(seen) < 12
    clock.advance(DAY)
    old = next(each for each in account.campaigns.values() if each.name == seen[1])
    account.add_open(old.primary, next(iter(account.contacts.values())))

    again = names(account, tap.run().paths("/reports/email_reports"))
    assert again[0] == seen[1]
    assert len(again) > 2


def test_a_backfill_leaves_increments_what_they_will_need(
    tap: TapRunner, caplog: pytest.LogCaptureFixture
) -> None:
    tap.config |= {"daily_quota": 100, "increment_reserve": 80}

    first = tap.run()
    # Half of the day is over: 40 calls are kept.
    assert len(first.asked) == 60
    assert "The backfill pauses: the 40 calls left of today are kept for increments" in caplog.text
    assert first.error is None

    tap.config["on_quota"] = "fail"
    again = tap.run(fails=True)
    assert isinstance(again.error, BackfillPaused)
    assert 0 < len(again.asked) < 20


def test_whoever_waits_reads_what_changed_before_the_backfill_goes_on(
    tap: TapRunner, account: Account, clock: Clock
) -> None:
    tap.config |= {"daily_quota": 60, "increment_reserve": 0, "on_quota": "wait"}
    loader = Tables()
    run = tap.run()
    loader.load(run.messages)

    # Sixty calls a day are not enough, and each day began with what had changed.
    days = (clock.now().date() - NOON.date()).days
    assert days > 0
    assert run.paths().count("/emails") == 1 + days
    assert differences_of(account, loader.rows, COMPARED) == []


class Day:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.time = NOON.replace(hour=0)

    def now(self) -> datetime:
        return self.time

    def allowance(self, folder: Path, **limits: Any) -> Allowance:
        return counted(FolderStore(folder), Limits(**limits), now=self.now)


def spend(allowance: Allowance, calls: int, work: Work) -> None:
    for _ in range(calls):
        allowance.spend(work)


def test_what_increments_need_is_learnt_from_the_busiest_of_the_last_seven_days(
    tmp_path: Path,
) -> None:
    day = Day()
    for increments in (8, 24, 16):
        allowance = day.allowance(tmp_path, daily_quota=100)
        spend(allowance, increments, Work.INCREMENT)
        spend(allowance, 15, Work.WHOLE)
        day.time += DAY

    backfill = day.allowance(tmp_path, daily_quota=100)
    with pytest.raises(BackfillPaused, match="the 30 calls left of today"):
        spend(backfill, 100, Work.BACKFILL)
    assert backfill.calls == 70
    day.time += DAY / 2
    spend(backfill, 15, Work.BACKFILL)
    with pytest.raises(BackfillPaused, match="the 15 calls left of today"):
        backfill.spend(Work.BACKFILL)
    spend(backfill, 15, Work.INCREMENT)
    with pytest.raises(QuotaUsed, match="has used its calls of today"):
        backfill.spend(Work.BACKFILL)

    day.time = NOON + 12 * DAY
    for _ in range(7):
        day.time += DAY
        spend(day.allowance(tmp_path, daily_quota=100), 4, Work.INCREMENT)
    day.time = (day.time + DAY).replace(hour=0)
    with pytest.raises(BackfillPaused, match="the 5 calls left of today"):
        spend(day.allowance(tmp_path, daily_quota=100), 100, Work.BACKFILL)


def test_a_first_day_is_taken_for_what_it_would_have_been_from_its_beginning(
    tmp_path: Path,
) -> None:
    day = Day()
    day.time += DAY / 2
    spend(day.allowance(tmp_path, daily_quota=100), 8, Work.INCREMENT)
    day.time += DAY / 2

    with pytest.raises(BackfillPaused, match="the 20 calls left of today"):
        spend(day.allowance(tmp_path, daily_quota=100), 100, Work.BACKFILL)


def test_before_anything_was_learnt_an_increment_is_expected_every_hour(tmp_path: Path) -> None:
    day = Day()
    first = day.allowance(tmp_path, daily_quota=1_000)
    spend(first, 10, Work.INCREMENT)

    with pytest.raises(BackfillPaused, match="the 300 calls left of today"):
        spend(first, 1_000, Work.BACKFILL)


def test_on_its_first_day_a_backfill_looks_at_what_increments_beside_it_make(
    tmp_path: Path,
) -> None:
    day = Day()
    spend(day.allowance(tmp_path, daily_quota=1_000), 20, Work.INCREMENT)
    backfill = day.allowance(tmp_path, daily_quota=1_000)
    spend(backfill, 1, Work.INCREMENT)

    day.time += DAY / 12
    with pytest.raises(BackfillPaused, match="the 289 calls left of today"):
        spend(backfill, 1_000, Work.BACKFILL)


def test_five_days_of_a_backfill_under_a_small_quota_with_increments_every_hour(
    tmp_path: Path, clock: Clock
) -> None:
    """No increment ever fails for want of calls, and in the end all is there."""
    account = Account.populate(seed=5, contacts=60, campaigns=60, clock=clock)
    switches = Switches(requests_per_second=None, token_requests_per_second=None, daily_quota=450)
    loader = Tables()
    short, spent = [], []
    with Sandbox(account, switches) as sandbox:
        tap = TapRunner(sandbox, tmp_path / "store", config={"daily_quota": 450}, select=MAIL)
        for hour in range(5 * 24):
            sandbox.live(timedelta(hours=1))
            run = tap.run()
            loader.load(run.messages)
            spent.append(len(run.asked))
            assert all(call.status != 429 for call in run.asked), hour
            if "/contacts" not in run.paths():
                short.append(hour)
        tap.config["daily_quota"] = switches.daily_quota = 10_000
        for _ in range(3):
            clock.advance(timedelta(days=3))
            loader.load(tap.run().messages)

        assert short == []
        assert differences_of(account, loader.rows, COMPARED) == []
    days = [sum(spent[:11]), *(sum(spent[start : start + 24]) for start in range(11, 107, 24))]
    assert max(days) <= 450
    assert days[0] > 330  # the backfill used what was there


def test_a_backfill_of_two_years_beside_increments_every_hour_ends_with_the_truth(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """Each has a state of its own, handed over in the end as docs/operations.md says."""
    account = Account.populate(seed=5, contacts=30, campaigns=40, clock=clock)
    switches = Switches(requests_per_second=None, token_requests_per_second=None, daily_quota=460)
    loader = Tables()
    with Sandbox(account, switches) as sandbox:
        increments, backfill = (
            TapRunner(sandbox, tmp_path / "store", {"daily_quota": 460, **dates}, select=select)
            for dates, select in (
                ({"start_date": "2026-05-01"}, MAIL),
                ({"start_date": "2024-05-01", "end_date": "2026-05-01"}, REPORTS),
            )
        )
        paused: list[bool] = []
        while len(paused) < 2:
            sandbox.live(timedelta(hours=1))
            run = increments.run()
            loader.load(run.messages)
            assert "/contacts" in run.paths(), clock.now()
            if clock.now().hour == 20:
                caplog.clear()
                loader.load(backfill.run().messages)
                paused.append("The backfill pauses" in caplog.text)
        assert paused == [True, False]
        assert 429 not in {call.status for call in sandbox.asked}

        switches.daily_quota = increments.config["daily_quota"] = 10_000
        del increments.config["start_date"]
        increments.state = merge(backfill.state, increments.state)  # type: ignore[no-untyped-call]
        for _ in range(3):
            clock.advance(timedelta(days=3))
            loader.load(increments.run().messages)

    assert differences_of(account, loader.rows, COMPARED) == []
