"""All of it together: an account, the API in front of it, and what a test wants to see and do."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self

from constantcontact_sandbox import oauth as sign_in
from constantcontact_sandbox.answers import API_PREFIX, Response
from constantcontact_sandbox.api import Api
from constantcontact_sandbox.chance import Chance
from constantcontact_sandbox.life import live
from constantcontact_sandbox.oauth import OAuth
from constantcontact_sandbox.server import Server
from constantcontact_sandbox.tokens import SCOPES, Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from types import TracebackType

    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.answers import Request
    from constantcontact_sandbox.faults import Fault
    from constantcontact_sandbox.switches import Switches


@dataclass(frozen=True)
class Asked:
    """A request that was made.

    Attributes:
        method: GET or POST.
        path: of an API call, without `/v3`.
        query: its parameters, the values of a repeated one joined by commas.
        status: what it was answered with; 0 when the connection was cut instead.
        arrived: when, by the machine's monotonic clock.
        at: when, by the sandbox's clock.
    """

    method: str
    path: str
    query: dict[str, str]
    status: int
    arrived: float
    at: datetime


class Sandbox:
    """A Constant Contact account behind the real V3 API, on a local port while in its `with`.

    Attributes:
        account: what is asked about.
        switches: how the API behaves; they may be changed at any time.
        asked: the requests so far, in the order in which they were answered.
        faults: what goes wrong; the first that matches a call strikes.
        before_answer: called with each request before it is answered.
    """

    def __init__(
        self,
        account: Account,
        switches: Switches | None = None,
        *,
        port: int = 0,
        redirect_uris: Iterable[str] = (),
    ) -> None:
        self.account = account
        if switches is not None:
            account.switches = switches
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.before_answer: list[Callable[[Request], object]] = []
        self.oauth = OAuth(account, Signer(account.seed), tuple(redirect_uris))
        self.api = Api(account, self.oauth)
        self._server = Server(self.answer, port)
        self._chance = Chance(account.seed)
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and every connection; no thread is left."""
        self._server.stop()

    @property
    def switches(self) -> Switches:
        """How the API behaves."""
        return self.account.switches

    @property
    def url(self) -> str:
        """Where the sandbox listens."""
        return f"http://127.0.0.1:{self._server.port}"

    @property
    def api_url(self) -> str:
        """Where the API begins."""
        return f"{self.url}{API_PREFIX}"

    @property
    def auth_url(self) -> str:
        """Where the sign-in page `/authorize` and the token endpoint `/token` are."""
        return f"{self.url}{sign_in.PATH}"

    @property
    def client_id(self) -> str:
        """The API key of the confidential application."""
        return self.oauth.confidential.client_id

    @property
    def client_secret(self) -> str:
        """The secret of the confidential application."""
        return self.oauth.confidential.secret or ""

    @property
    def refresh_token(self) -> str:
        """The first refresh token of the confidential application."""
        return self.oauth.first_refresh_token(self.oauth.confidential)

    @property
    def public_client_id(self) -> str:
        """The API key of the public application, which signs in with PKCE."""
        return self.oauth.public.client_id

    @property
    def public_refresh_token(self) -> str:
        """The first refresh token of the public application."""
        return self.oauth.first_refresh_token(self.oauth.public)

    def access_token(self, *scopes: str) -> str:
        """Return an access token of the confidential application: for all, or some scopes."""
        return self.oauth.access_token(self.oauth.confidential, frozenset(scopes or SCOPES))

    def live(self, by: timedelta) -> dict[str, int]:
        """Move the clock and let the account live through that time; say what happened how often.

        The same account, moved the same way, lives the same life.
        """
        with self._lock:
            return live(self.account, by)

    def answer(self, request: Request) -> Response:
        """Answer a request, as the server does."""
        with self._lock:
            for callback in tuple(self.before_answer):
                callback(request)
            at = self.account.clock.now()
            response = self._answer(request)
            response.headers["Date"] = format_datetime(at.replace(microsecond=0), usegmt=True)
            response.headers["x-amzn-requestid"] = self._chance.uuid()
            response.delay += self._latency()
            query = {name: ",".join(values) for name, values in request.query.items()}
            self.asked.append(
                Asked(request.method, request.path, query, response.status, request.arrived, at)
            )
        return response

    def _answer(self, request: Request) -> Response:
        if request.url_path == "/sandbox/live" and request.method == "POST":
            return self._live(request)
        for fault in self.faults:
            if fault.strikes(request.path):
                return fault.spoil(lambda: self.api(request))
        return self.api(request)

    def _live(self, request: Request) -> Response:
        try:
            asked = {name: float(value) for name, value in request.form().items()}
            happened = self.live(timedelta(**asked))
        except (TypeError, ValueError, OverflowError):
            wrong = {"error": "say how long: ?days=1, or hours, minutes, weeks"}
            return Response.of_json(HTTPStatus.BAD_REQUEST, wrong)
        now = self.account.clock.now().isoformat()
        return Response.of_json(HTTPStatus.OK, {"now": now, "happened": happened})

    def _latency(self) -> float:
        latency = self.switches.latency.total_seconds()
        jitter = self.switches.latency_jitter.total_seconds()
        return max(0.0, latency + self._chance.uniform(-jitter, jitter)) if jitter else latency
