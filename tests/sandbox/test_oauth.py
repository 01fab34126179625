"""How an application gets its tokens: Allow or Deny, codes, refreshes, rotation."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from constantcontact_sandbox import Account, Fault, Request, Response, Sandbox

if TYPE_CHECKING:
    from constantcontact_sandbox import Clock, Switches
    from tests.sandbox.client import Client

AUTHORIZE, TOKEN = "/oauth2/default/v1/authorize", "/oauth2/default/v1/token"
HOME = "http://127.0.0.1:41234/callback"
SCOPES = "contact_data offline_access"
VERIFIER = "a-verifier-of-more-than-forty-three-characters-long"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode()[:-1]


@dataclass
class App:
    """An application that signs in."""

    sandbox: Sandbox

    def authorize(self, decision: str = "", **changes: str) -> Response:
        """Open the page, or press one of its buttons."""
        asked = {
            "client_id": self.sandbox.client_id,
            "redirect_uri": HOME,
            "response_type": "code",
            "scope": SCOPES,
            "state": "s1",
            **changes,
        }
        if decision:
            body = urlencode({**asked, "decision": decision}).encode()
            return self.sandbox.answer(Request.of("POST", AUTHORIZE, {}, body))
        return self.sandbox.answer(Request.of("GET", f"{AUTHORIZE}?{urlencode(asked)}", {}))

    def code(self, **changes: str) -> str:
        """Press Allow and take the code."""
        return went_back(self.authorize("allow", **changes))["code"]

    def token(
        self, form: dict[str, str], *, secret: str | None = "", in_query: bool = False
    ) -> tuple[int, Any]:
        """Ask the token endpoint; without a secret as the public application."""
        headers = {}
        if secret is not None:
            pair = f"{self.sandbox.client_id}:{secret or self.sandbox.client_secret}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form = {"client_id": self.sandbox.public_client_id, **form}
        text = urlencode(form)
        request = (
            Request.of("POST", f"{TOKEN}?{text}", headers)
            if in_query
            else Request.of("POST", TOKEN, headers, text.encode())
        )
        response = self.sandbox.answer(request)
        return response.status, json.loads(response.body)

    def refresh(self, token: str, *, secret: str | None = "") -> tuple[int, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": token}
        return self.token(form, secret=secret)

    def redeem(self, code: str, *, secret: str | None = "", **form: str) -> tuple[int, Any]:
        asked = {"grant_type": "authorization_code", "code": code, "redirect_uri": HOME, **form}
        return self.token(asked, secret=secret)


@pytest.fixture
def app(sandbox: Sandbox) -> App:
    return App(sandbox)


def went_back(response: Response) -> dict[str, str]:
    assert response.status == 302
    location = urlsplit(response.headers["Location"])
    assert f"{location.scheme}://{location.netloc}{location.path}" == HOME
    return {name: value for name, [value] in parse_qs(location.query).items()}


def test_the_page_has_allow_and_deny(app: App) -> None:
    page = app.authorize(state='"><script>')
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert 'name="decision" value="allow"' in text
    assert 'name="decision" value="deny"' in text
    assert "<li>contact_data</li><li>offline_access</li>" in text
    assert "<script>" not in text


def test_allow_goes_back_with_a_code_and_the_state(app: App) -> None:
    back = went_back(app.authorize("allow", state="xyz"))
    assert back == {"code": back["code"], "state": "xyz"}


def test_deny_goes_back_without(app: App) -> None:
    assert went_back(app.authorize("deny")) == {
        "error": "access_denied",
        "error_description": "The resource owner denied the request.",
        "state": "s1",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "https://elsewhere.example.com/"},
        {"redirect_uri": ""},
    ],
)
def test_nobody_is_sent_to_a_place_that_is_not_registered(
    app: App, changes: dict[str, str]
) -> None:
    for decision in ("", "allow"):
        response = app.authorize(decision, **changes)
        assert (response.status, "Location" in response.headers) == (400, False)


def test_a_place_can_be_registered(account: Account) -> None:
    sandbox = Sandbox(account, redirect_uris=["https://app.example.com/back?a=1"])
    response = App(sandbox).authorize("deny", redirect_uri="https://app.example.com/back?a=1")
    assert response.headers["Location"].startswith("https://app.example.com/back?a=1&error=")


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": ""}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "contact_data weather"}, "invalid_scope"),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, "invalid_request"),
    ],
)
def test_a_sign_in_that_is_wrong_goes_back_with_the_error(
    app: App, changes: dict[str, str], error: str
) -> None:
    assert went_back(app.authorize(**changes))["error"] == error


def test_a_code_becomes_tokens_that_work(app: App, client: Client) -> None:
    status, body = app.redeem(app.code())
    assert status == 200
    token = body["access_token"]
    assert body == {
        "token_type": "Bearer",
        "expires_in": 86400,
        "access_token": token,
        "scope": SCOPES,
        "refresh_token": body["refresh_token"],
    }
    assert 1000 <= len(token) <= 1200
    assert token.count(".") == 2
    bearer = f"Bearer {token}"
    assert client.answer("/v3/contacts", Authorization=bearer).status == 200
    assert client.answer("/v3/emails", Authorization=bearer).status == 403
    assert app.refresh(body["refresh_token"])[0] == 200


def test_without_offline_access_there_is_no_refresh_token(app: App) -> None:
    _, body = app.redeem(app.code(scope="contact_data"))
    assert "refresh_token" not in body


def test_a_code_works_once(app: App) -> None:
    code = app.code()
    assert app.redeem(code)[0] == 200
    status, body = app.redeem(code)
    assert (status, body["error"]) == (400, "invalid_grant")


def test_a_code_lives_five_minutes(app: App, clock: Clock) -> None:
    first, second = app.code(), app.code()
    clock.advance(timedelta(minutes=5))
    assert app.redeem(first)[0] == 200
    clock.advance(timedelta(milliseconds=1))
    assert app.redeem(second)[0] == 400


def test_a_code_goes_only_to_whom_and_where_it_was_asked(app: App) -> None:
    assert app.redeem(app.code(), redirect_uri="http://localhost/")[0] == 400
    assert app.redeem(app.code(), secret=None)[0] == 400


def test_a_public_application_proves_itself_with_pkce(app: App) -> None:
    public = {"client_id": app.sandbox.public_client_id}
    assert went_back(app.authorize("allow", **public))["error"] == "invalid_request"
    challenged = {**public, "code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    status, body = app.redeem(app.code(**challenged), secret=None, code_verifier=VERIFIER)
    assert status == 200
    assert app.refresh(body["refresh_token"], secret=None)[0] == 200
    for wrong in ({"code_verifier": "other"}, {}):
        assert app.redeem(app.code(**challenged), secret=None, **wrong)[0] == 400


def test_a_confidential_application_proves_itself_with_its_secret(app: App) -> None:
    token = app.sandbox.refresh_token
    invalid = {"error": "invalid_client", "error_description": "Client authentication failed."}
    assert app.refresh(token, secret="wrong") == (401, invalid)
    form = {"grant_type": "refresh_token", "refresh_token": token}
    for client_id in (app.sandbox.client_id, "unknown"):
        assert app.token({**form, "client_id": client_id}, secret=None) == (401, invalid)
    for header in ("Basic /w==", "Basic dW5rbm93bjpzZWNyZXQ="):
        request = Request.of("POST", TOKEN, {"Authorization": header})
        assert app.sandbox.answer(request).status == 401


def test_parameters_may_stand_in_the_query_as_older_samples_have_them(app: App) -> None:
    asked = {"grant_type": "refresh_token", "refresh_token": app.sandbox.refresh_token}
    assert app.token(asked, in_query=True)[0] == 200


def test_a_long_lived_token_stays_the_same(app: App) -> None:
    for _ in range(2):
        status, body = app.refresh(app.sandbox.refresh_token)
        assert (status, body["refresh_token"]) == (200, app.sandbox.refresh_token)


def test_a_rotating_token_works_once(app: App, switches: Switches) -> None:
    switches.rotating_refresh_tokens = True
    first = app.sandbox.refresh_token
    second = app.refresh(first)[1]["refresh_token"]
    third = app.refresh(second)[1]["refresh_token"]
    assert len({first, second, third}) == 3
    refused = {
        "error": "invalid_grant",
        "error_description": "The refresh token is invalid or expired.",
    }
    assert app.refresh(first) == app.refresh(second) == (400, refused)
    assert app.refresh(third)[0] == 200


def test_a_rotated_token_may_have_a_grace(app: App, switches: Switches, clock: Clock) -> None:
    switches.rotating_refresh_tokens = True
    switches.refresh_grace = timedelta(seconds=30)
    first = app.sandbox.refresh_token
    app.refresh(first)
    clock.advance(timedelta(seconds=29))
    assert app.refresh(first)[0] == 200
    assert app.refresh(first)[0] == 400


def test_a_lost_answer_has_rotated_the_token_all_the_same(app: App, switches: Switches) -> None:
    switches.rotating_refresh_tokens = True
    app.sandbox.faults.append(Fault("/token$", "drop_after_headers"))
    first = app.sandbox.refresh_token
    app.refresh(first)
    assert app.refresh(first)[0] == 400


def test_a_cut_call_has_not(app: App, switches: Switches) -> None:
    switches.rotating_refresh_tokens = True
    app.sandbox.faults.append(Fault("/token$", "reset"))
    request = Request.of("POST", TOKEN, {}, urlencode({"grant_type": "refresh_token"}).encode())
    assert app.sandbox.answer(request).cut == "at once"
    assert app.refresh(app.sandbox.refresh_token)[0] == 200


@pytest.mark.parametrize("status", [400, 401])
def test_the_status_of_an_invalid_grant_is_a_switch(
    app: App, switches: Switches, status: int
) -> None:
    switches.invalid_grant_status = status  # type: ignore[assignment]
    for token in ("none", "a", "", "é", app.sandbox.public_refresh_token):
        answered, body = app.refresh(token)
        assert (answered, body["error"]) == (status, "invalid_grant")


def test_an_unused_token_dies_after_a_hundred_and_eighty_days(app: App, clock: Clock) -> None:
    token = app.sandbox.refresh_token
    for _ in range(2):
        clock.advance(timedelta(days=180))
        assert app.refresh(token)[0] == 200
    clock.advance(timedelta(days=180, seconds=1))
    assert app.refresh(token)[0] == 400


def test_other_grants_are_not_supported(app: App) -> None:
    forms: list[dict[str, str]] = [{"grant_type": "client_credentials"}, {}]
    for form in forms:
        status, body = app.token(form)
        assert (status, body["error"]) == (400, "unsupported_grant_type")


def test_the_token_endpoint_has_a_pace_of_its_own(app: App, switches: Switches) -> None:
    switches.token_requests_per_second = 1
    token = app.sandbox.refresh_token
    assert app.refresh(token)[0] == 200
    throttled = {"error_key": "throttled", "error_message": "Too Many Requests"}
    assert app.refresh(token) == (429, throttled)
    assert app.refresh(app.sandbox.public_refresh_token, secret=None)[0] == 200


def test_a_sandbox_of_the_same_seed_honours_what_another_handed_out(
    app: App, clock: Clock, client: Client
) -> None:
    body = app.redeem(app.code())[1]
    again = App(Sandbox(Account(clock), app.sandbox.switches))
    assert again.sandbox.client_secret == app.sandbox.client_secret
    assert again.refresh(body["refresh_token"])[0] == 200
    assert again.refresh(app.sandbox.refresh_token)[0] == 200
    bearer = {"Authorization": f"Bearer {body['access_token']}"}
    assert again.sandbox.answer(Request.of("GET", "/v3/contacts", bearer)).status == 200
    other = App(Sandbox(Account(clock, seed=8), app.sandbox.switches))
    assert other.refresh(app.sandbox.refresh_token)[0] == 400
    assert client.sandbox.refresh_token != other.sandbox.refresh_token
