"""What many tests need: an account behind the API, and a tap that reads it."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tests.running import TapRunner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytest_plugins = ["tests.browser", "tests.postgres"]

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _signals_as_they_were() -> Iterator[None]:
    """The SDK takes over the signals whenever a tap or target is made."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until it is moved."""
    return Clock(NOON)


@pytest.fixture
def account(clock: Clock) -> Account:
    """A small believable account."""
    return Account.populate(seed=7, contacts=120, campaigns=24, clock=clock)


@pytest.fixture
def switches() -> Switches:
    """The sandbox's switches; without its pace, which tests of the pace turn on again."""
    return Switches(requests_per_second=None, token_requests_per_second=None)


@pytest.fixture
def sandbox(account: Account, switches: Switches) -> Iterator[Sandbox]:
    """The account behind the API, on a port of its own."""
    with Sandbox(account, switches) as running:
        yield running


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapRunner:
    """Runs the tap against the sandbox, from state to state."""
    return TapRunner(sandbox, tmp_path / "store")
