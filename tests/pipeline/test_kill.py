"""Processes that are killed: nothing is lost, nothing doubled, little is asked twice."""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tap_constantcontact.ledger import STATE_SECONDS
from tap_constantcontact.streams.contacts import Contacts
from tap_constantcontact.streams.email_reports import EmailReport
from tests.conftest import NOON
from tests.pipeline.truth import differences
from tests.running import TapRunner, Writer

if TYPE_CHECKING:
    from pathlib import Path

    from singer_sdk.singerlib.messages import Message

    from constantcontact_sandbox import Request as SandboxRequest

KILLS = int(os.environ.get("KILLS", "6"))

STILL = (
    "email_address__address",
    "email_address__updated_at",
    "email_address__permission_to_send",
    "email_address__confirm_status",
    "email_address__opt_in_date",
    "email_address__opt_in_source",
    "list_memberships",
    "taggings",
    "custom_fields",
)
"""What moves no time that the API can filter by, and waits for the next full pass."""


class Pipe:
    """The tap and the loader as two processes, as a shell would run them."""

    def __init__(self, tap: TapRunner, folder: Path, url: str) -> None:
        self.url = url
        self.sandbox = tap.sandbox
        self.states = folder / "states.jsonl"
        self.states.touch()
        settings = folder / "tap.json"
        settings.write_text(json.dumps({**tap.settings, "requests_per_second": 200}))
        loader = folder / "target.json"
        loader.write_text(json.dumps({"sqlalchemy_url": self.url, "max_state_lag_seconds": 0}))
        self.state = folder / "state.json"
        self.reading = [sys.executable, "-m", "tap_constantcontact", "--config", str(settings)]
        self.loading = [sys.executable, "-m", "target_relational", "--config", str(loader)]

    def run(self, *, kill_after: int | None = None, victims: str = "tap and loader") -> None:
        """Run both, going on from the last state; kill after so many requests."""
        *_, last = ["", *self.states.read_text().splitlines()]
        given = []
        if last:
            self.state.write_text(last)
            given = ["--state", str(self.state)]
        before = len(self.sandbox.asked)
        with (
            self.states.open("a") as states,
            subprocess.Popen(
                [*self.reading, *given], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as tap,
            subprocess.Popen(
                self.loading, stdin=tap.stdout, stdout=states, stderr=subprocess.DEVNULL
            ) as loader,
        ):
            assert tap.stdout is not None
            tap.stdout.close()
            end = time.monotonic() + 60
            while kill_after is not None and len(self.sandbox.asked) - before < kill_after:
                if tap.poll() is not None:
                    break
                assert time.monotonic() < end
                time.sleep(0.002)
            if kill_after is not None:
                for name, process in (("tap", tap), ("loader", loader)):
                    if name in victims:
                        process.kill()
        if kill_after is None:
            assert (tap.returncode, loader.returncode) == (0, 0)

    def run_on_a_full_disk(self, most: int) -> str:
        """Run both, the loader with files of so many bytes at most; return what it says."""
        with (
            self.states.open("a") as states,
            subprocess.Popen(
                self.reading, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            ) as tap,
        ):
            loader = subprocess.run(
                self.loading,
                stdin=tap.stdout,
                stdout=states,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
            )
            assert tap.stdout is not None
            tap.stdout.close()
        assert loader.returncode != 0
        return loader.stderr


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
    pipe.run()
    assert differences(sandbox.account, pipe.url, apart_from=STILL) == []

    sandbox.account.clock.advance(timedelta(days=8))
    pipe.run()
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

    pipe.run()
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
