"""Runs a command, and tells what it took: CPU, memory, time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tap_constantcontact.tap import TapConstantContact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ROOT = Path(__file__).parent.parent

KIB = 1024
MB = 1_000_000


@dataclass(frozen=True)
class Spent:
    """What a process took.

    Args:
        cpu: Seconds of CPU, of the user and of the system, over all its threads.
        seconds: Seconds by the clock.
        resident: MB (millions of bytes) of memory resident at its peak.
    """

    cpu: float
    seconds: float
    resident: float


@dataclass(frozen=True)
class Process:
    """A command that runs.

    Args:
        process: It.
        began: When, by the monotonic clock.
    """

    process: subprocess.Popen[bytes]
    began: float

    def finish(self) -> Spent:
        """Wait for its end.

        Raises:
            RuntimeError: It did not end well.
        """
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            raise RuntimeError(f"{self.process.args!r} ended with {self.process.returncode}.")
        return Spent(
            cpu=usage.ru_utime + usage.ru_stime,
            seconds=time.monotonic() - self.began,
            resident=usage.ru_maxrss * (1 if sys.platform == "darwin" else KIB) / MB,
        )


def start(command: Sequence[str | Path], output: IO[bytes] | int) -> Process:
    """Start a command whose messages are not shown unless they are errors.

    It is run as installed programs are, whatever this shell tells Python: each start would compile
    its modules anew (`PYTHONDONTWRITEBYTECODE`), and each line be a write (`PYTHONUNBUFFERED`).
    """
    environment = {
        **{
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TAP_", "PYTHON"))
        },
        "PYTHONPATH": str(ROOT),
        "TAP_CONSTANTCONTACT_LOGLEVEL": "ERROR",
        "PLAIN_SDK_LOGLEVEL": "ERROR",
    }
    began = time.monotonic()
    return Process(subprocess.Popen(command, stdout=output, env=environment), began)  # noqa: S603 - our own command


def spent(command: Sequence[str | Path], output: Path) -> Spent:
    """Run a command whose output is kept in a file."""
    with output.open("wb") as file:
        return start(command, file).finish()


@contextmanager
def tap_command(settings: Mapping[str, Any], streams: Iterable[str]) -> Iterator[list[str]]:
    """Give the command that runs the tap, in a temporary folder with all that it needs.

    Args:
        settings: The tap's; its store is in that folder unless they say where.
        streams: The streams to select.
    """
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = {
            "config": {"store": str(home / "store"), "daily_quota": 10**9, **settings},
            "catalog": catalog(streams),
        }
        for name, content in files.items():
            (home / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
        options = [option for name in files for option in (f"--{name}", str(home / f"{name}.json"))]
        yield [sys.executable, "-m", "tap_constantcontact", *options]


def catalog(streams: Iterable[str]) -> dict[str, Any]:
    """Return the tap's catalog with these streams selected."""
    tap = TapConstantContact(config={"client_id": "any"})
    wanted = frozenset(streams)
    found = tap.catalog_dict
    for entry in found["streams"]:
        for metadata in entry["metadata"]:
            if not metadata["breadcrumb"]:
                metadata["metadata"]["selected"] = entry["tap_stream_id"] in wanted
    return found


def messages(output: Path) -> Iterator[dict[str, Any]]:
    """Yield the Singer messages of an output."""
    with output.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)
