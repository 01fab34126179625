"""Never more requests in a second than allowed, however they come."""

from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.pacer import HEADROOM, SLOWER, SLOWEST, Pacer


class Time(threading.Condition):
    """A clock that moves only when somebody waits."""

    def __init__(self, late: float = 0) -> None:
        super().__init__()
        self.now = 100.0
        self.late = late

    def clock(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += (timeout or 0) + self.late
        return False


@given(
    st.floats(min_value=0.5, max_value=20),
    st.lists(st.floats(min_value=0, max_value=3), min_size=2, max_size=40),
)
def test_no_second_holds_more_requests_than_allowed(per_second: float, idle: list[float]) -> None:
    now = Time()
    pacer = Pacer(per_second, clock=now.clock, turns=now)
    sent = []
    for seconds in idle:
        now.now += seconds
        pacer.wait()
        sent.append(now.now)

    for start in sent:
        assert sum(start <= moment < start + 1 for moment in sent) <= max(1, -(-per_second // 1))


def test_busy_requests_are_spaced_evenly() -> None:
    now = Time()
    pacer = Pacer(4, clock=now.clock, turns=now)
    sent = []
    for _ in range(5):
        pacer.wait()
        sent.append(now.now - 100)

    assert sent == pytest.approx([0, 0.26, 0.52, 0.78, 1.04])


def test_waking_up_a_little_late_costs_no_pace() -> None:
    now = Time(late=0.005)
    pacer = Pacer(4, clock=now.clock, turns=now)
    sent = []
    for _ in range(5):
        pacer.wait()
        sent.append(now.now - 100)

    assert sent == pytest.approx([0, 0.265, 0.525, 0.785, 1.045])


def test_waking_up_very_late_is_not_made_up_for() -> None:
    now = Time(late=0.1)
    pacer = Pacer(4, clock=now.clock, turns=now)
    sent = []
    for _ in range(3):
        pacer.wait()
        sent.append(now.now - 100)

    assert sent == pytest.approx([0, 0.36, 0.71])


def test_threads_share_one_pace_and_the_most_urgent_goes_first() -> None:
    pacer = Pacer(50)
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
    pacer = Pacer(4, clock=now.clock, turns=now)

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
