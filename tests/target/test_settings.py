"""What the settings may say, and what is said when they are wrong."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from target_relational.dialects import dialect_of
from target_relational.errors import UnusableDatabase, unknown_setting
from target_relational.target import TargetRelational
from tests.target.loading import INTEGER, line, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.target.loading import Database

ROOT = Path(__file__).parents[2]
READY_SETTINGS = ROOT / "target_config"
FORMS = "sqlite:///folder/file.db or postgresql+psycopg2://user@host:5432/database"
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
NONE = "\N{EN DASH}"
PASSWORD = "s3cret-Passw0rd"


def run(
    settings: dict[str, Any], *messages: Any, folder: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the loader as a person would, with a settings file."""
    file = folder / "settings.json"
    file.write_text(json.dumps(settings))
    return subprocess.run(
        [sys.executable, "-m", "target_relational", "--config", str(file)],
        input="".join(f"{line(message)}\n" for message in messages),
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def complaint(outcome: subprocess.CompletedProcess[str]) -> str:
    """The one line that a run which failed has to say."""
    assert outcome.returncode == 1
    assert "Traceback" not in outcome.stderr
    (error,) = [said for said in outcome.stderr.splitlines() if "INFO" not in said]
    return re.sub(r".*(\| ERROR *\| target-relational *\| |^Error: )", "", error)


# Settings


def test_a_run_with_good_settings_loads_and_passes_the_state_on(tmp_path: Path) -> None:
    settings = {"sqlalchemy_url": "sqlite:///not/there/yet.db"}
    outcome = run(settings, schema("opens"), record("opens", id=1), state(1), folder=tmp_path)

    assert (outcome.returncode, outcome.stdout) == (0, '{"at":1}\n')
    engine = sa.create_engine(f"sqlite:///{tmp_path}/not/there/yet.db", poolclass=sa.NullPool)
    with engine.connect() as conn:
        assert conn.execute(sa.text("SELECT id FROM opens")).scalars().all() == [1]
    assert [file.name for file in (tmp_path / "not/there").iterdir()] == ["yet.db"]


def test_a_missing_address_is_said_in_one_line(tmp_path: Path) -> None:
    assert complaint(run({}, folder=tmp_path)) == (
        f"The setting 'sqlalchemy_url' is missing: write it as {FORMS}."
    )


def test_a_misspelt_setting_is_named_with_the_right_one(tmp_path: Path) -> None:
    assert complaint(run({"sqlalchemy_ulr": "sqlite:///a.db"}, folder=tmp_path)) == (
        "There is no setting 'sqlalchemy_ulr': did you mean 'sqlalchemy_url'?"
    )


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("SQLALCHEMY_URL", "sqlalchemy_url"),
        ("url", None),
        ("default_schema", "default_target_schema"),
        ("hard_deletes", "hard_delete"),
        ("batch_size", "batch_size_rows"),
        ("max_state_lag", "max_state_lag_seconds"),
    ],
)
def test_the_nearest_setting_is_found(written: str, meant: str | None) -> None:
    said = unknown_setting(written, TargetRelational.config_jsonschema["properties"])

    hint = f"did you mean '{meant}'?" if meant else "`target-relational --about` lists them all."
    assert said == f"There is no setting '{written}': {hint}"


def test_a_setting_of_the_wrong_type_is_said_in_one_line(tmp_path: Path) -> None:
    settings = {"sqlalchemy_url": "sqlite:///a.db", "max_state_lag_seconds": "soon"}

    assert complaint(run(settings, folder=tmp_path)) == (
        "'soon' is not of type 'number', 'null' in config['max_state_lag_seconds']"
    )


def test_settings_that_cannot_be_read_are_said_in_one_line(tmp_path: Path) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "target_relational", "--config", "nowhere.json"],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert complaint(outcome).startswith("The settings cannot be read from nowhere.json: ")


# Addresses


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nonsense", "sqlalchemy_url cannot be read"),
        (f"postgresql://me:{PASSWORD}@host:port/db", "sqlalchemy_url cannot be read"),
        ("mysql://me@host/db", "sqlalchemy_url begins with 'mysql', which this loader cannot"),
        ("postgresql+asyncpg://me@host/db", "sqlalchemy_url begins with 'postgresql+asyncpg', wh"),
    ],
)
def test_an_address_that_the_loader_cannot_use_is_said_with_those_it_can(
    address: str, reason: str
) -> None:
    with pytest.raises(UnusableDatabase) as error:
        TargetRelational(config={"sqlalchemy_url": address})

    assert str(error.value).startswith(reason)
    assert str(error.value).endswith(f": write it as {FORMS}.")
    assert PASSWORD not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize("address", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_that_would_be_gone_at_the_end_is_refused(address: str) -> None:
    with pytest.raises(UnusableDatabase, match="names no file, so that every row would be lost"):
        TargetRelational(config={"sqlalchemy_url": address})


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg2"])
def test_every_way_to_write_postgresql_is_understood(scheme: str, postgres: Database) -> None:
    address = postgres.url.replace("postgresql+psycopg2", scheme, 1) + "&connect_timeout=3"

    TargetRelational(config={"sqlalchemy_url": address})


def test_a_server_that_does_not_answer_is_said_in_one_line(tmp_path: Path) -> None:
    settings = {"sqlalchemy_url": f"postgresql://me:{PASSWORD}@127.0.0.1:1/db?password={PASSWORD}"}
    outcome = run(settings, folder=tmp_path, LOGLEVEL="INFO")

    said = complaint(outcome)
    assert said.startswith("Cannot use postgresql+psycopg2://me:***@127.0.0.1:1/db (connection to")
    assert said.endswith("check host and port, and that PostgreSQL is running there.")
    assert PASSWORD not in outcome.stdout + outcome.stderr


def test_a_database_that_does_not_exist_is_said_with_how_to_make_it(postgres: Database) -> None:
    url = sa.make_url(postgres.url).set(database="nobody_made_it")

    with pytest.raises(
        UnusableDatabase, match=r"does not exist\): create it: createdb nobody_made"
    ):
        TargetRelational(config={"sqlalchemy_url": url.render_as_string(hide_password=False)})


def test_a_file_that_is_no_database_and_a_folder_that_cannot_be_are_said(tmp_path: Path) -> None:
    (tmp_path / "file.db").write_text("not a database, but longer than a header of one" * 100)

    with pytest.raises(UnusableDatabase, match=r"file is not a database\): check that the folder"):
        TargetRelational(config={"sqlalchemy_url": f"sqlite:///{tmp_path}/file.db"})
    with pytest.raises(UnusableDatabase, match=r"/file.db\): check that the folder and the file"):
        TargetRelational(config={"sqlalchemy_url": f"sqlite:///{tmp_path}/file.db/below.db"})


@pytest.mark.parametrize(
    ("reason", "remedy"),
    [
        ('FATAL:  password authentication failed for user "me"', "check user and password"),
        ("fe_sendauth: no password supplied", "check user and password"),
        ('FATAL:  role "me" does not exist', "check the user"),
        ("server does not support SSL, but SSL was required", "check the sslmode"),
        ('could not translate host name "x" to address', "check host and port"),
    ],
)
def test_each_reason_has_its_remedy(reason: str, remedy: str) -> None:
    assert dialect_of("postgresql://me@host/db").remedy(reason).startswith(remedy)


# Passwords


@pytest.fixture
def guarded(postgres: Database) -> Iterator[str]:
    """The address of the database for a user who has to give a password."""
    ((rules,),) = postgres.query("SELECT current_setting('hba_file')")
    if not os.access(rules, os.W_OK):
        pytest.skip("the server of TEST_POSTGRES_URL has its own rules about passwords")
    before = Path(rules).read_text()
    Path(rules).write_text("local all guarded scram-sha-256\n" + before)
    postgres.execute(
        f"CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}'",
        "GRANT ALL ON SCHEMA public TO guarded",
        "SELECT pg_reload_conf()",
    )
    yield sa.make_url(postgres.url).set(username="guarded").render_as_string(hide_password=False)
    Path(rules).write_text(before)
    postgres.execute(
        "DROP OWNED BY guarded CASCADE", "DROP ROLE guarded", "SELECT pg_reload_conf()"
    )


@pytest.mark.parametrize("where", ["in the user's place", "as a parameter", "in the environment"])
def test_a_password_is_never_printed_however_much_is_logged(
    guarded: str, where: str, tmp_path: Path
) -> None:
    url = sa.make_url(guarded)
    environment = {"LOGLEVEL": "DEBUG"}
    if where == "in the user's place":
        url = url.set(password=PASSWORD)
    elif where == "as a parameter":
        url = url.update_query_dict({"password": PASSWORD})
    else:
        environment["PGPASSWORD"] = PASSWORD
    address = url.render_as_string(hide_password=False)
    messages = schema("people", n=INTEGER), record("people", id=1), state(1)

    outcome = run({"sqlalchemy_url": address}, *messages, folder=tmp_path, **environment)

    assert (outcome.returncode, outcome.stdout) == (0, '{"at":1}\n')
    assert "DEBUG" in outcome.stderr
    assert PASSWORD not in outcome.stderr


def test_a_wrong_password_is_said_in_one_line_without_it(guarded: str, tmp_path: Path) -> None:
    wrong = PASSWORD[::-1]
    address = sa.make_url(guarded).set(password=wrong).render_as_string(hide_password=False)

    outcome = run({"sqlalchemy_url": address}, folder=tmp_path)

    said = complaint(outcome)
    assert said.startswith("Cannot use postgresql+psycopg2://guarded:***@")
    assert 'password authentication failed for user "guarded"' in said
    assert said.endswith("check user and password (in the URL, in PGPASSWORD or in ~/.pgpass).")
    assert wrong not in outcome.stdout + outcome.stderr


# Ready settings and their description


@pytest.mark.parametrize("name", ["sqlite.json", "postgres.json"])
def test_the_ready_settings_are_ones_that_the_loader_takes(name: str) -> None:
    settings = json.loads((READY_SETTINGS / name).read_text())

    assert set(settings) <= known_settings()
    assert dialect_of(settings["sqlalchemy_url"]).url.password is None


def test_the_ready_settings_for_sqlite_load_into_the_file_that_they_name(tmp_path: Path) -> None:
    settings = json.loads((READY_SETTINGS / "sqlite.json").read_text())
    outcome = run(settings, schema("opens"), record("opens", id=1), folder=tmp_path)

    assert outcome.returncode == 0
    assert (tmp_path / "output" / "constantcontact.db").is_file()


def test_the_ready_settings_for_postgresql_take_user_and_password_from_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = json.loads((READY_SETTINGS / "postgres.json").read_text())
    url = sa.make_url(settings["sqlalchemy_url"])
    psycopg2 = importlib.import_module("psycopg2")  # which has no types
    asked: list[dict[str, Any]] = []

    def answer(*arguments: Any, **parameters: Any) -> Any:
        asked.append({**parameters, "arguments": arguments})
        raise psycopg2.OperationalError("nobody is there")

    monkeypatch.setattr("psycopg2.connect", answer)
    with pytest.raises(UnusableDatabase, match="nobody is there"):
        TargetRelational(config=settings)

    assert (url.host, url.database) == ("localhost", "constantcontact")
    assert not {"user", "password"} & asked[0].keys()


def test_the_ssl_settings_of_the_address_reach_postgresql_s_library(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    psycopg2 = importlib.import_module("psycopg2")
    asked: list[dict[str, Any]] = []

    def answer(*_: Any, **parameters: Any) -> Any:
        asked.append(parameters)
        raise psycopg2.OperationalError("nobody is there")

    monkeypatch.setattr("psycopg2.connect", answer)
    ssl = {
        "sslmode": "verify-full",
        "sslrootcert": "/certs/root.crt",
        "sslcert": "/certs/me.crt",
        "sslkey": "/certs/me.key",
    }
    address = "postgresql://me@host/db?" + "&".join(f"{name}={ssl[name]}" for name in ssl)
    with pytest.raises(UnusableDatabase):
        TargetRelational(config={"sqlalchemy_url": address})

    assert ssl.items() <= asked[0].items()


def test_the_readme_of_the_ready_settings_says_each_setting_and_its_default() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| (.*?) \|", (READY_SETTINGS / "README.md").read_text(), re.MULTILINE
    )
    properties = TargetRelational.config_jsonschema["properties"]

    defaults = {name: json.dumps(properties[name].get("default")) for name in known_settings()}
    said = {name: default.strip("`").replace(NONE, "null") for name, default in rows}
    assert said == defaults


def known_settings() -> set[str]:
    TargetRelational.append_builtin_config(TargetRelational.config_jsonschema)
    return set(TargetRelational.config_jsonschema["properties"])


def test_the_address_is_marked_as_a_secret() -> None:
    assert TargetRelational.config_jsonschema["properties"]["sqlalchemy_url"]["secret"] is True
