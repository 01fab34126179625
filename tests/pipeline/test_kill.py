"""Processes that are killed: nothing is lost, nothing doubled."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.truth import differences

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Sandbox
    from tests.running import TapRunner


class Pipe:
    """The tap and the loader as two processes, as a shell would run them."""

    def __init__(self, tap: TapRunner, folder: Path) -> None:
        self.url = f"sqlite:///{folder / 'account.db'}"
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

    def run(self, *, kill_after: int | None = None) -> None:
        """Run both, going on from the last state; kill both after so many requests."""
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
            end = time.monotonic() + 60
            while kill_after is not None and len(self.sandbox.asked) - before < kill_after:
                assert time.monotonic() < end
                time.sleep(0.002)
            if kill_after is not None:
                tap.kill()
                loader.kill()
            assert tap.stdout is not None
            tap.stdout.close()
        if kill_after is None:
            assert (tap.returncode, loader.returncode) == (0, 0)


@pytest.mark.parametrize("requests", [3, 60, 140])
def test_after_kills_of_both_and_a_repeat_the_database_equals_the_account(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path, requests: int
) -> None:
    pipe = Pipe(tap, tmp_path)
    pipe.run(kill_after=requests)
    pipe.run(kill_after=requests // 2)
    pipe.run()

    assert differences(sandbox.account, pipe.url) == []
