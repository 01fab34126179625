"""How an application gets its tokens: the page with Allow and Deny, and the token endpoint."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from constantcontact_sandbox import signing
from constantcontact_sandbox.answers import Response, throttled
from constantcontact_sandbox.applications import Application, OAuthError, invalid_client
from constantcontact_sandbox.device import DEVICE_GRANT, DeviceFlow
from constantcontact_sandbox.limits import Pace
from constantcontact_sandbox.tokens import SCOPES, AccessGrant, RefreshGrant, Signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constantcontact_sandbox.answers import Request
    from constantcontact_sandbox.clock import Clock
    from constantcontact_sandbox.holder import Holder
    from constantcontact_sandbox.switches import Switches

PATH = "/oauth2/default/v1"

_CODE_LIFE = timedelta(minutes=5)
_UNUSED_LIFE = timedelta(days=180)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # the first refresh tokens were always there


@dataclass(frozen=True)
class Code:
    """What an authorization code stands for: one sign-in, once, for five minutes."""

    application: Application
    scopes: tuple[str, ...]
    redirect_uri: str
    challenge: str | None
    issued: datetime


@dataclass
class OAuth:
    """The authorization server of the sandbox.

    Attributes:
        holder: whose clock and switches count.
        signer: who writes the tokens.
        redirect_uris: where a sign-in may go back to, besides any loopback address.
    """

    holder: Holder
    signer: Signer
    redirect_uris: tuple[str, ...] = ()
    _pace: Pace = field(default_factory=Pace)
    _codes: dict[str, Code] = field(default_factory=dict)
    _current: dict[int, int] = field(default_factory=dict)  # the latest serial of each family
    _rotated: dict[int, datetime] = field(default_factory=dict)  # when it replaced the one before
    _used: dict[int, datetime] = field(default_factory=dict)  # when a family was last used
    _given: int = 0

    def __post_init__(self) -> None:
        """Register the two applications there are."""
        self._started = self.clock.now()  # no token counts as unused for longer
        name = self.signer.secret
        self.confidential = Application(1, f"confidential-{name('client 1')}", name("secret"))
        self.public = Application(2, f"public-{name('client 2')}", None)
        self.applications = {each.client_id: each for each in (self.confidential, self.public)}
        self.devices = DeviceFlow(self.holder, self.signer)

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self.holder.clock

    @property
    def switches(self) -> Switches:
        """How the applications are set up."""
        return self.holder.switches

    def first_refresh_token(self, application: Application) -> str:
        """Return the refresh token that an application had before the sandbox started."""
        grant = RefreshGrant(application.number, SCOPES, application.number, 0, _EPOCH)
        return self.signer.refresh_token(grant)

    def access_token(self, application: Application, scopes: frozenset[str]) -> str:
        """Give out an access token, as a refresh would."""
        self._given += 1
        return self.signer.access_token(
            AccessGrant(application.client_id, scopes),
            self.clock.now(),
            self.switches.access_token_life,
            self._given,
        )

    # The page with Allow and Deny

    def authorize(self, request: Request) -> Response:
        """Show the page, or follow the decision made on it."""
        asked = request.form()
        application = self.applications.get(asked.get("client_id", ""))
        redirect_uri = asked.get("redirect_uri", "")
        if application is None or not self._is_registered(redirect_uri):
            what = "client_id is not known" if application is None else "redirect_uri differs"
            return signing.message(HTTPStatus.BAD_REQUEST, "400: Bad request", f"The {what}.")
        try:
            scopes = self._check_sign_in(application, asked)
            if request.method == "GET":
                return signing.decision(request.url_path, scopes, asked)
            back = {"code": self._give_code(application, scopes, asked)}
        except OAuthError as refused:
            back = {"error": refused.error, "error_description": refused.description}
        if "state" in asked:
            back["state"] = asked["state"]
        separator = "&" if urlsplit(redirect_uri).query else "?"
        return Response.redirect(f"{redirect_uri}{separator}{urlencode(back)}")

    def _is_registered(self, redirect_uri: str) -> bool:
        parts = urlsplit(redirect_uri)
        loopback = parts.scheme in ("http", "https") and parts.hostname in _LOOPBACK
        return loopback or redirect_uri in self.redirect_uris

    @staticmethod
    def _check_sign_in(application: Application, asked: Mapping[str, str]) -> tuple[str, ...]:
        if asked.get("response_type") != "code":
            raise OAuthError("unsupported_response_type", "Only response_type=code is known.")
        if not asked.get("state"):
            raise OAuthError("invalid_request", "The request has an invalid 'state' parameter.")
        scopes = known_scopes(asked)
        challenged = bool(asked.get("code_challenge"))
        if challenged and asked.get("code_challenge_method") != "S256":
            raise OAuthError("invalid_request", "Only code_challenge_method=S256 is known.")
        if application.secret is None and not challenged:
            raise OAuthError("invalid_request", "PKCE code challenge is required.")
        return scopes

    def _give_code(
        self, application: Application, scopes: tuple[str, ...], asked: Mapping[str, str]
    ) -> str:
        """Give out a code, if that was the decision."""
        if asked.get("decision") != "allow":
            raise OAuthError("access_denied", "The resource owner denied the request.")
        self._given += 1
        now = self.clock.now()
        code = self.signer.secret(f"code {self._given} {now.isoformat()}")
        challenge = asked.get("code_challenge")
        self._codes[code] = Code(application, scopes, asked["redirect_uri"], challenge, now)
        return code

    # The device, and the page where its code is entered

    def start_device(self, request: Request) -> Response:
        """Give a device its codes."""
        asked = request.form()
        try:
            application = self._authenticate(request, asked)
            base = f"http://{request.headers.get('host', '')}{PATH}"
            answer = self.devices.start(application, known_scopes(asked), f"{base}/activate")
        except OAuthError as refused:
            return refused.response
        return Response.of_json(HTTPStatus.OK, answer)

    # The token endpoint

    def token(self, request: Request) -> Response:
        """Trade a code or a refresh token for an access token."""
        asked = request.form()
        try:
            application = self._authenticate(request, asked)
            pace = self.switches.token_requests_per_second
            if not self._pace.allows(application.client_id, request.arrived, pace):
                return throttled().response
            answer = self._grant(application, asked, request.arrived)
        except OAuthError as refused:
            return refused.response
        return Response.of_json(HTTPStatus.OK, answer)

    def _authenticate(self, request: Request, asked: Mapping[str, str]) -> Application:
        """Return who asks: by Basic header and secret, or, if public, by client_id alone."""
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            application = self.applications.get(asked.get("client_id", ""))
            if application is None or application.secret is not None:
                raise invalid_client()
            return application
        try:
            client_id, _, secret = base64.b64decode(credentials).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise invalid_client() from None
        application = self.applications.get(client_id)
        if application is None or application.secret is None:
            raise invalid_client()
        if not hmac.compare_digest(application.secret.encode(), secret.encode()):
            raise invalid_client()
        return application

    def _grant(
        self, application: Application, asked: Mapping[str, str], arrived: float
    ) -> dict[str, str | int]:
        grant_type = asked.get("grant_type")
        if grant_type == "authorization_code":
            scopes, refresh_token = self._redeem_code(application, asked)
        elif grant_type == "refresh_token":
            scopes, refresh_token = self._refresh(application, asked.get("refresh_token", ""))
        elif grant_type == DEVICE_GRANT:
            scopes = self.devices.redeem(application, asked.get("device_code", ""), arrived)
            wanted = self.switches.device_refresh_tokens and "offline_access" in scopes
            refresh_token = self._new_family(application, scopes) if wanted else None
        else:
            raise OAuthError("unsupported_grant_type", "The grant type is not supported.")
        answer: dict[str, str | int] = {
            "token_type": "Bearer",
            "expires_in": int(self.switches.access_token_life.total_seconds()),
            "access_token": self.access_token(application, frozenset(scopes)),
            "scope": " ".join(scopes),
        }
        if refresh_token is not None:
            answer["refresh_token"] = refresh_token
        return answer

    def _redeem_code(
        self, application: Application, asked: Mapping[str, str]
    ) -> tuple[tuple[str, ...], str | None]:
        code = self._codes.pop(asked.get("code", ""), None)
        now = self.clock.now()
        if (
            code is None
            or code.application != application
            or code.redirect_uri != asked.get("redirect_uri")
            or now - code.issued > _CODE_LIFE
            or not _answers_challenge(code.challenge, asked.get("code_verifier", ""))
        ):
            raise self._invalid_grant("The authorization code is invalid or has expired.")
        if "offline_access" not in code.scopes:
            return code.scopes, None
        return code.scopes, self._new_family(application, code.scopes)

    def _new_family(self, application: Application, scopes: tuple[str, ...]) -> str:
        """Return the first refresh token that grows from a sign-in."""
        self._given += 1
        now = self.clock.now()
        family = self.signer.number(f"family {self._given} {now.isoformat()}")
        self._current[family] = 0
        return self.signer.refresh_token(RefreshGrant(application.number, scopes, family, 0, now))

    def _refresh(self, application: Application, token: str) -> tuple[tuple[str, ...], str]:
        """Honour a refresh token; an application that rotates them gets the next one."""
        grant = self.signer.read_refresh_token(token)
        now = self.clock.now()
        if grant is None or grant.application != application.number:
            raise self._invalid_grant()
        family = grant.family
        used = self._used.get(family, max(grant.issued, self._started))
        if now - used > _UNUSED_LIFE or not self._is_alive(grant, now):
            raise self._invalid_grant()
        self._used[family] = now
        if not self.switches.rotating_refresh_tokens:
            return grant.scopes, token
        serial = self._current.get(family, grant.serial) + 1
        self._current[family], self._rotated[family] = serial, now
        following = replace(grant, serial=serial, issued=now)
        return grant.scopes, self.signer.refresh_token(following)

    def _is_alive(self, grant: RefreshGrant, now: datetime) -> bool:
        """Say whether a token is the latest of its family, or was until a moment ago."""
        behind = self._current.get(grant.family, grant.serial) - grant.serial
        if behind == 0:
            return True
        grace = self.switches.refresh_grace
        return behind == 1 and now - self._rotated[grant.family] < grace

    def _invalid_grant(
        self, description: str = "The refresh token is invalid or expired."
    ) -> OAuthError:
        return OAuthError("invalid_grant", description, self.switches.invalid_grant_status)


def known_scopes(asked: Mapping[str, str]) -> tuple[str, ...]:
    """Return the scopes that are asked for."""
    scopes = tuple(dict.fromkeys(asked.get("scope", "").split()))
    if not scopes or not set(SCOPES).issuperset(scopes):
        raise OAuthError("invalid_scope", "One or more scopes are not known.")
    return scopes


def _answers_challenge(challenge: str | None, verifier: str) -> bool:
    if challenge is None:
        return True
    digest = hashlib.sha256(verifier.encode()).digest()
    expected = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return hmac.compare_digest(expected, challenge)
