"""docs/operations.md, followed word by word."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from importlib.metadata import entry_points, metadata
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa
import yaml

from tests.pipeline.project import INSTALLED, ROOT
from tests.pipeline.truth import differences, expected

if TYPE_CHECKING:
    from constantcontact_sandbox import Sandbox
    from tests.pipeline.project import Project

OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ELSEWHERE = frozenset({"Airflow", "Container"})
"""Sections whose commands others run: tests/airflow/test_dag.py and tests/test_container.py."""

EXAMPLE = "postgresql+psycopg2://user:password@host:5432/database"
"""The address that stands for that of a database."""

MELTANO_YML = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))


def blocks(language: str) -> list[tuple[str, str]]:
    """Return the blocks in a language, each with the heading of its section."""
    found = []
    for section in OPERATIONS.split("\n## ")[1:]:
        heading = section.partition("\n")[0]
        for indent, text in re.findall(
            rf"^( *)```{language}\n(.*?)^ *```$", section, flags=re.MULTILINE | re.DOTALL
        ):
            found.append((heading, re.sub(rf"^{indent}", "", text, flags=re.MULTILINE)))
    return found


def files(project: Project, stream: str) -> list[dict[str, str]]:
    """Return the rows of a stream in all of its CSV files."""
    folder = project.folder / "output/constantcontact" / stream
    return [
        row
        for path in sorted(folder.iterdir())
        for row in csv.DictReader(path.read_text(encoding="utf-8").splitlines(keepends=True))
    ]


def states(url: str) -> set[str]:
    """Return the ids of the states in Meltano's database."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return set(connection.scalars(sa.text("select state_id from state")))


@INSTALLED
@pytest.mark.timeout(900)
def test_whoever_follows_the_document_ends_with_the_truth(
    project: Project, sandbox: Sandbox, postgres_url: str
) -> None:
    said: dict[str, str] = {}
    for heading, block in blocks("sh"):
        if heading in ELSEWHERE:
            continue
        if "run hourly" in block:
            sandbox.live(timedelta(days=8))
        command = block.replace(EXAMPLE, postgres_url)
        code, words = project.shell(["bash", "-euo", "pipefail", "-c", command]).end()
        assert code == 0, (block, words[-4000:])
        said[heading] = said.get(heading, "") + words
        if "to-csv" in block:
            truth = expected(sandbox.account, {})
            for stream in ("contacts", "campaigns", "email_sends", "email_opens"):
                assert len(files(project, stream)) == len(truth[stream]), stream

    database = f"sqlite:///{project.folder / 'output/constantcontact.db'}"
    assert differences(sandbox.account, database) == []
    assert "nothing is left to do" in said["One backfill beside the increments"]
    assert "No state was found" not in said["Where the state is"]
    assert "_DATE=" not in (project.folder / ".env").read_text(encoding="utf-8")
    assert "prod:tap-constantcontact-to-target-sqlite" in states(postgres_url)


def test_commands_that_only_a_person_can_answer_are_in_sections_that_other_tests_run() -> None:
    assert {heading for heading, _ in blocks("console")} == ELSEWHERE


def test_cron_runs_what_is_tried_by_hand_when_meltano_says_so() -> None:
    ((_, crontab),) = blocks("crontab")
    tried = "".join(block for _, block in blocks("sh")).splitlines()

    for line, schedule in zip(crontab.splitlines(), MELTANO_YML["schedules"], strict=True):
        at, command, name, log = re.fullmatch(  # type: ignore[union-attr]
            r"(.+) cd \S+ && (.+ schedule run (\w+)) > (\S+) 2>&1 \|\| cat \4", line
        ).groups()
        assert (at, name) == (schedule["interval"], schedule["name"])
        assert command in tried
        assert log == f"output/{name}.log"


def test_each_variable_for_a_bucket_is_one_that_meltano_reads() -> None:
    known = {
        setting.load().name.upper().replace(".", "_")
        for setting in entry_points(group="meltano.settings")
    }
    schemes = {backend.name for backend in entry_points(group="meltano.state_backends")}
    named = [re.findall(r"^MELTANO_(\w+)=(.+)$", block, re.MULTILINE) for _, block in blocks("ini")]
    extras = set(re.findall(r'(?:"meltano|`)\[(\w+)\]', OPERATIONS))

    assert {each.pop(0)[1].partition("://")[0] for each in named} == schemes - {"file"}
    assert {name for each in named for name, _ in each} <= known
    assert extras == {"s3", "gcs", "azure"}
    assert extras <= set(metadata("meltano").get_all("Provides-Extra") or ())


def test_what_the_document_shows_of_meltano_yml_is_there() -> None:
    jobs = {job["name"] for job in MELTANO_YML["jobs"]}
    extractors = {plugin["name"] for plugin in MELTANO_YML["plugins"]["extractors"]}
    shown: list[dict[str, Any]] = []
    for _, block in blocks("yaml"):
        loaded = yaml.safe_load(block)
        shown += loaded if isinstance(loaded, list) else loaded["schedules"]

    assert {each["job"] for each in shown if "job" in each} <= jobs
    assert {each["inherit_from"] for each in shown if "inherit_from" in each} <= extractors
