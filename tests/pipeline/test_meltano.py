"""The Meltano project as it stands, run by Meltano itself."""

from __future__ import annotations

import re
import signal
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from constantcontact_sandbox.faults import Fault
from tests.pipeline.project import INSTALLED
from tests.pipeline.truth import differences

if TYPE_CHECKING:
    from constantcontact_sandbox import Asked, Sandbox
    from tests.pipeline.project import Project, Running

pytestmark = INSTALLED

INCREMENTS = {"TAP_CONSTANTCONTACT_START_DATE": "2026-01-01"}
OLDER = {
    "TAP_CONSTANTCONTACT__BACKFILL_START_DATE": "2024-01-01",
    "TAP_CONSTANTCONTACT__BACKFILL_END_DATE": "2026-01-01",
}


def hold(sandbox: Sandbox, path: str) -> Fault:
    """Let an answer take long, so that a run is sure to be in the middle."""
    fault = Fault(path, "slow", seconds=300, times=100)
    sandbox.faults.append(fault)
    return fault


def wait_for(fault: Fault, running: Running) -> None:
    """Wait until a run is in the middle."""
    while not fault.met:
        assert not running.has_ended, running.end()
        time.sleep(0.05)


def reads_all_contacts(asked: list[Asked]) -> bool:
    """Tell whether contacts were asked for whenever they changed."""
    return any(
        call.path == "/contacts"
        and call.query["status"] == "all"
        and not {"updated_after", "optout_after"} & call.query.keys()
        for call in asked
    )


def test_the_schedules_fill_the_database_of_their_environment_from_state_to_state(
    project: Project, sandbox: Sandbox
) -> None:
    url = f"sqlite:///{project.folder / 'output' / 'sandbox.db'}"
    project.run("schedule", "run", "hourly")
    assert differences(sandbox.account, url) == []

    sandbox.live(timedelta(days=8))
    project.run("schedule", "run", "hourly")
    assert differences(sandbox.account, url) == []

    before = len(sandbox.asked)
    project.run("schedule", "run", "hourly")
    quiet = sandbox.asked[before:]
    assert len(quiet) <= 32
    assert not [call.path for call in quiet if "/tracking/" in call.path]
    assert not reads_all_contacts(quiet)
    assert not (project.folder / "output" / "constantcontact.db").exists()

    sandbox.account.clock.advance(timedelta(hours=23))
    before = len(sandbox.asked)
    project.run("schedule", "run", "nightly")
    assert reads_all_contacts(sandbox.asked[before:])


def test_the_postgres_job_fills_a_schema_of_its_environment(
    project: Project, sandbox: Sandbox, postgres_url: str
) -> None:
    project.run(
        "--environment=prod", "run", "to-postgres", TARGET_POSTGRES_SQLALCHEMY_URL=postgres_url
    )

    assert differences(sandbox.account, postgres_url, "constantcontact") == []


ALONE = "Another run uses the folder"
OVERWRITTEN = re.compile(rf"{ALONE}|Invalid value for '--(state|catalog)'|is not JSON")
"""What a run says whose files another one is writing over, in whichever moment it reads them."""


@pytest.mark.timeout(900)
def test_runs_of_one_extractor_with_different_states_never_mix_them(
    project: Project, sandbox: Sandbox, postgres_url: str
) -> None:
    """One has read much, the other nothing, and would read too little with the other's state."""
    sqlite = f"sqlite:///{project.folder / 'output' / 'sandbox.db'}"
    postgres = {"TARGET_POSTGRES_SQLALCHEMY_URL": postgres_url}
    reports = hold(sandbox, "/tracking/clicks$")
    first = project.start("run", "to-sqlite")
    wait_for(reports, first)
    assert ALONE in project.refuse("run", "to-postgres", **postgres)
    sandbox.faults.remove(reports)
    assert ALONE not in first.end(signal.SIGKILL)[1]

    to_sqlite = ("run", "--force", "to-sqlite")  # or it would wait five minutes for the dead one
    both = [project.start(*to_sqlite), project.start("run", "to-postgres", **postgres)]
    for code, said in [running.end() for running in both]:
        assert code == 0 or OVERWRITTEN.search(said), said[-4000:]
    project.run("run", "to-postgres", **postgres)
    project.run(*to_sqlite)
    assert differences(sandbox.account, sqlite) == []
    assert differences(sandbox.account, postgres_url, "constantcontact_sandbox") == []


@pytest.mark.timeout(900)
def test_runs_beside_each_other_and_runs_that_are_killed_end_with_the_truth(
    project: Project, sandbox: Sandbox
) -> None:
    """Increments that are killed, and beside them a backfill that is killed, and again."""
    url = f"sqlite:///{project.folder / 'output' / 'sandbox.db'}"
    contacts = hold(sandbox, "^/contacts$")
    increments = project.start("schedule", "run", "hourly", **INCREMENTS)
    wait_for(contacts, increments)
    assert "pipeline is already running" in project.refuse("schedule", "run", "nightly")

    reports = hold(sandbox, "^/reports/email_reports/")
    backfill = project.start("run", "backfill-to-sqlite", **OLDER)
    wait_for(reports, backfill)
    backfill.end(signal.SIGKILL)
    sandbox.faults.remove(reports)
    # For five minutes, Meltano cannot know that it is dead.
    assert "pipeline is already running" in project.refuse("run", "backfill-to-sqlite")
    assert increments.end(signal.SIGTERM)[0] != 0
    sandbox.faults.remove(contacts)

    increments = project.start("schedule", "run", "hourly", **INCREMENTS)
    said = project.run("run", "--force", "backfill-to-sqlite", **OLDER)
    assert "nothing is left to do" in said
    assert " contacts " not in said
    assert increments.end()[0] == 0
    assert {"tap-constantcontact", "tap-constantcontact--backfill"} <= {
        path.name for path in (project.folder / ".meltano/run").iterdir()
    }
    project.run(
        "state",
        "merge",
        "--from-state-id=sandbox:tap-constantcontact--backfill-to-target-sqlite",
        "sandbox:tap-constantcontact-to-target-sqlite",
    )
    sandbox.live(timedelta(days=8))
    project.run("schedule", "run", "hourly")
    assert differences(sandbox.account, url) == []
