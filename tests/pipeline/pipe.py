"""The tap and the loader as users run them: two processes and a pipe."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from tests.running import TapRunner

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


WRONG_CLOCK = str(Path(__file__).with_name("wrong_clock.py"))


@contextlib.contextmanager
def another(reading: Sequence[str]) -> Generator[None]:
    """Run a tap whose rows nobody loads, until it ends by itself or is a minute old."""
    with subprocess.Popen(reading, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield
            process.wait(60)
        finally:
            process.kill()


class Pipe:
    """The tap and the loader as two processes, as a shell would run them."""

    def __init__(self, tap: TapRunner, folder: Path, url: str, **settings: Any) -> None:
        self.url = url
        self.sandbox = tap.sandbox
        self.said = folder / "said.log"
        """What both of the last run logged."""
        self.states = folder / "states.jsonl"
        self.states.touch()
        self.settings = {**tap.settings, "requests_per_second": 200, **settings}
        self.config = folder / "tap.json"
        loader = folder / "target.json"
        loader.write_text(json.dumps({"sqlalchemy_url": self.url, "max_state_lag_seconds": 0}))
        self.state = folder / "state.json"
        self.options = ["--config", str(self.config)]
        self.reading = [sys.executable, "-m", "tap_constantcontact", *self.options]
        self.loading = [sys.executable, "-m", "target_relational", "--config", str(loader)]

    def run(
        self,
        *,
        kill_after: int | None = None,
        victims: str = "tap and loader",
        how: int = signal.SIGKILL,
        hours_off: float = 0,
        beside: bool = False,
        **settings: Any,
    ) -> tuple[int, int]:
        """Run both, going on from the last state; return how they ended.

        Args:
            kill_after: After how many requests to kill; None not to.
            victims: Whom.
            how: By which signal.
            hours_off: By how much the clock of the tap's machine is wrong.
            beside: Whether another tap with the same store reads everything meanwhile.
            settings: What this run of the tap is told besides.
        """
        self.config.write_text(json.dumps({**self.settings, **settings}))
        *_, last = ["", *self.states.read_text().splitlines()]
        given = []
        if last:
            self.state.write_text(last)
            given = ["--state", str(self.state)]
        before = len(self.sandbox.asked)
        reading = self.reading
        if hours_off:
            reading = [sys.executable, WRONG_CLOCK, str(hours_off), *self.options]
        with (
            self.states.open("a") as states,
            self.said.open("w") as said,
            another(self.reading) if beside else contextlib.nullcontext(),
            subprocess.Popen([*reading, *given], stdout=subprocess.PIPE, stderr=said) as tap,
            subprocess.Popen(self.loading, stdin=tap.stdout, stdout=states, stderr=said) as loader,
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
                        process.send_signal(how)
        return tap.returncode, loader.returncode

    def run_on_a_full_disk(self, most: int) -> str:
        """Run both, the loader with files of so many bytes at most; return what it says."""
        self.config.write_text(json.dumps(self.settings))
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
