"""How much of the allowed pace a backfill uses, when answers take their time."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figures import Figure, publish
from benchmarks.served import calls, served
from benchmarks.spending import spent, tap_command
from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.__main__ import START
from tap_constantcontact.streams import STREAMS

PER_SECOND = 4
LATENCY, JITTER = 300, 100
LEAST_CALLS = 600
LEAST_USED = 0.95


def office() -> Sandbox:
    """Make an account with some years of campaigns, and an API that is as slow as the real one."""
    account = Account.populate(seed=7, contacts=2_000, campaigns=90, clock=Clock.ticking(START))
    switches = Switches(
        requests_per_second=PER_SECOND,
        latency=timedelta(milliseconds=LATENCY),
        latency_jitter=timedelta(milliseconds=JITTER),
    )
    return Sandbox(account, switches)


def main() -> None:
    """Read everything once."""
    with served(office) as sandbox, TemporaryDirectory() as folder:
        with tap_command(sandbox.settings, [stream.name for stream in STREAMS]) as tap:
            spent(tap, Path(folder) / "output.jsonl")
        asked = sandbox.do(calls)
    throttled = sum(call.status == HTTPStatus.TOO_MANY_REQUESTS for call in asked)
    moments = sorted(call.arrived for call in asked)
    rate = (len(moments) - 1) / (moments[-1] - moments[0])
    used = rate / PER_SECOND
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
        ],
        "From the first call of the API to the last, as they arrived there, with the real limit of"
        f" {PER_SECOND} in any second.",
    )


if __name__ == "__main__":
    main()
