"""Several accounts with one API key, as an agency has them."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from constantcontact_sandbox import Account, Clock, Sandbox, Switches
from constantcontact_sandbox.applications import Application
from tests.pipeline import truth

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
AIRFLOW = ROOT / ".airflow-venv"

WITH_AIRFLOW = [
    pytest.mark.skipif(
        not (AIRFLOW / "installed").exists(), reason="make test-airflow installs Airflow"
    ),
    pytest.mark.timeout(900),
]
"""Marks what takes minutes, and is run where Airflow is."""

OURS = ("TAP_", "TARGET_", "MELTANO_", "AIRFLOW_", "PYTHONPATH")
"""What the environment of whoever runs the tests must not bring along."""

KEY = Application(1, "the-key-of-all-three", "its-secret")
ACCOUNTS = {"shop": 71, "agency": 72, "club": 73}
"""The accounts, and what each is made from."""


@contextmanager
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    """The accounts by their names, each behind an API of its own that knows the key.

    Reading one of them for the first time takes about 130 calls.
    """
    with ExitStack() as stack:
        running = {}
        for name, seed in ACCOUNTS.items():
            clock = Clock.ticking(datetime.now(UTC))
            account = Account.populate(seed=seed, contacts=60, campaigns=10, clock=clock)
            sandbox = Sandbox(account, Switches.unlimited())
            sandbox.oauth.confidential = KEY
            sandbox.oauth.applications[KEY.client_id] = KEY
            running[name] = stack.enter_context(sandbox)
        yield running


def own_settings(sandbox: Sandbox) -> dict[str, str]:
    """Return the settings of the tap that are an account's own."""
    return {
        "refresh_token": sandbox.refresh_token,
        "api_url": sandbox.api_url,
        "auth_url": sandbox.auth_url,
    }


def differences(sandbox: Sandbox, url: str, schema: str) -> list[str]:
    """Compare a schema with an account whose clock has gone on since the last run counted."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as conn:
        counted_at = conn.scalar(sa.text(f"SELECT max(counted_at) FROM {schema}.contact_counts"))
    ticking, sandbox.account.clock = sandbox.account.clock, Clock(counted_at)
    try:
        return truth.differences(sandbox.account, url, schema)
    finally:
        sandbox.account.clock = ticking


def make_project(folder: Path) -> dict[str, str]:
    """Make a copy of the project in which all is installed; return an environment without ours."""
    (folder / ".meltano").mkdir(parents=True)
    for installed in (".venv", ".airflow-venv", ".meltano/extractors", ".meltano/loaders"):
        (folder / installed).symlink_to(ROOT / installed)
    shutil.copy(ROOT / "meltano.yml", folder)
    shutil.copytree(ROOT / "orchestrate", folder / "orchestrate")
    return {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
