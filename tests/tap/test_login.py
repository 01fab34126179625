"""From an API key to a stored sign-in, in one command."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner

from tap_constantcontact import login
from tap_constantcontact.errors import SettingsError, SignInNeeded
from tap_constantcontact.login import Attempt, listen, main, read_settings
from tests.browser import decide, press

if TYPE_CHECKING:
    from pathlib import Path

    from click.testing import Result

    from constantcontact_sandbox import Sandbox, Switches
    from tests.running import TapRunner


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def environment(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of a confidential application, and no `.env` of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "CLIENT_ID": sandbox.client_id,
        "CLIENT_SECRET": sandbox.client_secret,
        "API_URL": sandbox.api_url,
        "AUTH_URL": sandbox.auth_url,
        "STORE": str(tmp_path / "store"),
    }.items():
        monkeypatch.setenv(f"TAP_CONSTANTCONTACT_{name}", value)


def sign_in(monkeypatch: pytest.MonkeyPatch, *arguments: str, decision: str = "allow") -> Result:
    """Run the command with somebody in front of the browser that it opens."""
    pressed: list[threading.Thread] = []

    def open_browser(address: str) -> None:
        pressed.append(threading.Thread(target=press, args=(address, decision)))
        pressed[-1].start()

    monkeypatch.setattr("webbrowser.open", open_browser)
    uri = f"http://localhost:{free_port()}/callback"
    result = CliRunner().invoke(main, ["--redirect-uri", uri, *arguments])
    for thread in pressed:
        thread.join()
    return result


@pytest.mark.usefixtures("environment")
def test_signing_in_says_which_account_it_is_and_the_tap_runs(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = sign_in(monkeypatch)

    assert result.exit_code == 0
    assert "Signed in to The Example Bakery, account a07e" in result.stdout
    tap.config["refresh_token"] = None
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}
    assert sum(call.path.endswith("/token") for call in sandbox.asked) == 1


@pytest.mark.usefixtures("environment")
def test_a_pkce_application_signs_in_without_a_secret(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_CONSTANTCONTACT_CLIENT_ID", sandbox.public_client_id)
    monkeypatch.delenv("TAP_CONSTANTCONTACT_CLIENT_SECRET")

    assert sign_in(monkeypatch).exit_code == 0
    tap.config |= {
        "client_id": sandbox.public_client_id,
        "client_secret": None,
        "refresh_token": None,
    }
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


@pytest.mark.usefixtures("environment")
def test_the_address_can_be_pasted_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[Attempt] = []
    real = Attempt.new

    def new(*arguments: Any) -> Attempt:
        attempts.append(real(*arguments))
        return attempts[0]

    monkeypatch.setattr(login.Attempt, "new", new)
    monkeypatch.setattr("click.prompt", lambda *_, **__: decide(attempts[0].address))

    result = CliRunner().invoke(main, ["--paste"])
    assert result.exit_code == 0
    assert attempts[0].address in result.stderr
    assert "Signed in to The Example Bakery" in result.stdout


@pytest.mark.usefixtures("environment")
def test_denying_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    result = sign_in(monkeypatch, decision="deny")

    assert result.exit_code == SignInNeeded.exit_code
    assert result.stderr.endswith("Not signed in: it was denied.\n")


@pytest.mark.usefixtures("environment")
def test_an_account_that_may_not_be_read_is_signed_in_all_the_same(
    switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches.withheld_privileges = frozenset({"account:read"})

    result = sign_in(monkeypatch)
    assert result.exit_code == 0
    assert "whose name the privileges of this user do not show" in result.stdout


@pytest.mark.usefixtures("environment")
def test_no_offline_access_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "SCOPES", ("account_read", "contact_data"))

    result = sign_in(monkeypatch)
    assert result.exit_code == SignInNeeded.exit_code
    assert "the application must allow the scope offline_access" in result.stderr


@pytest.mark.usefixtures("environment")
def test_a_port_that_is_taken_points_to_pasting(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        uri = f"http://localhost:{taken.getsockname()[1]}/callback"
        monkeypatch.setattr("webbrowser.open", lambda _: None)
        result = CliRunner().invoke(main, ["--redirect-uri", uri])

    assert result.exit_code == SignInNeeded.exit_code
    assert "use --paste" in result.stderr


def test_nobody_who_comes_ends_the_wait() -> None:
    with pytest.raises(SignInNeeded, match="Nobody signed in within"):
        listen(f"http://localhost:{free_port()}/callback", lambda: None, wait=0.05)


def test_a_browser_that_asks_for_an_icon_first_is_answered() -> None:
    uri = f"http://localhost:{free_port()}/callback"
    answers: list[int] = []

    def browse() -> None:
        for path in ("/favicon.ico", "/callback?code=x"):
            at = uri.removesuffix("/callback") + path
            answers.append(requests.get(at, timeout=5).status_code)

    thread = threading.Thread(target=browse)
    assert listen(uri, thread.start) == "/callback?code=x"
    thread.join()
    assert answers == [404, 200]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("code=x&state=other", "the answer belongs to another attempt"),
        ("code=x", "the answer belongs to another attempt"),
        ("state=right", "that address holds no code. Paste the whole address"),
        ("error=server_error", "the server says 'server_error'"),
    ],
)
def test_an_answer_that_is_none_is_refused(tap: TapRunner, query: str, words: str) -> None:
    attempt = Attempt(tap.make().settings, "http://localhost/callback", "right", "verifier")

    with pytest.raises(SignInNeeded, match=words):
        attempt.form(f"http://localhost/callback?{query}")


@pytest.mark.usefixtures("environment")
def test_no_api_key_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TAP_CONSTANTCONTACT_CLIENT_ID")

    result = CliRunner().invoke(main, [])
    assert result.exit_code == SettingsError.exit_code
    assert "client_id is missing" in result.stderr


@pytest.mark.usefixtures("environment")
def test_settings_come_from_a_file_or_the_environment_with_numbers_as_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tap.json").write_text('{"client_id": "from the file"}', encoding="utf-8")
    monkeypatch.setenv("TAP_CONSTANTCONTACT_LOOKBACK_SECONDS", "60")

    assert read_settings(str(tmp_path / "tap.json"), None).client_id == "from the file"
    assert read_settings(None, "given").client_id == "given"
    assert read_settings(None, None).lookback.total_seconds() == 60


@pytest.mark.usefixtures("environment")
def test_a_file_that_cannot_be_read_is_named() -> None:
    result = CliRunner().invoke(main, ["--config", "nowhere.json"])

    assert result.exit_code == SettingsError.exit_code
    assert "nowhere.json cannot be read as JSON" in result.stderr
