"""The DAG as Airflow itself runs it, for three accounts that share an API key.

Airflow has an environment of its own: `make test-airflow` makes it and runs this.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tap_constantcontact.store import open_store
from tests.airflow.accounts import (
    KEY,
    ROOT,
    WITH_AIRFLOW,
    differences,
    make_project,
    sandboxes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from constantcontact_sandbox import Request, Sandbox

pytestmark = WITH_AIRFLOW

A_DAY = 380
"""Calls that the key has a day: for two of the accounts, 130 each, and most of the third."""

KILLED_AT = 60
"""The call of the shop's with which its tap is killed."""

POLICY = """
from datetime import timedelta

def task_policy(task):
    task.retry_delay = timedelta(seconds=1)
"""
"""What an administrator can say of all tasks: here, that nobody waits for a retry."""

BROWSER = f"""#!/bin/sh
PYTHONPATH={ROOT} {sys.executable} -c '
import sys
from tests.browser import press
press(sys.argv[1])
' "$1" > press.log 2>&1 &
"""
"""A person's browser, in which the person allows what is asked for."""

EXAMPLE = "postgresql+psycopg2://user:password@host:5432/database"
"""The address that stands for that of a database in the document."""


class Airflow:
    """A worker with the project, and an Airflow with a database of its own.

    Args:
        project: The project's folder.
        settings: Those of the tap that are in its `.env`.
    """

    def __init__(self, project: Path, settings: dict[str, str]) -> None:
        self._project = project
        self._environment = make_project(project)
        self._environment["BROWSER"] = str(project / "browser")
        (project / "browser").write_text(BROWSER)
        (project / "browser").chmod(0o755)
        self._home = project / "output" / "airflow"
        (self._home / "config").mkdir(parents=True)
        (self._home / "config" / "airflow_local_settings.py").write_text(POLICY)
        (project / ".env").write_text(
            "".join(f"TAP_CONSTANTCONTACT_{name}={value}\n" for name, value in settings.items())
        )

    @property
    def said(self) -> str:
        """What Airflow has said so far."""
        return (self._home / "said.log").read_text()

    def run(self, script: str, meanwhile: Callable[[], object], *, endless: bool = False) -> None:
        """Run a script of a shell; fail if it fails, or, when it is endless, if it ends."""
        with (self._home / "said.log").open("w") as log:
            process = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self._project,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            meanwhile()
            if not endless:
                process.wait(400)
        finally:
            ended = process.poll() is not None
            if not ended:
                # The DAG's programs are in sessions of their own, which it ends when it is told to.
                os.killpg(process.pid, signal.SIGKILL if endless else signal.SIGINT)
                process.wait(60)
        assert not ended if endless else process.returncode == 0, self.said[-4000:]

    def type(self, script: str) -> None:
        """Run a script in another shell; fail if it fails."""
        command = ["bash", "-euo", "pipefail", "-c", script]
        subprocess.run(command, cwd=self._project, env=self._environment, check=True, timeout=120)

    def wait_for(self, statement: str) -> None:
        """Wait until a statement finds something in Airflow's own database."""
        end = time.monotonic() + 300
        found: list[Any] = []
        while not found:
            assert time.monotonic() < end, self.said[-4000:]
            time.sleep(0.5)
            with suppress(sqlite3.OperationalError):  # not there yet
                found = self.ask(statement)

    def ask(self, statement: str) -> list[Any]:
        """Return what a statement finds in Airflow's own database, or change that."""
        file = self._home / "airflow.db"
        with closing(sqlite3.connect(f"file:{file}?mode=rw", timeout=60, uri=True)) as conn, conn:
            return conn.execute(statement).fetchall()


@pytest.fixture
def accounts() -> Iterator[dict[str, Sandbox]]:
    """Three accounts with one API key."""
    with sandboxes() as running:
        yield running


@pytest.fixture
def airflow(tmp_path: Path) -> Airflow:
    """An Airflow on a worker whose `.env` has the key."""
    settings = {
        "CLIENT_ID": KEY.client_id,
        "CLIENT_SECRET": str(KEY.secret),
        "DAILY_QUOTA": str(A_DAY),
        "INCREMENT_RESERVE": "0",
        "REQUESTS_PER_SECOND": "1000",
    }
    return Airflow(tmp_path / "project", settings)


class Instructions(NamedTuple):
    """What the document says to type.

    Args:
        setting_up: Until it was tried.
        exports: What of that each shell needs.
        start: What starts Airflow.
        unpause: What lets the DAG run by itself.
    """

    setting_up: str
    exports: str
    start: str
    unpause: str


def instructions(accounts: dict[str, Sandbox], database: str, port: int) -> Instructions:
    """Return what the document says to type, for these accounts and this database.

    Args:
        accounts: Each is a sandbox of its own, so it has addresses of its own.
        database: The address of a database.
        port: A free one, for who has signed in to come back to.
    """
    section = (ROOT / "docs" / "operations.md").read_text().split("\n## Airflow\n")[1]
    section = section.partition("\n## ")[0]
    blocks = re.findall(r"(?ms)^ *```(?:sh|console)\n(.*?)^ *```$", section)
    # The list in the document is indented, as its blocks are.
    installing, *typed, last = [re.sub(r"(?m)^   (\$ )?", "", block) for block in blocks]
    assert installing.strip() == "make airflow"
    script = "\n".join(typed).replace(EXAMPLE, database)
    login = ".venv/bin/tap-constantcontact-login"
    assert script.count(login) == len(accounts)
    script = script.replace(login, f"{login} --redirect-uri=http://localhost:{port}/callback")
    for name, sandbox in accounts.items():
        named = {"refresh_token": name}
        addresses = {"api_url": sandbox.api_url, "auth_url": sandbox.auth_url}
        variable = f"TAP_CONSTANTCONTACT_REFRESH_TOKEN={name} "
        assert json.dumps(named) in script
        assert variable in script
        script = script.replace(json.dumps(named), json.dumps({**named, **addresses}))
        there = "".join(f"TAP_CONSTANTCONTACT_{k.upper()}={v} " for k, v in addresses.items())
        script = script.replace(variable, there + variable)
    exports = "\n".join(line for line in script.splitlines() if line.startswith("export "))
    start, unpause = last.splitlines()
    return Instructions(script, exports, start, unpause)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def kill_its_tap(sandbox: Sandbox) -> Callable[[Request], None]:
    """Return what kills the tap of a sandbox's account, once."""

    def kill(_: Request) -> None:
        if len(sandbox.asked) < KILLED_AT:
            return
        sandbox.before_answer.clear()
        for process in Path("/proc").glob("[0-9]*"):
            command = (process / "cmdline").read_bytes().split(b"\0")
            is_tap = any(word.endswith(b"/tap-constantcontact") for word in command)
            if is_tap and sandbox.api_url.encode() in (process / "environ").read_bytes():
                os.kill(int(process.name), signal.SIGKILL)

    return kill


def test_three_accounts_share_a_key_and_end_whole_though_one_is_killed_and_the_day_ends(
    airflow: Airflow, accounts: dict[str, Sandbox], postgres_url: str
) -> None:
    accounts["shop"].before_answer.append(kill_its_tap(accounts["shop"]))
    put_off: list[str] = []

    def make_it_midnight() -> None:
        """Wait until the day's calls are used up; then begin the next day."""
        reschedules = "SELECT reschedule_date FROM task_reschedule"
        airflow.wait_for(reschedules)
        put_off.extend(at for (at,) in airflow.ask(reschedules))
        assert airflow.ask("SELECT 1 FROM task_instance WHERE state = 'up_for_reschedule'")
        open_store(postgres_url).change(f"key-{KEY.client_id}", lambda *_: None)
        airflow.ask("UPDATE task_reschedule SET reschedule_date = '2026-01-01 00:00:00.000000'")

    began = datetime.now(UTC)
    typed = instructions(accounts, postgres_url, free_port())
    airflow.run(typed.setting_up, meanwhile=make_it_midnight)

    for name, sandbox in accounts.items():
        assert differences(sandbox, postgres_url, f"constantcontact_{name}") == []
    tomorrow = datetime.combine(began.date() + timedelta(days=1), datetime.min.time())
    assert {at[:16] for at in put_off} == {f"{tomorrow:%Y-%m-%d %H:%M}"}
    assert "meltano ended with exit code 1." in airflow.said
    assert airflow.said.count("Extract & load complete!") == 4
    assert "Read: account_summary 1, " in airflow.said
    assert not [each for each in accounts.values() if each.refresh_token in airflow.said]
    refreshed = airflow.ask(
        "SELECT name FROM asset_event JOIN asset ON asset.id = asset_id ORDER BY name"
    )
    assert refreshed == [(f"constantcontact_{name}",) for name in sorted(accounts)]

    for sandbox in accounts.values():
        sandbox.live(timedelta(hours=3))

    def let_it_run() -> None:
        """Unpause the DAG once Airflow has found it, and wait until it has run by itself."""
        airflow.wait_for("SELECT 1 FROM dag WHERE dag_id = 'constantcontact'")
        airflow.type(f"{typed.exports}\n{typed.unpause}")
        airflow.wait_for(
            "SELECT 1 FROM dag_run WHERE run_type = 'scheduled' AND state IN ('success', 'failed')"
        )

    port = free_port()
    ports = {
        "API__HOST": "127.0.0.1",
        "API__PORT": port,
        "API__BASE_URL": f"http://127.0.0.1:{port}",
        "LOGGING__WORKER_LOG_SERVER_PORT": free_port(),
        "LOGGING__TRIGGER_LOG_SERVER_PORT": free_port(),
    }
    where = "\n".join(f"export AIRFLOW__{name}={value}" for name, value in ports.items())
    airflow.run(f"{typed.exports}\n{where}\n{typed.start}", let_it_run, endless=True)

    states = airflow.ask("SELECT state FROM dag_run WHERE run_type = 'scheduled'")
    assert set(states) == {("success",)}
    for name, sandbox in accounts.items():
        assert differences(sandbox, postgres_url, f"constantcontact_{name}") == []
