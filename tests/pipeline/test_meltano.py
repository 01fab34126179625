"""The Meltano project as it stands, run by Meltano itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.truth import differences

if TYPE_CHECKING:
    from constantcontact_sandbox import Sandbox

ROOT = Path(__file__).parent.parent.parent
MELTANO = Path(sys.executable).parent / "meltano"

pytestmark = pytest.mark.skipif(
    not (ROOT / ".meltano" / "loaders" / "target-postgres").exists(),
    reason="make setup installs Meltano's plugins",
)


class Project:
    """A copy of the Meltano project with a database of its own, and the plugins installed."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder
        shutil.copy(ROOT / "meltano.yml", folder)
        (folder / ".meltano").mkdir()
        for kind in ("extractors", "loaders"):
            (folder / ".meltano" / kind).symlink_to(ROOT / ".meltano" / kind)
        settings = {
            "CLIENT_ID": sandbox.client_id,
            "CLIENT_SECRET": sandbox.client_secret,
            "REFRESH_TOKEN": sandbox.refresh_token,
            "API_URL": sandbox.api_url,
            "AUTH_URL": sandbox.auth_url,
            "REQUESTS_PER_SECOND": "1000",
        }
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TAP_")},
            **{f"TAP_CONSTANTCONTACT_{name}": value for name, value in settings.items()},
        }

    def run(self, *arguments: str, **environment: str) -> str:
        """Run Meltano and return what it says; fail if it fails."""
        done = subprocess.run(
            [str(MELTANO), *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, sandbox)


def test_the_sqlite_job_fills_the_database_of_its_environment_from_state_to_state(
    project: Project, sandbox: Sandbox
) -> None:
    url = f"sqlite:///{project.folder / 'output' / 'sandbox.db'}"
    project.run("run", "--no-install", "to-sqlite")
    assert differences(sandbox.account, url) == []

    sandbox.live(timedelta(days=8))
    project.run("run", "--no-install", "to-sqlite")
    assert differences(sandbox.account, url) == []

    before = len(sandbox.asked)
    project.run("run", "--no-install", "to-sqlite")
    quiet = [call.path for call in sandbox.asked[before:]]
    assert len(quiet) <= 32
    assert not [path for path in quiet if "/tracking/" in path]
    assert not (project.folder / "output" / "constantcontact.db").exists()


def test_the_postgres_job_fills_a_schema_of_its_environment(
    project: Project, sandbox: Sandbox, postgres_url: str
) -> None:
    project.run(
        "--environment=prod",
        "run",
        "--no-install",
        "to-postgres",
        TARGET_POSTGRES_SQLALCHEMY_URL=postgres_url,
        TAP_CONSTANTCONTACT_STORE=str(project.folder / "store"),
    )

    assert differences(sandbox.account, postgres_url, "constantcontact") == []
