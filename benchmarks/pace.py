"""How much of the allowed pace the tap uses in a backfill, and the tap and the loader together."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, publish
from benchmarks.served import calls, served
from benchmarks.spending import start, tap_command
from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START
from tap_constantcontact.streams import STREAMS
from tests.postgres import running

if TYPE_CHECKING:
    from collections.abc import Sequence

PER_SECOND = 4
LATENCY, JITTER = 300, 100
LEAST_CALLS = 2_400
LEAST_USED = 0.95
MOST_LOST = 0.08


def office() -> Sandbox:
    """Make an account with some years of campaigns, and an API that is as slow as the real one."""
    account = Account.populate(seed=7, contacts=2_000, campaigns=270, clock=Clock.ticking(START))
    switches = Switches(
        requests_per_second=PER_SECOND,
        latency=timedelta(milliseconds=LATENCY),
        latency_jitter=timedelta(milliseconds=JITTER),
    )
    return Sandbox(account, switches)


def load(tap: Sequence[str], url: str, folder: Path) -> float:
    """Run a tap into a database; return the seconds until both have ended."""
    config = folder / "target.json"
    config.write_text(json.dumps({"sqlalchemy_url": url}), encoding="utf-8")
    began = time.monotonic()
    reading = start(tap, subprocess.PIPE)
    subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "target_relational", "--config", config],
        stdin=reading.process.stdout,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    reading.finish()
    return time.monotonic() - began


def main() -> None:
    """Read everything once, into PostgreSQL."""
    with served(office) as sandbox, TemporaryDirectory() as folder, running(Path(folder)) as url:
        with tap_command(sandbox.settings, [stream.name for stream in STREAMS]) as tap:
            seconds = load(tap, url.render_as_string(hide_password=False), Path(folder))
        asked = sandbox.do(calls)
    throttled = sum(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in asked)
    moments = sorted(call.arrived for call in asked)
    rate = (len(moments) - 1) / (moments[-1] - moments[0])
    used = rate / PER_SECOND
    lost = seconds / (len(asked) / PER_SECOND) - 1
    if len(asked) < LEAST_CALLS:
        raise RuntimeError(f"{len(asked)} calls are too few to tell.")
    publish(
        "pace",
        [
            Figure(
                f"pace used in a backfill of {len(asked):,} calls, latency {LATENCY} ± {JITTER} ms",
                f"at least {LEAST_USED:.0%} of {PER_SECOND} a second",
                f"{used:.1%} ({rate:.2f} a second)",
                used >= LEAST_USED,
            ),
            Figure(
                "answers `throttled` in it",
                "none",
                str(throttled),
                throttled == 0,
            ),
            Figure(
                f"tap and loader together, {len(asked):,} calls into PostgreSQL: time beyond what"
                " the pace alone needs",
                f"at most {MOST_LOST:.0%}",
                f"{lost:.1%}",
                lost <= MOST_LOST,
            ),
        ],
        "The pace is reckoned from the first call of the API to the last, as they arrived there,"
        f" with the real limit of {PER_SECOND} in any second; the time of tap and loader from"
        " starting both to the end of both.",
    )


if __name__ == "__main__":
    main()
