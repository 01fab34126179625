"""Many runs in a row, nearly each of which something happens to."""

from __future__ import annotations

import json
import os
import random
import signal
import stat
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Fault, Switches
from tap_constantcontact.errors import (
    Forbidden,
    QuotaUsed,
    Refused,
    SignInNeeded,
    UnexpectedAnswer,
    Unreachable,
)
from tests.pipeline.pipe import Pipe
from tests.pipeline.truth import differences, move_recipient_counters

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Sandbox
    from constantcontact_sandbox.faults import Kind
    from tests.running import TapRunner

RUNS = int(os.environ.get("SOAK", "8"))
MINUTES = float(os.environ.get("SOAK_MINUTES", "30"))
SEED = int(os.environ.get("SOAK_SEED", "1"))

KINDS: tuple[Kind, ...] = (
    "throttled",
    "quota_exceeded",
    "unauthorized",
    "forbidden",
    "status_500",
    "status_503",
    "html_200",
    "html_404",
    "reset",
    "timeout",
    "slow",
    "truncated_json",
    "drop_after_headers",
    "malformed_json",
    "redirect",
)
PRIVILEGES = ("account:read", "contacts:read", "campaign:read", "ui:campaign:metrics")
VICTIMS = ("tap", "loader", "tap and loader")
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM)


@pytest.fixture
def switches() -> Switches:
    """Each refresh takes the place of its token, which is honoured a while longer."""
    return Switches(
        requests_per_second=None,
        token_requests_per_second=None,
        rotating_refresh_tokens=True,
        refresh_grace=timedelta(days=5),
        access_token_life=timedelta(hours=8),
        report_stragglers=0.05,
        empty_pages=True,
    )


def fault(chance: random.Random) -> Fault:
    """Return something that goes wrong with the API, or with the authorization server."""
    kind = chance.choice(KINDS)
    if chance.random() < 0.2:
        return Fault(path="token$", kind=chance.choice(["reset", "status_503"]))
    # Whose new token is refused, too, is told to sign in again.
    times = 1 if kind == "unauthorized" else chance.choice([1, 1, 2])
    return Fault(path="^(?!.*token$)", kind=kind, times=times, after=chance.randrange(120))


def run(pipe: Pipe, sandbox: Sandbox, chance: random.Random) -> None:
    """Run the pipe while something happens; only what happened may end it early."""
    happens = chance.choice(
        ["nothing", "faults", "a kill", "a kill", "no calls", "no right", "all"]
    )
    settings: dict[str, Any] = {
        "hours_off": chance.choice([0, 0, -30, -2, 2, 30]),
        "beside": chance.random() < 0.2,
    }
    allowed = {0}
    if happens in {"faults", "all"}:
        sandbox.faults[:] = [fault(chance) for _ in range(chance.randint(1, 3))]
        allowed |= {each.exit_code for each in (Unreachable, UnexpectedAnswer, Refused, Forbidden)}
    if happens in {"no right", "all"}:
        sandbox.switches.withheld_privileges = frozenset({chance.choice(PRIVILEGES)})
        allowed.add(Forbidden.exit_code)
    if happens in {"no calls", "all"}:
        settings |= {"max_calls_per_run": chance.randint(3, 80), "on_quota": "fail"}
        allowed.add(QuotaUsed.exit_code)
    if happens in {"a kill", "all"}:
        pipe.run(
            kill_after=chance.randrange(1, 120),
            victims=chance.choice(VICTIMS),
            how=chance.choice(SIGNALS),
            **settings,
        )
    else:
        ended, loaded = pipe.run(**settings)
        assert (ended in allowed, loaded) == (True, 0), (happens, ended, pipe.said.read_text())
        assert ended != SignInNeeded.exit_code
    sandbox.faults.clear()
    sandbox.switches.withheld_privileges = frozenset()


@pytest.mark.timeout(3_600)
def test_after_any_history_the_database_equals_the_account_and_the_store_is_whole(
    tap: TapRunner, sandbox: Sandbox, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    pipe = Pipe(tap, tmp_path, f"sqlite:///{tmp_path / 'account.db'}")
    end = time.monotonic() + MINUTES * 60
    for _ in range(RUNS):
        run(pipe, sandbox, chance)
        sandbox.live(timedelta(hours=chance.choice([0.1, 1, 7, 30])))
        if time.monotonic() > end:
            break

    move_recipient_counters(sandbox.account)
    for later in (timedelta(days=1), timedelta(days=8)):
        sandbox.account.clock.advance(later)
        assert pipe.run() == (0, 0)
    assert differences(sandbox.account, pipe.url) == []
    for document in tap.store.glob("*.json"):
        assert stat.S_IMODE(document.stat().st_mode) == 0o600
        assert isinstance(json.loads(document.read_text()), dict)
