"""The command as people and programs run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Fault
from tap_constantcontact.errors import QuotaUsed, SettingsError, SignInNeeded, StateError
from tap_constantcontact.settings import NO_CLIENT_ID
from tap_constantcontact.streams import STREAMS

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Sandbox, Switches
    from tests.running import TapRunner

COMMAND = [sys.executable, "-m", "tap_constantcontact"]


def settings_file(tap: TapRunner, tmp_path: Path, **config: Any) -> str:
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps({**tap.settings, **config}), encoding="utf-8")
    return str(settings)


def run(tmp_path: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env={**os.environ, **environment},
    )


def command(
    tap: TapRunner, tmp_path: Path, *arguments: str, **config: Any
) -> subprocess.CompletedProcess[str]:
    return run(tmp_path, "--config", settings_file(tap, tmp_path, **config), *arguments)


def start(
    tap: TapRunner, tmp_path: Path, out: int | IO[str] = subprocess.PIPE
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*COMMAND, "--config", settings_file(tap, tmp_path)],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )


def last_line(text: str) -> str:
    return text.rstrip().splitlines()[-1].split(" | ")[-1]


def test_it_writes_singer_messages(tap: TapRunner, tmp_path: Path) -> None:
    done = command(tap, tmp_path)

    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0
    assert {message["type"] for message in messages} == {
        "SCHEMA",
        "RECORD",
        "ACTIVATE_VERSION",
        "STATE",
    }
    assert messages[-1]["type"] == "STATE"


def test_it_goes_on_from_a_state_file(tap: TapRunner, tmp_path: Path) -> None:
    first = command(tap, tmp_path)
    state = tmp_path / "state.json"
    state.write_text(json.dumps(json.loads(first.stdout.splitlines()[-1])["value"]))

    again = command(tap, tmp_path, "--state", str(state))
    types = [json.loads(line) for line in again.stdout.splitlines()]
    assert {message.get("stream") for message in types if message["type"] == "RECORD"} == {
        "account_summary",
        "account_emails",
        "user_privileges",
        "contact_tags",
        "contact_custom_fields",
        "segments",
        "social_profiles",
        "social_connections",
        "social_hashtag_groups",
        "contact_lists",
        "contact_counts",
        "campaign_activity_schedules",
        "sms_campaign_summaries",
        "events",
        "campaign_summaries",
        "campaign_stats",
    }


def test_it_discovers_all_streams_with_one_call(
    tap: TapRunner, tmp_path: Path, sandbox: Sandbox
) -> None:
    done = command(tap, tmp_path, "--discover")

    assert len(json.loads(done.stdout)["streams"]) == len(STREAMS)
    assert [call.path for call in sandbox.asked[1:]] == ["/account/user/privileges"]


def test_it_discovers_without_any_settings(tmp_path: Path) -> None:
    done = run(tmp_path, "--discover")

    assert len(json.loads(done.stdout)["streams"]) == len(STREAMS)
    assert last_line(done.stderr) == (
        "What whoever signed in may read is not known, so every stream can be selected:"
        f" {NO_CLIENT_ID}"
    )


def test_it_tests_the_connection(tap: TapRunner, tmp_path: Path) -> None:
    assert command(tap, tmp_path, "--test").returncode == 0


@pytest.mark.parametrize(
    ("config", "error", "line"),
    [
        (
            {"client_idd": "x"},
            SettingsError,
            "There is no setting 'client_idd'. Did you mean 'client_id'?",
        ),
        (
            {"client_id": None},
            SettingsError,
            NO_CLIENT_ID,
        ),
        (
            {"lookback_seconds": "long"},
            SettingsError,
            "The setting 'lookback_seconds' is wrong: it should be integer or null.",
        ),
        (
            {"on_quota": "hope"},
            SettingsError,
            "The setting 'on_quota' is wrong: it should be stop or fail or wait.",
        ),
        (
            {"start_date": "yesterday"},
            SettingsError,
            'start_date is \'yesterday\': write a date such as "2026-01-31" or "90 days ago".',
        ),
        (
            {"refresh_token": None},
            SignInNeeded,
            "Nobody has signed in yet; sign in: tap-constantcontact-login",
        ),
    ],
)
def test_an_error_is_one_line_with_an_exit_code_of_its_own(
    tap: TapRunner, tmp_path: Path, config: dict[str, Any], error: Any, line: str
) -> None:
    done = command(tap, tmp_path, **config)

    assert done.returncode == error.exit_code
    assert last_line(done.stderr) == line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [b'{"bookmarks": {', b"", b"\xff\xfe\x00"])
@pytest.mark.parametrize("option", ["--state", "--catalog"])
def test_a_file_that_is_not_json_is_named(
    tap: TapRunner, tmp_path: Path, option: str, content: bytes
) -> None:
    half = tmp_path / "half.json"
    half.write_bytes(content)

    done = command(tap, tmp_path, option, str(half))
    assert done.returncode == SettingsError.exit_code
    assert last_line(done.stderr).startswith(f"{option} {half} is not JSON: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_variable_that_holds_no_number_is_named(tap: TapRunner, tmp_path: Path) -> None:
    done = run(
        tmp_path,
        "--config=ENV",
        TAP_CONSTANTCONTACT_CLIENT_ID=tap.sandbox.client_id,
        TAP_CONSTANTCONTACT_LOOKBACK_SECONDS="abc",
    )

    assert done.returncode == SettingsError.exit_code
    assert last_line(done.stderr) == (
        "TAP_CONSTANTCONTACT_LOOKBACK_SECONDS is 'abc': write a whole number."
    )


def test_options_that_do_their_work_early_fail_in_one_line_too(
    tap: TapRunner, tmp_path: Path
) -> None:
    done = command(tap, tmp_path, "--test", refresh_token=None)

    assert done.returncode == SignInNeeded.exit_code
    assert "Traceback" not in done.stderr


def test_a_settings_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    done = run(tmp_path, "--config", "nowhere.json")

    assert done.returncode == SettingsError.exit_code
    assert last_line(done.stderr).startswith("--config nowhere.json cannot be read: ")


BOOKMARK = '{"replication_key": "updated_at", "replication_key_value": "2026-05-31T00:00:00Z"}'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"ledger": {"version": 99}}', "The state was written by another version of the tap: "),
        ('{"ledger": null}', "The state was written by another version of the tap: "),
        (
            f'{{"bookmarks": {{"bulk_activities": {BOOKMARK}}}}}',
            "The state was written by another version of the tap: ",
        ),
        ('{"ledger": {"version": 1, "events": [1]}}', "The state is damaged (at "),
        ("[]", "The state is damaged (at its beginning): "),
        ("null", "The state is damaged (at its beginning): "),
        ('{"client_id": "any"}', "The state is damaged (at its beginning): "),
        ('{"type": "STATE", "value": {}}', "The state is damaged (at its beginning): "),
        ('"state.json"', "The state is damaged (at its beginning): "),
    ],
)
def test_a_state_that_is_not_ours_is_refused_and_nothing_written(
    tap: TapRunner, tmp_path: Path, text: str, line: str
) -> None:
    state = tmp_path / "state.json"
    state.write_text(text)

    done = command(tap, tmp_path, "--state", str(state))
    assert done.returncode == StateError.exit_code
    assert last_line(done.stderr).startswith(line)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert state.read_text() == text


def test_a_run_that_ends_early_writes_its_state(
    tap: TapRunner, tmp_path: Path, switches: Switches
) -> None:
    switches.daily_quota = 40

    done = command(tap, tmp_path, on_quota="fail")
    assert done.returncode == QuotaUsed.exit_code
    state = json.loads(done.stdout.splitlines()[-1])
    assert set(state["value"]["bookmarks"]) == {"bulk_activities", "campaigns", "contacts"}


@pytest.mark.parametrize("on_quota", ["stop", "wait"])
def test_a_run_that_has_made_its_calls_ends_well_unless_that_is_to_fail(
    tap: TapRunner, tmp_path: Path, on_quota: str
) -> None:
    done = command(tap, tmp_path, on_quota=on_quota, max_calls_per_run=8)

    assert done.returncode == 0
    assert "The run has made its 8 calls (max_calls_per_run)." in done.stderr
    assert command(tap, tmp_path, on_quota="fail", max_calls_per_run=8).returncode == 5


def test_settings_may_come_from_the_environment(tap: TapRunner, tmp_path: Path) -> None:
    environment = {
        f"TAP_CONSTANTCONTACT_{name.upper()}": str(value) for name, value in tap.settings.items()
    }
    environment["TAP_CONSTANTCONTACT_REQUESTS_PER_SECOND"] = "1000.5"
    done = run(tmp_path, "--config=ENV", **environment)

    assert done.returncode == 0
    assert done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_that_waits_with_its_state(
    tap: TapRunner, tmp_path: Path, sandbox: Sandbox, number: signal.Signals
) -> None:
    sandbox.faults.append(Fault(path=r"^/emails$", times=9, kind="slow", seconds=30))
    messages = tmp_path / "messages.jsonl"  # a pipe that nobody reads would hold it up
    with messages.open("w") as out, start(tap, tmp_path, out) as running:
        _wait_until(lambda: any(call.path == "/emails" for call in sandbox.asked))
        time.sleep(0.3)  # it waits for /emails now
        began = time.monotonic()
        running.send_signal(number)
        _, err = running.communicate(timeout=20)

    assert time.monotonic() - began < 5
    assert running.returncode == 128 + number
    assert last_line(err) == "Interrupted: run again, it goes on where it stopped."
    state = json.loads(messages.read_text().splitlines()[-1])
    assert set(state["value"]["bookmarks"]) == {"bulk_activities"}


def test_a_loader_that_stops_reading_is_one_line(tap: TapRunner, tmp_path: Path) -> None:
    with start(tap, tmp_path) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr is not None
        err = running.stderr.read()

    assert running.returncode == 1
    assert last_line(err) == "The loader stopped reading: see its own messages."
    assert "Traceback" not in err


def _wait_until(true: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)
