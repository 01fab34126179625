"""An empty account on a Monday noon, behind an API without limits."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from tests.sandbox.client import Client

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(NOON)


@pytest.fixture
def account(clock: Clock) -> Account:
    return Account(clock)


@pytest.fixture
def switches() -> Switches:
    return Switches.unlimited()


@pytest.fixture
def sandbox(account: Account, switches: Switches) -> Sandbox:
    """The API of the account, not served: it is asked directly."""
    return Sandbox(account, switches)


@pytest.fixture
def client(sandbox: Sandbox) -> Client:
    return Client(sandbox)
