"""Never more requests in a second than allowed, however they come."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_constantcontact.pacer import HEADROOM, Pacer


class Time:
    """A clock that moves only when somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(
    st.floats(min_value=0.5, max_value=20),
    st.lists(st.floats(min_value=0, max_value=3), min_size=2, max_size=40),
)
def test_no_second_holds_more_requests_than_allowed(per_second: float, idle: list[float]) -> None:
    time = Time()
    pacer = Pacer(per_second, clock=time.clock, sleep=time.sleep)
    sent = []
    for seconds in idle:
        time.now += seconds
        pacer.wait()
        sent.append(time.now)

    for start in sent:
        assert sum(start <= moment < start + 1 for moment in sent) <= max(1, -(-per_second // 1))


def test_busy_requests_are_spaced_evenly() -> None:
    time = Time()
    pacer = Pacer(4, clock=time.clock, sleep=time.sleep)
    sent = []
    for _ in range(5):
        pacer.wait()
        sent.append(time.now - 100)

    assert sent == pytest.approx([0, 0.255, 0.51, 0.765, 1.02])
    assert HEADROOM == 1.02


def test_threads_share_one_pace() -> None:
    moments = []
    lock = threading.Lock()

    def sleep(seconds: float) -> None:
        with lock:
            moments.append(round(seconds, 3))

    pacer = Pacer(1.02, clock=lambda: 0.0, sleep=sleep)
    threads = [threading.Thread(target=pacer.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(moments) == [1, 2, 3]
