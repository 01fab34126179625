"""Eight processes, one key: do they use the whole pace, no more of it, and fairly?

Each process reads with six threads, as the tap does, from one sandbox that keeps the API's pace of
4 requests a second and answers after 300 ms, give or take 100. They share a store: a folder, SQLite
and PostgreSQL in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.figures import Figure, publish
from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tests.postgres import server

if TYPE_CHECKING:
    from collections.abc import Sequence

PROCESSES = 8
PACE = 4
USED, FAIR = 0.9, 0.8
"""The share of the pace that is to be used, and of the greediest process's by each other."""

SECONDS = 60
"""How long is measured, once all have begun."""

STORES = ("folder", "sqlite", "postgresql")


def main() -> None:
    """Measure each kind of store, and publish what was found."""
    figures: list[Figure] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(server()).render_as_string(hide_password=False)
        for kind, where in zip(
            STORES, (str(folder / "store"), f"sqlite:///{folder}/store.db", url), strict=True
        ):
            figures += measured(kind, where, folder)
    publish(
        "processes",
        figures,
        f"{PROCESSES} processes with six threads each share an API key, {SECONDS} s for each kind"
        " of store; answers take 300 ± 100 ms. The pace is 4 requests a second. Fairness compares"
        " the process with the fewest requests to the one with the most.",
    )


def measured(kind: str, where: str, folder: Path) -> list[Figure]:
    """Let the processes read for a while.

    Args:
        kind: What the store is.
        where: Its address.
        folder: For the settings.
    """
    clock = Clock(datetime(2026, 6, 1, 12, tzinfo=UTC))
    account = Account.populate(seed=7, contacts=100, campaigns=60, clock=clock)
    switches = Switches(
        latency=timedelta(milliseconds=300), latency_jitter=timedelta(milliseconds=100)
    )
    with Sandbox(account, switches) as sandbox:
        config = folder / f"{kind}.json"
        settings = {
            "client_id": sandbox.client_id,
            "client_secret": sandbox.client_secret,
            "refresh_token": sandbox.refresh_token,
            "api_url": sandbox.api_url,
            "auth_url": sandbox.auth_url,
            "store": where,
        }
        config.write_text(json.dumps(settings), encoding="utf-8")
        asking = [
            subprocess.Popen(  # noqa: S603 - our own program
                [
                    sys.executable,
                    "-m",
                    "tap_constantcontact",
                    "--config",
                    str(with_name(config, number)),
                ],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            for number in range(PROCESSES)
        ]
        asked = Asking(sandbox)
        try:
            asked.until_all_have_begun()
            began = time.monotonic()
            time.sleep(SECONDS)
        finally:
            for process in asking:
                process.kill()
                process.wait()
        return figures_of(kind, asked.between(began, began + SECONDS))


def with_name(config: Path, number: int) -> Path:
    """Return the settings of one process, which the sandbox can tell by its user agent."""
    settings = json.loads(config.read_text(encoding="utf-8"))
    path = config.with_name(f"{config.stem}-{number}.json")
    path.write_text(json.dumps({**settings, "user_agent": f"process {number}"}), encoding="utf-8")
    return path


class Asking:
    """What the processes have asked.

    Args:
        sandbox: Whom they ask.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._who: list[tuple[float, str]] = []
        sandbox.before_answer.append(
            lambda request: self._who.append((request.arrived, request.headers["user-agent"]))
        )

    def until_all_have_begun(self) -> None:
        """Wait until each process has asked something."""
        while len({who for _, who in self._who}) < PROCESSES:
            time.sleep(0.1)

    def between(self, begin: float, end: float) -> tuple[Counter[str], Sequence[int]]:
        """Return how often each process has asked, and the statuses of all answers."""
        asked = [call for call in self._sandbox.asked if begin <= call.arrived < end]
        counts = Counter(who for arrived, who in self._who if begin <= arrived < end)
        return counts, [call.status for call in asked]


def figures_of(kind: str, found: tuple[Counter[str], Sequence[int]]) -> list[Figure]:
    """Return what was found for a kind of store."""
    counts, statuses = found
    used = sum(counts.values()) / SECONDS / PACE
    throttled = statuses.count(429)
    fewest, most = min(counts.values()), max(counts.values())
    return [
        Figure(f"{kind}: share of the pace that is used", "≥ 90 %", f"{used:.1%}", used >= USED),
        Figure(f"{kind}: answers with 429", "0", str(throttled), throttled == 0),
        Figure(
            f"{kind}: requests by process, fewest and most",
            "within 20 %",
            f"{fewest} and {most}",
            len(counts) == PROCESSES and fewest >= FAIR * most,
        ),
    ]


if __name__ == "__main__":
    main()
