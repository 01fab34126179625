"""The whole pipeline asks ahead, as it does for users."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_constantcontact.fetcher import THREADS
from tests.pipeline.project import Project
from tests.running import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from constantcontact_sandbox import Sandbox
    from tests.running import TapRunner


@pytest.fixture
def tap(tap: TapRunner) -> TapRunner:
    """Runs the tap with as many threads as it has for users."""
    tap.threads = THREADS
    return tap


@pytest.fixture
def project(tmp_path: Path, sandbox: Sandbox) -> Iterator[Project]:
    """The Meltano project, which reads the sandbox."""
    folder = tmp_path / "project"
    folder.mkdir()
    project = Project(folder, sign_in(sandbox))
    yield project
    project.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'an account.db'}"
    address: str = request.getfixturevalue("postgres_url")
    return address
