"""A copy of the Meltano project that reads a sandbox, for Meltano itself to run."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parent.parent.parent
INSTALLED = pytest.mark.skipif(
    not (ROOT / ".meltano" / "loaders" / "target-postgres").exists(),
    reason="make setup installs Meltano's plugins",
)


class Running:
    """A command that runs beside the test, with processes of its own.

    Args:
        command: What to run.
        folder: Where.
        environment: Its environment.
        log: Takes what it says: nobody reads a pipe while the test does something else.
        longest: Seconds that it may take.
    """

    def __init__(
        self,
        command: list[str],
        folder: Path,
        environment: dict[str, str],
        log: Path,
        longest: float,
    ) -> None:
        self._log = log
        self._longest = longest
        with log.open("wb") as said:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it has come to its end."""
        return self._process.poll() is not None

    def end(self, number: signal.Signals | None = None) -> tuple[int, str]:
        """Wait for its end, and return its exit code and what it said.

        Args:
            number: A signal that all of its processes get before.
        """
        if number is not None:
            os.killpg(self._process.pid, number)
        return self._process.wait(timeout=self._longest), self._log.read_text(encoding="utf-8")


class Project:
    """The Meltano project with databases of its own, and the plugins that are installed.

    Args:
        folder: An empty folder for it.
        settings: The tap's beside its store and its pace: what it takes to sign in.
        longest: Seconds that a command may take.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, object], *, longest: float = 240
    ) -> None:
        self.folder = folder
        self._longest = longest
        for name in ("meltano.yml", "requirements.lock"):
            shutil.copy(ROOT / name, folder)
        (folder / ".venv").symlink_to(sys.prefix)
        for kind in ("extractors", "loaders"):
            (folder / ".meltano" / kind).mkdir(parents=True)
            for plugin in (ROOT / ".meltano" / kind).iterdir():
                (folder / ".meltano" / kind / plugin.name).symlink_to(plugin.resolve())
        self._started: list[Running] = []
        whole = {"store": folder / "store", "requests_per_second": 1000, **settings}
        self._environment = {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))
            },
            **{f"TAP_CONSTANTCONTACT_{name.upper()}": str(value) for name, value in whole.items()},
        }

    def start(self, *arguments: str, **environment: str) -> Running:
        """Start a command of Meltano."""
        return self.shell([".venv/bin/meltano", *arguments], **environment)

    def shell(self, command: list[str], **environment: str) -> Running:
        """Start a command."""
        log = self.folder / f"{len(self._started)}.log"
        running = Running(
            command, self.folder, {**self._environment, **environment}, log, self._longest
        )
        self._started.append(running)
        return running

    def close(self) -> None:
        """Kill what has not ended."""
        for running in self._started:
            if not running.has_ended:
                running.end(signal.SIGKILL)

    def run(self, *arguments: str, **environment: str) -> str:
        """Run Meltano and return what it says; fail if it fails."""
        code, said = self.start(*arguments, **environment).end()
        assert code == 0, said[-4000:]
        return said

    def refuse(self, *arguments: str, **environment: str) -> str:
        """Run Meltano and return what it says; fail unless it fails."""
        code, said = self.start(*arguments, **environment).end()
        assert code == 1, said[-4000:]
        return said
