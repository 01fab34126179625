"""The whole pipeline asks ahead, as it does for users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_constantcontact.fetcher import THREADS

if TYPE_CHECKING:
    from tests.running import TapRunner


@pytest.fixture
def tap(tap: TapRunner) -> TapRunner:
    """Runs the tap with as many threads as it has for users."""
    tap.threads = THREADS
    return tap
