"""Nobody is locked out, and no token is asked for that is not needed."""

from __future__ import annotations

import concurrent.futures
from typing import TYPE_CHECKING, Any

import pytest

from constantcontact_sandbox import Fault
from tap_constantcontact.auth import Grants, grant_from
from tap_constantcontact.errors import SettingsError, SignInNeeded, Unreachable
from tap_constantcontact.login import Attempt
from tap_constantcontact.pacer import Pacer
from tap_constantcontact.store import FolderStore
from tap_constantcontact.transport import OAuthClient
from tests.browser import decide
from tests.running import IMPATIENT
from tests.tap.memory import MemoryStore

if TYPE_CHECKING:
    from constantcontact_sandbox import Sandbox, Switches
    from tests.running import TapRunner


@pytest.fixture
def rotating(switches: Switches) -> Switches:
    switches.rotating_refresh_tokens = True
    return switches


def token_calls(sandbox: Sandbox) -> list[int]:
    return [call.status for call in sandbox.asked if call.path.endswith("/token")]


def test_runs_share_one_access_token(tap: TapRunner, sandbox: Sandbox) -> None:
    for _ in range(3):
        tap.run(select=["contact_lists"])

    assert token_calls(sandbox) == [200]


@pytest.mark.usefixtures("rotating")
def test_a_setting_that_never_changes_finds_the_token_that_it_became(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    for _ in range(3):
        tap.run(select=["contact_lists"])
        sandbox.account.clock.advance(sandbox.account.switches.access_token_life)

    assert token_calls(sandbox) == [200, 200, 200]


@pytest.mark.usefixtures("rotating")
def test_a_new_token_in_the_settings_wins_over_the_stored_one(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    tap.run(select=["contact_lists"])
    tap.config["refresh_token"] = new_refresh_token(tap, sandbox)

    tap.run(select=["contact_lists"])
    assert token_calls(sandbox) == [200, 200, 200]


def new_refresh_token(tap: TapRunner, sandbox: Sandbox) -> str:
    """Sign in anew, somewhere else, and return the refresh token."""
    settings = tap.make().settings
    attempt = Attempt.new(settings, "http://localhost/callback", ["contact_data", "offline_access"])
    form = attempt.form(decide(attempt.address))
    assert sandbox.client_id == settings.client_id
    client = OAuthClient(settings, IMPATIENT, Pacer(MemoryStore(), "key", 10_000))
    return str(client.exchange(form)["refresh_token"])


def kept_grants(tap: TapRunner) -> str:
    """Return the text of all grants in the store."""
    return "".join(path.read_text() for path in tap.store.glob("grant-*.json"))


@pytest.mark.usefixtures("rotating")
def test_a_full_disk_is_found_out_while_the_token_is_still_good(
    tap: TapRunner, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as full:

        def no_space(_: int) -> None:
            raise OSError(28, "No space left on device")

        full.setattr("os.fsync", no_space)
        assert "No space left on device" in str(tap.run(select=["contacts"], fails=True).error)
    assert token_calls(sandbox) == []

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


@pytest.mark.usefixtures("rotating")
@pytest.mark.parametrize("odd", [None, "soon", "86400.0", ""])
def test_an_odd_token_answer_loses_no_refresh_token(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch, odd: Any
) -> None:
    real = OAuthClient.exchange
    with monkeypatch.context() as strange:
        strange.setattr(OAuthClient, "exchange", lambda *given: {**real(*given), "expires_in": odd})
        tap.run(select=["contact_lists"])

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


@pytest.mark.usefixtures("rotating")
def test_a_token_answer_without_an_access_token_keeps_the_refresh_token(
    tap: TapRunner, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = OAuthClient.exchange
    with monkeypatch.context() as strange:
        strange.setattr(
            OAuthClient, "exchange", lambda *given: {**real(*given), "access_token": None}
        )
        assert "gave no access token" in str(tap.run(select=["contacts"], fails=True).error)

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


@pytest.mark.usefixtures("rotating")
def test_a_rotated_token_is_on_the_disk_before_the_next_call(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    kept = []
    sandbox.before_answer.append(lambda request: kept.append((request.path, kept_grants(tap))))

    tap.run(select=["contact_lists"])
    (token, *calls) = kept
    assert token[0] == "/oauth2/default/v1/token"
    assert calls[0][0] == "/contact_lists"
    assert f'"refresh_token": "{sandbox.refresh_token}"' in token[1]
    assert f'"refresh_token": "{sandbox.refresh_token}"' not in calls[0][1]
    assert '"access_token": "eyJ' in calls[0][1]


@pytest.mark.usefixtures("rotating")
def test_many_processes_at_once_spend_a_rotating_token_once(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        taps = [tap.make() for _ in range(4)]
        tokens = set(pool.map(lambda made: made.authenticator.access_token(), taps))

    assert len(tokens) == 1
    assert token_calls(sandbox) == [200]


def test_a_refused_token_that_another_process_has_replaced_is_not_renewed_again(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    one, other = tap.make().authenticator, tap.make().authenticator
    old = one.access_token()
    other.renew(refused=old)

    one.renew(refused=old)
    assert one.access_token() == other.access_token() != old
    assert token_calls(sandbox) == [200, 200]


def test_a_token_of_the_settings_is_used_until_it_is_refused(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    tap.config["access_token"] = tap.make().authenticator.access_token()
    tap.run(select=["contact_lists"])
    assert token_calls(sandbox) == [200]

    tap.config["access_token"] = "expired"
    assert [call.status for call in tap.run(select=["contact_lists"]).asked] == [401, 200, 200]
    # The store's own is still good.
    assert token_calls(sandbox) == [200]


def test_a_dead_refresh_token_says_to_sign_in_again_and_is_not_tried_again(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    tap.config["refresh_token"] = "dead"

    run = tap.run(fails=True)
    assert isinstance(run.error, SignInNeeded)
    assert "sign in again: tap-constantcontact-login" in str(run.error)
    assert token_calls(sandbox) == [400]


def test_nobody_signed_in_says_to_sign_in(tap: TapRunner) -> None:
    tap.config["refresh_token"] = None

    run = tap.run(fails=True)
    assert isinstance(run.error, SignInNeeded)
    assert str(run.error) == "Nobody has signed in yet; sign in: tap-constantcontact-login"


def test_an_access_token_alone_that_is_refused_says_to_sign_in(tap: TapRunner) -> None:
    tap.config |= {"refresh_token": None, "access_token": "expired"}

    assert isinstance(tap.run(fails=True).error, SignInNeeded)


@pytest.mark.parametrize("wrong", ["client_id", "client_secret"])
def test_a_wrong_application_names_the_settings(tap: TapRunner, wrong: str) -> None:
    tap.config[wrong] = "wrong"

    run = tap.run(fails=True)
    assert isinstance(run.error, SettingsError)
    assert "check client_id and client_secret" in str(run.error)


def test_a_pkce_application_shows_no_secret(tap: TapRunner, sandbox: Sandbox) -> None:
    tap.config |= {
        "client_id": sandbox.public_client_id,
        "client_secret": None,
        "refresh_token": sandbox.public_refresh_token,
    }

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


def test_a_token_endpoint_that_fails_for_a_moment_is_tried_again(
    tap: TapRunner, sandbox: Sandbox
) -> None:
    sandbox.faults.append(Fault(path="/token$", times=2, kind="status_503"))

    assert tap.run(select=["contacts"]).counts == {"contacts": 120}


def test_a_token_endpoint_that_is_down_ends_the_run(tap: TapRunner, sandbox: Sandbox) -> None:
    sandbox.faults.append(Fault(path="/token$", times=9, kind="status_503"))

    assert isinstance(tap.run(select=["contacts"], fails=True).error, Unreachable)


def test_accounts_with_one_key_share_a_store_without_disturbing_each_other(
    tap: TapRunner,
) -> None:
    store = FolderStore(tap.store)
    settings = tap.make().settings
    grants = [
        Grants(store, settings.__class__(**{**vars(settings), "refresh_token": token}))
        for token in ("one", "two")
    ]
    for grant, given, access in zip(grants, ("one", "two"), ("a1", "a2"), strict=True):
        with grant.lock():
            assert grant.replace(given, {"refresh_token": "next", "access_token": access})

    assert [(grant.kept() or {})["access_token"] for grant in grants] == ["a1", "a2"]


def test_a_sign_in_takes_the_place_of_the_token_in_the_settings(tap: TapRunner) -> None:
    grants = Grants(FolderStore(tap.store), tap.make().settings)
    grants.sign_in({"refresh_token": "new", "access_token": "fresh", "expires_at": 2e9})

    assert tap.make().authenticator.access_token() == "fresh"


def test_a_token_answer_may_leave_out_what_stays_the_same() -> None:
    before = {"refresh_token": "long-lived", "scope": "contact_data", "signed_in_at": 500.0}

    assert grant_from({"access_token": "a", "expires_in": "60"}, 1000.0, before) == {
        "account": None,
        "refresh_token": "long-lived",
        "access_token": "a",
        "expires_at": 1060.0,
        "scope": "contact_data",
        "signed_in_at": 500.0,
        "used_at": 1000.0,
    }
