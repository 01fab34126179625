"""The container, as far as can be without an engine: each step of Containerfile, in a folder.

The steps that install need the packages' index, so they run with `make test-long`.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sqlalchemy as sa

from tap_constantcontact.settings import JSONSCHEMA
from tests.browser import decide
from tests.container import ROOT, Step, install_podman, steps
from tests.pipeline.truth import differences

if TYPE_CHECKING:
    from constantcontact_sandbox import Sandbox

DATABASES = {
    "TAP_CONSTANTCONTACT_STORE",
    "TARGET_POSTGRES_SQLALCHEMY_URL",
    "MELTANO_DATABASE_URI",
}
"""The variables that say where everything is kept that outlives a container."""


def of(what: str) -> list[Step]:
    return [step for step in steps() if step.what == what]


def copied() -> list[str]:
    """Return what is copied from the project, by name."""
    return [name for step in of("COPY") if "from" not in step.flags for name in step.words[:-1]]


def last_stage() -> list[Step]:
    found: list[Step] = []
    for step in steps():
        found = [step] if step.what == "FROM" else [*found, step]
    return found


def test_it_runs_as_nobody_in_particular_who_can_change_nothing_that_is_run() -> None:
    users = [step.words for step in last_stage() if step.what == "USER"]
    owned = [step for step in last_stage() if "chown" in step.flags]

    assert users == [["10001:0"]]
    assert [step.words for step in owned] == [["/project/.meltano", ".meltano"]]


def test_both_stages_are_of_one_slim_python() -> None:
    bases = {step.words[0] for step in of("FROM")}

    (base,) = bases
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim", base)


def test_what_is_copied_is_there_and_is_all_that_leaves_this_machine() -> None:
    lines = (ROOT / ".containerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]

    assert rules[0] == "*"
    assert [rule.removeprefix("!") for rule in rules if rule.startswith("!")] == copied()
    assert [name for name in copied() if not (ROOT / name).exists()] == []
    assert [name for name in copied() if fnmatch.fnmatch(name, ".env*")] == []


def test_it_sets_nothing_that_is_secret() -> None:
    text = (ROOT / "Containerfile").read_text().lower()
    secrets = [name for name, schema in JSONSCHEMA["properties"].items() if schema.get("secret")]

    assert [name for name in secrets if f"constantcontact_{name}" in text] == []
    assert not of("ARG")


def typed() -> str:
    """What the document says to type."""
    section = (ROOT / "docs" / "operations.md").read_text().split("\n## Container\n")[1]
    section = section.partition("\n## ")[0]
    (env,) = re.findall(r"(?ms)^```dotenv\n(.*?)^```$", section)
    assert set(re.findall(r"(?m)^([A-Z_]+)=", env)) == DATABASES
    (console,) = re.findall(r"(?ms)^```console\n(.*?)^```$", section)
    return re.sub(r"(?m)^\$ ", "", console)


def follow(words: str, folder: Path, environment: dict[str, str]) -> str:
    """Type words into a shell, sign in where one is asked to; return what was said."""
    said = ""
    shell = subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", words],
        cwd=folder,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    with shell:
        assert shell.stdin is not None
        assert shell.stdout is not None
        try:
            for line in shell.stdout:
                said += line
                if page := re.search(r"http\S+/authorize\?\S+", line):
                    shell.stdin.write(f"{decide(page[0])}\n")
                    shell.stdin.flush()
        except BaseException:
            os.killpg(shell.pid, signal.SIGKILL)
            raise
    assert shell.returncode == 0, said[-4000:]
    return said


@pytest.fixture(params=["installed", "to be installed"])
def podman(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a program `podman`; its images have what is installed here, or install it."""
    installed = None
    if request.param == "installed":
        if not (ROOT / ".meltano" / "loaders").exists():
            pytest.skip("make setup installs Meltano's plugins")
        installed = (Path(sys.prefix), ROOT / ".meltano")
    elif "CONTAINER" not in os.environ:
        pytest.skip("it installs: make test-long does that")
    install_podman(tmp_path / "podman", installed)
    return tmp_path / "podman"


@pytest.mark.timeout(900)
def test_whoever_follows_the_document_reads_an_account_into_a_database_and_keeps_nothing(
    podman: Path, tmp_path: Path, sandbox: Sandbox, postgres_url: str
) -> None:
    project = tmp_path / "project"
    project.mkdir()
    for name in (*copied(), "Containerfile"):
        (project / name).symlink_to(ROOT / name)
    settings = {
        "TAP_CONSTANTCONTACT_CLIENT_ID": sandbox.client_id,
        "TAP_CONSTANTCONTACT_CLIENT_SECRET": sandbox.client_secret,
        "TAP_CONSTANTCONTACT_API_URL": sandbox.api_url,
        "TAP_CONSTANTCONTACT_AUTH_URL": sandbox.auth_url,
        "TAP_CONSTANTCONTACT_REQUESTS_PER_SECOND": "1000",
        **dict.fromkeys(DATABASES, postgres_url),
    }
    env = "".join(f"{name}={value}\n" for name, value in settings.items())
    (project / ".env").write_text(env)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("TAP_", "TARGET_", "MELTANO_"))
    }
    environment["PATH"] = f"{podman}{os.pathsep}{environment['PATH']}"

    said = follow(typed(), project, environment)
    assert "Signed in to The Example Bakery" in said
    assert re.search(r"(?m)^contacts +120 ", said)
    assert differences(sandbox.account, postgres_url, "constantcontact") == []

    before = len(sandbox.asked)
    follow("podman run --rm --env-file .env constantcontact", project, environment)
    assert len(sandbox.asked) - before <= 32
    engine = sa.create_engine(postgres_url)
    with engine.connect() as conn:
        assert conn.scalar(sa.text("SELECT count(*) FROM runs")) == 2
    engine.dispose()
    last = Path(json.loads((podman / "constantcontact.json").read_text())[0])
    if not (last / ".meltano" / "loaders").exists():
        assert not (last / ".venv" / "bin" / "uv").exists()
