"""Reads Constant Contact accounts every hour: Airflow 3.3 or later.

The Variable `constantcontact_accounts` lists the accounts, such as `["shop", "agency"]`. Of each
account, the Connection `constantcontact_<account>` holds in its extra the settings of the tap that
are its own, such as `{"refresh_token": "…"}`. What all accounts share stands in the environment of
the workers, or in the project's `.env`: docs/operations.md, "Airflow".

Nothing that matters is on a worker's disk: tokens, the day's calls and the pace are in the tap's
store, the state in Meltano's database, the rows in the tables.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from airflow.sdk import Asset, AssetAlias, Connection, Variable, dag, task, task_group, timezone
from airflow.sdk.exceptions import AirflowException, AirflowRescheduleException

if TYPE_CHECKING:
    from airflow.sdk.types import OutletEventAccessorsProtocol

LOGGER = logging.getLogger(__name__)

PROJECT = Path(os.environ.get("MELTANO_PROJECT_ROOT") or Path(__file__).parents[2])
"""Where `make setup` has run, on every worker."""

STATUS = "tap-constantcontact-status"

REFRESHED = AssetAlias("constantcontact")
"""Has an event whenever tables were refreshed; so has the asset of the account whose they are."""

HOURS = 2
"""How old the last run in the tables may be when it has just ended."""


def environment_of(account: str) -> dict[str, str]:
    """Return the variables with which programs work for an account."""
    own = Connection.get(f"constantcontact_{account}").extra_dejson
    settings = {
        f"TAP_CONSTANTCONTACT_{name.upper()}": value
        if isinstance(value, str)
        else json.dumps(value)
        for name, value in own.items()
    }
    return {**settings, "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": schema_of(account)}


def schema_of(account: str) -> str:
    """Return what an account's schema is called, and its state, and its asset."""
    return f"constantcontact_{account}"


def run(account: str, program: str, *arguments: str) -> str:
    """Run one of the project's programs for an account; log what it says, return what it prints.

    Raises:
        AirflowException: It failed.
    """
    with (
        tempfile.TemporaryFile("w+") as printed,
        subprocess.Popen(  # noqa: S603 - the project's own programs
            [PROJECT / ".venv" / "bin" / program, *arguments],
            cwd=PROJECT,
            env={**os.environ, **environment_of(account)},
            stdout=printed,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process,
    ):
        try:
            for line in process.stderr or ():
                LOGGER.info("%s", line.rstrip())
        except BaseException:
            # The task is to end: the tap and the loader keep what they have, and end, too.
            os.killpg(process.pid, signal.SIGTERM)
            raise
        if process.wait():
            raise AirflowException(f"{program} ended with exit code {process.returncode}.")
        printed.seek(0)
        return printed.read()


@dag(
    schedule="@hourly",
    start_date=timezone.datetime(2026, 1, 1),
    catchup=False,
    max_active_runs=1,
    # Meltano takes a run that was killed for a living one for five minutes.
    default_args={"retries": 3, "retry_delay": timedelta(minutes=6)},
    doc_md=__doc__,
    tags=["constantcontact"],
)
def constantcontact() -> None:
    """Read each account, and see that its tables have it."""

    @task
    def accounts() -> list[str]:
        """Return the names of the accounts."""
        names: list[str] = Variable.get("constantcontact_accounts", deserialize_json=True)
        return names

    @task(pool="constantcontact", map_index_template="{{ task.op_kwargs['account'] }}")
    def load(account: str) -> str:
        """Bring the tables up to date; go on after 00:00 UTC if the day's calls are used up."""
        state = f"--state-id={schema_of(account)}"
        plugins = ("tap-constantcontact", "target-postgres")
        run(account, "meltano", "--environment=prod", "el", "--no-install", state, *plugins)
        status = json.loads(run(account, STATUS, "--config=ENV", "--json"))
        if not status["calls"]["left"]:
            raise AirflowRescheduleException(timezone.parse(status["calls"]["again_at"]))
        return account

    @task(outlets=[REFRESHED], map_index_template="{{ task.op_kwargs['account'] }}")
    def check(account: str, *, outlet_events: OutletEventAccessorsProtocol) -> None:
        """See that the tables have that run, and tell those who wait for it."""
        LOGGER.info("%s", run(account, STATUS, "--config=ENV", f"--stale-after={HOURS}"))
        outlet_events[REFRESHED].add(Asset(schema_of(account)))

    @task_group
    def refresh(account: str) -> None:
        """Read one account."""
        check(account=load(account=account))

    refresh.expand(account=accounts())


constantcontact()
