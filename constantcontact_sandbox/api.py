"""From a request to its answer: who asks, how often, for what, and whether they may."""

from __future__ import annotations

import itertools
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from constantcontact_sandbox import oauth as sign_in
from constantcontact_sandbox.answers import (
    RefusedError,
    Response,
    forbidden,
    method_not_allowed,
    no_such_resource,
    quota_exceeded,
    throttled,
    unauthorized,
)
from constantcontact_sandbox.calls import Call
from constantcontact_sandbox.limits import Pace, Quota
from constantcontact_sandbox.pages import ENDINGS
from constantcontact_sandbox.routes import ROUTES

if TYPE_CHECKING:
    from constantcontact_sandbox.account import Account
    from constantcontact_sandbox.answers import Request
    from constantcontact_sandbox.calls import Route
    from constantcontact_sandbox.oauth import OAuth
    from constantcontact_sandbox.switches import LastPage, Switches
    from constantcontact_sandbox.tokens import AccessGrant


class Api:
    """The V3 API of one account, and the pages where one signs in: a request gives a response.

    It knows no socket and no thread; time is the account's clock, but for the calls in a second,
    which count by when requests arrived.
    """

    def __init__(self, account: Account, oauth: OAuth) -> None:
        self.account = account
        self.oauth = oauth
        self.quota = Quota()
        self._pace = Pace()
        self._endings = itertools.cycle(("absent", *ENDINGS))

    @property
    def switches(self) -> Switches:
        """How it behaves."""
        return self.account.switches

    def __call__(self, request: Request) -> Response:
        """Answer a request."""
        try:
            return self._answer(request)
        except RefusedError as refused:
            response = refused.response
            if refused.status == HTTPStatus.TOO_MANY_REQUESTS and self.switches.retry_after:
                response.headers["Retry-After"] = str(self.switches.retry_after)
            return response

    def _answer(self, request: Request) -> Response:
        if request.url_path == f"{sign_in.PATH}/authorize":
            return self.oauth.authorize(request)
        if request.url_path == f"{sign_in.PATH}/token" and request.method == "POST":
            return self.oauth.token(request)
        if request.url_path == f"{sign_in.PATH}/device/authorize" and request.method == "POST":
            return self.oauth.start_device(request)
        if request.url_path == f"{sign_in.PATH}/activate":
            return self.oauth.devices.page(request)
        if not request.is_api_call:
            raise no_such_resource()
        grant = self._recognise(request)
        if grant is None:
            return Response(HTTPStatus.FORBIDDEN, b"")
        self._count(grant, request)
        route, ids = _route(request.path)
        if request.method != "GET":
            raise method_not_allowed()
        self._check_rights(grant, route)
        call = Call(
            route=route,
            path=request.path,
            ids=ids,
            query=request.query,
            account=self.account,
            switches=self.switches,
            now=self.account.clock.now(),
            ending=self._ending,
        )
        return Response.of_json(route.status, route.answer(call))

    def _recognise(self, request: Request) -> AccessGrant | None:
        """Return what the access token allows; None where the gateway itself turns one away."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if not token and self.switches.bare_403_without_token:
            return None
        now = self.account.clock.now()
        grant = self.oauth.signer.read_access_token(token, now)
        if grant is None or scheme.lower() != "bearer":
            raise unauthorized()
        return grant

    def _count(self, grant: AccessGrant, request: Request) -> None:
        """Count the call against the second and against the day of the application."""
        key, switches = grant.client_id, self.switches
        if not self._pace.allows(key, request.arrived, switches.requests_per_second):
            raise throttled()
        if not self.quota.allows(key, self.account.clock.now().date(), switches.daily_quota):
            raise quota_exceeded()

    def _check_rights(self, grant: AccessGrant, route: Route) -> None:
        if route.scope is not None and route.scope not in grant.scopes:
            raise forbidden()
        needed = route.needs(self.switches)
        held = {each.privilege_name for each in self.account.held_privileges}
        if needed is not None and needed not in held:
            raise forbidden()

    def _ending(self) -> LastPage:
        style = self.switches.last_page
        return cast("LastPage", next(self._endings)) if style == "rotating" else style


def _route(path: str) -> tuple[Route, dict[str, str]]:
    for route in ROUTES:
        ids = route.match(path)
        if ids is not None:
            return route, ids
    raise no_such_resource()
