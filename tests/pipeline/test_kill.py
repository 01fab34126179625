"""Processes that are killed: nothing is lost, nothing doubled, little is asked twice."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.ledger import STATE_SECONDS
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.email_reports import EmailReport
from tests.conftest import NOON
from tests.pipeline.pipe import STILL, Pipe
from tests.pipeline.truth import differences
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from pathlib import Path

    from singer_sdk.singerlib.messages import Message

    from constantcontact_sandbox import Request as SandboxRequest

KILLS = int(os.environ.get("KILLS", "6"))


@pytest.mark.timeout(3_000)
def test_after_any_kills_and_a_repeat_the_database_equals_the_account(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path
) -> None:
    """Each kill is one more in the history of the same database."""
    chance = random.Random(KILLS)
    pipe = Pipe(tap, tmp_path, f"sqlite:///{tmp_path / 'account.db'}")
    for kill in range(KILLS):
        victims = chance.choice(["tap", "loader", "tap and loader"])
        pipe.run(kill_after=chance.randrange(1, 150 if kill < KILLS / 2 else 30), victims=victims)
        if kill >= KILLS / 2:
            sandbox.live(timedelta(hours=chance.choice([1, 5, 30])))
    sandbox.account.clock.advance(timedelta(days=1))
    assert pipe.run() == (0, 0)
    assert differences(sandbox.account, pipe.url, apart_from=STILL) == []

    sandbox.account.clock.advance(timedelta(days=8))
    assert pipe.run() == (0, 0)
    assert differences(sandbox.account, pipe.url) == []


def test_a_full_disk_ends_the_loader_in_one_line_and_loses_nothing(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path
) -> None:
    """No file may grow beyond 300 kB: the database fills up, as on a full disk."""
    pipe = Pipe(tap, tmp_path, f"sqlite:///{tmp_path / 'account.db'}")
    said = pipe.run_on_a_full_disk(300_000)
    assert "Traceback" not in said
    (line,) = [line for line in said.splitlines() if "ERROR" in line]
    assert "disk" in line

    assert pipe.run() == (0, 0)
    assert differences(sandbox.account, pipe.url) == []


class Noting(Writer):
    """Notes how many requests had been made at each STATE."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__()
        self.sandbox = sandbox
        self.states: list[tuple[int, dict[str, Any]]] = []

    def write_message(self, message: Message) -> None:
        super().write_message(message)
        if self.messages[-1]["type"] == "STATE":
            self.states.append((len(self.sandbox.asked), self.messages[-1]["value"]))


def test_a_run_that_was_killed_repeats_at_most_a_minute_of_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each moment just before a STATE, which is the worst; a request takes a quarter second."""
    monkeypatch.setattr(Contacts, "page_size", 10)
    monkeypatch.setattr("tap_constantcontact.streams.contacts.MOST_IN_WINDOW", 200)
    monkeypatch.setattr("tap_constantcontact.planner.windows.MOST_IN_WINDOW", 200)
    monkeypatch.setattr(EmailReport, "page_size", 20)
    account = Account.populate(seed=3, contacts=3_000, campaigns=60, clock=Clock(NOON))
    switches = Switches(requests_per_second=None, token_requests_per_second=None)
    seconds = [0.0]

    def tick(_: SandboxRequest) -> None:
        seconds[0] += 0.25

    def run(tap: TapRunner) -> Noting:
        writer = Noting(sandbox)
        made = tap.make(writer=writer)
        made.ledger._clock = lambda: seconds[0]
        made.ledger._due_at = seconds[0] + STATE_SECONDS
        made.sync_all()
        return writer

    with Sandbox(account, switches) as sandbox:
        sandbox.before_answer.append(tick)
        first = run(TapRunner(sandbox, tmp_path / "store", threads=6))
        calls = first.states[-1][0]
        assert calls > 800
        assert len(first.states) > 8
        moments = [made for made, _ in first.states[1:]]
        for (_, state), killed_at in list(zip(first.states[:-1], moments, strict=True))[::3]:
            before = len(sandbox.asked)
            run(TapRunner(sandbox, tmp_path / "store", state=state, threads=6))
            again = len(sandbox.asked) - before
            assert killed_at + again - calls <= 240, killed_at
