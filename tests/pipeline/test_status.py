"""What is in the tables, on both databases, for people, programs and monitors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from tap_constantcontact.allowance import Limits
from tap_constantcontact.status import as_moment, main
from tap_constantcontact.store import open_store
from tests.conftest import NOON
from tests.pipeline.test_gone import load
from tests.running import counted

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from constantcontact_sandbox import Account
    from tests.running import Outcome, TapRunner

STREAMS = frozenset({"contact_tags", "contacts", "contact_counts", "sync_mismatches"})


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The address of an empty database that is a file."""
    return f"sqlite:///{tmp_path / 'account.db'}"


@pytest.fixture
def outcome(tap: TapRunner) -> Outcome:
    """What a run wrote."""
    return tap.run(select=STREAMS)


@pytest.fixture
def calls(tap: TapRunner) -> int:
    """How many calls were made today."""
    allowance = counted(
        open_store(tap.settings["store"]),
        Limits(daily_quota=10_000),
        f"key-{tap.settings['client_id']}",
    )
    for _ in range(3):
        allowance.spend()
    return allowance.calls_today


def status(url: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["--database", url, *options])


def told(url: str, *options: str) -> dict[str, Any]:
    result = status(url, "--json", *options)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def table(found: dict[str, Any], name: str) -> dict[str, Any]:
    (only,) = [each for each in found["tables"] if each["table"] == name]
    return dict(only)


def settings_file(tap: TapRunner, folder: Path) -> str:
    path = folder / "config.json"
    path.write_text(json.dumps({**tap.settings, "quota_reserve": 9_000}))
    return str(path)


def test_it_tells_of_each_table_its_rows_and_how_new_they_are(
    outcome: Outcome, account: Account, url: str
) -> None:
    load(url, outcome.messages)
    found = told(url)

    names = [each["table"] for each in found["tables"]]
    assert names == ["contact_tags", "contacts", "contact_counts", "sync_mismatches"]
    newest = max(contact.updated_at for contact in account.contacts.values())
    assert table(found, "contacts") == {
        "table": "contacts",
        "rows": len(account.contacts),
        "deleted": 0,
        "newest": f"{newest:%Y-%m-%dT%H:%M:%SZ}",
        "loaded": None,
    }
    assert found["last_run"] == f"{NOON:%Y-%m-%dT%H:%M:%SZ}"
    assert (found["unsettled"], found["rejected"], found["calls"]) == (0, 0, None)


def test_it_tells_when_rows_were_loaded_if_the_loader_writes_that(
    outcome: Outcome, url: str
) -> None:
    before = datetime.now(UTC)
    load(url, outcome.messages, add_record_metadata=True)
    found = told(url)

    for each in found["tables"]:
        if each["rows"]:
            assert before <= datetime.fromisoformat(each["loaded"])
    assert found["last_run"] == max(each["loaded"] or "" for each in found["tables"])


def test_rows_that_are_marked_as_deleted_are_counted_apart(
    outcome: Outcome, tap: TapRunner, account: Account, url: str
) -> None:
    load(url, outcome.messages)
    tags = len(account.tags)
    account.delete_tag(next(iter(account.tags.values())))
    load(url, tap.run(select=STREAMS).messages)

    tag_table = table(told(url), "contact_tags")
    assert (tag_table["rows"], tag_table["deleted"]) == (tags - 1, 1)


def test_it_tells_the_calls_of_the_day_from_the_store(
    outcome: Outcome, tap: TapRunner, calls: int, file: str, tmp_path: Path
) -> None:
    load(file, outcome.messages)
    today = datetime.now(UTC).date()

    assert told(file, "--config", settings_file(tap, tmp_path))["calls"] == {
        "today": calls,
        "left": 10_000 - 9_000 - calls,
        "again_at": f"{today + timedelta(days=1)}T00:00:30Z",
    }


def test_people_get_a_table(
    outcome: Outcome, tap: TapRunner, calls: int, file: str, tmp_path: Path
) -> None:
    load(file, outcome.messages)
    lines = status(file, "--config", settings_file(tap, tmp_path)).stdout.splitlines()

    assert lines[0].split() == ["table", "rows", "deleted", "newest", "loaded"]
    assert lines[3].split()[:3] == ["contacts", "120", "0"]
    said = lines[lines.index("") + 1 :]
    assert said[0] == "2026-06-01 12:00 UTC: the last run"
    assert said[1].startswith(f"{calls} calls made today, 997 left until ")
    assert said[2:] == ["0 reports show less than their counter", "0 records were refused"]


def test_prometheus_gets_metrics(
    outcome: Outcome, tap: TapRunner, calls: int, file: str, tmp_path: Path
) -> None:
    load(file, outcome.messages)
    lines = status(file, "--prometheus", "--config", settings_file(tap, tmp_path)).stdout
    metrics = dict(line.rsplit(" ", 1) for line in lines.splitlines() if not line.startswith("#"))

    assert metrics['constantcontact_rows{table="contacts"}'] == "120.0"
    assert float(metrics["constantcontact_last_run_timestamp_seconds"]) == NOON.timestamp()
    assert float(metrics["constantcontact_calls_today"]) == calls
    assert float(metrics["constantcontact_calls_left"]) == 1_000 - calls
    assert metrics["constantcontact_unsettled_reports"] == "0.0"
    assert metrics["constantcontact_rejected_records"] == "0.0"
    assert "# TYPE constantcontact_newest_record_timestamp_seconds gauge" in lines


def test_without_their_library_metrics_are_refused_in_one_line(
    outcome: Outcome, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(file, outcome.messages)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    result = status(file, "--prometheus")

    assert result.exit_code == 2
    assert result.stdout == ""


def test_a_monitor_hears_when_the_last_run_is_too_long_ago(outcome: Outcome, file: str) -> None:
    load(file, outcome.messages)
    hours = (datetime.now(UTC) - NOON) / timedelta(hours=1)

    assert status(file, "--stale-after", str(hours + 1)).exit_code == 0
    assert status(file, "--stale-after", str(hours - 1)).exit_code == 11


def test_a_monitor_hears_when_nothing_tells_of_the_last_run(outcome: Outcome, file: str) -> None:
    tags = [each for each in outcome.messages if each.get("stream") == "contact_tags"]
    load(file, tags)

    assert told(file)["last_run"] is None
    assert status(file, "--stale-after", "1").exit_code == 11


def test_a_strict_monitor_hears_of_reports_that_are_short(tap: TapRunner, file: str) -> None:
    load(file, tap.run(select=STREAMS).messages)
    assert status(file, "--strict").exit_code == 0
    load(
        file,
        [
            *(each for each in tap.run(select=STREAMS).messages if each["type"] == "SCHEMA"),
            *(
                {
                    "type": "RECORD",
                    "stream": "sync_mismatches",
                    "record": {
                        "campaign_id": "of a campaign",
                        "campaign_activity_id": f"{settled}",
                        "report": "email_opens",
                        "settled_at": settled,
                    },
                }
                for settled in (None, "2026-06-01T12:00:00Z")
            ),
        ],
    )

    assert told(file)["unsettled"] == 1
    assert status(file, "--strict").exit_code == 12


def test_a_strict_monitor_hears_of_records_that_were_refused(outcome: Outcome, file: str) -> None:
    bad = {
        "type": "RECORD",
        "stream": "contact_tags",
        "record": {"tag_id": "one", "contacts_count": "many"},
    }
    load(file, [*outcome.messages, bad], on_bad_record="skip")

    assert told(file)["rejected"] == 1
    assert status(file, "--strict").exit_code == 12


def test_the_tables_may_be_in_a_schema(outcome: Outcome, postgres_url: str) -> None:
    load(postgres_url, outcome.messages, default_target_schema="of_the_shop")

    assert status(postgres_url).exit_code == 13
    assert table(told(postgres_url, "--schema", "of_the_shop"), "contacts")["rows"] == 120


def test_it_changes_nothing(outcome: Outcome, file: str, tmp_path: Path) -> None:
    load(file, outcome.messages)
    before = (tmp_path / "account.db").read_bytes()

    assert status(file).exit_code == 0
    assert (tmp_path / "account.db").read_bytes() == before
    assert status(f"sqlite:///{tmp_path / 'other.db'}").exit_code == 13
    assert not (tmp_path / "other.db").exists()


@pytest.mark.parametrize(
    ("database", "code", "said"),
    [
        ("nothing", 2, "--database is no address: write sqlite:///"),
        ("mysql://host/database", 2, "--database cannot be 'mysql': it is SQLite or PostgreSQL."),
        ("sqlite:///no/such/file.db", 13, "cannot be read (unable to open database file)."),
        (
            "postgresql+psycopg2://me:secret@127.0.0.1:1/rows",
            13,
            "The database postgresql+psycopg2://me:***@127.0.0.1:1/rows cannot be read (",
        ),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    tmp_path: Path, database: str, code: int, said: str
) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "tap_constantcontact.status", "--database", database],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )

    assert run.returncode == code
    assert run.stdout == ""
    (line,) = run.stderr.splitlines()
    assert said in line
    assert "secret" not in line


def test_settings_and_database_may_stand_in_the_environment_and_in_its_file(
    outcome: Outcome,
    tap: TapRunner,
    calls: int,
    file: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load(file, outcome.messages)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("os.environ", os.environ.copy())
    (tmp_path / ".env").write_text(
        f"TAP_CONSTANTCONTACT_CLIENT_ID={tap.settings['client_id']}\n"
        "TAP_CONSTANTCONTACT_INCREMENT_RESERVE=5\n"
        f"TARGET_POSTGRES_SQLALCHEMY_URL={file}\n"
    )
    monkeypatch.setenv("TAP_CONSTANTCONTACT_STORE", tap.settings["store"])
    result = CliRunner().invoke(main, ["--config=ENV", "--json"])

    assert json.loads(result.stdout)["calls"]["today"] == calls


def test_a_time_without_a_zone_is_utc() -> None:
    noon = datetime(2026, 6, 1, 12)  # noqa: DTZ001 - as some loaders store it

    assert as_moment(noon) == as_moment("2026-06-01 12:00:00") == NOON
    assert as_moment(None) is None
