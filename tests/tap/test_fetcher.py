"""Pages come in the order of the units, however they arrive."""

from __future__ import annotations

import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tap_constantcontact import fetcher as fetcher_module
from tap_constantcontact.errors import QuotaUsed, UnexpectedAnswer
from tap_constantcontact.fetcher import Fetcher
from tap_constantcontact.interruption import Interrupted, Interruption
from tap_constantcontact.streams.base import Asking, Outline
from tap_constantcontact.transport import Answer
from tap_constantcontact.units import Unit, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from constantcontact_sandbox import Switches
    from tap_constantcontact.transport import Transport
    from tests.running import TapRunner

API = "https://api.test/v3"
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


class Thing(Asking):
    """Something with pages."""

    name = "things"
    path = "/things/{number}"
    scope = "contact_data"
    privilege = "contacts:read"

    def of(self, number: int) -> Unit:
        return Unit(self, about={"number": str(number)})


@dataclass
class Answers:
    """A transport that knows how many pages each thing has.

    Args:
        pages: By thing.
        size: Bytes of a page.
        delay: Seconds that the request of a thing's page takes.
        fails: The thing and page that end it all.
        error: What they end it with.
    """

    pages: list[int]
    size: int = 1
    delay: Callable[[int, int], float] = lambda _thing, _page: 0
    fails: tuple[int, int] | None = None
    error: Exception = field(default_factory=lambda: UnexpectedAnswer("no answer"))
    asked: list[tuple[int, int]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    closed: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, url: str, params: Any, *, what: str, turn: int, work: Work, shape: Any) -> Answer:
        assert shape is Outline
        assert what == "GET /things/{number}"
        assert turn >= 0
        assert work is Work.INCREMENT
        assert not params
        path, _, page = url.removeprefix(f"{API}/things/").partition("?page=")
        key = (int(path), int(page or 0))
        with self.lock:
            self.asked.append(key)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        time.sleep(self.delay(*key))
        with self.lock:
            self.at_once -= 1
        if key == self.fails:
            raise self.error
        following = f"/v3/things/{key[0]}?page={key[1] + 1}"
        more = key[1] + 1 < self.pages[key[0]]
        links = {"_links": {"next": {"href": following}}} if more else {}
        body = {"key": key, **links}
        content = json.dumps(body).encode().ljust(self.size)
        return Answer(body, NOON + timedelta(seconds=len(self.asked)), content)

    def close(self) -> None:
        self.closed = True


def fetcher_of(answers: Answers, threads: int = 4) -> Fetcher:
    return Fetcher(cast("Transport", answers), API, Interruption(), threads=threads)


def keys(answers: Answers, threads: int = 4) -> list[tuple[int, int]]:
    fetcher = fetcher_of(answers, threads)
    thing = Thing()
    units = (thing.of(number) for number in range(len(answers.pages)))
    read = [tuple(page.body["key"]) for page in fetcher.pages(units)]
    fetcher.close()
    return read


def in_order(pages: list[int]) -> list[tuple[int, int]]:
    return [(thing, page) for thing, count in enumerate(pages) for page in range(count)]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(1, 5), max_size=9), st.integers())
def test_pages_come_in_the_order_of_the_units(pages: list[int], seed: int) -> None:
    chance = random.Random(seed)  # hypothesis's own must not be drawn from in threads
    answers = Answers(pages, delay=lambda *_: chance.choice([0, 0, 0.002]))

    assert keys(answers) == in_order(pages)
    assert sorted(answers.asked) == in_order(pages)


def test_several_requests_are_on_their_way_at_once_but_never_more_than_threads() -> None:
    answers = Answers([1] * 20, delay=lambda *_: 0.01)

    assert keys(answers, threads=3) == in_order([1] * 20)
    assert answers.most_at_once == 3


def test_pages_of_one_report_follow_each_other() -> None:
    answers = Answers([5], delay=lambda *_: 0.002)

    keys(answers)
    assert answers.most_at_once == 1


def test_what_waits_to_be_read_is_bounded_however_slow_the_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetcher_module, "BUFFER", 10)
    answers = Answers([50] * 8, size=3)
    fetcher = fetcher_of(answers)
    thing = Thing()
    pages = fetcher.pages(thing.of(number) for number in range(8))
    for read in range(1, 40):
        next(pages)
        time.sleep(0.002)
        # Ten bytes are filled by four pages; one more a thread may be on its way.
        assert len(answers.asked) <= read + 4 + 4
    fetcher.close()


def test_units_are_taken_only_so_far_ahead() -> None:
    taken = []
    thing = Thing()

    def units() -> Iterator[Unit]:
        for number in range(100):
            taken.append(number)
            yield thing.of(number)

    fetcher = fetcher_of(Answers([1] * 100))
    pages = fetcher.pages(units(), ahead=7)
    next(pages)
    assert len(taken) == 7
    next(pages)
    assert len(taken) == 8
    fetcher.close()


def test_an_error_is_raised_where_it_belongs_and_nothing_behind_it_is_begun() -> None:
    answers = Answers([2] * 50, fails=(3, 1), delay=lambda *_: 0.002)
    fetcher = fetcher_of(answers)
    thing = Thing()
    read: list[tuple[int, int]] = []
    pages = fetcher.pages(thing.of(number) for number in range(50))
    with pytest.raises(UnexpectedAnswer, match="no answer"):
        read.extend(tuple(page.body["key"]) for page in pages)

    assert read == [*in_order([2, 2, 2]), (3, 0)]
    assert len(answers.asked) < 20
    fetcher.close()


def test_when_no_call_is_left_what_needs_none_is_still_read() -> None:
    """Three things are on their way: the first needs another call, the others have all."""
    answers = Answers([2, 1, 1, 1], fails=(0, 1), error=QuotaUsed("none left"))
    fetcher = fetcher_of(answers, threads=1)
    thing = Thing()
    read: list[tuple[int, int]] = []
    pages = fetcher.pages(thing.of(number) for number in range(4))
    with pytest.raises(QuotaUsed, match="none left"):
        read.extend(tuple(page.body["key"]) for page in pages)

    assert read == [(0, 0), (1, 0), (2, 0), (3, 0)]
    fetcher.close()


def test_a_signal_ends_the_wait_for_a_page() -> None:
    interruption = Interruption()
    answers = Answers([1], delay=lambda *_: 0.2)
    fetcher = Fetcher(cast("Transport", answers), API, interruption, threads=1)
    thing = Thing()

    class Late(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            interruption.request(15)
            return super().wait(timeout)

    fetcher._back = Late(fetcher._lock)
    with pytest.raises(Interrupted):
        next(fetcher.pages([thing.of(0)]))
    fetcher.close()
    assert answers.closed


def test_the_run_began_at_the_first_answer() -> None:
    fetcher = fetcher_of(Answers([3, 3]), threads=1)
    with pytest.raises(RuntimeError, match="not answered yet"):
        fetcher.began()
    thing = Thing()
    list(fetcher.pages([thing.of(0), thing.of(1)]))

    assert fetcher.began() == NOON + timedelta(seconds=1)
    fetcher.close()


def test_closing_ends_the_threads() -> None:
    fetcher = fetcher_of(Answers([1]))
    list(fetcher.pages([Thing().of(0)]))
    fetcher.close()
    for thread in fetcher._threads:
        thread.join(timeout=5)
        assert not thread.is_alive()


def test_records_leave_in_the_same_order_with_many_threads_as_with_one(
    tap: TapRunner, switches: Switches, tmp_path: Path
) -> None:
    switches.latency = timedelta(milliseconds=2)
    switches.latency_jitter = timedelta(milliseconds=2)
    alone = tap.run()
    # With a store of its own: in the first one it would find what the first run has left.
    tap.state, tap.threads, tap.store = {}, 6, tmp_path / "another store"
    together = tap.run()

    def records(messages: list[dict[str, Any]]) -> list[Any]:
        return [message["record"] for message in messages if message["type"] == "RECORD"]

    assert records(together.messages) == records(alone.messages)
    marks = [run.state["ledger"].pop("mark") for run in (alone, together)]
    assert marks[0] != marks[1]
    assert together.state == alone.state
    assert sorted(together.paths()) == sorted(alone.paths())


def test_the_whole_pace_is_used_though_answers_are_slow(tap: TapRunner, switches: Switches) -> None:
    switches.latency = timedelta(milliseconds=60)
    tap.config["requests_per_second"] = 40
    tap.threads = 6

    run = tap.run()
    arrived = sorted(call.arrived for call in run.asked)
    # One at a time would take 60 ms each; the pace alone is 26 ms.
    assert arrived[-1] - arrived[0] < len(arrived) * 0.05
