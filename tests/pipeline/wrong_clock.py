"""Runs the tap on a machine whose clock is wrong, by as many hours as the first argument says."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

OFF = float(sys.argv.pop(1)) * 3_600

right = time.time
time.time = lambda: right() + OFF

from tap_constantcontact.tap import TapConstantContact  # noqa: E402 - it keeps the clock it finds

TapConstantContact.clock = property(  # type: ignore[assignment] # in place of a cached one
    lambda _: lambda: datetime.fromtimestamp(time.time(), UTC)
)
TapConstantContact.cli()
