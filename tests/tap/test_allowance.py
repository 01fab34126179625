"""No more calls than there are, whoever makes them."""

from __future__ import annotations

import multiprocessing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tap_constantcontact.allowance import Limits
from tap_constantcontact.errors import QuotaUsed
from tap_constantcontact.store import FolderStore
from tests.running import counted

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Sandbox, Switches
    from tap_constantcontact.allowance import Allowance
    from tests.running import TapRunner

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Day:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


def allowance(folder: Path, day: Day, limits: Limits, key: str = "key") -> Allowance:
    return counted(FolderStore(folder), limits, key, now=day.now, sleep=day.sleep)


def test_calls_are_counted_by_the_day_in_utc(tmp_path: Path) -> None:
    day = Day()
    calls = allowance(tmp_path, day, Limits(100))
    calls.spend()
    day.sleep(11 * 3600)
    calls.spend()
    assert (calls.calls, calls.calls_today) == (2, 2)

    day.sleep(3600)
    calls.spend()
    assert (calls.calls, calls.calls_today) == (3, 1)


def test_a_run_that_follows_goes_on_counting(tmp_path: Path) -> None:
    allowance(tmp_path, Day(), Limits(100)).spend()
    again = allowance(tmp_path, Day(), Limits(100))
    again.spend()

    assert (again.calls, again.calls_today) == (1, 2)


def test_whoever_only_looks_spends_no_call(tmp_path: Path) -> None:
    allowance(tmp_path, Day(), Limits(100)).spend()
    looking = allowance(tmp_path, Day(), Limits(100))
    for _ in range(2):
        looking.look()

    assert (looking.calls, looking.calls_today, looking.left_today) == (0, 1, 99)


def test_the_next_day_begins_by_the_clock_of_the_api(tmp_path: Path) -> None:
    calls = allowance(tmp_path, Day(), Limits(100))
    assert calls.next_day == NOON + timedelta(hours=12, seconds=30)

    calls.api_clock(NOON + timedelta(hours=2))
    assert calls.next_day == NOON + timedelta(hours=10, seconds=30)


def test_each_key_has_calls_of_its_own(tmp_path: Path) -> None:
    allowance(tmp_path, Day(), Limits(100), key="one").spend()
    other = allowance(tmp_path, Day(), Limits(100), key="two")
    other.spend()

    assert other.calls_today == 1


def test_the_days_calls_are_not_exceeded_and_others_are_left_theirs(tmp_path: Path) -> None:
    calls = allowance(tmp_path, Day(), Limits(10, quota_reserve=7))
    for _ in range(3):
        calls.spend()
    with pytest.raises(QuotaUsed, match=r"3 are counted.* in 12 h 0 min"):
        calls.spend()

    assert calls.calls == 3
    # The reserve is there for whoever has none to leave.
    allowance(tmp_path, Day(), Limits(10)).spend()


def test_a_run_may_have_calls_of_its_own(tmp_path: Path) -> None:
    calls = allowance(tmp_path, Day(), Limits(100, calls=2))
    calls.spend()
    calls.spend()
    with pytest.raises(QuotaUsed, match=r"has made its 2 calls \(max_calls_per_run\)"):
        calls.spend()


def test_a_run_may_have_a_time_of_its_own(tmp_path: Path) -> None:
    day = Day()
    calls = allowance(tmp_path, day, Limits(100, duration=timedelta(minutes=10)))
    day.sleep(599)
    calls.spend()
    day.sleep(1)
    with pytest.raises(QuotaUsed, match="max_run_minutes"):
        calls.spend()


def test_whoever_waits_goes_on_the_next_day(tmp_path: Path) -> None:
    day = Day()
    calls = allowance(tmp_path, day, Limits(2, waits=True))
    for _ in range(5):
        calls.spend()

    assert day.time == datetime(2026, 6, 3, 0, 0, 30, tzinfo=UTC)
    assert calls.calls_today == 1


def test_whoever_waits_says_until_when(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    calls = allowance(tmp_path, Day(), Limits(1, waits=True))
    calls.spend()
    calls.spend()

    (said,) = caplog.messages
    assert said == (
        "The calls of today are used (1 are counted): the run waits for 12 h 0 min,"
        " until 00:00 UTC."
    )


def test_nobody_waits_for_a_day_that_the_time_of_the_run_does_not_reach(tmp_path: Path) -> None:
    day = Day()
    calls = allowance(tmp_path, day, Limits(1, duration=timedelta(minutes=10), waits=True))
    calls.spend()
    with pytest.raises(QuotaUsed, match=r"1 are counted.* in 12 h 0 min"):
        calls.spend()
    assert (calls.waits, day.time) == (False, NOON)

    longer = allowance(tmp_path, day, Limits(1, duration=timedelta(hours=13), waits=True))
    longer.spend()
    assert day.time.date() == NOON.date() + timedelta(days=1)


def test_what_the_api_says_holds_for_all_processes(tmp_path: Path) -> None:
    day = Day()
    with pytest.raises(QuotaUsed):
        allowance(tmp_path, day, Limits(100)).used_up()
    with pytest.raises(QuotaUsed, match="100 are counted"):
        allowance(tmp_path, day, Limits(100)).spend()

    waiting = allowance(tmp_path, day, Limits(100, waits=True))
    waiting.used_up()
    assert day.time.date() == NOON.date() + timedelta(days=1)


def _spend(folder: Path) -> None:
    calls = counted(FolderStore(folder), Limits(1_000), now=lambda: NOON)
    for _ in range(25):
        calls.spend()


def test_processes_share_one_count(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_spend, args=(tmp_path,)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    last = counted(FolderStore(tmp_path), Limits(1_000), now=lambda: NOON)
    last.spend()
    assert last.calls_today == 76


def test_a_run_stops_well_at_its_calls_and_the_next_goes_on(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    tap.config["max_calls_per_run"] = 40
    runs = [tap.run()]
    while runs[-1].asked and len(runs) < 12:
        runs.append(tap.run())
        if len(runs[-1].asked) < 40:
            break

    assert [len(run.asked) for run in runs[:-1]] == [40] * (len(runs) - 1)
    assert len(runs) > 3
    reports = [path for run in runs for path in run.paths("/reports/email_reports")]
    assert len(reports) == len(set(reports))
    assert sandbox.asked


def test_a_used_quota_fails_the_run_where_that_is_wanted(
    tap: TapRunner, switches: Switches
) -> None:
    switches.daily_quota = 5
    tap.config["on_quota"] = "fail"

    run = tap.run(fails=True)
    assert isinstance(run.error, QuotaUsed)
    assert run.messages[-1]["type"] == "STATE"
    assert [call.status for call in run.asked] == [200] * 5 + [429]


def test_a_used_quota_is_not_asked_about_again_today(tap: TapRunner, switches: Switches) -> None:
    switches.daily_quota = 5
    tap.run()

    again = tap.run()
    assert again.asked == []
    assert again.error is None
