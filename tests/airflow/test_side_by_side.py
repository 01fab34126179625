"""Several accounts that are read at once, in one project, as Airflow's workers do it."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.airflow.accounts import (
    KEY,
    WITH_AIRFLOW,
    differences,
    make_project,
    own_settings,
    sandboxes,
)

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = WITH_AIRFLOW


def test_runs_with_states_of_their_own_do_not_mix(tmp_path: Path, postgres_url: str) -> None:
    project = tmp_path / "project"
    shared = {
        **make_project(project),
        "TAP_CONSTANTCONTACT_CLIENT_ID": KEY.client_id,
        "TAP_CONSTANTCONTACT_CLIENT_SECRET": str(KEY.secret),
        "TAP_CONSTANTCONTACT_REQUESTS_PER_SECOND": "1000",
        "TAP_CONSTANTCONTACT_STORE": postgres_url,
        "TARGET_POSTGRES_SQLALCHEMY_URL": postgres_url,
        "MELTANO_DATABASE_URI": postgres_url,
    }
    # Several at once would all make its tables.
    subprocess.run(
        [".venv/bin/meltano", "upgrade", "database"], cwd=project, env=shared, check=True
    )
    run = ("el", "tap-constantcontact", "target-postgres")
    with sandboxes() as accounts:
        for first in (True, False):
            before = {name: len(sandbox.asked) for name, sandbox in accounts.items()}
            with ExitStack() as stack:
                for name, sandbox in accounts.items():
                    own = {
                        f"TAP_CONSTANTCONTACT_{setting.upper()}": value
                        for setting, value in own_settings(sandbox).items()
                    }
                    process = subprocess.Popen(
                        [".venv/bin/meltano", "--environment=prod", *run, f"--state-id={name}"],
                        cwd=project,
                        env={**shared, **own, "TARGET_POSTGRES_DEFAULT_TARGET_SCHEMA": name},
                    )
                    stack.enter_context(process)
            for name, sandbox in accounts.items():
                assert differences(sandbox, postgres_url, name) == []
                assert (len(sandbox.asked) - before[name] > 100) is first
                sandbox.live(timedelta(hours=2))
