"""The DAG as Airflow itself runs it, for three accounts that share an API key.

Airflow has an environment of its own: `make test-airflow` makes it and runs this.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import time
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tap_constantcontact.store import open_store
from tests.airflow.accounts import (
    KEY,
    ROOT,
    WITH_AIRFLOW,
    make_project,
    own_settings,
    sandboxes,
)
from tests.pipeline.truth import differences

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

    def run(self, script: str, meanwhile: Callable[[], object]) -> None:
        """Run a script of a shell; fail if it fails."""
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
            process.wait(400)
        finally:
            if process.poll() is None:
                # The DAG's programs are in sessions of their own, which it ends when it is told to.
                os.killpg(process.pid, signal.SIGINT)
                process.wait(60)
        assert process.returncode == 0, self.said[-4000:]

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


def instructions(accounts: dict[str, Sandbox], database: str) -> str:
    """Return what the document says to type, for these accounts and this database."""
    section = (ROOT / "docs" / "operations.md").read_text().split("\n## Airflow\n")[1]
    section = section.partition("\n## ")[0]
    installing, *typed = re.findall(r"(?ms)^ *```sh\n(.*?)^ *```$", section)
    assert installing.strip() == "make airflow"
    # The list in the document is indented, as its blocks are.
    script = re.sub(r"(?m)^   ", "", "\n".join(typed)).replace(EXAMPLE, database)
    for name, sandbox in accounts.items():
        signed_in = json.dumps({"refresh_token": name})
        assert signed_in in script
        script = script.replace(signed_in, json.dumps(own_settings(sandbox)))
    return script


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
        end = time.monotonic() + 400
        while not put_off:
            assert time.monotonic() < end, airflow.said[-4000:]
            time.sleep(0.5)
            with suppress(sqlite3.OperationalError):  # not there yet
                put_off.extend(
                    at for (at,) in airflow.ask("SELECT reschedule_date FROM task_reschedule")
                )
        assert airflow.ask("SELECT 1 FROM task_instance WHERE state = 'up_for_reschedule'")
        open_store(postgres_url).change(f"key-{KEY.client_id}", lambda *_: None)
        airflow.ask("UPDATE task_reschedule SET reschedule_date = '2026-01-01 00:00:00.000000'")

    began = datetime.now(timezone.utc)
    airflow.run(instructions(accounts, postgres_url), meanwhile=make_it_midnight)

    for name, sandbox in accounts.items():
        assert differences(sandbox.account, postgres_url, f"constantcontact_{name}") == []
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
