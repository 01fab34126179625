"""Never more requests in a second than allowed, however they come."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.pacer import HEADROOM, SLOWER, SLOWEST, NoneLeft, Pacer
from tap_constantcontact.store import open_store
from tests.tap.memory import MemoryStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.queues import Queue

SPAWN = multiprocessing.get_context("spawn")


def pace(now: Time, per_second: float) -> Pacer:
    return Pacer(MemoryStore(now.clock), "key", per_second, clock=now.clock, turns=now)


class Time(threading.Condition):
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0
        return False


@given(
    st.floats(min_value=0.5, max_value=20),
    st.lists(st.floats(min_value=0, max_value=3), min_size=2, max_size=40),
)
def test_no_second_holds_more_requests_than_allowed(per_second: float, idle: list[float]) -> None:
    now = Time()
    pacer = pace(now, per_second)
    sent = []
    for seconds in idle:
        now.now += seconds
        pacer.wait()
        sent.append(now.now)

    for start in sent:
        assert sum(start <= moment < start + 1 for moment in sent) <= max(1, -(-per_second // 1))


def test_busy_requests_are_spaced_evenly() -> None:
    now = Time()
    pacer = pace(now, 4)
    sent = []
    for _ in range(5):
        pacer.wait()
        sent.append(now.now - 100)

    assert sent == pytest.approx([0, 0.26, 0.52, 0.78, 1.04])


def test_waking_up_a_little_late_costs_no_pace() -> None:
    now = Time()
    pacer = pace(now, 4)
    sent = []
    for _ in range(5):
        pacer.wait()
        sent.append(now.now - 100)
        now.now = max(now.now, 100 + 0.26 * len(sent)) + 0.005

    assert sent == pytest.approx([0, 0.265, 0.525, 0.785, 1.045])


def test_threads_share_one_pace_and_the_most_urgent_goes_first() -> None:
    pacer = Pacer(MemoryStore(time.time), "key", 50)
    pacer.wait()
    gate, order, lock = threading.Event(), [], threading.Lock()

    def ask(turn: int) -> None:
        gate.wait()
        pacer.wait(turn)
        with lock:
            order.append(turn)

    threads = [threading.Thread(target=ask, args=(turn,)) for turn in (3, 1, 2, 0)]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    gate.set()
    for thread in threads:
        thread.join()

    assert time.monotonic() - began >= 2.9 * HEADROOM / 50
    # Whoever came first may have taken the first moment; the others went by urgency.
    assert order[1:] == sorted(order[1:])


def test_a_throttled_makes_it_slower_and_good_answers_make_it_as_fast_again() -> None:
    now = Time()
    pacer = pace(now, 4)

    def distance() -> float:
        pacer.wait()
        before = now.now
        pacer.wait()
        return now.now - before

    usual = distance()
    pacer.throttled()
    assert distance() == pytest.approx(usual * SLOWER)
    for _ in range(20):
        pacer.throttled()
    assert distance() == pytest.approx(usual * SLOWEST)
    for _ in range(200):
        pacer.answered()
    assert distance() == pytest.approx(usual)


# Processes that share a store


def _ask(where: str, times: int, threads: int, queue: Queue[tuple[int, float]]) -> None:
    """Send requests as a process does, and tell when each went."""
    pacer = Pacer(open_store(where), "key", 8)

    def work() -> None:
        for _ in range(times):
            pacer.wait()
            queue.put((os.getpid(), time.monotonic()))

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def test_processes_that_share_a_store_share_the_pace(where: str) -> None:
    queue: Queue[tuple[int, float]] = SPAWN.Queue()
    # One with many threads is no more than one.
    processes = [
        SPAWN.Process(target=_ask, args=(where, times, threads, queue))
        for times, threads in ((14, 1), (14, 1), (3, 6))
    ]
    for process in processes:
        process.start()
    sent = [queue.get(timeout=30) for _ in range(14 + 14 + 18)]
    for process in processes:
        process.join()

    moments = sorted(moment for _, moment in sent)
    # Whoever writes down a moment may be held up; whoever asks is not let go early.
    assert max(sum(at <= moment < at + 0.9 for moment in moments) for at in moments) <= 8
    together = max(min(at for who, at in sent if who == process.pid) for process in processes)
    ends = min(max(at for who, at in sent if who == process.pid) for process in processes)
    turns = [
        sum(who == process.pid and together <= at <= ends for who, at in sent)
        for process in processes
    ]
    assert max(turns) - min(turns) <= 0.2 * max(turns) + 2


def test_a_killed_process_costs_the_others_no_more_than_its_moments(where: str) -> None:
    queue: Queue[tuple[int, float]] = SPAWN.Queue()
    process = SPAWN.Process(target=_ask, args=(where, 10_000, 3, queue))
    process.start()
    queue.get(timeout=30)
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()

    pacer = Pacer(open_store(where), "key", 50)
    began = time.monotonic()
    for _ in range(10):
        pacer.wait()
    assert time.monotonic() - began < 1


def test_what_the_api_says_to_one_process_slows_down_all() -> None:
    now = Time()
    store = MemoryStore(now.clock)
    one, other = (Pacer(store, "key", 4, clock=now.clock, turns=now) for _ in range(2))
    one.wait()
    one.throttled()
    other.wait()
    before = now.now
    other.wait()

    assert now.now - before == pytest.approx(SLOWER * HEADROOM / 4)


def test_a_clock_that_was_put_back_is_not_waited_for() -> None:
    now = Time()
    store = MemoryStore(now.clock)
    Pacer(store, "key", 4, clock=now.clock, turns=now).wait()
    now.now -= 3600

    before = now.now
    Pacer(store, "key", 4, clock=now.clock, turns=now).wait()
    assert now.now == before


class Far(MemoryStore):
    """A store that takes its time to answer."""

    def __init__(self, now: Time, seconds: float) -> None:
        super().__init__(now.clock)
        self.now, self.seconds, self.changes = now, seconds, 0

    def _change(
        self, key: str, change: Callable[[str | None, float], str | None], *, lasting: bool
    ) -> None:
        super()._change(key, change, lasting=lasting)
        self.now.now += self.seconds
        self.changes += 1


def test_a_store_that_answers_slowly_costs_little_of_the_pace() -> None:
    now = Time()
    store = Far(now, 0.15)
    pacer = Pacer(store, "key", 4, clock=now.clock, turns=now)
    pacer._waiting = [(turn, 0) for turn in range(1, 50)]
    sent = []
    for _ in range(40):
        pacer.wait()
        sent.append(now.now)

    gaps = [later - earlier for earlier, later in itertools.pairwise(sent)]
    assert min(gaps) == pytest.approx(HEADROOM / 4)
    assert 39 / (sent[-1] - sent[0]) > 0.9 * 4 / HEADROOM
    assert store.changes <= 25


# Calls that are counted with the moments


def calls_left(most: int) -> Callable[[dict[str, Any]], dict[str, Any] | None]:
    def count(document: dict[str, Any]) -> dict[str, Any] | None:
        calls = document.get("calls", 0)
        return {**document, "calls": calls + 1} if calls < most else None

    return count


def test_each_moment_is_a_call_even_where_several_are_taken_at_once_or_come_too_late() -> None:
    now = Time()
    store = Far(now, 0.15)
    pacer = Pacer(store, "key", 4, clock=now.clock, turns=now)
    pacer._waiting = [(turn, 0) for turn in range(1, 50)]
    for call in range(40):
        pacer.wait(count=calls_left(1000))
        now.now += 0.5 * (call % 10 == 0)

    counted = (store.get("key") or {})["calls"]
    assert counted == 40 + len(pacer._moments) + pacer._let_go
    assert store.changes < 40


def test_no_more_moments_are_taken_than_there_are_calls() -> None:
    now = Time()
    pacer = Pacer(Far(now, 0.3), "key", 4, clock=now.clock, turns=now)
    pacer._waiting = [(turn, 0) for turn in range(1, 50)]
    for _ in range(7):
        pacer.wait(count=calls_left(7))

    with pytest.raises(NoneLeft):
        pacer.wait(count=calls_left(7))
