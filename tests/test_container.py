"""The container, as far as can be without an engine: each step of Containerfile, in a folder.

The steps that install need the packages' index, so they run with `make test-long`.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import sqlalchemy as sa
from dockerfile_parse import DockerfileParser

from tap_constantcontact.settings import JSONSCHEMA
from tests.pipeline.truth import differences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from constantcontact_sandbox import Sandbox

ROOT = Path(__file__).parent.parent

DATABASES = {
    "TAP_CONSTANTCONTACT_STORE",
    "TARGET_POSTGRES_SQLALCHEMY_URL",
    "MELTANO_DATABASE_URI",
}
"""The variables that say where everything is kept that outlives a container."""


class Step(NamedTuple):
    """An instruction of Containerfile.

    Args:
        what: Which: `RUN`, for instance.
        flags: Its options, such as `from`.
        words: What follows, in words; of `RUN` and `ENV`, it is one.
    """

    what: str
    flags: dict[str, str]
    words: list[str]


def steps(path: Path = ROOT / "Containerfile") -> Iterator[Step]:
    """Yield the instructions of a file of them."""
    with path.open("rb") as file:
        for each in DockerfileParser(fileobj=file).structure:  # type: ignore[arg-type] # its stubs say text
            what, value = each["instruction"], each["value"]
            if what == "COMMENT":
                continue
            flags = dict(re.findall(r"--(\w+)=(\S+)", value)) if what == "COPY" else {}
            words = re.sub(r"--\w+=\S+\s+", "", value) if flags else value
            yield Step(what, flags, [words] if what in {"RUN", "ENV"} else words.split())


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


def test_what_the_document_runs_in_it_is_there() -> None:
    section = (ROOT / "docs" / "operations.md").read_text().split("\n## Container\n")[1]
    typed = section.partition("\n## ")[0].replace("\\\n", "")
    programs = re.findall(r"(?m)^\$ podman run .*--env-file .env constantcontact +([\w-]+)", typed)
    scripts = re.findall(r'(?m)^([\w-]+) = "[\w.]+:', (ROOT / "pyproject.toml").read_text())

    assert programs
    assert set(programs) <= set(scripts)
    assert set(re.findall(r"(?m)^([A-Z_]+)=", typed)) == DATABASES


class Image:
    """What the steps make: the folder `/project` of the last stage, and its environment.

    Args:
        folder: Where the stages are made.
    """

    def __init__(self, folder: Path) -> None:
        self._stages = (folder / str(number) / "project" for number in range(9))
        self._home = folder
        for step in steps():
            getattr(self, f"_{step.what.lower()}", lambda _: None)(step)

    def _from(self, _: Step) -> None:
        self._before = getattr(self, "folder", None)
        self.folder = next(self._stages)
        self.environment = {"PATH": os.environ["PATH"], "HOME": str(self._home)}

    def _workdir(self, step: Step) -> None:
        assert step.words == ["/project"]
        self.folder.mkdir(parents=True)

    def _copy(self, step: Step) -> None:
        source = self._before if "from" in step.flags else ROOT
        assert source
        for name in step.words[:-1]:
            path = source / name.removeprefix("/project/")
            to = self.folder / path.name
            if path.is_file():
                shutil.copy(path, to)
            elif source == ROOT:
                shutil.copytree(path, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                # Environments know where they are: what one stage makes, the next points to.
                to.symlink_to(path)

    def _env(self, step: Step) -> None:
        for name, value in re.findall(r"(\w+)=(\S+)", step.words[0]):
            here = value.replace("/project", str(self.folder))
            self.environment[name] = here.replace("$PATH", self.environment["PATH"])

    def _run(self, step: Step) -> None:
        # Where the index is not the usual one, the environment says so.
        outside = {**os.environ, **self.environment}
        subprocess.run(step.words[0], shell=True, check=True, cwd=self.folder, env=outside)


@pytest.mark.skipif("CONTAINER" not in os.environ, reason="it installs: make test-long does that")
def test_what_its_steps_make_reads_an_account_into_a_database_and_keeps_nothing(
    tmp_path: Path, sandbox: Sandbox, postgres_url: str
) -> None:
    image = Image(tmp_path)
    (command,) = [step.words for step in last_stage() if step.what == "CMD"]
    settings = {
        "TAP_CONSTANTCONTACT_CLIENT_ID": sandbox.client_id,
        "TAP_CONSTANTCONTACT_CLIENT_SECRET": sandbox.client_secret,
        "TAP_CONSTANTCONTACT_REFRESH_TOKEN": sandbox.refresh_token,
        "TAP_CONSTANTCONTACT_API_URL": sandbox.api_url,
        "TAP_CONSTANTCONTACT_AUTH_URL": sandbox.auth_url,
        "TAP_CONSTANTCONTACT_REQUESTS_PER_SECOND": "1000",
        **dict.fromkeys(DATABASES, postgres_url),
    }

    def run() -> int:
        """Run the container's command as a new one; return how many calls it made."""
        before = len(sandbox.asked)
        for made in (image.folder / ".meltano").iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        done = subprocess.run(
            json.loads(" ".join(command)),
            cwd=image.folder,
            env={**image.environment, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr[-4000:]
        return len(sandbox.asked) - before

    first, second = run(), run()

    assert differences(sandbox.account, postgres_url, "constantcontact") == []
    assert second <= 32 < first
    assert not (image.folder / ".venv" / "bin" / "uv").exists()
    engine = sa.create_engine(postgres_url)
    with engine.connect() as conn:
        assert conn.scalar(sa.text("SELECT count(*) FROM runs")) == 2
    engine.dispose()
