"""Memory at a million contacts, and at a tenth of them, however slowly the rows are taken."""

from __future__ import annotations

import subprocess
import time
from typing import TYPE_CHECKING

from benchmarks.crowd import crowd
from benchmarks.figures import Figure, publish
from benchmarks.served import served
from benchmarks.spending import MB, start, tap_command

if TYPE_CHECKING:
    from typing import IO

FEW, MANY = 100_000, 1_000_000
MOST_MB = 150
MOST_GROWTH = 0.10
FIRST_SECONDS = 20
"""How long the reader is slow: the tap has asked ahead all that it ever will by then."""

SLOW_BYTES = 1 * MB
"""How many bytes a second a slow reader takes: some 1,000 contacts."""


def main() -> None:
    """Read both, and the larger one once more for a reader who is slow at first."""
    few, many = peak(FEW), peak(MANY)
    slow = peak(MANY, slowly=True)
    growth = many / few - 1
    publish(
        "memory",
        [
            Figure(
                f"resident memory at {MANY:,} contacts",
                f"under {MOST_MB} MB",
                f"{many:.0f} MB",
                many < MOST_MB,
            ),
            Figure(
                f"the same, with a slow reader of stdout ({FIRST_SECONDS} s at"
                f" {SLOW_BYTES / MB:.0f} MB a second)",
                f"under {MOST_MB} MB",
                f"{slow:.0f} MB",
                slow < MOST_MB,
            ),
            Figure(
                f"resident memory at {MANY:,} contacts, against that at {FEW:,}",
                f"within {MOST_GROWTH:.0%}",
                f"{growth:+.1%}",
                abs(growth) <= MOST_GROWTH,
            ),
        ],
        "The peak of the tap's process. The sandbox shows one page of contacts again and again,"
        " each time with other ids, so that it is never the slower one.",
    )


def peak(contacts: int, *, slowly: bool = False) -> float:
    """Return the MB that the tap has resident at its peak while it reads so many contacts."""
    with served(crowd, contacts) as sandbox:
        settings = {**sandbox.settings, "requests_per_second": 10_000}
        with tap_command(settings, ["contacts"]) as tap:
            running = start(tap, subprocess.PIPE)
            output = running.process.stdout
            if output is None:
                raise RuntimeError("There is no pipe.")
            with output:
                written = count(output, slow_until=time.monotonic() + FIRST_SECONDS * slowly)
            spent = running.finish()
    if written != contacts:
        raise RuntimeError(f"{written} rows were written, not {contacts}.")
    return spent.resident


def count(output: IO[bytes], slow_until: float) -> int:
    """Count the records of an output, slowly at first."""
    found, rest = 0, b""
    while piece := output.read1(1 << 16):  # type: ignore[attr-defined]
        *lines, rest = (rest + piece).split(b"\n")
        found += sum(line.startswith(b'{"type":"RECORD"') for line in lines)
        if time.monotonic() < slow_until:
            time.sleep(len(piece) / SLOW_BYTES)
    return found


if __name__ == "__main__":
    main()
