"""Loaders in processes of their own, to be killed and to meet each other."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import resource
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from target_relational.target import TargetRelational
from tests.target.loading import line, passed_on

if TYPE_CHECKING:
    from collections.abc import Iterable
    from multiprocessing.process import BaseProcess
    from pathlib import Path

    from tests.target.loading import Database, Message

# Forked from a process that has imported the loader and nothing else: starts in a moment.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["target_relational.target", "tests.target.loading"])
PATIENCE = 60


@dataclass
class Loader:
    """A loader that runs."""

    process: BaseProcess
    output: Path

    @classmethod
    def start(
        cls, database: Database, source: Path, *, most_bytes: int | None = None, **settings: Any
    ) -> Loader:
        """Start a loader.

        Args:
            database: Where it loads.
            source: The file or pipe that it reads.
            most_bytes: How large a file it may write, as if the disk were full then.
            settings: Its settings.
        """
        config = source.with_suffix(".json")
        config.write_text(json.dumps({"sqlalchemy_url": database.url, **settings}))
        process = _PROCESSES.Process(target=_load, args=(config, source, most_bytes))
        process.start()
        return cls(process, source.with_suffix(".out"))

    def kill(self, after: float) -> None:
        """Kill it some time from now, if it still runs then."""
        self.process.join(after)
        if self.process.pid is not None and self.process.is_alive():
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.join(PATIENCE)

    def end(self) -> int | None:
        """Wait for its end; returns its exit code, or None if it does not end."""
        self.process.join(PATIENCE)
        code = self.process.exitcode
        if code is None:
            self.kill(0)
        return code

    @property
    def passed(self) -> list[Any]:
        """The STATEs that it has passed on so far."""
        try:
            return passed_on(self.output.read_text())
        except FileNotFoundError:
            return []

    @property
    def said(self) -> str:
        """What it has logged."""
        return self.output.with_suffix(".err").read_text()


def _load(config: Path, source: Path, most_bytes: int | None) -> None:
    if most_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, most_bytes))
    with (
        source.with_suffix(".out").open("w") as out,
        contextlib.redirect_stdout(out),
        source.with_suffix(".err").open("w") as errors,
        contextlib.redirect_stderr(errors),
    ):
        TargetRelational.cli(["--config", str(config), "--input", str(source)])


def written(path: Path, messages: Iterable[Message | str]) -> Path:
    """A file of messages."""
    path.write_text("".join(f"{line(message)}\n" for message in messages))
    return path


def left_after(messages: list[Message], passed: list[Any]) -> list[Message]:
    """What a tap would send after a STATE: all schemas, and what follows the STATE."""
    if not passed:
        return messages
    at = next(
        position
        for position, message in enumerate(messages)
        if message["type"] == "STATE"
        and message["value"] == json.loads(json.dumps({"at": passed[-1]}))
    )
    schemas = [message for message in messages if message["type"] == "SCHEMA"]
    return [*schemas, *messages[at:]]
