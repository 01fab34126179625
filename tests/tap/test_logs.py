"""No log tells a secret or a person, and each tells what a support ticket needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from constantcontact_sandbox import Fault
from tap_constantcontact.login import main
from tap_constantcontact.tap import TapConstantContact
from tests.tap.bad_days import BAD_DAYS, Scene, run
from tests.tap.test_login import environment, sign_in  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from pathlib import Path

    from constantcontact_sandbox import Account, Sandbox, Switches
    from tests.running import TapRunner

MARK = re.compile(r"qx(first|last|mail|org|phone)", re.IGNORECASE)
"""What every person of the marked account is called."""


@pytest.fixture
def account(account: Account) -> Account:
    """Everybody in the account has a name that cannot be mistaken."""
    for number, contact in enumerate(account.contacts.values()):
        contact.first_name, contact.last_name = f"Qxfirst{number}", f"Qxlast{number}"
        if contact.email_address:
            contact.email_address.address = f"qxmail{number}@example.com"
    account.owner.first_name, account.owner.last_name = "Qxfirst", "Qxlast"
    account.owner.contact_email = "qxmail@example.com"
    return account


@pytest.fixture
def secrets(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """All that nobody may see, as it is given out."""
    told = {sandbox.client_secret, sandbox.refresh_token, sandbox.public_refresh_token}

    def noted(real: Any) -> Any:
        def answered(request: Any) -> Any:
            response = real(request)
            if response.headers.get("Content-Type") == "application/json":
                said = json.loads(response.body)
                told.update(str(said[name]) for name in said if re.search("token$|code$", name))
                told.discard("Bearer")
                told.discard(said.get("user_code", ""))
            code = re.search(r"[?&]code=([^&]+)", response.headers.get("Location", ""))
            told.update([code[1]] if code else [])
            return response

        return answered

    for name in ("token", "authorize", "start_device"):
        monkeypatch.setattr(sandbox.oauth, name, noted(getattr(sandbox.oauth, name)))
    return told


def told(text: str, secrets: set[str]) -> list[str]:
    """Return the secrets and people that a text tells."""
    return [*MARK.findall(text), *(secret for secret in secrets if secret in text)]


def command(
    tap: TapRunner, folder: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(tap.settings), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-m", "tap_constantcontact", "--config", "config.json", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
        env={**os.environ, "LOGLEVEL": "DEBUG", **variables},
    )


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_the_command_tells_nothing_at_debug(
    tap: TapRunner,
    sandbox: Sandbox,
    switches: Switches,
    secrets: set[str],
    tmp_path: Path,
    postgres_url: str,
    log_format: str,
) -> None:
    switches.rotating_refresh_tokens = True
    key = Fernet.generate_key().decode()
    tap.config |= {"store": postgres_url, "store_key": key}
    secrets |= {key}
    for kind in ("unauthorized", "status_500", "throttled", "truncated_json"):
        sandbox.faults.append(Fault(path="^/contacts$", kind=kind))

    ran = command(tap, tmp_path / "run", TAP_CONSTANTCONTACT_LOG_FORMAT=log_format)
    assert ran.returncode == 0
    assert MARK.search(ran.stdout)  # people are in the records, where they belong
    assert "urllib3" in ran.stderr
    assert len(secrets) >= 6
    assert told(ran.stderr, secrets) == []
    assert not [secret for secret in secrets if secret in ran.stdout]
    if log_format == "json":
        lines = [json.loads(line) for line in ran.stderr.splitlines()]
        refused = [line["extra"] for line in lines if line["extra"].get("status") == 500]
        assert re.fullmatch(r"[0-9a-f-]{36}", refused[0]["request_id"])


def test_the_loader_the_plan_and_the_status_tell_nothing_at_debug(
    tap: TapRunner, secrets: set[str], tmp_path: Path
) -> None:
    rows = command(tap, tmp_path).stdout
    address = f"sqlite:///{tmp_path / 'account.db'}"
    (tmp_path / "target.json").write_text(json.dumps({"sqlalchemy_url": address}))

    for module, *arguments in (
        ("target_relational", "--config", "target.json"),
        ("tap_constantcontact.plan", "--config", "config.json"),
        ("tap_constantcontact.status", "--database", address, "--config", "config.json"),
    ):
        ran = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            input=rows,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            cwd=tmp_path,
            env={**os.environ, "LOGLEVEL": "DEBUG"},
        )
        assert ran.returncode == 0, ran.stderr
        assert "DEBUG" in ran.stderr or module.endswith("status")  # which logs nothing
        assert told(ran.stdout + ran.stderr, secrets) == []


def test_answers_that_refuse_are_logged_with_their_request_id(
    tap: TapRunner, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    sandbox.faults.append(Fault(path="^/contacts$", kind="status_500"))
    tap.run(select=["contacts"])

    lines = [line for line in caplog.messages if "request id" in line]
    assert re.fullmatch(r"GET /contacts: status 500, request id [0-9a-f-]{36}", lines[0])
    assert len(lines) == 1


@pytest.mark.parametrize("day", BAD_DAYS, ids=lambda day: day.what)
def test_a_bad_day_tells_nothing_at_debug(
    day: Any,
    tap: TapRunner,
    secrets: set[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("DEBUG")
    with day.happens(Scene(tap, monkeypatch)):
        _, _, error = run(tap)

    assert caplog.text or error
    assert told(f"{caplog.text} {error!r} {error}", secrets) == []


@pytest.mark.usefixtures("environment")
def test_signing_in_tells_nothing_at_debug(
    secrets: set[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level("DEBUG")
    said = sign_in(monkeypatch).output
    said += "".join(CliRunner().invoke(main, [option]).output for option in ("--show", "--logout"))

    assert "Signed in to The Example Bakery" in said
    assert len(secrets) >= 6
    # The person's browser, in a thread of its own here, does tell the code to our port.
    log = [record.getMessage() for record in caplog.records if record.threadName == "MainThread"]
    assert any("POST /oauth2" in line for line in log)
    assert told(said + "\n".join(log), secrets) == []


def test_an_unforeseen_error_says_where_and_not_what(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise ValueError("qxmail1@example.com")

    command = TapConstantContact.get_singer_command()
    try:
        broken()
    except ValueError as error:
        command.excepthook(ValueError, error, error.__traceback__)  # type: ignore[attr-defined]

    assert "A bug (ValueError): please report it." in caplog.text
    assert "in broken" in caplog.text
    assert "qxmail1" not in caplog.text.replace('raise ValueError("qxmail1@example.com")', "")


def test_a_database_tells_nothing_though_it_is_asked_to_tell_everything(
    tap: TapRunner, secrets: set[str], where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    caplog.set_level("DEBUG", "sqlalchemy")
    tap.config["store"] = where
    for _ in range(2):
        tap.run(select=["contact_lists"])

    assert "tap_constantcontact_store" not in caplog.text
    assert told(caplog.text, secrets) == []
