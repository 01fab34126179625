"""From an API key to a stored sign-in, in one command."""

from __future__ import annotations

import re
import socket
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from click.testing import CliRunner

from constantcontact_sandbox.applications import OAuthError
from tap_constantcontact import login
from tap_constantcontact.errors import SettingsError, SignInNeeded
from tap_constantcontact.login import (
    Attempt,
    Login,
    listen,
    main,
    read_settings,
    wanted_scopes,
    wanted_streams,
)
from tap_constantcontact.planner.dependence import COUNTED
from tap_constantcontact.streams import STREAMS
from tap_constantcontact.streams.stats import CampaignActivityStats, CampaignStats
from tests.browser import decide, enter, press
from tests.running import IMPATIENT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

    from constantcontact_sandbox import Clock, Sandbox, Switches
    from tests.browser import Chromium
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


def sign_in(
    monkeypatch: pytest.MonkeyPatch, *arguments: str, press: Callable[[str], object] = press
) -> Result:
    """Run the command with somebody in front of the browser that it opens."""
    pressed: list[threading.Thread] = []

    def open_browser(address: str) -> None:
        pressed.append(threading.Thread(target=press, args=(address,)))
        pressed[-1].start()

    monkeypatch.setattr("webbrowser.open", open_browser)
    uri = f"http://localhost:{free_port()}/callback"
    result = CliRunner().invoke(main, ["--redirect-uri", uri, *arguments])
    for thread in pressed:
        thread.join()
    return result


def deny(address: str) -> None:
    press(address, "deny")


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
    result = sign_in(monkeypatch, press=deny)

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
    monkeypatch.setattr(login, "OFFLINE_SCOPE", "contact_data")

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
    attempt = Attempt(tap.make().settings, "http://localhost/callback", [], "right", "verifier")

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
    monkeypatch.setenv("TAP_CONSTANTCONTACT_INCREMENT_RESERVE", "0")
    monkeypatch.setenv("TAP_CONSTANTCONTACT_ADD_ACCOUNT_ID", "false")
    monkeypatch.setenv("TAP_CONSTANTCONTACT_CONTACT_LIST_IDS", '["one", "two"]')
    monkeypatch.setenv("TAP_CONSTANTCONTACT_REQUESTS_PER_SECOND", "2.5")
    monkeypatch.setenv("TAP_CONSTANTCONTACT_QUOTA_RESERVE", "")

    assert read_settings(str(tmp_path / "tap.json"), None).client_id == "from the file"
    assert read_settings(None, "given").client_id == "given"
    found = read_settings(None, None)
    assert found.lookback.total_seconds() == 60
    assert found.limits.increment_reserve == 0
    assert found.limits.quota_reserve == 0
    assert found.contacts.lists == ("one", "two")
    assert found.requests_per_second == 2.5


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("name", ["lookback_seconds", "requests_per_second"])
def test_a_setting_of_the_environment_that_is_no_number_is_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"TAP_CONSTANTCONTACT_{name.upper()}", "many")

    result = CliRunner().invoke(main, [])
    assert result.exit_code == SettingsError.exit_code
    assert f"The setting {name!r} is wrong: it should be " in result.stderr


@pytest.mark.usefixtures("environment")
def test_a_file_that_cannot_be_read_is_named() -> None:
    result = CliRunner().invoke(main, ["--config", "nowhere.json"])

    assert result.exit_code == SettingsError.exit_code
    assert "nowhere.json cannot be read as JSON" in result.stderr


@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"client_idd": "x"}', "There is no setting 'client_idd'. Did you mean 'client_id'?"),
        (
            '{"client_id": "x", "lookback_seconds": "long"}',
            "The setting 'lookback_seconds' is wrong: it should be integer or null.",
        ),
        ("[1]", "tap.json cannot be read as JSON: "),
        ('{"client_id": "x"', "tap.json cannot be read as JSON: "),
    ],
)
def test_a_file_whose_settings_make_no_sense_is_refused_as_the_tap_refuses_it(
    tmp_path: Path, text: str, line: str
) -> None:
    (tmp_path / "tap.json").write_text(text, encoding="utf-8")

    result = CliRunner().invoke(main, ["--config", "tap.json"])
    assert result.exit_code == SettingsError.exit_code
    assert result.stderr.startswith(line)


@pytest.mark.usefixtures("environment")
def test_a_variable_that_is_misspelt_is_named_and_what_the_sdk_knows_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tap.json").write_text('{"client_id": "x", "stream_maps": {}}', encoding="utf-8")
    assert read_settings("tap.json", None).client_id == "x"

    monkeypatch.setenv("TAP_CONSTANTCONTACT_CLIENT_SECERT", "x")
    result = CliRunner().invoke(main, ["--show"])
    assert result.exit_code == SettingsError.exit_code
    assert "Did you mean 'client_secret'?" in result.stderr


# In a real browser


@pytest.mark.usefixtures("environment")
def test_a_real_browser_signs_in_and_says_what_to_do_next(
    tap: TapRunner, chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = sign_in(monkeypatch, press=chromium.press)

    assert result.exit_code == 0
    assert "You can close this window" in chromium.text
    tap.config["refresh_token"] = None
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


@pytest.mark.usefixtures("environment")
def test_a_real_browser_signs_in_without_a_secret(
    sandbox: Sandbox, chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAP_CONSTANTCONTACT_CLIENT_ID", sandbox.public_client_id)
    monkeypatch.delenv("TAP_CONSTANTCONTACT_CLIENT_SECRET")

    assert sign_in(monkeypatch, press=chromium.press).exit_code == 0


@pytest.mark.usefixtures("environment")
def test_a_real_browser_denies(chromium: Chromium, monkeypatch: pytest.MonkeyPatch) -> None:
    result = sign_in(monkeypatch, press=lambda address: chromium.press(address, "deny"))

    assert result.exit_code == SignInNeeded.exit_code
    assert result.stderr.endswith("Not signed in: it was denied.\n")


@pytest.mark.usefixtures("environment")
def test_a_device_signs_in_with_a_code_entered_in_a_real_browser(
    tap: TapRunner, switches: Switches, chromium: Chromium, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches.device_interval = timedelta(seconds=1)

    def enter(address: str) -> None:
        page, _, code = address.partition("?user_code=")
        chromium.enter(page, code)

    result = sign_in(monkeypatch, "--device", press=enter)
    assert result.exit_code == 0
    assert "Signed in to The Example Bakery" in result.stdout
    assert "The API gave no refresh token, as may be for devices" in result.stderr
    tap.config["refresh_token"] = None
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


# With a device


def device(
    tap: TapRunner, decide: Callable[[int, str, str], None], **config: Any
) -> tuple[Login, list[float]]:
    """Sign in with a device, somebody deciding while it sleeps; return how long it slept."""
    tap.config |= {"refresh_token": None, **config}
    slept: list[float] = []
    codes: list[str] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        page, _, code = codes[0].partition("?user_code=")
        decide(len(slept), page, code)

    made = Login(tap.make().settings, IMPATIENT, token_requests_per_second=10_000, sleep=sleep)
    made.on_device(["contact_data", "offline_access"], codes.append)
    return made, slept


def test_a_device_waits_until_somebody_has_decided(tap: TapRunner, switches: Switches) -> None:
    switches.device_interval = timedelta(0)

    def decide(time: int, page: str, code: str) -> None:
        if time == 3:
            enter(page, code)

    _, slept = device(tap, decide)
    assert len(slept) == 3
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


def test_a_device_that_asks_too_often_slows_down(tap: TapRunner, switches: Switches) -> None:
    switches.device_interval = timedelta(hours=1)

    def decide(time: int, page: str, code: str) -> None:
        if time == 2:
            switches.device_interval = timedelta(0)
            enter(page, code)

    def twice(time: int, page: str, code: str) -> None:
        if time == 3:
            switches.device_interval = timedelta(0)
            enter(page, code)

    assert device(tap, decide)[1] == [3600.0, 3600.0]
    switches.device_interval = timedelta(hours=1)
    assert device(tap, twice)[1] == [3600.0, 3600.0, 3605.0]


def test_a_device_that_was_denied_says_so(tap: TapRunner, switches: Switches) -> None:
    switches.device_interval = timedelta(0)

    with pytest.raises(SignInNeeded, match="Not signed in: it was denied"):
        device(tap, lambda _, page, code: enter(page, code, "deny"))


def test_a_code_that_nobody_entered_ends_the_wait(
    tap: TapRunner, switches: Switches, clock: Clock
) -> None:
    switches.device_interval = timedelta(0)

    with pytest.raises(SignInNeeded, match="Nobody entered the code in time"):
        device(tap, lambda *_: clock.advance(timedelta(minutes=11)))


def test_a_device_without_a_refresh_token_ends_with_its_day(
    tap: TapRunner, switches: Switches, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    switches.device_interval = timedelta(0)
    device(tap, lambda _, page, code: enter(page, code))
    assert (
        "The API gave no refresh token, as may be for devices: this sign-in ends in 24 hours."
        in capsys.readouterr().err
    )

    clock.advance(timedelta(days=1))
    error = str(tap.run(select=["contacts"], fails=True).error)
    assert error.startswith("The sign-in has ended: it had no refresh token; sign in again")


def test_a_device_with_a_refresh_token_says_so_and_goes_on(
    tap: TapRunner, switches: Switches, clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    switches.device_interval = timedelta(0)
    switches.device_refresh_tokens = True
    device(tap, lambda _, page, code: enter(page, code))
    assert "a refresh token: the tap renews this sign-in by itself." in capsys.readouterr().err

    clock.advance(timedelta(days=1))
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


@pytest.mark.usefixtures("environment")
def test_an_application_that_was_made_for_another_flow_is_told_so(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OAuthError("unauthorized_client", "The flow is not allowed.")

    monkeypatch.setattr(sandbox.oauth.devices, "start", refuse)

    result = CliRunner().invoke(main, ["--device"])
    assert result.exit_code == SettingsError.exit_code
    assert result.stderr.startswith("The application is not set up for this way of signing in: ")


# What is asked for, and what was given


def test_all_streams_need_all_scopes_and_some_need_fewer(tmp_path: Path, tap: TapRunner) -> None:
    assert wanted_scopes(wanted_streams(None)) == [
        "account_read",
        "campaign_data",
        "contact_data",
        "offline_access",
    ]
    made = tap.make(select=["contacts"])
    (tmp_path / "catalog.json").write_text(made.catalog_json_text, encoding="utf-8")

    streams = wanted_streams(str(tmp_path / "catalog.json"))
    assert [stream.name for stream in streams] == ["contacts"]
    assert wanted_scopes(streams) == ["account_read", "contact_data", "offline_access"]


@pytest.mark.parametrize("text", ["{", "[]", '{"streams": [{}]}', '{"streams": 1}'])
def test_what_is_no_catalog_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "catalog.json").write_text(text, encoding="utf-8")

    with pytest.raises(SettingsError, match="cannot be read as a catalog"):
        wanted_streams(str(tmp_path / "catalog.json"))


@pytest.mark.usefixtures("environment")
def test_each_stream_whose_privilege_is_missing_is_named(
    switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches.withheld_privileges = frozenset({"contacts:read", "campaign:read"})

    result = sign_in(monkeypatch)
    assert result.exit_code == 0
    told = [line for line in result.stderr.splitlines() if "privilege" in line]
    lacking: dict[str, set[Any]] = {
        privilege: {stream for stream in STREAMS if stream.privilege == privilege}
        for privilege in ("contacts:read", "campaign:read")
    }
    lacking["campaign:read"] |= {*COUNTED, CampaignStats, CampaignActivityStats}
    assert told == [
        f"{', '.join(stream.name for stream in STREAMS if stream in streams)} cannot be"
        f" read: whoever signed in lacks the privilege {privilege}."
        " An owner or manager of the account has it."
        for privilege, streams in lacking.items()
    ]


@pytest.mark.usefixtures("environment")
def test_the_privilege_to_read_contacts_is_taken_to_be_enough_for_lists(
    switches: Switches, monkeypatch: pytest.MonkeyPatch
) -> None:
    switches.withheld_privileges = frozenset({"contacts:lists:read"})
    switches.lists_privilege = "contacts:read"

    assert "privilege" not in sign_in(monkeypatch).stderr


@pytest.mark.usefixtures("environment")
def test_each_stream_whose_scope_was_not_given_is_named(
    tap: TapRunner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = tap.make(select=["contacts"])
    (tmp_path / "catalog.json").write_text(made.catalog_json_text, encoding="utf-8")
    monkeypatch.setattr(login, "wanted_scopes", lambda _: ["account_read", "offline_access"])

    result = sign_in(monkeypatch, "--catalog", str(tmp_path / "catalog.json"))
    assert result.stderr.endswith(
        "contacts cannot be read: the scope contact_data was not given.\n"
    )


# What is stored


@pytest.mark.usefixtures("environment")
def test_what_is_signed_in_is_shown_without_a_secret(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed_in_at = time.time()
    assert sign_in(monkeypatch).exit_code == 0
    monkeypatch.setattr("time.time", lambda: signed_in_at + 3 * 86_400 + 60)

    result = CliRunner().invoke(main, ["--show"])
    assert result.exit_code == 0
    lines = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in result.stdout.splitlines())
    assert lines["account"].startswith("The Example Bakery, account a07e")
    assert lines["scopes"] == "account_read campaign_data contact_data offline_access"
    assert lines["signed in"].endswith(" UTC, 3 days ago")
    assert lines["access token"] == "over"
    assert lines["refresh token"] == "dies in 177 days unless it is used"
    kept = "".join(path.read_text() for path in tap.store.glob("grant-*.json"))
    for secret in re.findall(r'"(?:access|refresh)_token": "([^"]+)"', kept):
        assert secret not in result.output


@pytest.mark.usefixtures("environment")
def test_nobody_signed_in_is_shown_as_that() -> None:
    result = CliRunner().invoke(main, ["--show"])

    assert result.exit_code == SignInNeeded.exit_code
    assert result.stderr == "Nobody has signed in yet; sign in: tap-constantcontact-login\n"


@pytest.mark.usefixtures("environment")
def test_whoever_signs_out_is_forgotten(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sign_in(monkeypatch).exit_code == 0

    assert CliRunner().invoke(main, ["--logout"]).stdout == "Signed out.\n"
    assert not list(tap.store.glob("grant-*.json"))
    assert CliRunner().invoke(main, ["--logout"]).stdout == "Nobody was signed in.\n"
    monkeypatch.setenv("TAP_CONSTANTCONTACT_REFRESH_TOKEN", sandbox.refresh_token)
    assert (
        "The settings still hold a refresh token" in CliRunner().invoke(main, ["--logout"]).stdout
    )


@pytest.mark.usefixtures("environment")
def test_a_name_in_the_place_of_a_refresh_token_stands_for_what_was_signed_in_under_it(
    monkeypatch: pytest.MonkeyPatch, tap: TapRunner
) -> None:
    monkeypatch.setenv("TAP_CONSTANTCONTACT_REFRESH_TOKEN", "shop")
    assert sign_in(monkeypatch).exit_code == 0

    tap.config["refresh_token"] = "shop"
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}
    tap.config["refresh_token"] = "agency"
    assert isinstance(tap.run(select=["contacts"], fails=True).error, SignInNeeded)


@pytest.mark.usefixtures("environment")
def test_a_new_key_opens_a_store(monkeypatch: pytest.MonkeyPatch, tap: TapRunner) -> None:
    key = CliRunner().invoke(main, ["--new-store-key"]).stdout.strip()
    monkeypatch.setenv("TAP_CONSTANTCONTACT_STORE_KEY", key)
    assert sign_in(monkeypatch).exit_code == 0

    tap.config |= {"refresh_token": None, "store_key": key}
    assert tap.run(select=["contacts"]).counts == {"contacts": 120}
